/**
 * Handshake messages of DTLS 1.2 as WebRTC exchanges them: ECDHE on P-256 with ECDSA certificates on both sides and no cookie exchange
 * (RFC 6347, section 4.2; RFC 5246, section 7.4; RFC 8422; RFC 7627), cut into fragments and put together again.
 */
import { Reader } from '../bytes.ts'
import { concat } from '../octets.ts'
import { RangeSet } from '../ranges.ts'
import { POINT_BYTES } from './dtls-certificate.ts'
import { VERSION_1_2 } from './dtls-records.ts'
import { SECRET_BYTES } from './secret.ts'

export const MessageType = {
  clientHello: 1, serverHello: 2, certificate: 11, serverKeyExchange: 12, certificateRequest: 13, serverHelloDone: 14,
  certificateVerify: 15, clientKeyExchange: 16, finished: 20,
} as const

export const HANDSHAKE_HEADER_BYTES = 12
/** Of one message; certificates are the longest, and ours have some 400 bytes. */
const HANDSHAKE_MESSAGE_BYTES_MAX = 4_096
/** Messages beyond the one that is expected that are kept: the longest flight has five. */
const MESSAGES_AHEAD_MAX = 8
export const VERIFY_DATA_BYTES = 12

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, first of what a browser offers. */
const SUITE = 0xc02b
const SUITES = [SUITE, 0xc02f, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014]
const SECP256R1 = 0x0017
const ECDSA_SHA256 = 0x0403
const NAMED_CURVE = 3
/** supported_groups, ec_point_formats, signature_algorithms, extended_master_secret, renegotiation_info. */
const CLIENT_EXTENSIONS = Uint8Array.of(
  0, 10, 0, 4, 0, 2, SECP256R1 >>> 8, SECP256R1 & 0xff, 0, 11, 0, 2, 1, 0,
  0, 13, 0, 4, 0, 2, ECDSA_SHA256 >>> 8, ECDSA_SHA256 & 0xff, 0, 23, 0, 0, 0xff, 1, 0, 1, 0,
)
const SERVER_EXTENSIONS = Uint8Array.of(0, 11, 0, 2, 1, 0, 0, 23, 0, 0, 0xff, 1, 0, 1, 0)

/** Of one handshake, before it is cut: `sequence` counts the messages of this side. */
export interface HandshakeMessage {
  readonly type: number
  readonly sequence: number
  readonly body: Uint8Array
}

const u16 = (value: number): number[] => [value >>> 8, value & 0xff]
const u24 = (value: number): number[] => [value >>> 16, ...u16(value & 0xffff)]

/** Neither a session to resume nor a cookie, and no compression. */
export const clientHello = (random: Uint8Array): Uint8Array => concat(
  u16(VERSION_1_2), random, [0, 0], u16(2 * SUITES.length), SUITES.flatMap(u16), [1, 0], u16(CLIENT_EXTENSIONS.length), CLIENT_EXTENSIONS,
)

export const serverHello = (random: Uint8Array): Uint8Array => concat(
  u16(VERSION_1_2), random, [0], u16(SUITE), [0], u16(SERVER_EXTENSIONS.length), SERVER_EXTENSIONS,
)

/** The random of either hello; undefined where it is none of this version. */
export function readHello(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body, body.length)
  const version = reader.u16()
  const random = reader.raw(SECRET_BYTES)
  return reader.failed || version !== VERSION_1_2 ? undefined : random
}

export const certificateMessage = (certificate: Uint8Array): Uint8Array => concat(
  u24(certificate.length + 3), u24(certificate.length), certificate,
)
/** The first certificate of the chain. */
export function readCertificate(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body, body.length)
  const listBytes = (reader.u8() << 16) | reader.u16()
  if (listBytes !== reader.remaining) return undefined
  const certificate = reader.raw((reader.u8() << 16) | reader.u16())
  return reader.failed || certificate.length === 0 ? undefined : certificate
}

const signed = (signature: Uint8Array): Uint8Array => concat(u16(ECDSA_SHA256), u16(signature.length), signature)

