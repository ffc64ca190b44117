/** When a silent connection ends: RFC 9000, section 10.1. */

/** Section 10.1: a timeout is never shorter than that many probe timeouts. */
const IDLE_PROBE_TIMEOUTS = 3

export class Idle {
  /** The lesser of both ends' offers; Infinity for never. */
  timeoutUs: number
  #fromUs: number
  /** Something that needs an answer went out since the peer was last heard. */
  #isAwaiting = false

  constructor(timeoutUs: number, nowUs: number) {
    this.timeoutUs = timeoutUs === 0 ? Infinity : timeoutUs
    this.#fromUs = nowUs
  }

  /** What the peer offers; 0 for never. */
  offered(timeoutUs: number): void {
    if (timeoutUs > 0) this.timeoutUs = Math.min(this.timeoutUs, timeoutUs)
  }
  heard(nowUs: number): void {
    this.#fromUs = nowUs
    this.#isAwaiting = false
  }
  /** Something that asks for an answer was sent. */
  asked(nowUs: number): void {
    if (this.#isAwaiting) return
    this.#isAwaiting = true
    this.#fromUs = nowUs
  }
  endUs(probeTimeoutUs: number): number {
    return this.#fromUs + Math.max(this.timeoutUs, IDLE_PROBE_TIMEOUTS * probeTimeoutUs)
  }
}
