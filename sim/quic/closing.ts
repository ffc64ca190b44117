/** The end of a connection: closing answers stragglers with the close again, draining is silent. RFC 9000, section 10.2. */
import type { CloseFrame } from './frames.ts'

/** Probe timeouts that a closed connection is remembered for. */
const CLOSED_PROBE_TIMEOUTS = 3
/**
 * Transmissions of a close. Section 10.2.1 has it sent again when packets arrive; here once more with each probe timeout, too, for the
 * close itself may be lost while the peer has nothing to say.
 */
const CLOSE_TRANSMISSIONS_MAX = 4

export type ClosingState = 'closing' | 'draining' | 'forgotten'

export class Closing {
  state: ClosingState
  readonly frame: CloseFrame | undefined
  readonly #probeTimeoutUs: number
  #forgetUs: number
  #againUs = Infinity
  #count = 0
  #isDue = false

  /** @param frame what is sent; undefined where the peer has closed, or is gone. */
  constructor(state: ClosingState, frame: CloseFrame | undefined, probeTimeoutUs: number, nowUs: number) {
    this.state = state
    this.frame = frame
    this.#probeTimeoutUs = probeTimeoutUs
    this.#forgetUs = nowUs + CLOSED_PROBE_TIMEOUTS * probeTimeoutUs
    this.#isDue = state === 'closing'
  }

  /** The transmission that is due now, counted from 0; undefined where none is. */
  take(nowUs: number): number | undefined {
    if (!this.#isDue || this.state !== 'closing') return undefined
    this.#isDue = false
    const attempt = this.#count++
    this.#againUs = this.#count < CLOSE_TRANSMISSIONS_MAX ? nowUs + this.#probeTimeoutUs : Infinity
    return attempt
  }

  /** A packet of the peer, which does not know yet. */
  answer(): void {
    if (this.#count < CLOSE_TRANSMISSIONS_MAX) this.#isDue = true
  }

  wake(nowUs: number): void {
    if (nowUs >= this.#forgetUs) {
      this.state = 'forgotten'
    } else if (nowUs >= this.#againUs) {
      this.#againUs = Infinity
      this.#isDue = true
    }
  }

  deadlineUs(): number {
    if (this.state === 'forgotten') return Infinity
    return this.state === 'closing' ? Math.min(this.#forgetUs, this.#againUs) : this.#forgetUs
  }
}
