/** Compares the digest of every frame that a client confirms with the host's digest of what it sees of that frame, as they come. */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Horizon } from './horizon.ts'
import type { Watcher } from './watchers.ts'

export interface Mismatch {
  readonly frame: number
  readonly node: number
  readonly hostDigest: string
  readonly clientDigest: string
}

export class Convergence implements Watcher {
  readonly #horizon: Horizon
  /** By frame beyond the horizon, then by mark of an interest, 0 for everything: what those who see by it must have. */
  readonly #digests = new Map<number, Map<number, string>>()
  readonly #confirmed = new Map<number, number>()
  /** The first by frame, then by node: what is found later may be of an earlier frame. */
  first: Mismatch | undefined
  mismatches = 0
  finalFrame = -1
  finalDigest = ''

  constructor(horizon: Horizon) {
    this.#horizon = horizon
  }

  /** Frames that somebody may still confirm. */
  get held(): number {
    return this.#digests.size
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'frameClosed') {
      this.#told(event.frame, 0, event.digest)
      this.finalFrame = event.frame
      this.finalDigest = event.digest
      this.#forget()
    } else if (event.event === 'frameCut') this.#told(event.frame, event.interest, event.digest)
    else if (event.event === 'frameConfirmed') {
      this.#confirmed.set(node, (this.#confirmed.get(node) ?? 0) + 1)
      const { frame, interest } = event
      const hostDigest = this.#digests.get(frame)?.get(interest)
      if (hostDigest === event.digest) return
      this.mismatches++
      const mismatch = { frame: event.frame, node, hostDigest: hostDigest ?? 'no such frame', clientDigest: event.digest }
      const { first } = this
      if (first === undefined || event.frame < first.frame || (event.frame === first.frame && node < first.node)) this.first = mismatch
    }
  }
  /** Frames that a client has confirmed. */
  confirmed(node: number): number {
    return this.#confirmed.get(node) ?? 0
  }

  #told(frame: number, interest: number, digest: string): void {
    const known = this.#digests.get(frame)
    if (known === undefined) this.#digests.set(frame, new Map([[interest, digest]]))
    else known.set(interest, digest)
  }
  #forget(): void {
    for (const frame of this.#digests.keys()) {
      if (frame > this.#horizon.settledFrame) return
      this.#digests.delete(frame)
    }
  }
}
