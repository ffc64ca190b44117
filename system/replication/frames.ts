/**
 * Replication frames on their way: the host's ring of encoded frames, from which a NackRequest is served, and the client's
 * buffer, which puts frames back in order, notices gaps and says when to ask for what is missing.
 */
import { FRAME_BUFFER_MAX, FRAME_RING, NACK_DELAY_US, NACK_INTERVAL_US } from '../limits.ts'

/** The last frame of a session, 276 days after its first: one more still fits every field that carries a frame. */
export const FRAME_MAX = 2_147_483_646

/** The host's last FRAME_RING encoded frames. */
export class FrameRing {
  readonly #bodies: (Uint8Array | undefined)[] = Array.from({ length: FRAME_RING }, () => undefined)
  #newest = -1

  push(frame: number, body: Uint8Array): void {
    this.#bodies[frame % FRAME_RING] = body
    this.#newest = frame
  }
  /** Undefined where the frame has left the ring, or is still to come. */
  get(frame: number): Uint8Array | undefined {
    return frame > this.#newest || frame <= this.#newest - FRAME_RING || frame < 0 ? undefined : this.#bodies[frame % FRAME_RING]
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
  readonly #frames = new Map<number, F>()
  #next: number
  #newest: number
  #gapSinceUs = Infinity
  #askedAtUs = -Infinity

  constructor(next: number) {
    this.#next = next
    this.#newest = next - 1
  }

  /** The frame to be applied next. */
  get next(): number {
    return this.#next
  }

  /** Takes a frame. One that is old or known changes nothing; one too far ahead to keep still shows how large the gap is. */
  add(frame: number, value: F, nowUs: number): void {
    if (frame < this.#next || frame > FRAME_MAX) return
    if (frame > this.#newest) this.#newest = frame
    if (frame < this.#next + FRAME_BUFFER_MAX && !this.#frames.has(frame)) this.#frames.set(frame, value)
    if (!this.#frames.has(this.#next)) this.#gapSinceUs = Math.min(this.#gapSinceUs, nowUs)
  }
  /** Since when frames have been missing; Infinity while none is. */
  get gapSinceUs(): number {
    return this.#gapSinceUs
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

  /** A snapshot has brought the state of `frame`. */
  skipTo(frame: number, nowUs: number): void {
    for (const held of this.#frames.keys()) if (held <= frame) this.#frames.delete(held)
    this.#next = frame + 1
    this.#newest = Math.max(this.#newest, frame)
    this.#askedAtUs = -Infinity
    this.#gapSinceUs = this.#newest >= this.#next && !this.#frames.has(this.#next) ? nowUs : Infinity
  }
}
