/**
 * Sending the handshake again before its probe timeout, because the peer shows that it lacks what was sent (RFC 9002, section 6.2.3):
 * it asks for an answer in a packet that brings nothing new, or sends what cannot be read without what came before.
 */
import { type Recovery, Space } from './recovery.ts'
import { GRANULARITY_US } from './rtt.ts'

/** "A limited number of times per connection": two ends that repeat at each other soon fall silent. */
const REPEATS_MAX = 8
/** Before a round trip was measured, what left so short a time ago was no answer yet: probes come in pairs. */
const UNMEASURED_US = 2_000
/** Section 6.1.2: so much of a round trip, as a shift, is left to packets that overtake each other. */
const REORDERING_SHIFT = 3

export class EarlyRepeats {
  readonly #recovery: Recovery
  #count = 0
  #dueUs = Infinity

  constructor(recovery: Recovery) {
    this.#recovery = recovery
  }

  /** What of the handshake waits for its acknowledgement goes again, unless it left within the last round trip. */
  asked(nowUs: number): void {
    const spaces = [Space.initial, Space.handshake].filter((space) => this.#recovery.isWaiting(space))
    if (spaces.length > 0 && !spaces.some((space) => this.#isRecent(space, nowUs))) this.#repeat(spaces, nowUs)
  }

  /** A client hears what it has no keys for: unless they come at once, its hello or the answer is lost. */
  keysMissing(nowUs: number): void {
    if (this.#dueUs !== Infinity || (this.#count > 0 && this.#isRecent(Space.initial, nowUs))) return
    const elapsedUs = nowUs - this.#recovery.elicitingSentUs(Space.initial)
    this.#dueUs = nowUs + Math.max(GRANULARITY_US, elapsedUs >>> REORDERING_SHIFT)
  }

  wake(nowUs: number): void {
    if (nowUs < this.deadlineUs()) return
    this.#dueUs = Infinity
    this.#repeat([Space.initial], nowUs)
  }
  deadlineUs(): number {
    return this.#recovery.hasHandshakeKeys ? Infinity : this.#dueUs
  }

  #isRecent(space: Space, nowUs: number): boolean {
    const { roundTrip } = this.#recovery.path
    return nowUs - this.#recovery.elicitingSentUs(space) < (roundTrip.isMeasured ? roundTrip.smoothedUs : UNMEASURED_US)
  }

  #repeat(spaces: readonly Space[], nowUs: number): void {
    if (this.#count >= REPEATS_MAX) return
    this.#count++
    for (const space of spaces) this.#recovery.hasten(space, nowUs)
  }
}
