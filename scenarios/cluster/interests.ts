/** What members wanted to see, known from what the host was told over the wire and from nothing else. */
import { MessageType } from '../../system/protocol/messages.ts'
import { interestOf } from '../../system/replication/interest.ts'
import { type Cells, cellName } from '../oracle/sight.ts'
import type { Wiretap } from './wiretap.ts'

const MESSAGE_TYPE_AT = 1

/** The interests that the host was told of, by their marks. */
export class Interests {
  readonly #tap: Wiretap
  readonly #cells = new Map<number, Cells>([[0, undefined]])

  constructor(tap: Wiretap) {
    this.#tap = tap
  }
  /** Whether anybody wanted to see less than everything. */
  get isUsed(): boolean {
    return this.#cells.size > 1
  }
  received(_from: number, to: number, _connection: number, _channel: number, bytes: Uint8Array): void {
    if (to !== 0 || bytes[MESSAGE_TYPE_AT] !== MessageType.InterestSet) return
    const message = this.#tap.messageOf(bytes)
    if (message?.kind !== 'InterestSet' || message.everything) return
    this.#cells.set(interestOf(message).mark, new Set(message.cells.map(cellName)))
  }
  /**
   * Null where nobody told of such an interest, or a client does not know which one is in force: after a snapshot, where anybody wanted
   * less than everything.
   */
  named(mark: number | undefined): Cells | null {
    if (mark === undefined) return this.isUsed ? null : undefined
    return this.#cells.has(mark) ? this.#cells.get(mark) : null
  }
}
