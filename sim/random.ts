/**
 * Labelled streams of sequential draws, for the shapes of a workload (which entity, how far), where the order of
 * the draws is part of the meaning. Faults and delays use choice.ts instead.
 */
import seedrandom from 'seedrandom'
import { seedText } from './choice.ts'
import type { Seed } from './choice.ts'

const U32_RANGE = 2 ** 32

/** Draws integers only: floats of a generator invite transcendental functions, which engines compute differently. */
export interface RandomStream {
  /** An integer of [0, n), each equally likely; n is an integer of [1, 2^32]. */
  int(n: number): number
  /** An integer of [first, last], both included. */
  range(first: number, last: number): number
  /** True `numerator` times in `denominator`. */
  chance(numerator: number, denominator: number): boolean
  /** One of the items, each equally likely. */
  pick<T>(items: readonly T[]): T
  /** `length` bytes. */
  bytes(length: number): Uint8Array
}

/**
 * The stream of a label. The same seed and label always give the same draws, and streams of different labels are
 * unrelated, so that a new consumer moves no other. Every method throws a RangeError for arguments outside its range.
 */
export function stream(seed: Seed, label: string): RandomStream {
  // JSON keeps ('a', 'b/c') and ('a/b', 'c') apart. A given seed string leaves seedrandom no reason to gather entropy.
  const generator = seedrandom.xor128(JSON.stringify([seedText(seed), label]))
  const int = (n: number): number => {
    if (!Number.isSafeInteger(n) || n < 1 || n > U32_RANGE) throw new RangeError(`${label}: expected an integer of [1, 2^32], got ${n}`)
    const limit = U32_RANGE - (U32_RANGE % n)
    // Draws above the last whole multiple of n are refused, or small answers would be likelier than large ones.
    for (;;) {
      const draw = generator.int32() >>> 0
      if (draw < limit) return draw % n
    }
  }
  return {
    int,
    range(first, last) {
      if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || last < first) {
        throw new RangeError(`${label}: expected integers first <= last, got ${first} and ${last}`)
      }
      return first + int(last - first + 1)
    },
    chance(numerator, denominator) {
      if (!Number.isSafeInteger(numerator) || numerator < 0 || numerator > denominator) {
        throw new RangeError(`${label}: expected a ratio of integers in [0, 1], got ${numerator}/${denominator}`)
      }
      return int(denominator) < numerator
    },
    pick(items) {
      if (items.length === 0) throw new RangeError(`${label}: expected at least one item to pick from`)
      return items[int(items.length)]
    },
    bytes(length) {
      if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`${label}: expected a length, got ${length}`)
      const bytes = new Uint8Array(length)
      for (let i = 0; i < length; i++) bytes[i] = int(256)
      return bytes
    },
  }
}
