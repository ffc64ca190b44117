/** The histogram is bounded, and its percentiles are at most an eighth too high. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Histogram } from '../../../system/telemetry/histogram.ts'

const filled = (values: readonly number[]): Histogram => {
  const histogram = new Histogram()
  for (const value of values) histogram.add(value)
  return histogram
}

it('has nothing to tell of nothing', () => {
  expect(new Histogram().summary()).toEqual({ count: 0, sum: 0, max: 0, p50: 0, p90: 0, p99: 0 })
})

it('tells small values exactly', () => {
  expect(filled([3, 1, 2, 15, 0]).summary()).toEqual({ count: 5, sum: 21, max: 15, p50: 2, p90: 15, p99: 15 })
})

it('R-TELE-1 a percentile is one of the values, or at most an eighth above it, and never above the largest', () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, p) => {
    const told = filled(values).percentile(p)
    const ascending = [...values].sort((a, b) => a - b)
    const exact = ascending[Math.ceil((p * values.length) / 100) - 1]
    expect(told).toBeGreaterThanOrEqual(exact)
    expect(told).toBeLessThanOrEqual(Math.min(exact + exact / 8, ascending[values.length - 1]))
  }))
})

it('takes what is beyond its range as the largest, and buckets stay few', () => {
  const { max, p99 } = filled([2 ** 53 - 1, 2 ** 40, 7.9]).summary()
  expect({ max, p99 }).toEqual({ max: 2 ** 40 - 1, p99: 2 ** 40 - 1 })
})
