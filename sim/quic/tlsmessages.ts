/**
 * The handshake messages of TLS 1.3 that QUIC carries (RFC 8446, section 4; RFC 9001, sections 4 and 8), to the byte. One cipher suite,
 * one group and one signature algorithm are spoken, so that HelloRetryRequest never comes about; clients are not asked for certificates.
 */
import { Reader } from '../bytes.ts'
import { SECRET_BYTES } from './keyderivation.ts'
import { ascii, concat, integer, textOf, vector } from '../octets.ts'

/** Of section 4. */
export const HandshakeType = {
  clientHello: 1, serverHello: 2, newSessionTicket: 4, encryptedExtensions: 8, certificate: 11, certificateVerify: 15, finished: 20,
} as const

/** Of section 6.2, and what a certificate check can say; close a connection as CRYPTO_ERROR, 0x100 + alert (RFC 9001, section 4.8). */
export const Alert = {
  unexpectedMessage: 10, handshakeFailure: 40, badCertificate: 42, certificateExpired: 45, illegalParameter: 47, unknownCa: 48,
  decodeError: 50, decryptError: 51, protocolVersion: 70, missingExtension: 109, noApplicationProtocol: 120,
} as const
export type AlertName = keyof typeof Alert

/** A type and a length of 24 bits before each message. */
export const MESSAGE_HEADER_BYTES = 4
/** The cipher suite TLS_AES_128_GCM_SHA256, the group x25519, the algorithm ecdsa_secp256r1_sha256, the exchange psk_dhe_ke. */
const CIPHER_SUITE = 0x1301
const GROUP = 0x001d
const SIGNATURE_ALGORITHM = 0x0403
const PSK_WITH_KEY_EXCHANGE = 1
const TLS_1_2 = 0x0303
const TLS_1_3 = 0x0304
/** Tickets hold for seven days at most (section 4.6.1). */
const TICKET_LIFETIME_S = 604_800
/** QUIC limits early data by its own credit; the field says so (RFC 9001, section 4.6.1). */
const EARLY_DATA_BYTES_MAX = 0xffff_ffff
/** Header of the list of binders, and of the only binder in it. */
const BINDERS_BYTES = 2 + 1 + SECRET_BYTES

const Extension = {
  serverName: 0, supportedGroups: 10, signatureAlgorithms: 13, applicationProtocol: 16, preSharedKey: 41, earlyData: 42,
  supportedVersions: 43, pskKeyExchangeModes: 45, keyShare: 51, quicTransportParameters: 0x39,
} as const

/** A pre-shared key on offer, its age obfuscated (section 4.2.11.1). */
export interface OfferedPsk {
  readonly identity: Uint8Array
  readonly obfuscatedAge: number
}

export interface ClientHello {
  /** 32 bytes, as the share. */
  readonly random: Uint8Array
  readonly keyShare: Uint8Array
  readonly serverName: string
  readonly alpn: readonly string[]
  readonly parameters: Uint8Array
  readonly psk?: OfferedPsk
  readonly earlyData: boolean
}

export interface ServerHello {
  readonly random: Uint8Array
  readonly keyShare: Uint8Array
  readonly resumed: boolean
}

export interface EncryptedExtensions {
  readonly alpn: string
  readonly parameters: Uint8Array
  readonly earlyData: boolean
}

export interface NewSessionTicket {
  readonly ageAdd: number
  readonly nonce: Uint8Array
  readonly identity: Uint8Array
  readonly earlyData: boolean
}

/** A message as it came: what is read, or the alert that answers it. */
export type Read<Message> = Message | AlertName

