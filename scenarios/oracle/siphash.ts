/** SipHash-2-4 as its paper has it (Aumasson and Bernstein, 2012), in bigints, with the key 00 01 .. 0f. */

const WORD = 64
const wrap = (value: bigint): bigint => BigInt.asUintN(WORD, value)
const rotated = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)))
const [KEY_0, KEY_1] = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n]

export function sipHash(bytes: Uint8Array): bigint {
  let [v0, v1] = [KEY_0 ^ 0x736f6d6570736575n, KEY_1 ^ 0x646f72616e646f6dn]
  let [v2, v3] = [KEY_0 ^ 0x6c7967656e657261n, KEY_1 ^ 0x7465646279746573n]
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = wrap(v0 + v1)
      v1 = rotated(v1, 13n) ^ v0
      v0 = rotated(v0, 32n)
      v2 = wrap(v2 + v3)
      v3 = rotated(v3, 16n) ^ v2
      v0 = wrap(v0 + v3)
      v3 = rotated(v3, 21n) ^ v0
      v2 = wrap(v2 + v1)
      v1 = rotated(v1, 17n) ^ v2
      v2 = rotated(v2, 32n)
    }
  }
  const padded = new Uint8Array((Math.floor(bytes.length / 8) + 1) * 8)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length % 256
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 8) {
    const block = view.getBigUint64(at, true)
    v3 ^= block
    rounds(2)
    v0 ^= block
  }
  v2 ^= 0xffn
  rounds(4)
  return v0 ^ v1 ^ v2 ^ v3
}
