/**
 * Controlled delay (CoDel, RFC 8289): a queue that has held everybody for longer than a target, a whole interval long, strikes one
 * datagram, and then ever more often (section 3.3) until the delay is back under the target.
 *
 * The RFC decides when a datagram leaves. A link knows that instant when the datagram enters, for its queue is first-in first-out
 * and its rate is known, and decides then: with the same clock, but with the backlog that the datagram found, not the one that it leaves.
 */

/** Section 5.5: dropping that pauses for less than so many intervals goes on at the rate where it was. */
const RESUMPTION_INTERVALS = 16

export class Codel {
  /** When the sojourn time will have been above the target for an interval; 0 where it is below. */
  #firstAboveUs = 0
  #isDropping = false
  #dropNextUs = 0
  /** Strikes since dropping began, and as many as there were when it began. */
  #count = 0
  #lastCount = 0

  /**
   * Whether the datagram is to be lost, or marked. Turns never descend.
   * @param turnUs when it is at the head of the queue
   * @param backlogBytes what waits beside it; one datagram of `mtuBytes` is no standing queue
   */
  strikes(turnUs: number, sojournUs: number, backlogBytes: number, mtuBytes: number, targetUs: number, intervalUs: number): boolean {
    const mayStrike = this.#isAbove(turnUs, sojournUs >= targetUs && backlogBytes > mtuBytes, intervalUs)
    if (!mayStrike) {
      this.#isDropping = false
      return false
    }
    if (!this.#isDropping) {
      this.#isDropping = true
      const strikes = this.#count - this.#lastCount
      const isResumed = strikes > 1 && turnUs - this.#dropNextUs < RESUMPTION_INTERVALS * intervalUs
      this.#count = isResumed ? strikes : 1
      this.#lastCount = this.#count
      this.#dropNextUs = turnUs + this.#spacingUs(intervalUs)
      return true
    }
    if (turnUs < this.#dropNextUs) return false
    this.#count++
    this.#dropNextUs += this.#spacingUs(intervalUs)
    return true
  }

  /** Whether that has been so for an interval. */
  #isAbove(turnUs: number, isAboveNow: boolean, intervalUs: number): boolean {
    if (!isAboveNow) this.#firstAboveUs = 0
    else if (this.#firstAboveUs === 0) this.#firstAboveUs = turnUs + intervalUs
    else return turnUs >= this.#firstAboveUs
    return false
  }

  /** The control law (section 3.3): the loss rate that TCP answers to falls with the square of what it is to reach. */
  #spacingUs(intervalUs: number): number {
    return Math.floor(intervalUs / Math.sqrt(this.#count))
  }
}
