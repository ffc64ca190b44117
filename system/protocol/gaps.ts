/**
 * Gaps in the sequence numbers of one category on one connection: told to telemetry, and the reason to send a
 * NackRequest. Numbers start at 0 and rise by one; some channels reorder, and the network may duplicate.
 */
import { assert } from '../assert.ts'

/** Numbers below the highest that are remembered; older ones can no longer be told from duplicates. */
export const SEQUENCE_WINDOW = 1024
const WORD_BITS = 32

/**
 * `next`: one above the highest. `ahead`: further above it, so that some are missing. `late`: one of the missing.
 * `stale`: below the window.
 */
export type Arrival = 'next' | 'ahead' | 'late' | 'duplicate' | 'stale'

export class SequenceGaps {
  /** Numbers that were skipped and have not come late, those included that fell out of the window. */
  missing = 0
  duplicates = 0
  /** The next number if nothing is lost: one above the highest. */
  expected = 0
  /** A bit for each number of the window: it came. Bit n % SEQUENCE_WINDOW. */
  readonly #came = new Uint32Array(SEQUENCE_WINDOW / WORD_BITS)

  /** Counts one arrival. `sequence` is any unsigned 32-bit number. */
  accept(sequence: number): Arrival {
    assert(Number.isInteger(sequence) && sequence >= 0 && sequence <= 0xffffffff, 'the envelope holds 32 bits of sequence')
    if (sequence >= this.expected) {
      const skipped = sequence - this.expected
      for (let i = 0; i < Math.min(skipped, SEQUENCE_WINDOW); i++) this.#mark(sequence - 1 - i, false)
      this.#mark(sequence, true)
      this.missing += skipped
      this.expected = sequence + 1
      return skipped === 0 ? 'next' : 'ahead'
    }
    if (sequence < this.expected - SEQUENCE_WINDOW) return 'stale'
    if (this.#isMarked(sequence)) {
      this.duplicates++
      return 'duplicate'
    }
    this.#mark(sequence, true)
    this.missing--
    return 'late'
  }

  #mark(sequence: number, came: boolean): void {
    const bit = sequence % SEQUENCE_WINDOW
    const mask = 1 << (bit % WORD_BITS)
    const word = Math.floor(bit / WORD_BITS)
    if (came) this.#came[word] |= mask
    else this.#came[word] &= ~mask
  }

  #isMarked(sequence: number): boolean {
    const bit = sequence % SEQUENCE_WINDOW
    return (this.#came[Math.floor(bit / WORD_BITS)] & (1 << (bit % WORD_BITS))) !== 0
  }
}