export function serverKeyExchange(point: Uint8Array, sign: (parameters: Uint8Array) => Uint8Array): Uint8Array {
  const parameters = concat([NAMED_CURVE], u16(SECP256R1), [POINT_BYTES], point)
  return concat(parameters, signed(sign(parameters)))
}
export interface ServerKeyExchange {
  readonly parameters: Uint8Array
  readonly point: Uint8Array
  readonly signature: Uint8Array
}
export function readServerKeyExchange(body: Uint8Array): ServerKeyExchange | undefined {
  const reader = new Reader(body, body.length)
  const curve = (reader.u8() << 16) | reader.u16()
  const point = reader.raw(reader.u8())
  const parameters = body.subarray(0, reader.offset)
  const algorithm = reader.u16()
  const signature = reader.raw(reader.u16())
  const isKnown = curve === ((NAMED_CURVE << 16) | SECP256R1) && point.length === POINT_BYTES && algorithm === ECDSA_SHA256
  if (reader.failed || !isKnown) return undefined
  return { parameters, point, signature }
}

/** For a certificate with ECDSA, whoever issued it. */
export const certificateRequest = (): Uint8Array => concat([1, 0x40], u16(2), u16(ECDSA_SHA256), u16(0))

export const clientKeyExchange = (point: Uint8Array): Uint8Array => concat([POINT_BYTES], point)
export function readClientKeyExchange(body: Uint8Array): Uint8Array | undefined {
  return body.length === 1 + POINT_BYTES && body[0] === POINT_BYTES ? body.subarray(1) : undefined
}

export const certificateVerify = signed
export function readCertificateVerify(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body, body.length)
  const algorithm = reader.u16()
  const bytes = reader.raw(reader.u16())
  return reader.failed || algorithm !== ECDSA_SHA256 ? undefined : bytes
}

/** The header of a fragment: RFC 6347, section 4.2.2. */
export const fragmentHeader = ({ type, sequence, body }: HandshakeMessage, offset: number, length: number): Uint8Array => concat(
  [type], u24(body.length), u16(sequence), u24(offset), u24(length),
)

/** As it enters the digest of the handshake: in one piece (section 4.2.6). */
export const wholeMessage = (message: HandshakeMessage): Uint8Array => concat(fragmentHeader(message, 0, message.body.length), message.body)

interface Partial {
  readonly type: number
  readonly body: Uint8Array
  readonly received: RangeSet
}

/** Puts fragments together, and messages into their order. */
export class HandshakeReassembly {
  readonly #partial = new Map<number, Partial>()
  #next = 0

  /** Takes a fragment from a record of that epoch: 'repeated' is the end of the last message that was taken already. */
  add(reader: Reader, epoch: number): 'taken' | 'repeated' | 'old' | 'malformed' {
    const type = reader.u8()
    const length = (reader.u8() << 16) | reader.u16()
    const sequence = reader.u16()
    const offset = (reader.u8() << 16) | reader.u16()
    const bytes = reader.raw((reader.u8() << 16) | reader.u16())
    if (reader.failed || length > HANDSHAKE_MESSAGE_BYTES_MAX || offset + bytes.length > length) return 'malformed'
    // Finished, and nothing else, is protected.
    if ((type === MessageType.finished) !== (epoch === 1)) return 'malformed'
    if (sequence < this.#next) return sequence === this.#next - 1 && offset + bytes.length === length ? 'repeated' : 'old'
    if (sequence - this.#next >= MESSAGES_AHEAD_MAX) return 'old'
    let partial = this.#partial.get(sequence)
    if (partial === undefined) {
      partial = { type, body: new Uint8Array(length), received: new RangeSet() }
      this.#partial.set(sequence, partial)
    }
    if (partial.type !== type || partial.body.length !== length) return 'malformed'
    partial.body.set(bytes, offset)
    partial.received.add(offset, offset + bytes.length)
    return 'taken'
  }

  /** The next message, once it is whole. */
  shift(): HandshakeMessage | undefined {
    const sequence = this.#next
    const partial = this.#partial.get(sequence)
    if (partial === undefined || (partial.body.length > 0 && !partial.received.has(0, partial.body.length))) return undefined
    this.#partial.delete(sequence)
    this.#next++
    return { type: partial.type, sequence, body: partial.body }
  }
}