/** With a pre-shared key the last bytes are a binder that `bind` gives for all before it (section 4.2.11.2). */
export function clientHello(hello: ClientHello, bind: (truncated: Uint8Array) => Uint8Array): Uint8Array {
  const { psk } = hello
  const body = concat(
    integer(2, TLS_1_2), hello.random, vector(1), vector(2, integer(2, CIPHER_SUITE)), vector(1, integer(1, 0)),
    vector(2,
      hello.serverName === '' ? NOTHING : extension(Extension.serverName, vector(2, integer(1, 0), vector(2, ascii(hello.serverName)))),
      extension(Extension.supportedGroups, vector(2, integer(2, GROUP))),
      extension(Extension.signatureAlgorithms, vector(2, integer(2, SIGNATURE_ALGORITHM))),
      extension(Extension.applicationProtocol, vector(2, ...hello.alpn.map((name) => vector(1, ascii(name))))),
      extension(Extension.supportedVersions, vector(1, integer(2, TLS_1_3))),
      extension(Extension.pskKeyExchangeModes, vector(1, integer(1, PSK_WITH_KEY_EXCHANGE))),
      extension(Extension.keyShare, vector(2, share(hello.keyShare))),
      extension(Extension.quicTransportParameters, hello.parameters),
      hello.earlyData ? extension(Extension.earlyData) : NOTHING,
      psk === undefined ? NOTHING : extension(Extension.preSharedKey,
        vector(2, vector(2, psk.identity), integer(4, psk.obfuscatedAge)), vector(2, vector(1, new Uint8Array(SECRET_BYTES)))),
    ),
  )
  const message = handshakeMessage(HandshakeType.clientHello, body)
  if (psk !== undefined) message.set(bind(withoutBinders(message)), message.length - SECRET_BYTES)
  return message
}

/** A ClientHello with a pre-shared key, up to its binders. */
export const withoutBinders = (message: Uint8Array): Uint8Array => message.subarray(0, message.length - BINDERS_BYTES)
/** The one binder. */
export const binderOf = (message: Uint8Array): Uint8Array => message.subarray(message.length - SECRET_BYTES)

export function readClientHello(body: Uint8Array): Read<ClientHello> {
  const reader = new Reader(body, body.length)
  reader.u16()
  const random = reader.raw(SECRET_BYTES)
  const sessionId = reader.raw(reader.u8())
  const suites = wholeU16s(reader.raw(reader.u16()))
  const compressions = reader.raw(reader.u8())
  const extensions = readExtensions(reader)
  if (typeof extensions === 'string') return extensions
  // No compatibility mode in QUIC (RFC 9001, section 8.4).
  if (sessionId.length > 0 || compressions.length !== 1 || compressions[0] !== 0) return 'illegalParameter'
  if (!suites.includes(CIPHER_SUITE)) return 'handshakeFailure'
  const versions = extensions.get(Extension.supportedVersions)
  if (versions === undefined || !wholeU16s(vectorIn(versions, 1)).includes(TLS_1_3)) return 'protocolVersion'
  const [shares, protocols, parameters] = [
    extensions.get(Extension.keyShare), extensions.get(Extension.applicationProtocol), extensions.get(Extension.quicTransportParameters)]
  if (shares === undefined || parameters === undefined) return 'missingExtension'
  if (protocols === undefined) return 'noApplicationProtocol'
  const keyShare = shareIn(vectorIn(shares, 2))
  if (keyShare === undefined) return 'handshakeFailure'
  const offered = extensions.get(Extension.preSharedKey)
  const psk = offered && pskIn(offered)
  // Nothing may stand behind the pre-shared key (section 4.2.11).
  if (psk === null || (offered !== undefined && offered.byteOffset + offered.length !== body.byteOffset + body.length)) {
    return 'illegalParameter'
  }
  return {
    random, keyShare, parameters, alpn: namesIn(vectorIn(protocols, 2), 1), earlyData: extensions.has(Extension.earlyData),
    serverName: serverNameIn(extensions.get(Extension.serverName) ?? NOTHING), ...(psk === undefined ? {} : { psk }),
  }
}

export function serverHello({ random, keyShare, resumed }: ServerHello): Uint8Array {
  return handshakeMessage(HandshakeType.serverHello,
    integer(2, TLS_1_2), random, vector(1), integer(2, CIPHER_SUITE), integer(1, 0),
    vector(2,
      extension(Extension.supportedVersions, integer(2, TLS_1_3)),
      extension(Extension.keyShare, share(keyShare)),
      resumed ? extension(Extension.preSharedKey, integer(2, 0)) : NOTHING,
    ),
  )
}

