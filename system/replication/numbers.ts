/**
 * Integers told by a range coder: zero or not, the sign, how many bits the magnitude has, and those bits, the upper two of them with
 * probabilities of their own. Small numbers that come often take a fraction of a bit, and any safe integer can be told.
 */
import { type Coder, type Contexts, beginAs, newContexts, startAt } from './rangecoder.ts'

/** Bits of a magnitude beyond its first, of a safe integer. */
const LENGTH_MAX = 52
const RAW_BITS = 16
/** Contexts of a magnitude: one for each further bit of its length, and three for each length, of its upper two bits. */
const MAGNITUDE_CONTEXTS = LENGTH_MAX + 3 * (LENGTH_MAX + 1)
/** Contexts of an integer: whether it is zero, its sign, its magnitude. */
export const INTEGER_CONTEXTS = 2 + MAGNITUDE_CONTEXTS

const U32_SPAN = 2 ** 32
/** `count` bits of a safe integer, from bit `from` on. Below 2^32 without the cost of a division. */
const bitsOf = (value: number, from: number, count: number): number =>
  (value < U32_SPAN && from < 32 ? (value >>> from) & ((1 << count) - 1) : Math.floor(value / 2 ** from) % 2 ** count)
const bitLength = (value: number): number => (value < U32_SPAN ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / U32_SPAN)))

/** A magnitude of 1 or more, in the MAGNITUDE_CONTEXTS from `at` on. */
function codeMagnitude(coder: Coder, contexts: Contexts, at: number, magnitude: number): number {
  const wanted = coder.isEncoder ? bitLength(magnitude) - 1 : 0
  let length = 0
  while (length < LENGTH_MAX && coder.bit(contexts, at + length, wanted > length ? 1 : 0) === 1) length++
  let value = 1
  let bitsLeft = length
  for (let context = 0; bitsLeft > 0 && context < 3;) {
    bitsLeft--
    const bit = coder.bit(contexts, at + LENGTH_MAX + 3 * length + context, bitsOf(magnitude, bitsLeft, 1))
    value = value * 2 + bit
    context = context === 0 ? 1 + bit : 3
  }
  while (bitsLeft > 0) {
    const bits = Math.min(bitsLeft, RAW_BITS)
    bitsLeft -= bits
    value = value * 2 ** bits + coder.raw(bits, bitsOf(magnitude, bitsLeft, bits))
  }
  return value
}

/** An integer whose zero and sign have contexts elsewhere than its magnitude. */
export function codeSplitInteger(
  coder: Coder, contexts: Contexts, zeroAt: number, signAt: number, magnitudeAt: number, value: number,
): number {
  if (coder.bit(contexts, zeroAt, value === 0 ? 0 : 1) === 0) return 0
  const isNegative = coder.bit(contexts, signAt, value < 0 ? 1 : 0) === 1
  const magnitude = codeMagnitude(coder, contexts, magnitudeAt, Math.abs(value))
  return isNegative ? -magnitude : magnitude
}

/** An integer, in the INTEGER_CONTEXTS from `at` on. */
export const codeInteger = (coder: Coder, contexts: Contexts, at: number, value: number): number =>
  codeSplitInteger(coder, contexts, at, at + 1, at + 2, value)

const COUNTER_STARTS = newContexts(INTEGER_CONTEXTS)
// A count is never negative.
startAt(COUNTER_STARTS, 1, 255)

/** Counts of one kind, with contexts of their own. */
export class Counter {
  readonly #contexts = beginAs(COUNTER_STARTS, INTEGER_CONTEXTS, undefined)

  /** Begins anew. */
  restart(): void {
    beginAs(COUNTER_STARTS, INTEGER_CONTEXTS, this.#contexts)
  }

  /** An integer from 0 to `max`; the coder fails where it is another. */
  code(coder: Coder, value: number, max: number): number {
    const count = codeInteger(coder, this.#contexts, 0, value)
    if (count >= 0 && count <= max) return count
    coder.fail()
    return 0
  }
}
