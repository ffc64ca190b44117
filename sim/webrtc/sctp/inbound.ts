/**
 * The receiving half of an association: which TSNs have arrived, what is kept of them, and the SACKs that say so (RFC 9260,
 * sections 6.2 and 6.7; RFC 3758, section 3.6).
 */
import { RangeSet } from '../../ranges.ts'
import { answerTo, type Cause } from '../packetidentity.ts'
import { beginChunk, ChunkType, DataFlag, type DataChunk, type Forward } from './chunks.ts'
import {
  DUPLICATES_MAX, GAP_BLOCKS_MAX, KEPT_BYTES_MAX, RECEIVE_WINDOW_BYTES, STREAMS_MAX, TSN_AHEAD_MAX,
} from './limits.ts'
import type { PacketBuilder } from './packet.ts'
import { Reassembly, type ReceivedMessage } from './reassembly.ts'

export type DataReceipt = 'taken' | 'repeated' | 'full' | 'invalid stream' | 'violation'

export class Inbound {
  readonly #reassembly: Reassembly
  readonly #sackDelayUs: number
  /** Everything up to here has arrived or is never coming; unwrapped. */
  #cumulativeTsn: number
  /** TSNs above. */
  readonly #ahead = new RangeSet()
  #duplicates: number[] = []
  /** Packets with data since the last SACK, the last of them, and when the SACK must leave. */
  #packetsUnanswered = 0
  #cause: Cause = { id: 0, keyHi: 0, keyLo: 0 }
  #sackAtUs = Infinity

  constructor(initialTsn: number, sackDelayUs: number, deliver: (message: ReceivedMessage) => void) {
    this.#cumulativeTsn = initialTsn - 1
    this.#sackDelayUs = sackDelayUs
    this.#reassembly = new Reassembly(deliver)
  }

  get cumulativeTsn(): number {
    return this.#cumulativeTsn
  }
  keptBytesOf(stream: number): number {
    return this.#reassembly.keptBytesOf(stream)
  }
  /** When a SACK must leave; Infinity where none is owed. */
  get sackAtUs(): number {
    return this.#sackAtUs
  }

  /** The number nearest to the cumulative TSN that has these 32 bits. */
  unwrap(tsn: number): number {
    return this.#cumulativeTsn + ((tsn - this.#cumulativeTsn) | 0)
  }

  data(chunk: DataChunk, cause: Cause, nowUs: number): DataReceipt {
    const tsn = this.unwrap(chunk.tsn)
    if (tsn <= this.#cumulativeTsn || this.#ahead.has(tsn, tsn + 1)) {
      // Section 6.2: repeated data is acknowledged at once.
      if (this.#duplicates.length < DUPLICATES_MAX) this.#duplicates.push(chunk.tsn)
      this.#owe(cause, nowUs)
      return 'repeated'
    }
    const isNext = tsn === this.#cumulativeTsn + 1
    const keptBytes = this.#reassembly.keptBytes + chunk.bytes.length
    if (tsn - this.#cumulativeTsn > TSN_AHEAD_MAX || (keptBytes > RECEIVE_WINDOW_BYTES && !isNext)) {
      this.#owe(cause, nowUs)
      return 'full'
    }
    if (keptBytes > KEPT_BYTES_MAX) return 'violation'
    if (isNext) this.#advanceTo(tsn)
    else this.#ahead.add(tsn, tsn + 1)
    // Section 6.7: a gap is reported at once, and so is what the sender wants answered at once (section 3.3.1).
    this.#owe(cause, this.#ahead.count > 0 || (chunk.flags & DataFlag.immediate) !== 0 ? nowUs : nowUs + this.#sackDelayUs)
    // Section 6.5: such data is acknowledged and reported.
    if (chunk.stream >= STREAMS_MAX) return 'invalid stream'
    return this.#reassembly.add(tsn, chunk, cause.id) ? 'taken' : 'violation'
  }

  /** Once for each packet that had data in it: every second one is answered at once. */
  packetEnded(nowUs: number): void {
    if (++this.#packetsUnanswered >= 2) this.#sackAtUs = Math.min(this.#sackAtUs, nowUs)
  }

  #owe(cause: Cause, atUs: number): void {
    this.#cause = cause
    this.#sackAtUs = Math.min(this.#sackAtUs, atUs)
  }

  #advanceTo(tsn: number): void {
    const ahead = this.#ahead
    this.#cumulativeTsn = tsn
    ahead.removeBelow(tsn + 1)
    if (ahead.count === 0 || ahead.start(0) !== tsn + 1) return
    this.#cumulativeTsn = ahead.end(0) - 1
    ahead.removeBelow(ahead.end(0))
  }

  /** False where no honest peer sends that. */
  forward(forward: Forward, cause: Cause, nowUs: number): boolean {
    const tsn = this.unwrap(forward.cumulativeTsn)
    this.#owe(cause, nowUs)
    if (tsn <= this.#cumulativeTsn) return true
    if (tsn - this.#cumulativeTsn > TSN_AHEAD_MAX || forward.skipped.some(({ stream }) => stream >= STREAMS_MAX)) return false
    this.#advanceTo(tsn)
    this.#reassembly.forward(tsn, forward)
    return true
  }

  /** The peer numbers the messages of its stream anew. */
  reset(stream: number): void {
    this.#reassembly.reset(stream)
  }

  /** Writes the SACK if it fits: section 3.3.4. */
  packSack(packet: PacketBuilder): boolean {
    const ahead = this.#ahead
    const blocks = Math.min(ahead.count, GAP_BLOCKS_MAX)
    const bytes = 12 + 4 * (blocks + this.#duplicates.length)
    const { writer } = packet
    if (packet.room < 4 + bytes) return false
    beginChunk(writer, ChunkType.sack, 0, bytes)
    writer.u32(this.#cumulativeTsn)
    writer.u32(Math.max(0, RECEIVE_WINDOW_BYTES - this.#reassembly.keptBytes))
    writer.u16(blocks)
    writer.u16(this.#duplicates.length)
    for (let i = 0; i < blocks; i++) {
      writer.u16(ahead.start(i) - this.#cumulativeTsn)
      writer.u16(ahead.end(i) - 1 - this.#cumulativeTsn)
    }
    for (const tsn of this.#duplicates) writer.u32(tsn)
    this.#duplicates = []
    this.#packetsUnanswered = 0
    this.#sackAtUs = Infinity
    return true
  }

  /** What a packet with nothing but a SACK is named after. */
  get sackIdentity(): ReturnType<typeof answerTo> {
    return answerTo('sack', this.#cause)
  }
}
