/**
 * Certificates (RFC 5280): a leaf and its issuer, in DER with all that an X.509 version 3 certificate must have, and the checks of a
 * client. Signatures and keys have the shape of ECDSA with P-256, but follow from names alone, so that anybody could forge them: what
 * is modelled is which certificates are refused, and how many bytes they take.
 */
import { keyedHash, type ProtectionKind } from './keyderivation.ts'
import { ascii, integer, isSame, joined, textOf } from '../octets.ts'

/** What a server may show: only the first is accepted. */
export type CertificateDefect = 'expired' | 'untrusted' | 'wrongName'

/** A chain as it is shown: the leaf first, the root left out. */
export type CertificateChain = readonly Uint8Array[]

/** Bytes of both certificates together where nothing else is asked for: what two with common extensions take. */
const CHAIN_BYTES = 2400

const TRUSTED_ROOT = 'Simulated Root CA'
const UNKNOWN_ROOT = 'Unknown Root CA'
const ISSUER = 'Simulated Issuing CA'

/** UTCTime (RFC 5280, section 4.1.2.5.1): the day that every run takes place on, and the days around it. */
const NOW = '260101000000Z'
const NOT_BEFORE = '250101000000Z'
const NOT_AFTER = '270101000000Z'
const EXPIRED = '251231235959Z'

const Tag = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8String: 0x0c, ia5String: 0x16, utcTime: 0x17,
  sequence: 0x30, set: 0x31,
} as const
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const DNS_NAME = 0x82

/** Of an element's head: a tag, and a length of up to 24 bits. */
const HEAD_BYTES_MAX = 5
/** What a signature and its algorithm, and the lengths of all that a long comment stands in, add to a certificate. */
const SIGNED_BYTES = 115

const COMMON_NAME = oid(0x55, 0x04, 0x03)
const SUBJECT_ALTERNATIVE_NAME = oid(0x55, 0x1d, 0x11)
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13)
/** netscape-comment, 2.16.840.1.113730.1.13: free text, here blanks, which makes a certificate as long as is wanted. */
const COMMENT = oid(0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x0d)
const BLANK = 0x20
const NO_UNUSED_BITS = new Uint8Array(1)
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
/** ecPublicKey on prime256v1. */
const KEY_ALGORITHM = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01), oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07))

/** A chain for `serverName`, of about `bytes` (at least what the fields take). */
export function certificateChain(
  kind: ProtectionKind, serverName: string, defect: CertificateDefect | undefined, bytes: number = CHAIN_BYTES,
): CertificateChain {
  const authority = extension(BASIC_CONSTRAINTS, sequence(der(Tag.boolean, integer(1, 0xff))))
  const issuer = signed(kind, ISSUER, defect === 'untrusted' ? UNKNOWN_ROOT : TRUSTED_ROOT, NOT_AFTER, [authority])
  const subject = defect === 'wrongName' ? `not.${serverName}` : serverName
  const notAfter = defect === 'expired' ? EXPIRED : NOT_AFTER
  const names = extension(SUBJECT_ALTERNATIVE_NAME, sequence(der(DNS_NAME, ascii(subject))))
  const filling = Math.max(0, bytes - issuer.length - content(kind, subject, ISSUER, notAfter, [names]).length - SIGNED_BYTES)
  const comment = extension(COMMENT, der(Tag.ia5String, new Uint8Array(filling).fill(BLANK)))
  return [signed(kind, subject, ISSUER, notAfter, [names, comment]), issuer]
}

/** Which alert of RFC 8446, section 6.2 refuses a chain; undefined where nothing is wrong with it. */
export type CertificateAlert = 'badCertificate' | 'certificateExpired' | 'unknownCa'

export function checkChain(kind: ProtectionKind, chain: CertificateChain, serverName: string): CertificateAlert | undefined {
  let issuedBy: string | undefined
  let names: readonly string[] | undefined
  for (const bytes of chain) {
    const read = readCertificate(kind, bytes)
    if (read === undefined || !read.signed || (issuedBy !== undefined && issuedBy !== read.subject)) return 'badCertificate'
    if (NOW > read.notAfter || NOW < read.notBefore) return 'certificateExpired'
    issuedBy = read.issuer
    names ??= read.names
  }
  if (names === undefined) return 'badCertificate'
  if (issuedBy !== TRUSTED_ROOT) return 'unknownCa'
  return names.includes(serverName) ? undefined : 'badCertificate'
}

/** The signature of a handshake by the owner of a leaf (RFC 8446, section 4.4.3). */
export function handshakeSignature(kind: ProtectionKind, leaf: Uint8Array, content: Uint8Array): Uint8Array {
  return signature(kind, keyedHash(kind, ascii('leaf'), leaf), content)
}

function signed(
  kind: ProtectionKind, subject: string, issuer: string, notAfter: string, extensions: readonly Uint8Array[],
): Uint8Array {
  const bytes = content(kind, subject, issuer, notAfter, extensions)
  return sequence(bytes, ECDSA_WITH_SHA256, bitString(signature(kind, ascii(issuer), bytes)))
}

