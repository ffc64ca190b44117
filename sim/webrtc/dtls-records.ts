/**
 * Records of DTLS 1.2: RFC 6347, section 4.1. In epoch 1 a record has an explicit nonce of 8 bytes and a tag of 16, as AES-GCM does
 * (RFC 5288, section 3); between them stands what it carries, in the clear.
 */
import type { Reader, Writer } from '../bytes.ts'
import { RangeSet } from '../ranges.ts'
import { isTag, TAG_BYTES, writeTag } from '../keyedsum.ts'
import { type SumKey, sumOf } from './secret.ts'

export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, application: 23 } as const
export const VERSION_1_2 = 0xfefd
/** What a first ClientHello's record says it is. */
const VERSION_1_0 = 0xfeff

export const RECORD_HEADER_BYTES = 13
const NONCE_BYTES = 8
/** What a record adds to what it carries, in epoch 1. */
export const PROTECTION_BYTES = RECORD_HEADER_BYTES + NONCE_BYTES + TAG_BYTES
/** RFC 6347, section 4.1.2.6. */
const REPLAY_WINDOW_RECORDS = 64

/** Writes a record of those parts: in epoch 1, where there is a key, protected by it. */
export function writeRecord(
  writer: Writer, type: number, sequence: number, key: SumKey | undefined, ...parts: readonly Uint8Array[]
): void {
  let length = 0
  for (const part of parts) length += part.length
  const start = writer.start + writer.length
  const epoch = key === undefined ? 0 : 1
  writer.u8(type)
  writer.u16(VERSION_1_2)
  writer.u16(epoch)
  writer.u16(Math.floor(sequence / 2 ** 32))
  writer.u32(sequence)
  writer.u16(key === undefined ? length : NONCE_BYTES + length + TAG_BYTES)
  if (key !== undefined) {
    // Any number will do that no other record of the key has; this one looks like no handshake message to whoever cannot read it.
    writer.u32((key.hi | 0x8000_0000) >>> 0)
    writer.u32(sequence)
  }
  for (const part of parts) writer.raw(part)
  if (key === undefined) return
  const end = writer.start + writer.length
  writer.zeros(TAG_BYTES)
  writeTag(writer.view, end, sumOf(writer.view, start, end, end - start, key))
}

export interface DtlsRecord {
  readonly type: number
  readonly epoch: number
  readonly sequence: number
  /** Borrowed; in epoch 1 with nonce and tag. */
  readonly bytes: Uint8Array
  /** Where the record begins in what was read, and where it ends. */
  readonly start: number
  readonly end: number
}

/** The next record of a datagram; undefined where none is whole. */
export function readRecord(reader: Reader): DtlsRecord | undefined {
  const start = reader.offset
  const type = reader.u8()
  const version = reader.u16()
  const epoch = reader.u16()
  const sequence = reader.u16() * 2 ** 32 + reader.u32()
  const bytes = reader.raw(reader.u16())
  if (reader.failed || (version !== VERSION_1_2 && version !== VERSION_1_0)) return undefined
  return { type, epoch, sequence, bytes, start, end: reader.offset }
}

/** What a record of epoch 1 carries; undefined where its tag does not fit. */
export function openRecord({ bytes, start, end }: DtlsRecord, view: DataView, key: SumKey): Uint8Array | undefined {
  const length = bytes.length - NONCE_BYTES - TAG_BYTES
  if (length < 0) return undefined
  const tagged = end - TAG_BYTES
  const isWhole = isTag(view, tagged, sumOf(view, start, tagged, tagged - start, key))
  return isWhole ? bytes.subarray(NONCE_BYTES, NONCE_BYTES + length) : undefined
}

/** Which records have been here already. */
export class ReplayWindow {
  readonly #seen = new RangeSet()
  #highest = -1

  /** True the first time, for a record that is not older than the window. */
  take(sequence: number): boolean {
    if (sequence <= this.#highest - REPLAY_WINDOW_RECORDS || this.#seen.has(sequence, sequence + 1)) return false
    this.#seen.add(sequence, sequence + 1)
    if (sequence > this.#highest) {
      this.#highest = sequence
      this.#seen.removeBelow(sequence - REPLAY_WINDOW_RECORDS + 1)
    }
    return true
  }
}
