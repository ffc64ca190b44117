/** The bytes and the sets of integers under every protocol. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RangeSet } from '../../sim/ranges.ts'
import { Reader, VARINT_MAX, varintBytes, Writer } from '../../sim/bytes.ts'

describe('wire', () => {
  test('a varint comes back as it went, in the bytes promised', () => {
    const value = fc.oneof(fc.nat(0x3f), fc.nat(0x3fff), fc.nat(0x3fff_ffff), fc.integer({ min: 0, max: VARINT_MAX }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 50 }), (values) => {
        const writer = new Writer()
        writer.begin(1_200)
        for (const value of values) writer.varint(value)
        expect(writer.length).toBe(values.reduce((sum, value) => sum + varintBytes(value), 0))
        const bytes = writer.finish()
        const reader = new Reader(bytes, bytes.length)
        expect(values.map(() => reader.varint())).toEqual(values)
        expect(reader.failed).toBe(false)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('examples of RFC 9000, appendix A.1', () => {
    const read = (hex: string): number => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
      return new Reader(bytes, bytes.length).varint()
    }
    expect([read('9d7f3e7d'), read('7bbd'), read('25'), read('4025')]).toEqual([494_878_333, 15_293, 37, 37])
  })

  test('a reader that runs out says so and never throws', () => {
    const reader = new Reader(Uint8Array.of(0xff, 1, 2), 3)
    expect(reader.varint()).toBe(0)
    expect(reader.failed).toBe(true)
    expect(reader.raw(5).length).toBe(0)
    // Eight bytes of ones are more than 2^53 - 1.
    const large = new Reader(new Uint8Array(8).fill(0xff), 8)
    expect([large.varint(), large.failed]).toEqual([0, true])
  })
})

const INTEGERS = Array.from({ length: 70 }, (_, i) => i)
test('a range set is the set of its integers', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(8))
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), fc.nat(40), (added, floor) => {
      const ranges = new RangeSet()
      const set = new Set<number>()
      for (const [start, count] of added) {
        ranges.add(start, start + count)
        for (let i = start; i < start + count; i++) set.add(i)
      }
      for (let pass = 0; pass < 2; pass++) {
        expect(INTEGERS.filter((i) => ranges.has(i, i + 1) !== set.has(i))).toEqual([])
        // Disjoint, not touching, ascending.
        expect(INTEGERS.filter((i) => i > 0 && i < ranges.count && ranges.start(i) <= ranges.end(i - 1))).toEqual([])
        ranges.removeBelow(floor)
        for (let i = 0; i < floor; i++) set.delete(i)
      }
    }),
    { seed: 2, numRuns: 200 },
  )
})
