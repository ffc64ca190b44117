/**
 * Records of a file that only grows:
 *
 *     record = mark u64 | crc u32 | length u32 | sequence u32 | kind u32 | payload
 *
 * Little-endian. The checksum covers what follows it. Every record of a file bears the file's own random mark, so that nobody can bring
 * bytes into a payload that pass for a record, and its place in the file as its sequence. A write that a crash tore leaves a tail that is
 * no whole record with nothing whole behind it; a record that is not whole before one that is, is damage.
 */
import { concatenate, u32 } from '../protocol/bytes.ts'
import { crc32 } from '../protocol/crc32.ts'

/** What a record tells. Never reuse a number: add. */
export const RecordKind = { checkpoint: 1, entries: 2, roster: 3 } as const

export const MARK_BYTES = 8
const CRC_AT = MARK_BYTES
const LENGTH_AT = CRC_AT + 4
const SEQUENCE_AT = LENGTH_AT + 4
const KIND_AT = SEQUENCE_AT + 4
const HEADER_BYTES = KIND_AT + 4

export interface StoredRecord {
  readonly kind: number
  /** A view of the file's bytes. */
  readonly payload: Uint8Array
}

export type ReadRecords =
  | { readonly kind: 'read'; readonly records: readonly StoredRecord[]; readonly tornBytes: number }
  | { readonly kind: 'damaged'; readonly at: number }

export function sealRecord(mark: Uint8Array, sequence: number, kind: number, payload: Uint8Array): Uint8Array {
  const checked = concatenate([u32(payload.length), u32(sequence), u32(kind), payload])
  return concatenate([mark, u32(crc32(checked)), checked])
}

/** Reads a file from its first record to its last whole one. */
export class RecordReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  read(): ReadRecords {
    const records: StoredRecord[] = []
    let at = 0
    while (at < this.#bytes.length && this.isWhole(at) && this.#sequenceAt(at) === records.length) {
      const end = this.#endOf(at)
      records.push({ kind: this.#view.getUint32(at + KIND_AT, true), payload: this.#bytes.subarray(at + HEADER_BYTES, end) })
      at = end
    }
    for (let later = at + 1; later < this.#bytes.length; later++) {
      if (this.isWhole(later) && this.#sequenceAt(later) > records.length) return { kind: 'damaged', at }
    }
    return { kind: 'read', records, tornBytes: this.#bytes.length - at }
  }

  /** Whether a record stands there, to its last byte. */
  isWhole(at: number): boolean {
    if (at + HEADER_BYTES > this.#bytes.length) return false
    for (let i = 0; i < MARK_BYTES; i++) if (this.#bytes[at + i] !== this.#bytes[i]) return false
    return this.#endOf(at) <= this.#bytes.length && this.isSound(at)
  }
  /** Whether the record that stands there has the bytes that were written. */
  isSound(at: number): boolean {
    return crc32(this.#bytes, at + LENGTH_AT, this.#endOf(at)) === this.#view.getUint32(at + CRC_AT, true)
  }

  #endOf(at: number): number {
    return at + HEADER_BYTES + this.#view.getUint32(at + LENGTH_AT, true)
  }
  #sequenceAt(at: number): number {
    return this.#view.getUint32(at + SEQUENCE_AT, true)
  }
}
