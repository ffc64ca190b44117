/**
 * A certificate as a browser makes one for itself: X.509 in DER with an ECDSA key on P-256, named 'WebRTC'. Key and signatures are
 * those of the model (secret.ts): they follow from a secret, and prove nothing.
 */
import { deriveFrom } from './secret.ts'

/** DER tags. */
const Der = { integer: 0x02, bits: 0x03, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31, version: 0xa0 } as const
const EC_PUBLIC_KEY = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
const PRIME256V1 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const COMMON_NAME = [0x55, 0x04, 0x03]

/** An uncompressed point: 4, x, y. */
export const POINT_BYTES = 65

function der(tag: number, ...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff]
  const bytes = new Uint8Array(1 + size.length + length)
  bytes[0] = tag
  bytes.set(size, 1)
  let offset = 1 + size.length
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0))

/** A positive integer of exactly 32 bytes. */
function integer(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = deriveFrom(label, ...parts)
  bytes[0] = (bytes[0] & 0x7f) | 0x40
  return der(Der.integer, bytes)
}

/** A public key of the model. */
export function pointOf(label: string, secret: Uint8Array): Uint8Array {
  const point = new Uint8Array(POINT_BYTES)
  point[0] = 4
  point.set(deriveFrom(`${label} x`, secret), 1)
  point.set(deriveFrom(`${label} y`, secret), 33)
  return point
}

/** What the holder of a certificate signs with it, and what whoever knows the certificate expects. */
export function signatureOf(certificate: Uint8Array, ...signed: readonly Uint8Array[]): Uint8Array {
  return der(Der.sequence, integer('signature r', certificate, ...signed), integer('signature s', certificate, ...signed))
}

export function certificateOf(secret: Uint8Array): Uint8Array {
  const algorithm = der(Der.sequence, der(Der.oid, ECDSA_WITH_SHA256))
  const name = der(Der.sequence, der(Der.set, der(Der.sequence, der(Der.oid, COMMON_NAME), der(Der.text, ascii('WebRTC')))))
  const key = der(
    Der.sequence, der(Der.sequence, der(Der.oid, EC_PUBLIC_KEY), der(Der.oid, PRIME256V1)),
    der(Der.bits, [0], pointOf('certificate', secret)),
  )
  const body = der(
    Der.sequence, der(Der.version, der(Der.integer, [2])), integer('serial', secret), algorithm, name,
    der(Der.sequence, der(Der.time, ascii('250101000000Z')), der(Der.time, ascii('350101000000Z'))), name, key,
  )
  return der(Der.sequence, body, algorithm, der(Der.bits, [0], signatureOf(body)))
}

/** 32 bytes, as a=fingerprint of a session description gives them (RFC 8122, section 5); of the model, not of SHA-256. */
export const fingerprintOf = (certificate: Uint8Array): Uint8Array => deriveFrom('fingerprint', certificate)
