/** Explicit congestion notification: what a path does with the mark, found out by RFC 9000, section 13.4.2 and appendix A.4. */
import { Ecn } from '../net/datagram.ts'
import type { EcnCounts } from './frames.ts'

/** Marked packets that test a path; if all of them are lost, the mark is taken for the reason. */
const TESTING_PACKETS = 10

export type EcnState = 'testing' | 'unknown' | 'capable' | 'failed'
/** What an acknowledgement says of the marks: nothing new, congestion, or that somebody tampers with them. */
export type EcnVerdict = 'fine' | 'congestion' | 'failed'

export class EcnPath {
  state: EcnState
  #markedCount = 0
  #markedLost = 0

  constructor(isWanted: boolean) {
    this.state = isWanted ? 'testing' : 'failed'
  }

  /** What the next datagram is marked with. */
  get mark(): Ecn {
    return this.state === 'testing' || this.state === 'capable' ? Ecn.ect0 : Ecn.notCapable
  }

  sent(): void {
    if (++this.#markedCount >= TESTING_PACKETS && this.state === 'testing') this.state = 'unknown'
  }
  lost(): void {
    this.#markedLost++
    if (this.state !== 'capable' && this.#markedLost >= TESTING_PACKETS && this.#markedLost === this.#markedCount) this.state = 'failed'
  }

  /**
   * Section 13.4.2.1: `newlyMarked` packets that were sent with ECT(0) are acknowledged with these counts, where the last such
   * acknowledgement of the packet number space had those of `before`, and `markedEver` packets of the space were sent so at all.
   */
  acknowledged(newlyMarked: number, counts: EcnCounts | undefined, before: EcnCounts, markedEver: number): EcnVerdict {
    if (this.state === 'failed') return 'fine'
    if (counts === undefined) {
      if (newlyMarked === 0) return 'fine'
      this.state = 'failed'
      return 'failed'
    }
    const ect0 = counts.ect0 - before.ect0
    const ce = counts.ce - before.ce
    if (ect0 < 0 || ce < 0 || counts.ect1 > 0 || ect0 + ce < newlyMarked || counts.ect0 + counts.ce > markedEver) {
      this.state = 'failed'
      return 'failed'
    }
    if (newlyMarked > 0) this.state = 'capable'
    return ce > 0 ? 'congestion' : 'fine'
  }
}
