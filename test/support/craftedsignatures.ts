/**
 * Signatures on which Ed25519 libraries are known to disagree, each with the verdict that Theta's rule demands. The verdicts come
 * from how a case is built (the discrete logarithms are known), not from any verifier.
 */
import { etc, Point, utils } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import { nobleSigner } from '../../system/commands/signature.ts'
import { keyFromSeed } from '../../scenarios/keys.ts'

export interface CraftedSignature {
  readonly name: string
  readonly signature: Uint8Array
  readonly message: Uint8Array
  readonly publicKey: Uint8Array
  readonly valid: boolean
}

const ORDER = Point.CURVE().n
const PRIME = Point.CURVE().p
const COFACTOR = 8

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${etc.bytesToHex(bytes.toReversed())}`)
const bytesOf = (value: bigint): Uint8Array => etc.hexToBytes(value.toString(16).padStart(64, '0')).reverse()
const challenge = (R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint => numberOf(sha512(etc.concatBytes(R, A, message))) % ORDER
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
const messageOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
/** A scalar that nobody chose. */
const scalarOf = (label: string): bigint => numberOf(sha512(messageOf(label))) % ORDER

/** The eight points of small order: k times a point of order eight, which is L times any point of full order. */
function torsionPoints(): Point[] {
  for (let y = 2; ; y++) {
    let point: Point
    try {
      point = Point.fromBytes(bytesOf(BigInt(y)))
    } catch {
      continue
    }
    const torsion = point.multiplyUnsafe(ORDER - 1n).add(point)
    if (torsion.double().double().is0()) continue
    return Array.from({ length: COFACTOR }, (_, k) => torsion.multiplyUnsafe(BigInt(k)))
  }
}
export const TORSION: readonly Point[] = torsionPoints()

/** Every 32 bytes whose y is not reduced (p <= y < 2^255), under both signs, and x = 0 under the sign that it cannot have. */
export const NON_CANONICAL: readonly Uint8Array[] = [
  ...Array.from({ length: 19 }, (_, k) => bytesOf(PRIME + BigInt(k))).flatMap((bytes) => [bytes, flipped(bytes, 255)]),
  flipped(bytesOf(1n), 255),
  flipped(bytesOf(PRIME - 1n), 255),
]

export function craftedSignatures(): CraftedSignature[] {
  const cases: CraftedSignature[] = []
  const add = (name: string, signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array, valid: boolean) =>
    cases.push({ name, signature, message, publicKey, valid })

  const secretKey = keyFromSeed(1, 'crafted')
  const signer = nobleSigner(secretKey)
  const a = utils.getExtendedPublicKey(secretKey).scalar
  const publicKey = signer.publicKey
  const message = messageOf('move the crate')
  const good = signer.sign(message)

  for (let length = 0; length < 20; length++) {
    const text = new Uint8Array(length * 13).fill(length)
    add(`honest, ${text.length} bytes`, signer.sign(text), text, publicKey, true)
  }

  // Torsion in the key (i), in R (j), or in both: S*B - h*A = r*B - h*T_i, which is R = r*B + T_j exactly where
  // j = -h*i mod 8. With r = 0, R is of small order, and refused for that.
  for (let i = 0; i < COFACTOR; i++) {
    const key = Point.BASE.multiplyUnsafe(a).add(TORSION[i]).toBytes()
    for (let j = 0; j < COFACTOR; j++) {
      for (const r of [0n, scalarOf(`r ${i} ${j} a`), scalarOf(`r ${i} ${j} b`)]) {
        const R = Point.BASE.multiplyUnsafe(r).add(TORSION[j]).toBytes()
        const h = challenge(R, key, message)
        const valid = r !== 0n && (j + Number(h % 8n) * i) % COFACTOR === 0
        add(`torsion ${i} in A, ${j} in R, r ${r}`, etc.concatBytes(R, bytesOf((r + h * a) % ORDER)), message, key, valid)
      }
    }
  }

  // Keys of small order: S = r and one of eight R = r*B + T_j hold for anybody who likes. Canonical or not, the rule refuses the key.
  for (const key of [...TORSION.map((point): Uint8Array => point.toBytes()), ...NON_CANONICAL]) {
    const name = `small-order or non-canonical key ${etc.bytesToHex(key)}`
    for (let j = 0; j < COFACTOR; j++) {
      const r = scalarOf(`small ${j}`)
      const R = Point.BASE.multiplyUnsafe(r).add(TORSION[j]).toBytes()
      add(`${name}, R with torsion ${j}`, etc.concatBytes(R, bytesOf(r)), message, key, false)
    }
  }

  // R not in its canonical form, S chosen as if it were the identity.
  for (const R of NON_CANONICAL) {
    add(`R ${etc.bytesToHex(R)}`, etc.concatBytes(R, bytesOf((challenge(R, publicKey, message) * a) % ORDER)), message, publicKey, false)
  }
  const identity = Point.ZERO.toBytes()
  const forIdentity = bytesOf((challenge(identity, publicKey, message) * a) % ORDER)
  add('R the identity, r = 0', etc.concatBytes(identity, forIdentity), message, publicKey, false)

  // S beyond its range: the same residue, other bytes.
  const R = good.subarray(0, 32)
  const s = numberOf(good.subarray(32))
  for (let k = 1n; s + k * ORDER < 1n << 256n; k++) {
    add(`S + ${k} L`, etc.concatBytes(R, bytesOf(s + k * ORDER)), message, publicKey, false)
  }
  for (const other of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, (1n << 255n) - 1n, (1n << 256n) - 1n]) {
    add(`S = ${other}`, etc.concatBytes(R, bytesOf(other)), message, publicKey, false)
  }
  add('small-order key, everything zero', etc.concatBytes(identity, bytesOf(0n)), message, identity, false)

  for (const length of [0, 1, 31, 32, 63, 65, 96]) add(`signature of ${length} bytes`, resized(good, length), message, publicKey, false)
  for (const length of [0, 1, 31, 33, 64]) add(`key of ${length} bytes`, good, message, resized(publicKey, length), false)
  add('empty message instead', good, new Uint8Array(0), publicKey, false)
  add('R and S swapped', etc.concatBytes(good.subarray(32), R), message, publicKey, false)
  add('another key', good, message, nobleSigner(keyFromSeed(2, 'crafted')).publicKey, false)

  for (let bit = 0; bit < 512; bit += 5) add(`signature bit ${bit} flipped`, flipped(good, bit), message, publicKey, false)
  for (let bit = 0; bit < 256; bit += 5) add(`key bit ${bit} flipped`, good, message, flipped(publicKey, bit), false)
  for (let bit = 0; bit < message.length * 8; bit += 7) add(`message bit ${bit} flipped`, good, flipped(message, bit), publicKey, false)
  return cases
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const other = new Uint8Array(length)
  other.set(bytes.subarray(0, length))
  return other
}
