/**
 * Replication frames on their way: the host's ring of encoded frames, from which a NackRequest is served, and the client's
 * buffer, which puts frames back in order, notices gaps and says when to ask for what is missing.
 */
import { assert } from '../assert.ts'
import { FRAME_BUFFER_MAX, FRAME_RING, NACK_DELAY_US, NACK_INTERVAL_US } from '../limits.ts'
import type { Probe } from '../ports.ts'

/** The last frame of a session, 276 days after its first: one more still fits every field that carries a frame. */
export const FRAME_MAX = 2_147_483_646

/** The host's last FRAME_RING frames, encoded as they were sent to each member. `M` is whatever the host knows a member by. */
export class FrameRing<M> {
  readonly #frames: (ReadonlyMap<M, Uint8Array> | undefined)[] = Array.from({ length: FRAME_RING }, () => undefined)
  #newest = -1

  push(frame: number, bodies: ReadonlyMap<M, Uint8Array>): void {
    this.#frames[frame % FRAME_RING] = bodies
    this.#newest = frame
  }
  /** The last frame that it has, -1 before the first. */
  get newest(): number {
    return this.#newest
  }
  /** The first and the last frame that it has, -1 both before the first, and the bytes of all; what members share counts once. */
  get held(): { readonly fromFrame: number; readonly toFrame: number; readonly bytes: number } {
    const fromFrame = this.#newest < 0 ? -1 : Math.max(0, this.#newest - FRAME_RING + 1)
    const bodies = new Set(this.#frames.flatMap((frame) => [...(frame?.values() ?? [])]))
    return { fromFrame, toFrame: this.#newest, bytes: [...bodies].reduce((sum, body) => sum + body.length, 0) }
  }
  /** Undefined where the frame has left the ring, is still to come, or was not sent to this member. */
  get(frame: number, member: M): Uint8Array | undefined {
    if (frame > this.#newest || frame <= this.#newest - FRAME_RING || frame < 0) return undefined
    return this.#frames[frame % FRAME_RING]?.get(member)
  }
}

export interface Gap {
  readonly fromFrame: number
  readonly toFrame: number
  /** The host's ring cannot hold all of it any more. */
  readonly beyondRing: boolean
}

/** A client's frames that cannot be applied yet, by frame number. `F` is whatever the client keeps of a frame. */
export class FrameBuffer<F> {
  readonly #probe: Probe
  readonly #frames = new Map<number, F>()
  #next: number
  #newest: number
  #gapSinceUs = Infinity
  #askedAtUs = -Infinity

  constructor(next: number, probe: Probe) {
    this.#probe = probe
    this.#next = next
    this.#newest = next - 1
  }

  /** The frame to be applied next. */
  get next(): number {
    return this.#next
  }

  /** The newest frame heard of. */
  get newest(): number {
    return this.#newest
  }
  /** Frames that are kept, ascending. */
  get held(): readonly number[] {
    return [...this.#frames.keys()].sort((a, b) => a - b)
  }

  /** Takes a frame. One that is old or known changes nothing; one too far ahead to keep still shows how large the gap is. */
  add(frame: number, value: F, nowUs: number): void {
    if (frame < this.#next || this.#frames.has(frame)) this.#probe.sometimes('a frame came twice')
    if (frame < this.#next || frame > FRAME_MAX) return
    if (frame === this.#next && this.#askedAtUs >= this.#gapSinceUs) this.#probe.sometimes('a gap closed by resent frames')
    if (frame > this.#newest) this.#newest = frame
    if (frame < this.#next + FRAME_BUFFER_MAX && !this.#frames.has(frame)) this.#frames.set(frame, value)
    if (!this.#frames.has(this.#next)) this.#gapSinceUs = Math.min(this.#gapSinceUs, nowUs)
  }
  /** Since when frames have been missing; Infinity while none is. */
  get gapSinceUs(): number {
    return this.#gapSinceUs
  }
  /** Frames are kept, and the next one is not among them. */
  get isGapped(): boolean {
    return this.#gapSinceUs < Infinity && this.#frames.size > 0
  }
  peek(): F | undefined {
    return this.#frames.get(this.#next)
  }
  /** The next frame has been applied. */
  advance(nowUs: number): void {
    this.#frames.delete(this.#next)
    this.#next++
    this.#gapSinceUs = this.#newest >= this.#next && !this.#frames.has(this.#next) ? nowUs : Infinity
  }

  /** What to ask for now, if anything. Asking is noted, so that it is not repeated before NACK_INTERVAL_US. */
  missing(nowUs: number): Gap | undefined {
    if (nowUs - this.#gapSinceUs < NACK_DELAY_US || nowUs - this.#askedAtUs < NACK_INTERVAL_US) return undefined
    const beyondRing = this.#newest - this.#next >= FRAME_RING
    let toFrame = this.#next
    while (toFrame < this.#newest && toFrame - this.#next < FRAME_RING && !this.#frames.has(toFrame + 1)) toFrame++
    this.#askedAtUs = nowUs
    return { fromFrame: this.#next, toFrame, beyondRing }
  }

  /** Loses what waits beyond a gap; how far the host is stays known. */
  forget(): void {
    assert(this.isGapped, 'what can be applied is not forgotten')
    this.#frames.clear()
  }

  /** A snapshot has brought the state of `frame`. */
  skipTo(frame: number, nowUs: number): void {
    for (const held of this.#frames.keys()) if (held <= frame) this.#frames.delete(held)
    this.#next = frame + 1
    this.#newest = Math.max(this.#newest, frame)
    this.#askedAtUs = -Infinity
    this.#gapSinceUs = this.#newest >= this.#next && !this.#frames.has(this.#next) ? nowUs : Infinity
  }
}
