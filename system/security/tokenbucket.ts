/**
 * The token bucket behind every limit of a member: so much at once, and so much a second. It counts in millionths of a
 * token: at R tokens a second it gains R millionths a microsecond, so that everything stays an integer.
 */
import { assert } from '../assert.ts'

const ONE = 1_000_000

export class TokenBucket {
  readonly #perSecond: number
  readonly #capacity: number
  #level: number
  #atUs = 0

  /** @param burst tokens at once, at least 1. @param perSecond tokens a second sustained, at least 1. Both whole. */
  constructor(burst: number, perSecond: number) {
    assert(Number.isInteger(burst) && burst >= 1 && Number.isSafeInteger(burst * ONE), 'a burst is a whole number that can be counted')
    assert(Number.isInteger(perSecond) && perSecond >= 1, 'a rate is a whole number')
    this.#perSecond = perSecond
    this.#capacity = burst * ONE
    this.#level = this.#capacity
  }

  /** Whole tokens that were left when it was asked last. */
  get tokens(): number {
    return Math.floor(this.#level / ONE)
  }

  /** Takes so many, or none where there are not so many. */
  take(nowUs: number, tokens = 1): boolean {
    this.#fill(nowUs)
    if (this.#level < tokens * ONE) return false
    this.#level -= tokens * ONE
    return true
  }

  /** A clock that was set back gives nothing, and counts on from there. A gap that fills the bucket fills it, however long it was. */
  #fill(nowUs: number): void {
    const elapsedUs = Math.max(0, nowUs - this.#atUs)
    this.#atUs = nowUs
    const isFull = elapsedUs >= (this.#capacity - this.#level) / this.#perSecond
    this.#level = isFull ? this.#capacity : this.#level + elapsedUs * this.#perSecond
  }
}
