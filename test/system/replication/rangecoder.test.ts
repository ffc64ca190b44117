/** The range coder by itself, and integers told by it. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeInteger, Counter, INTEGER_CONTEXTS } from '../../../system/replication/numbers.ts'
import { type Coder, newContexts, RangeDecoder, RangeEncoder } from '../../../system/replication/rangecoder.ts'

type Word =
  | { readonly kind: 'bit'; readonly at: number; readonly bit: number }
  | { readonly kind: 'raw'; readonly bits: number; readonly value: number }
const CONTEXTS = 3
const word: fc.Arbitrary<Word> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('bit' as const), at: fc.nat(CONTEXTS - 1), bit: fc.nat(1) }) },
  // Runs of the likely, in which carries go far.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('bit' as const), at: fc.constant(0), bit: fc.constant(1) }) },
  {
    weight: 1,
    arbitrary: fc.nat(16).chain((bits) => fc.nat(2 ** bits - 1).map((value) => ({ kind: 'raw' as const, bits, value }))),
  },
)
function tell(coder: Coder, words: readonly Word[]): number[] {
  const contexts = newContexts(CONTEXTS)
  return words.map((one) => (one.kind === 'bit' ? coder.bit(contexts, one.at, one.bit) : coder.raw(one.bits, one.value)))
}
function told(words: readonly Word[]): Uint8Array {
  const encoder = new RangeEncoder(1)
  tell(encoder, words)
  return encoder.finish()
}
const property = { seed: 62, numRuns: 600 }
const zeros = (words: readonly Word[]): Word[] => words.map((one) => (one.kind === 'bit' ? { ...one, bit: 0 } : { ...one, value: 0 }))

describe('a range coder', () => {
  it('R-CODE-1 tells what it was told, and knows its end', () => {
    fc.assert(fc.property(fc.array(word, { maxLength: 800 }), (words) => {
      const decoder = new RangeDecoder(told(words))
      expect(tell(decoder, zeros(words))).toEqual(words.map((one) => (one.kind === 'bit' ? one.bit : one.value)))
      expect([decoder.isWhole, decoder.isBroken]).toEqual([true, false])
    }), property)
  })

  it('R-CODE-1 bytes that go on are not whole; bytes that end early are not, or tell something else', () => {
    fc.assert(fc.property(fc.array(word, { minLength: 40, maxLength: 300 }), fc.integer({ min: 2, max: 9 }), (words, count) => {
      const bytes = told(words)
      const longer = new RangeDecoder(new Uint8Array([...bytes, ...Array.from({ length: count }, () => 0)]))
      tell(longer, words)
      expect(longer.isWhole).toBe(false)
      const shorter = new RangeDecoder(bytes.slice(0, -count))
      const values = tell(shorter, words)
      if (shorter.isWhole) expect(values).not.toEqual(words.map((one) => (one.kind === 'bit' ? one.bit : one.value)))
    }), property)
  })

  it('R-CODE-1 any bytes give values within their bounds, and beyond their end a decoder is broken soon', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const decoder = new RangeDecoder(bytes)
      const contexts = newContexts(CONTEXTS)
      let steps = 0
      while (!decoder.isBroken) {
        expect(decoder.bit(contexts, steps % CONTEXTS, 0)).toBeOneOf([0, 1])
        const value = decoder.raw(steps % 17, 0)
        expect(Number.isInteger(value) && value >= 0 && value < 2 ** (steps % 17)).toBe(true)
        steps++
      }
      // A bit is at least 1/45 of a bit of the stream.
      expect(steps).toBeLessThan((bytes.length + 16) * 8 * 45)
    }), property)
  })

  it('R-CODE-1 what is likely takes less than a bit', () => {
    const words = (bit: number): Word[] => Array.from({ length: 8000 }, () => ({ kind: 'bit', at: 0, bit }))
    for (const bit of [0, 1]) expect(told(words(bit)).length).toBeLessThan(40)
  })
})

describe('integers', () => {
  const ends = fc.constantFrom(0, 2 ** 32, -(2 ** 32) + 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER)
  const integer = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.maxSafeInteger(), ends)

  it('R-CODE-1 every safe integer comes through', () => {
    fc.assert(fc.property(fc.array(integer, { maxLength: 60 }), (values) => {
      const code = (coder: Coder, told: readonly number[]) => {
        const contexts = newContexts(INTEGER_CONTEXTS)
        return told.map((value) => codeInteger(coder, contexts, 0, value))
      }
      const encoder = new RangeEncoder()
      expect(code(encoder, values)).toEqual(values)
      expect(code(new RangeDecoder(encoder.finish()), values.map(() => 0))).toEqual(values)
    }), property)
  })

  it('R-CODE-1 a count out of its range breaks the decoder', () => {
    for (const value of [8, 2 ** 40]) {
      const encoder = new RangeEncoder()
      new Counter().code(encoder, value, Infinity)
      const decoder = new RangeDecoder(encoder.finish())
      expect([new Counter().code(decoder, 0, 7), decoder.isBroken, decoder.isWhole]).toEqual([0, true, false])
    }
    expect(() => new Counter().code(new RangeEncoder(), 8, 7)).toThrow('what is told')
  })
})
