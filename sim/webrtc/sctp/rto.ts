/** The round trip and the retransmission timeout that follows from it: RFC 9260, section 6.3.1. Whole microseconds. */
import type { SctpTimings } from './limits.ts'

export class RetransmissionTimeout {
  readonly #timings: SctpTimings
  #srttUs = 0
  #variationUs = 0
  /** As it was measured, and as often doubled as nothing was heard. */
  #calmUs: number
  #rtoUs: number

  constructor(timings: SctpTimings) {
    this.#timings = timings
    this.#calmUs = timings.rtoUsInitial
    this.#rtoUs = timings.rtoUsInitial
  }

  get rtoUs(): number {
    return this.#rtoUs
  }
  /** Smoothed, or a guess where none was measured. */
  get srttUs(): number {
    return this.#srttUs > 0 ? this.#srttUs : this.#timings.rtoUsInitial
  }
  get variationUs(): number {
    return this.#variationUs
  }

  /** Rules C2 to C7. */
  measured(rttUs: number): void {
    if (this.#srttUs === 0) {
      this.#srttUs = Math.max(1, rttUs)
      this.#variationUs = rttUs >>> 1
    } else {
      this.#variationUs += Math.trunc((Math.abs(this.#srttUs - rttUs) - this.#variationUs) / 4)
      this.#srttUs = Math.max(1, this.#srttUs + Math.trunc((rttUs - this.#srttUs) / 8))
    }
    this.#calmUs = this.#bounded(this.#srttUs + 4 * this.#variationUs)
    this.#rtoUs = this.#calmUs
  }

  /** Rule E2. */
  backOff(): void {
    this.#rtoUs = this.#bounded(this.#rtoUs * 2)
  }

  /**
   * The peer has moved: the path is there. The RFC would wait for a measurement, which what was sent twice, or given up, never gives;
   * usrsctp and dcsctp do as here.
   */
  progressed(): void {
    this.#rtoUs = this.#calmUs
  }

  #bounded(rtoUs: number): number {
    return Math.min(Math.max(rtoUs, this.#timings.rtoUsMin), this.#timings.rtoUsMax)
  }
}
