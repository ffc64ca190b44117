/**
 * Reading STUN messages (RFC 8489, sections 5 and 14): nothing here throws, and nothing is copied. A message is a list of places
 * in the bytes that came.
 */
import { addressOf, ipv4Of } from '../../net/ipv4.ts'
import type { SocketAddress } from '../../net/datagram.ts'
import { ATTRIBUTES_MAX, HEADER_BYTES, MAGIC_COOKIE, StunAttribute, type StunClass } from './constants.ts'
import { fingerprintOf } from './fingerprint.ts'

/** 96 bits. */
export type TransactionId = readonly [number, number, number]

export interface StunMessage {
  readonly class: StunClass
  readonly method: number
  readonly id: TransactionId
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Those that count: what stands behind an integrity attribute, but for another one and the fingerprint, does not (section 14.5). */
  readonly places: readonly AttributePlace[]
  readonly hasFingerprint: boolean
}
/** Where the value of an attribute stands. */
export interface AttributePlace {
  readonly type: number
  readonly offset: number
  readonly length: number
}

/** An address of either family, as messages spell it. */
export type TransportAddress =
  | { readonly family: 'ipv4'; readonly ip: number; readonly port: number }
  | { readonly family: 'ipv6'; readonly ip: Uint8Array; readonly port: number }

const FAMILY_IPV4 = 1
const FAMILY_IPV6 = 2

export const isSameId = (a: TransactionId, b: TransactionId): boolean => a[0] === b[0] && a[1] === b[1] && a[2] === b[2]

/** Whether a datagram is a STUN message: its first two bits, its cookie (RFC 8489, section 5; RFC 7983, section 7). */
export function isStun(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && bytes[0] < 4 && bytes[4] === 0x21 && bytes[5] === 0x12 && bytes[6] === 0xa4 && bytes[7] === 0x42
}

/** Undefined where it is none: a wrong length, an attribute that ends outside, too many of them, or a wrong fingerprint. */
export function decodeStun(bytes: Uint8Array): StunMessage | undefined {
  if (!isStun(bytes)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = HEADER_BYTES + view.getUint16(2)
  if (end !== bytes.length || end % 4 !== 0) return undefined
  const places: AttributePlace[] = []
  let hasFingerprint = false
  let isProtected: 'no' | 'sha1' | 'sha256' = 'no'
  let seen = 0
  for (let offset = HEADER_BYTES; offset < end;) {
    if (hasFingerprint || ++seen > ATTRIBUTES_MAX) return undefined
    const type = view.getUint16(offset)
    const length = view.getUint16(offset + 2)
    const valueOffset = offset + 4
    offset = valueOffset + ((length + 3) & ~3)
    if (offset > end) return undefined
    if (type === StunAttribute.fingerprint) {
      if (length !== 4 || view.getUint32(valueOffset) !== fingerprintOf(bytes, valueOffset - 4)) return undefined
      hasFingerprint = true
    } else if (type === StunAttribute.messageIntegritySha256 && isProtected !== 'sha256') {
      places.push({ type, offset: valueOffset, length })
      isProtected = 'sha256'
    } else if (isProtected === 'no') {
      places.push({ type, offset: valueOffset, length })
      if (type === StunAttribute.messageIntegrity) isProtected = 'sha1'
    }
  }
  const kind = view.getUint16(0)
  return {
    // The class bits stand at 4 and 8 among those of the method (section 5, figure 3).
    class: (((kind >>> 7) & 2) | ((kind >>> 4) & 1)) as StunClass,
    method: (kind & 0x000f) | ((kind & 0x00e0) >>> 1) | ((kind & 0x3e00) >>> 2),
    id: [view.getUint32(8), view.getUint32(12), view.getUint32(16)],
    bytes, view, places, hasFingerprint,
  }
}

/** Undefined where there is none; of several, the first counts (section 14). */
export const placeOf = (message: StunMessage, type: number): AttributePlace | undefined => message.places.find((one) => one.type === type)

/** A view of the value. */
export function valueOf(message: StunMessage, type: number): Uint8Array | undefined {
  const place = placeOf(message, type)
  return place && message.bytes.subarray(place.offset, place.offset + place.length)
}

export function u32Of(message: StunMessage, type: number): number | undefined {
  const place = placeOf(message, type)
  return place?.length === 4 ? message.view.getUint32(place.offset) : undefined
}

/** Two halves of 64 bits. */
export function u64Of(message: StunMessage, type: number): readonly [number, number] | undefined {
  const place = placeOf(message, type)
  return place?.length === 8 ? [message.view.getUint32(place.offset), message.view.getUint32(place.offset + 4)] : undefined
}

/** An address, plain or by XOR with cookie and transaction id (sections 14.1 and 14.2). */
export function addressAt(message: StunMessage, { type, offset, length }: AttributePlace): TransportAddress | undefined {
  if (length < 8) return undefined
  const { view, id } = message
  const isPlain = type === StunAttribute.mappedAddress
  const port = view.getUint16(offset + 2) ^ (isPlain ? 0 : MAGIC_COOKIE >>> 16)
  const family = view.getUint8(offset + 1)
  if (family === FAMILY_IPV4 && length === 8) {
    return { family: 'ipv4', ip: (view.getUint32(offset + 4) ^ (isPlain ? 0 : MAGIC_COOKIE)) >>> 0, port }
  }
  if (family !== FAMILY_IPV6 || length !== 20) return undefined
  const ip = message.bytes.slice(offset + 4, offset + 20)
  if (!isPlain) {
    const words = new DataView(ip.buffer)
    for (const [i, word] of [MAGIC_COOKIE, ...id].entries()) words.setUint32(i * 4, words.getUint32(i * 4) ^ word)
  }
  return { family: 'ipv6', ip, port }
}

/** The socket that an address attribute names; undefined where it is none of this network. */
export function socketOf(message: StunMessage, type: number): SocketAddress | undefined {
  const place = placeOf(message, type)
  const named = place && addressAt(message, place)
  const address = named?.family === 'ipv4' ? addressOf(named.ip) : undefined
  return named === undefined || address === undefined ? undefined : { address, port: named.port }
}

export const transportAddress = ({ address, port }: SocketAddress): TransportAddress => ({ family: 'ipv4', ip: ipv4Of(address), port })

/** 300 to 699 (section 14.8); undefined where there is no such attribute, or another number in it. */
export function errorCodeOf(message: StunMessage): number | undefined {
  const place = placeOf(message, StunAttribute.errorCode)
  if (place === undefined || place.length < 4) return undefined
  const hundreds = message.view.getUint8(place.offset + 2) & 7
  const rest = message.view.getUint8(place.offset + 3)
  return hundreds < 3 || hundreds > 6 || rest > 99 ? undefined : hundreds * 100 + rest
}

/** The attributes that must be understood and are not among `known` (section 14: below 0x8000). */
export function unknownAttributes(message: StunMessage, known: ReadonlySet<number>): number[] {
  return message.places.flatMap(({ type }) => (type < 0x8000 && !known.has(type) ? [type] : []))
}
