import { describe, expect, it } from 'vitest'
import { hashRow } from '../../../system/ecs/rowhash.ts'
import { type Hash64, hash64Hex } from '../../../system/ids.ts'

const COMPONENT: Hash64 = { hi: 0x01234567, lo: 0x89abcdef }

function hashOf(bytes: Uint8Array, entity = 1, component = COMPONENT, offset = 0, length = bytes.length): Hash64 {
  const hashes = new Uint32Array(2)
  hashRow(component, entity, new DataView(bytes.buffer), offset, length, hashes, 0)
  return { hi: hashes[1], lo: hashes[0] }
}
function bitsSet(word: number): number {
  let bits = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++
  return bits
}

describe('row hash', () => {
  // Pinned: digests stand in reports, so that a change of the hash is a change of every digest.
  it('gives_these_values', () => {
    const bytes = Uint8Array.from({ length: 26 }, (_, index) => index)
    expect(hash64Hex(hashOf(bytes))).toMatchInlineSnapshot(`"4169fc29a56e6adb"`)
    expect(hash64Hex(hashOf(new Uint8Array(3)))).toMatchInlineSnapshot(`"ccac4bbab2c9b2dd"`)
  })

  it('covers_component_entity_and_bytes_and_nothing_around_them', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7)
    const hashes = [
      hashOf(bytes),
      hashOf(bytes, 2),
      hashOf(bytes, 1, { ...COMPONENT, hi: 7 }),
      hashOf(bytes, 1, { ...COMPONENT, lo: 7 }),
      hashOf(Uint8Array.of(1, 2, 3, 4, 5, 6, 8)),
      hashOf(Uint8Array.of(1, 2, 3, 4, 5, 7, 6)),
    ].map(hash64Hex)
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hash64Hex(hashOf(Uint8Array.of(99, ...bytes, 99), 1, COMPONENT, 1, bytes.length))).toBe(hashes[0])
  })

  it('each_bit_in_moves_about_half_of_the_bits_out', () => {
    const bytes = Uint8Array.from({ length: 27 }, (_, index) => index * 37)
    const before = hashOf(bytes)
    let moved = 0
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7)
      const after = hashOf(bytes)
      bytes[bit >> 3] ^= 1 << (bit & 7)
      const count = bitsSet(before.lo ^ after.lo) + bitsSet(before.hi ^ after.hi)
      // 64 coins: mean 32, deviation 4; of 216 draws none is 5 deviations away.
      expect(Math.abs(count - 32)).toBeLessThan(20)
      moved += count
    }
    // The mean of 216 draws: deviation 4 / sqrt(216) = 0.27.
    expect(Math.abs(moved / (bytes.length * 8) - 32)).toBeLessThan(1)
  })

  it('near_rows_do_not_collide_in_either_half', () => {
    // Every pair of flipped bits in a row of 20 bytes: 160 * 159 / 2 = 12,720 rows. Two equal halves of 32 bits are
    // expected 12,720^2 / 2^33 = 0.019 times each; in a lane that lets a pair of flips cancel out there are many.
    const [low, high] = [new Set<number>(), new Set<number>()]
    const bytes = new Uint8Array(20)
    for (let first = 0; first < 160; first++) {
      for (let second = 0; second < first; second++) {
        bytes[first >> 3] ^= 1 << (first & 7)
        bytes[second >> 3] ^= 1 << (second & 7)
        const { hi, lo } = hashOf(bytes)
        low.add(lo)
        high.add(hi)
        bytes.fill(0)
      }
    }
    expect(low.size).toBe(12_720)
    expect(high.size).toBe(12_720)
  })
})
