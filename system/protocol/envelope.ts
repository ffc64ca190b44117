/**
 * The envelope of every message. Numbers are little-endian:
 *
 *      0  u8   ENVELOPE_MARK: that this is Theta's, and the version of this very layout
 *      1  u8   message type
 *      2  u8   flags: CompressionMode in the low four bits, CBOR_BODY where the body is in its debug form, the rest 0
 *      3  u8   category, the one of the message type
 *      4  u32  sequence within the category, on this connection
 *      8  u32  bytes of the body as it travels
 *     12  u64  schema hash
 *     20  u32  CRC-32 of the bytes before it and of the body
 *     24       body, as it is or as compression.ts packs it
 *
 * Where two builds have different schemas only SessionHello and SessionControl pass, so that one can refuse the other
 * with a hint: those two must never change incompatibly, and neither must this layout without another mark.
 */
import { CompressionMode as CompressionModes } from '../../schemas/generated/layout.ts'
import type { Hash64 } from '../ids.ts'
import { assert } from '../assert.ts'
import { CATEGORIES, categoryOf } from './channels.ts'
import { crc32 } from './crc32.ts'
import { type Category, type CompressionMode, type MessageName, MessageType } from './messages.ts'

export const ENVELOPE_MARK = 0xb1
export const ENVELOPE_BYTES = 24
/** Of an envelope with its body: what a transport must be able to carry, and at most what a compressed body may become. */
export const MESSAGE_BYTES_MAX = 64 * 1024
export const BODY_BYTES_MAX = MESSAGE_BYTES_MAX - ENVELOPE_BYTES
const COMPRESSIONS: readonly CompressionMode[] = CompressionModes.names
/** The body is CBOR (cbor.ts), not FlatBuffers. */
const CBOR_BODY = 0x10

const TYPE_AT = 1
const FLAGS_AT = 2
const CATEGORY_AT = 3
const SEQUENCE_AT = 4
const LENGTH_AT = 8
const HASH_AT = 12
const CRC_AT = 20

const NAMES: ReadonlyMap<number, MessageName> = new Map(Object.entries(MessageType).map(([name, type]) => [type, name as MessageName]))

export type BodyForm = 'flatbuffers' | 'cbor'
export type RefusedEnvelope = 'short' | 'mark' | 'oversize' | 'length' | 'crc' | 'type' | 'category' | 'compression' | 'schemaHash'
export interface OpenedEnvelope {
  readonly kind: 'opened'
  readonly type: number
  readonly category: Category
  readonly sequence: number
  readonly form: BodyForm
  /** What the body is packed with. */
  readonly compression: CompressionMode
  /** A view of the bytes given. */
  readonly body: Uint8Array
  readonly schemaMatches: boolean
}
export type EnvelopeOutcome = OpenedEnvelope | { readonly kind: 'refused'; readonly why: RefusedEnvelope }

/** Puts a body into its envelope; the result is the caller's own. */
export function sealEnvelope(
  type: number, category: Category, sequence: number, body: Uint8Array, schemaHash: Hash64, compression: CompressionMode = 'none',
  form: BodyForm = 'flatbuffers',
): Uint8Array {
  const name = NAMES.get(type)
  assert(name !== undefined && categoryOf(name) === category, 'a message type has one category')
  assert(body.length <= BODY_BYTES_MAX, 'a body keeps its bound')
  assert(Number.isInteger(sequence) && sequence >= 0 && sequence <= 0xffffffff, 'a sequence fits its 32 bits')
  const bytes = new Uint8Array(ENVELOPE_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = ENVELOPE_MARK
  bytes[TYPE_AT] = type
  bytes[FLAGS_AT] = COMPRESSIONS.indexOf(compression) | (form === 'cbor' ? CBOR_BODY : 0)
  bytes[CATEGORY_AT] = CATEGORIES.indexOf(category)
  view.setUint32(SEQUENCE_AT, sequence, true)
  view.setUint32(LENGTH_AT, body.length, true)
  view.setUint32(HASH_AT, schemaHash.lo, true)
  view.setUint32(HASH_AT + 4, schemaHash.hi, true)
  bytes.set(body, ENVELOPE_BYTES)
  view.setUint32(CRC_AT, checksum(bytes), true)
  return bytes
}

/** Takes a received envelope apart. Never throws, and allocates nothing before the bounds hold. */
export function openEnvelope(bytes: Uint8Array, schemaHash: Hash64): EnvelopeOutcome {
  if (bytes.length < ENVELOPE_BYTES) return refused('short')
  if (bytes.length > MESSAGE_BYTES_MAX) return refused('oversize')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes[0] !== ENVELOPE_MARK) return refused('mark')
  if (view.getUint32(LENGTH_AT, true) !== bytes.length - ENVELOPE_BYTES) return refused('length')
  if (view.getUint32(CRC_AT, true) !== checksum(bytes)) return refused('crc')
  const type = bytes[TYPE_AT]
  const schemaMatches = view.getUint32(HASH_AT, true) === schemaHash.lo && view.getUint32(HASH_AT + 4, true) === schemaHash.hi
  if (!schemaMatches && type !== MessageType.SessionHello && type !== MessageType.SessionControl) return refused('schemaHash')
  const name = NAMES.get(type)
  if (name === undefined) return refused('type')
  const compression = COMPRESSIONS[bytes[FLAGS_AT] & ~CBOR_BODY]
  if (compression === undefined) return refused('compression')
  const category = CATEGORIES[bytes[CATEGORY_AT]]
  if (category !== categoryOf(name)) return refused('category')
  const sequence = view.getUint32(SEQUENCE_AT, true)
  const form = (bytes[FLAGS_AT] & CBOR_BODY) === 0 ? 'flatbuffers' : 'cbor'
  return { kind: 'opened', type, category, sequence, form, compression, body: bytes.subarray(ENVELOPE_BYTES), schemaMatches }
}

/** The type that the bytes claim, before anything of them is checked; undefined where they are too short to claim one. */
export const typeIn = (bytes: Uint8Array): number | undefined => bytes[TYPE_AT]

const checksum = (bytes: Uint8Array): number => crc32(bytes, ENVELOPE_BYTES, bytes.length, crc32(bytes, 0, CRC_AT))
const refused = (why: RefusedEnvelope): EnvelopeOutcome => ({ kind: 'refused', why })
