/**
 * Ed25519 in the one strict form that Theta allows, on @noble/ed25519: pure JavaScript, the same on every engine.
 *
 * RFC 8032 leaves room: libraries differ on small-order keys, points with a torsion component, unreduced encodings, and on
 * whether the equation is multiplied by the cofactor. Peers that disagree on one crafted signature diverge, so the rule
 * is fixed here, and every other verifier (platform/ed25519.ts) is tested against it, verdict by verdict:
 *
 *  1. The signature R || S has 64 bytes, S < L, and R is not of {@link smallOrder}.
 *  2. The key A is admissible: {@link admissibleKey}.
 *  3. With h = SHA-512(R || A || M) mod L, the canonical encoding of S*B - h*A is byte-equal to R.
 *
 * The third is RFC 8032 section 5.1.7 without the cofactor. It never decodes R, so an unreduced R cannot pass. h is
 * reduced mod L before it multiplies A, as OpenSSL and libsodium do: for a key with a torsion component it matters.
 * That R is not of small order is what libsodium, the Web Crypto specification and Node 24.21 demand (nodejs/node#64026),
 * while Node 20.20 and 22.23 do not. No honest signature has such an R.
 */
import { etc, getPublicKey, hashes, Point, sign } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import type { Signer, Verifier } from '../ports.ts'

hashes.sha512 = sha512

const SIGNATURE_BYTES = 64
const PUBLIC_KEY_BYTES = 32
/** Keys whose decoded points a verifier keeps: above every session's members, departed ones included. */
const KEYS_CACHED_MAX = 1024

/** The order of the base point, L of RFC 8032. */
const ORDER = Point.CURVE().n
const SIGN_BIT = 0x80
/** The y of the eight points of small order: orders 1, 2, 4 (two points), 8 (two points each); little-endian. */
const SMALL_ORDER_Y = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(etc.hexToBytes)

/** Whether 32 bytes in canonical form encode a point whose multiple by eight is the identity. */
export const smallOrder = (encoded: Uint8Array): boolean =>
  SMALL_ORDER_Y.some((y) => y.every((byte, i) => byte === (i < 31 ? encoded[i] : encoded[i] & ~SIGN_BIT)))

/**
 * Whether a public key may sign: 32 bytes, the canonical encoding (y < p, RFC 8032 section 5.1.3) of a point on the
 * curve that is not of small order (a key of small order has signatures that hold for any message).
 */
export const admissibleKey = (publicKey: Uint8Array): boolean => admissiblePoint(publicKey) !== undefined

function admissiblePoint(publicKey: Uint8Array): Point | undefined {
  if (publicKey.length !== PUBLIC_KEY_BYTES || smallOrder(publicKey)) return undefined
  try {
    return Point.fromBytes(publicKey)
  } catch {
    // noble's only way of saying that these are not the canonical bytes of a point.
    return undefined
  }
}

/** A verifier with a cache of decoded keys: about 1.5 ms a signature. */
export function nobleVerifier(): Verifier {
  const points = new Map<string, Point | undefined>()
  const pointOf = (publicKey: Uint8Array): Point | undefined => {
    const name = String.fromCharCode(...publicKey.subarray(0, PUBLIC_KEY_BYTES + 1))
    if (points.has(name)) return points.get(name)
    if (points.size >= KEYS_CACHED_MAX) points.clear()
    const point = admissiblePoint(publicKey)
    points.set(name, point)
    return point
  }
  return {
    verify(signature, message, publicKey) {
      const commitment = signature.subarray(0, 32)
      if (signature.length !== SIGNATURE_BYTES || smallOrder(commitment)) return false
      const s = littleEndian(signature.subarray(32))
      const key = s < ORDER ? pointOf(publicKey) : undefined
      if (key === undefined) return false
      const h = littleEndian(sha512(etc.concatBytes(commitment, publicKey, message))) % ORDER
      const expected = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(h)).toBytes()
      return expected.every((byte, i) => byte === commitment[i])
    },
  }
}

/**
 * Signs as RFC 8032 section 5.1.6 says.
 * @param secretKey 32 bytes, the seed of RFC 8032; copied.
 * @throws TypeError where it is no Uint8Array, RangeError where it has not 32 bytes.
 */
export function nobleSigner(secretKey: Uint8Array): Signer {
  const publicKey = getPublicKey(secretKey)
  const secret = secretKey.slice()
  return { publicKey, sign: (message) => sign(message, secret) }
}

const NOOP_BYTE = 0xed

/** For benchmarks that leave the cost of signatures out: every signature is the same 64 bytes. */
export const noopSigner = (publicKey: Uint8Array): Signer => ({ publicKey, sign: () => new Uint8Array(SIGNATURE_BYTES).fill(NOOP_BYTE) })
/** Accepts what {@link noopSigner} signs, whoever signed what. */
export const noopVerifier = (): Verifier => ({
  verify: (signature) => signature.length === SIGNATURE_BYTES && signature.every((byte) => byte === NOOP_BYTE),
})

const littleEndian = (bytes: Uint8Array): bigint => BigInt(`0x${etc.bytesToHex(bytes.toReversed())}`)
