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
  'db9bc2577fcc2a3f', '9447be2cf5e99a69', '9cd38d96f0b3c14b', 'bd6179a71dc96dbb',
  '98eea21af25cd6be', 'c7673b2eb0cbf2d0', '883ea3e395675393', 'c8ce5ccd8c030ca8',
  '94af49f6c650adb8', 'eab8858ade92e1bc', 'f315bb5bb835d817', 'adcf6b0763612e2f',
  'a5c91da7acaa4dde', '716595876650a2a6', '28ef495c53a387ad', '42c341d8fa92d832',
  'ce7cf2722f512771', 'e37859f94623f3a7', '381205bb1ab0e012', 'ae97a10fd434e015',
  'b4a31508beff4d31', '81396229f0907902', '4d0cf49ee5d4dcca', '5c73336a76d8bf9a',
  'd0a704536ba93e0e', '925958fcd6420cad', 'a915c29bc8067318', '952b79f3bc0aa6d4',
  'f21df2e41d4535f9', '87577519048f53a9', '10a56cf5dfcd9adb', 'eb75095ccd986cd0',
  '51a9cb9ecba312e6', '96afadfc2ce666c7', '72fe52975a4364ee', '5a1645b276d592a1',
  'b274cb8ebf87870a', '6f9bb4203de7b381', 'eaecb2a30b22a87f', '9924a43cc1315724',
  'bd838d3aafbf8db7', '0b1a2a3265d51aea', '135079a3231ce660', '932b2846e4d70666',
  'e1915f5cb1eca46c', 'f325965ca16d629f', '575ff28e60381be5', '724506eb4c328a95',
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
