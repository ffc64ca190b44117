import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hash64Hex } from '../../../system/ids.ts'
import { sipHash24 } from '../../../system/protocol/siphash.ts'

// vectors_sip64 of the reference implementation (github.com/veorq/SipHash): key 00..0f, input 00..(n - 1), digest bytes little-endian.
const REFERENCE = [
  '310e0edd47db6f72', 'fd67dc93c539f874', '5a4fa9d909806c0d', '2d7efbd796666785',
  'b7877127e09427cf', '8da699cd64557618', 'cee3fe586e46c9cb', '37d1018bf50002ab',
  '6224939a79f5f593', 'b0e4a90bdf82009e', 'f3b9dd94c5bb5d7a', 'a7ad6b22462fb3f4',
  'fbe50e86bc8f1e75', '903d84c02756ea14', 'eef27a8e90ca23f7', 'e545be4961ca29a1',
]

test.each(REFERENCE.map((digest, length) => [length, digest]))('reference_vector_of_%i_bytes', (length, digest) => {
  const result = sipHash24(Uint8Array.from({ length: length }, (_, i) => i))
  expect(Buffer.from(hash64Hex(result), 'hex').reverse().toString('hex')).toBe(digest)
})

/** SipHash-2-4 straight from the paper, in bigints. */
function slow(bytes: Uint8Array, k0: bigint, k1: bigint): bigint {
  const wrap = (value: bigint) => BigInt.asUintN(64, value)
  const rotated = (value: bigint, by: bigint) => wrap((value << by) | (value >> (64n - by)))
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n]
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = wrap(v0 + v1); v1 = rotated(v1, 13n) ^ v0; v0 = rotated(v0, 32n)
      v2 = wrap(v2 + v3); v3 = rotated(v3, 16n) ^ v2
      v0 = wrap(v0 + v3); v3 = rotated(v3, 21n) ^ v0
      v2 = wrap(v2 + v1); v1 = rotated(v1, 17n) ^ v2; v2 = rotated(v2, 32n)
    }
  }
  const padded = Buffer.alloc((Math.floor(bytes.length / 8) + 1) * 8)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length & 0xff
  for (let at = 0; at < padded.length; at += 8) {
    const block = padded.readBigUInt64LE(at)
    v3 ^= block
    rounds(2)
    v0 ^= block
  }
  v2 ^= 0xffn
  rounds(4)
  return v0 ^ v1 ^ v2 ^ v3
}

test('halves_agree_with_bigints_for_any_key_and_input', () => {
  const word = fc.nat(0xffffffff)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), word, word, word, word, (bytes, a, b, c, d) => {
    const whole = (hi: number, lo: number) => (BigInt(hi) << 32n) | BigInt(lo)
    const { hi, lo } = sipHash24(bytes, { k0: { hi: a, lo: b }, k1: { hi: c, lo: d } })
    expect(whole(hi, lo)).toBe(slow(bytes, whole(a, b), whole(c, d)))
  }), { seed: 1, numRuns: 100 })
})

test('a_text_is_its_utf8_bytes', () => {
  expect(sipHash24('theta.Entité 🪁')).toEqual(sipHash24(new TextEncoder().encode('theta.Entité 🪁')))
})