/** TBSCertificate (section 4.1.2). */
function content(
  kind: ProtectionKind, subject: string, issuer: string, notAfter: string, extensions: readonly Uint8Array[],
): Uint8Array {
  const owner = ascii(subject)
  return sequence(
    der(VERSION, der(Tag.integer, integer(1, 2))),
    der(Tag.integer, integer(1, 1), keyedHash(kind, ascii('serial'), owner).subarray(0, 15)),
    ECDSA_WITH_SHA256,
    name(issuer),
    sequence(der(Tag.utcTime, ascii(NOT_BEFORE)), der(Tag.utcTime, ascii(notAfter))),
    name(subject),
    // An uncompressed point: 4, x and y.
    sequence(KEY_ALGORITHM, bitString(integer(1, 4), keyedHash(kind, ascii('x'), owner), keyedHash(kind, ascii('y'), owner))),
    der(EXTENSIONS, sequence(...extensions)),
  )
}

/** ECDSA-Sig-Value of RFC 3279, section 2.2.3; both integers keep to 32 bytes. */
function signature(kind: ProtectionKind, key: Uint8Array, content: Uint8Array): Uint8Array {
  const digest = keyedHash(kind, key, content)
  const half = (label: string): Uint8Array => {
    const bytes = keyedHash(kind, digest, ascii(label)).slice()
    // Positive, and not padded.
    bytes[0] = (bytes[0] & 0x3f) | 0x40
    return der(Tag.integer, bytes)
  }
  return sequence(half('r'), half('s'))
}

const name = (commonName: string): Uint8Array =>
  sequence(der(Tag.set, sequence(COMMON_NAME, der(Tag.utf8String, ascii(commonName)))))
const extension = (id: Uint8Array, value: Uint8Array): Uint8Array => sequence(id, der(Tag.octetString, value))
const bitString = (...parts: readonly Uint8Array[]): Uint8Array => der(Tag.bitString, NO_UNUSED_BITS, ...parts)

function oid(...content: readonly number[]): Uint8Array {
  return der(Tag.oid, new Uint8Array(content))
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(Tag.sequence, ...parts)
}

/** A tag, the shortest length of X.690, section 10.1, and the contents. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = joined(HEAD_BYTES_MAX, parts)
  const length = bytes.length - HEAD_BYTES_MAX
  const widths = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3
  let at = HEAD_BYTES_MAX
  for (let rest = length, i = widths; i > 0; i--, rest >>>= 8) bytes[--at] = rest
  bytes[--at] = widths === 0 ? length : 0x80 | widths
  bytes[--at] = tag
  return bytes.subarray(at)
}

interface Certificate {
  readonly subject: string
  readonly issuer: string
  readonly notBefore: string
  readonly notAfter: string
  /** Of the subject alternative name. */
  readonly names: readonly string[]
  /** Whether the signature is the issuer's. */
  readonly signed: boolean
}

/** What {@link certificate} writes; undefined for anything of another form. */
function readCertificate(kind: ProtectionKind, bytes: Uint8Array): Certificate | undefined {
  const [outer, ...after] = elements(bytes)
  if (outer === undefined || after.length > 0) return undefined
  const [signed, , signatureBits] = elements(outer.body)
  const [, , , issuer, validity, subject, , extensions] = signed === undefined ? [] : elements(signed.body)
  if (signatureBits === undefined || subject === undefined) return undefined
  const [notBefore, notAfter] = elements(validity.body)
  const [issuerName, subjectName] = [commonName(issuer.body), commonName(subject.body)]
  if (notAfter === undefined || issuerName === undefined || subjectName === undefined) return undefined
  const listed = extensions === undefined ? [] : elements(extensions.body).flatMap((list) => elements(list.body))
  const names = listed.flatMap((one) => {
    const [id, value] = elements(one.body)
    if (value === undefined || !isSame(id.whole, SUBJECT_ALTERNATIVE_NAME)) return []
    return elements(value.body).flatMap((list) => elements(list.body)).map((dnsName) => textOf(dnsName.body))
  })
  return {
    subject: subjectName, issuer: issuerName, notBefore: textOf(notBefore.body), notAfter: textOf(notAfter.body), names,
    signed: isSame(signatureBits.body.subarray(1), signature(kind, ascii(issuerName), signed.whole)),
  }
}

function commonName(body: Uint8Array): string | undefined {
  const [attribute] = elements(body).flatMap((set) => elements(set.body))
  const [, value] = attribute === undefined ? [] : elements(attribute.body)
  return value && textOf(value.body)
}

interface Element {
  readonly whole: Uint8Array
  readonly body: Uint8Array
}

/** The elements that stand in a row in `bytes`, up to the first that is cut short. */
function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const start = at
    let length = bytes[start + 1]
    at += 2
    if (length >= 0x80) {
      const width = length & 0x7f
      if (width === 0 || width > 3 || at + width > bytes.length) return found
      length = 0
      for (let i = 0; i < width; i++) length = length * 256 + bytes[at + i]
      at += width
    }
    if (length > bytes.length - at) return found
    found.push({ whole: bytes.subarray(start, at + length), body: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}
