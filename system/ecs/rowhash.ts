/**
 * A 64-bit hash of one row: (component id, entity, canonical bytes). The digest of a world is the sum of its rows'
 * hashes modulo 2^64, so that the order and the history of writes cannot show in it, and a write costs one hash.
 *
 * Two independent 32-bit lanes, each a round of xxHash32 (multiply, rotate, multiply) with constants of its own: a
 * difference that cancels out in one lane does not in the other. Not keyed: it tells accidents and bugs apart, it does
 * not withstand someone who searches for collisions, and nothing here rests on that.
 */
import type { EntityId, Hash64 } from '../ids.ts'

// The primes of xxHash32: lane a has its second and first, as there; lane b has its third and fourth.
const A_WORD = 0x85ebca77
const A_STATE = 0x9e3779b1
const B_WORD = 0xc2b2ae3d
const B_STATE = 0x27d4eb2f
const U32_SPAN = 2 ** 32

/** MurmurHash3's finaliser: each bit in reaches each bit out; a bijection. */
function avalanche(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/**
 * Hashes the `bytes` bytes of `view` from `offset` and writes the hash to `hashes[at]` (low half) and `hashes[at + 1]`
 * (high half): there is no allocation.
 */
export function hashRow(
  component: Hash64, entity: EntityId, view: DataView, offset: number, bytes: number, hashes: Uint32Array, at: number,
): void {
  let a = component.lo | 0
  let b = component.hi | 0
  let word = entity
  let next = offset
  const end = offset + bytes
  const wordsEnd = end - (bytes & 3)
  for (;;) {
    a = (a + Math.imul(word, A_WORD)) | 0
    a = Math.imul((a << 13) | (a >>> 19), A_STATE)
    b = (b + Math.imul(word, B_WORD)) | 0
    b = Math.imul((b << 17) | (b >>> 15), B_STATE)
    if (next < wordsEnd) {
      word = view.getInt32(next, true)
      next += 4
    } else if (next < end) {
      word = 0
      while (next < end) word = (word << 8) | view.getUint8(next++)
    } else break
  }
  // Bijective in (a, b), and it carries each lane into the other.
  const low = avalanche((a + b) | 0)
  hashes[at] = low
  hashes[at + 1] = avalanche(b ^ low)
}

/** The sum of the hashes of the first `rows` rows of `view`, modulo 2^64, in `sum`: low half, high half. */
export function sumOfRows(component: Hash64, entities: Uint32Array, view: DataView, stride: number, rows: number, sum: Uint32Array): void {
  let low = 0
  let high = 0
  for (let row = 0; row < rows; row++) {
    hashRow(component, entities[row], view, row * stride, stride, sum, 0)
    low += sum[0]
    high += sum[1]
  }
  // Both are exact: ROWS_PER_COMPONENT_MAX halves of 32 bits come to less than 2^53.
  sum[0] = low
  sum[1] = high + Math.floor(low / U32_SPAN)
}
