/**
 * Pacing (RFC 9002, section 7.7): a burst of ten datagrams may leave at once, more leave at 5/4 of a window a round trip. Integers
 * throughout; whoever waits is woken once a millisecond at the most.
 */
import { DATAGRAM_BYTES_MAX } from '../bytes.ts'
import { GRANULARITY_US } from './rtt.ts'

export const BURST_BYTES = 10 * DATAGRAM_BYTES_MAX
/** Longer pauses count as that: they fill the burst anyway, and the products below stay exact. */
const PAUSE_US_MAX = 1_000_000
/** Section 7.7: N = 5 / 4. */
const RATE_NUMERATOR = 5
const RATE_DENOMINATOR = 4

export class Pacer {
  #creditBytes = BURST_BYTES
  #atUs = 0

  /** Bytes that the time since the last look has earned. */
  #earn(nowUs: number, windowBytes: number, roundTripUs: number): void {
    const pauseUs = Math.min(nowUs - this.#atUs, PAUSE_US_MAX)
    const earned = Math.floor((pauseUs * RATE_NUMERATOR * windowBytes) / (RATE_DENOMINATOR * Math.max(1, roundTripUs)))
    if (earned === 0) return
    this.#atUs = nowUs
    this.#creditBytes = Math.min(BURST_BYTES, this.#creditBytes + earned)
  }

  /** When the next datagram may leave: `nowUs` for at once. */
  readyUs(nowUs: number, windowBytes: number, roundTripUs: number): number {
    if (this.#creditBytes >= DATAGRAM_BYTES_MAX) return nowUs
    this.#earn(nowUs, windowBytes, roundTripUs)
    const missing = DATAGRAM_BYTES_MAX - this.#creditBytes
    if (missing <= 0) return nowUs
    return this.#atUs + Math.max(GRANULARITY_US, Math.ceil((missing * RATE_DENOMINATOR * roundTripUs) / (RATE_NUMERATOR * windowBytes)))
  }

  sent(bytes: number, nowUs: number, windowBytes: number, roundTripUs: number): void {
    this.#earn(nowUs, windowBytes, roundTripUs)
    this.#creditBytes -= bytes
  }
}
