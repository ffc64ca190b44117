/** What members wanted to see, known from what the host was told over the wire and from nothing else. */
import type { Codec } from '../../system/protocol/codec.ts'
import { openEnvelope } from '../../system/protocol/envelope.ts'
import { MessageType } from '../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { interestOf } from '../../system/replication/interest.ts'
import { type Cells, cellName } from '../oracle/sight.ts'

const MESSAGE_TYPE_AT = 1

/** The interests that the host was told of, by their marks. */
export class Interests {
  readonly #codec: Codec
  readonly #cells = new Map<number, Cells>([[0, undefined]])

  constructor(codec: Codec) {
    this.#codec = codec
  }
  /** Whether anybody wanted to see less than everything. */
  get isUsed(): boolean {
    return this.#cells.size > 1
  }
  received(_from: number, to: number, _connection: number, _channel: number, bytes: Uint8Array): void {
    if (to !== 0 || bytes[MESSAGE_TYPE_AT] !== MessageType.InterestSet) return
    const opened = openEnvelope(bytes, SCHEMA_HASH)
    const decoded = opened.kind === 'opened' ? this.#codec.decode(opened.type, opened.body) : undefined
    if (decoded?.kind !== 'message' || decoded.message.kind !== 'InterestSet' || decoded.message.everything) return
    this.#cells.set(interestOf(decoded.message).mark, new Set(decoded.message.cells.map(cellName)))
  }
  /** Null where nobody told of such an interest, or a client does not know which one is in force. */
  named(mark: number | undefined): Cells | null {
    return mark !== undefined && this.#cells.has(mark) ? this.#cells.get(mark) : null
  }
}
