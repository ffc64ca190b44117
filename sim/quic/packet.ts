/**
 * Packet headers of QUIC version 1: RFC 9000, section 17, and the version-independent part of RFC 8999. Reading never throws; byte
 * fields are views into the datagram.
 */
import { Reader, type Writer } from '../bytes.ts'

export const VERSION_1 = 0x0000_0001
/** Of every connection id that this implementation gives itself: what short headers are read with. */
export const CONNECTION_ID_BYTES = 8
/** Section 17.2. */
export const CONNECTION_ID_BYTES_MAX = 20
/** Section 7.2: of the client's first Destination Connection ID. */
export const CONNECTION_ID_BYTES_MIN = 8
const RETRY_TAG_BYTES = 16

const LONG_HEADER = 0x80
const FIXED_BIT = 0x40
const LONG_TYPES = ['initial', 'zeroRtt', 'handshake', 'retry'] as const
/** Reserved bits, which header protection hides and which must be 0 (section 17.2 and 17.3.1). */
export const RESERVED_BITS_LONG = 0x0c
export const RESERVED_BITS_SHORT = 0x18
export const KEY_PHASE = 0x04

interface LongHeader {
  readonly version: number
  readonly destination: Uint8Array
  readonly source: Uint8Array
}
/** A packet with a number: where that is, and where the packet ends. */
export interface NumberedHeader {
  readonly kind: 'initial' | 'zeroRtt' | 'handshake' | 'oneRtt'
  readonly destination: Uint8Array
  /** Empty in a short header. */
  readonly source: Uint8Array
  /** Of an Initial packet. */
  readonly token: Uint8Array
  readonly start: number
  readonly numberOffset: number
  readonly end: number
}
export type Header =
  | NumberedHeader
  | (LongHeader & { readonly kind: 'retry'; readonly token: Uint8Array; readonly end: number })
  | (LongHeader & { readonly kind: 'versionNegotiation'; readonly versions: readonly number[]; readonly end: number })
  | (LongHeader & { readonly kind: 'otherVersion'; readonly end: number })

const NOTHING = new Uint8Array(0)

/** Reads the header of the packet that begins at `start`; undefined where there is none. */
export function readHeader(bytes: Uint8Array, start: number): Header | undefined {
  const reader = new Reader(bytes, bytes.length)
  reader.offset = start
  const first = reader.u8()
  if ((first & LONG_HEADER) === 0) {
    const destination = reader.raw(CONNECTION_ID_BYTES)
    if (reader.failed || (first & FIXED_BIT) === 0) return undefined
    return { kind: 'oneRtt', destination, source: NOTHING, token: NOTHING, start, numberOffset: reader.offset, end: bytes.length }
  }
  const version = reader.u32()
  const destination = reader.raw(reader.u8())
  const source = reader.raw(reader.u8())
  if (reader.failed) return undefined
  const long = { version, destination, source, end: bytes.length }
  if (version === 0) return { kind: 'versionNegotiation', ...long, versions: readVersions(reader) }
  if (version !== VERSION_1) return { kind: 'otherVersion', ...long }
  if ((first & FIXED_BIT) === 0 || destination.length > CONNECTION_ID_BYTES_MAX || source.length > CONNECTION_ID_BYTES_MAX) return undefined
  const kind = LONG_TYPES[(first >>> 4) & 3]
  if (kind === 'retry') {
    if (reader.remaining <= RETRY_TAG_BYTES) return undefined
    return { kind, ...long, token: reader.raw(reader.remaining - RETRY_TAG_BYTES) }
  }
  const token = kind === 'initial' ? reader.raw(reader.varint()) : NOTHING
  const length = reader.varint()
  if (reader.failed || length > reader.remaining) return undefined
  return { kind, destination, source, token, start, numberOffset: reader.offset, end: reader.offset + length }
}

function readVersions(reader: Reader): readonly number[] {
  const versions: number[] = []
  while (reader.remaining >= 4) versions.push(reader.u32())
  return versions
}

/** Writes the header of a long packet up to its Length field, of two bytes, which {@link patchLength} sets. Returns that field's offset. */
export function writeLongHeader(
  writer: Writer, kind: 'initial' | 'zeroRtt' | 'handshake', destination: Uint8Array, source: Uint8Array, token: Uint8Array,
  numberBytes: number,
): number {
  writer.u8(LONG_HEADER | FIXED_BIT | (LONG_TYPES.indexOf(kind) << 4) | (numberBytes - 1))
  writeIds(writer, VERSION_1, destination, source)
  if (kind === 'initial') {
    writer.varint(token.length)
    writer.raw(token)
  }
  writer.u16(0)
  return writer.length - 2
}

function writeIds(writer: Writer, version: number, destination: Uint8Array, source: Uint8Array): void {
  writer.u32(version)
  writer.u8(destination.length)
  writer.raw(destination)
  writer.u8(source.length)
  writer.raw(source)
}

/** Sets the Length field at `offset` of the datagram: a varint of two bytes. */
export function patchLength(writer: Writer, offset: number, length: number): void {
  writer.view.setUint16(writer.start + offset, 0x4000 | length)
}

export function writeShortHeader(writer: Writer, destination: Uint8Array, keyPhase: number, numberBytes: number): void {
  writer.u8(FIXED_BIT | (keyPhase === 0 ? 0 : KEY_PHASE) | (numberBytes - 1))
  writer.raw(destination)
}

export function writePacketNumber(writer: Writer, number: number, bytes: number): void {
  for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) writer.u8(Math.floor(number / 2 ** shift) & 0xff)
}

/** A Version Negotiation packet (section 17.2.1): the ids of what it answers, swapped. */
export function writeVersionNegotiation(writer: Writer, destination: Uint8Array, source: Uint8Array, versions: readonly number[]): void {
  writer.u8(LONG_HEADER | FIXED_BIT)
  writeIds(writer, 0, destination, source)
  for (const version of versions) writer.u32(version)
}

/** A Retry packet (section 17.2.5) up to its integrity tag. */
export function writeRetry(writer: Writer, destination: Uint8Array, source: Uint8Array, token: Uint8Array): void {
  writer.u8(LONG_HEADER | FIXED_BIT | (LONG_TYPES.indexOf('retry') << 4))
  writeIds(writer, VERSION_1, destination, source)
  writer.raw(token)
}