export function readServerHello(body: Uint8Array): Read<ServerHello> {
  const reader = new Reader(body, body.length)
  reader.u16()
  const random = reader.raw(SECRET_BYTES)
  const sessionId = reader.raw(reader.u8())
  const suite = reader.u16()
  const compression = reader.u8()
  const extensions = readExtensions(reader)
  if (typeof extensions === 'string') return extensions
  if (sessionId.length > 0 || suite !== CIPHER_SUITE || compression !== 0) return 'illegalParameter'
  const [version, shares, selected] = [
    extensions.get(Extension.supportedVersions), extensions.get(Extension.keyShare), extensions.get(Extension.preSharedKey)]
  if (version === undefined || wholeU16s(version)[0] !== TLS_1_3) return 'protocolVersion'
  if (shares === undefined) return 'missingExtension'
  const keyShare = shareIn(shares)
  if (keyShare === undefined || (selected !== undefined && wholeU16s(selected)[0] !== 0)) return 'illegalParameter'
  return { random, keyShare, resumed: selected !== undefined }
}

export function encryptedExtensions({ alpn, parameters, earlyData }: EncryptedExtensions): Uint8Array {
  return handshakeMessage(HandshakeType.encryptedExtensions, vector(2,
    extension(Extension.applicationProtocol, vector(2, vector(1, ascii(alpn)))),
    extension(Extension.quicTransportParameters, parameters),
    earlyData ? extension(Extension.earlyData) : NOTHING,
  ))
}

export function readEncryptedExtensions(body: Uint8Array): Read<EncryptedExtensions> {
  const extensions = readExtensions(new Reader(body, body.length))
  if (typeof extensions === 'string') return extensions
  const [protocols, parameters] = [
    extensions.get(Extension.applicationProtocol), extensions.get(Extension.quicTransportParameters)]
  if (parameters === undefined) return 'missingExtension'
  const names = protocols === undefined ? [] : namesIn(vectorIn(protocols, 2), 1)
  if (names.length !== 1) return 'noApplicationProtocol'
  return { alpn: names[0], parameters, earlyData: extensions.has(Extension.earlyData) }
}

export function certificateMessage(chain: readonly Uint8Array[]): Uint8Array {
  return handshakeMessage(HandshakeType.certificate, vector(1), vector(3, ...chain.map((one) => concat(vector(3, one), vector(2)))))
}

export function readCertificateMessage(body: Uint8Array): Read<readonly Uint8Array[]> {
  const reader = new Reader(body, body.length)
  reader.raw(reader.u8())
  const bytes = u24(reader)
  if (reader.failed || bytes !== reader.remaining) return 'decodeError'
  const chain: Uint8Array[] = []
  while (reader.remaining > 0) {
    chain.push(reader.raw(u24(reader)))
    reader.raw(reader.u16())
    if (reader.failed) return 'decodeError'
  }
  return chain
}

export const certificateVerify = (signature: Uint8Array): Uint8Array =>
  handshakeMessage(HandshakeType.certificateVerify, integer(2, SIGNATURE_ALGORITHM), vector(2, signature))

export function readCertificateVerify(body: Uint8Array): Read<Uint8Array> {
  const reader = new Reader(body, body.length)
  const algorithm = reader.u16()
  const signature = reader.raw(reader.u16())
  if (reader.failed || reader.remaining > 0) return 'decodeError'
  return algorithm === SIGNATURE_ALGORITHM ? signature : 'illegalParameter'
}

/** What a server's CertificateVerify signs (section 4.4.3), over the hash of the transcript up to its Certificate. */
export const signedContent = (transcriptHash: Uint8Array): Uint8Array =>
  concat(ascii(`${' '.repeat(64)}TLS 1.3, server CertificateVerify\0`), transcriptHash)

export const finished = (verifyData: Uint8Array): Uint8Array => handshakeMessage(HandshakeType.finished, verifyData)

export function newSessionTicket({ ageAdd, nonce, identity, earlyData }: NewSessionTicket): Uint8Array {
  return handshakeMessage(HandshakeType.newSessionTicket,
    integer(4, TICKET_LIFETIME_S), integer(4, ageAdd), vector(1, nonce), vector(2, identity),
    vector(2, earlyData ? extension(Extension.earlyData, integer(4, EARLY_DATA_BYTES_MAX)) : NOTHING),
  )
}

