/** Compares the digest of every frame that a client confirms with the host's digest of what it sees of that frame, as they come. */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Watcher } from './cluster.ts'

export interface Mismatch {
  readonly frame: number
  readonly node: number
  readonly hostDigest: string
  readonly clientDigest: string
}

export class Convergence implements Watcher {
  readonly #closed: string[] = []
  /** By frame and mark of an interest: what those who see by it must have. */
  readonly #cut = new Map<string, string>()
  readonly #confirmed = new Map<number, number>()
  /** The first by frame, then by node: what is found later may be of an earlier frame. */
  first: Mismatch | undefined
  mismatches = 0
  finalFrame = -1

  event(node: number, event: SystemEvent): void {
    if (event.event === 'frameClosed') {
      this.#closed[event.frame] = event.digest
      this.finalFrame = event.frame
    } else if (event.event === 'frameCut') this.#cut.set(`${event.frame} ${event.interest}`, event.digest)
    else if (event.event === 'frameConfirmed') {
      this.#confirmed.set(node, (this.#confirmed.get(node) ?? 0) + 1)
      const { frame, interest } = event
      const hostDigest = interest === 0 ? this.#closed[frame] : this.#cut.get(`${frame} ${interest}`)
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
  digestOf(frame: number): string {
    return this.#closed[frame] ?? ''
  }
}