export function readNewSessionTicket(body: Uint8Array): Read<NewSessionTicket> {
  const reader = new Reader(body, body.length)
  const lifetime = reader.u32()
  const ageAdd = reader.u32()
  const nonce = reader.raw(reader.u8())
  const identity = reader.raw(reader.u16())
  const extensions = readExtensions(reader)
  if (typeof extensions === 'string') return extensions
  if (identity.length === 0 || lifetime > TICKET_LIFETIME_S) return 'illegalParameter'
  return { ageAdd, nonce, identity, earlyData: extensions.has(Extension.earlyData) }
}

const NOTHING = new Uint8Array(0)

const handshakeMessage = (type: number, ...parts: readonly Uint8Array[]): Uint8Array => concat(integer(1, type), vector(3, ...parts))
const extension = (type: number, ...parts: readonly Uint8Array[]): Uint8Array => concat(integer(2, type), vector(2, ...parts))
const share = (bytes: Uint8Array): Uint8Array => concat(integer(2, GROUP), vector(2, bytes))
const u24 = (reader: Reader): number => reader.u8() * 0x1_0000 + reader.u16()

/** By type: everything that is left to read, none of them twice (section 4.2). Those that nobody knows are passed over. */
function readExtensions(reader: Reader): ReadonlyMap<number, Uint8Array> | AlertName {
  const bytes = reader.u16()
  if (reader.failed || bytes !== reader.remaining) return 'decodeError'
  const extensions = new Map<number, Uint8Array>()
  while (reader.remaining > 0) {
    const type = reader.u16()
    const body = reader.raw(reader.u16())
    if (reader.failed) return 'decodeError'
    if (extensions.has(type)) return 'illegalParameter'
    extensions.set(type, body)
  }
  return extensions
}

/** The one vector that fills `bytes`; empty where it does not. */
function vectorIn(bytes: Uint8Array, width: 1 | 2): Uint8Array {
  const reader = new Reader(bytes, bytes.length)
  const body = reader.raw(width === 1 ? reader.u8() : reader.u16())
  return reader.failed || reader.remaining > 0 ? NOTHING : body
}

function wholeU16s(bytes: Uint8Array): readonly number[] {
  const reader = new Reader(bytes, bytes.length)
  const values: number[] = []
  while (reader.remaining >= 2) values.push(reader.u16())
  return values
}

/** The share of the group that is spoken, among those in a row. */
function shareIn(bytes: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(bytes, bytes.length)
  while (reader.remaining > 0 && !reader.failed) {
    const group = reader.u16()
    const body = reader.raw(reader.u16())
    if (group === GROUP && body.length === SECRET_BYTES) return body
  }
  return undefined
}

/** The first identity on offer; null where the extension is malformed or there is not one binder for it at the very end. */
function pskIn(bytes: Uint8Array): OfferedPsk | null {
  const reader = new Reader(bytes, bytes.length)
  const identities = reader.raw(reader.u16())
  const list = new Reader(identities, identities.length)
  const identity = list.raw(list.u16())
  const obfuscatedAge = list.u32()
  const isWhole = !reader.failed && !list.failed && list.remaining === 0 && identity.length > 0
  const isBound = reader.remaining === BINDERS_BYTES && reader.u16() === 1 + SECRET_BYTES && reader.u8() === SECRET_BYTES
  return isWhole && isBound ? { identity, obfuscatedAge } : null
}

function namesIn(bytes: Uint8Array, width: 1 | 2): readonly string[] {
  const reader = new Reader(bytes, bytes.length)
  const names: string[] = []
  while (reader.remaining > 0) {
    const name = reader.raw(width === 1 ? reader.u8() : reader.u16())
    if (reader.failed) return []
    names.push(textOf(name))
  }
  return names
}

/** Of type host_name (RFC 6066, section 3); empty where there is none. */
function serverNameIn(bytes: Uint8Array): string {
  const list = vectorIn(bytes, 2)
  return list.length > 0 && list[0] === 0 ? namesIn(list.subarray(1), 2)[0] ?? '' : ''
}
