import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LatencySamples, milliseconds, percentiles } from '../../reports/percentiles.ts'

describe('percentiles', () => {
  it('are_the_least_value_that_so_many_do_not_exceed', () => {
    fc.assert(fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 250 }), (values) => {
      const naive = (p: number): number =>
        Math.min(...values.filter((candidate) => values.filter((value) => value <= candidate).length * 100 >= p * values.length))
      expect(percentiles(values)).toEqual({
        count: values.length, p50Us: naive(50), p90Us: naive(90), p99Us: naive(99), maxUs: Math.max(...values),
      })
    }), { seed: 20261121, numRuns: 100 })
  })

  it('order_numbers_as_numbers', () => {
    expect(percentiles([100, 9, 20])).toEqual({ count: 3, p50Us: 20, p90Us: 100, p99Us: 100, maxUs: 100 })
  })

  it('are_told_over_all_and_by_transport_in_order', () => {
    const samples = new LatencySamples()
    expect(samples.rows()).toEqual([])
    for (const [transport, tookUs] of [['webrtc', 30], ['quic', 10], ['webrtc', 20]] as const) samples.add(transport, tookUs)
    expect(samples.rows().map(({ transport, count, maxUs }) => [transport, count, maxUs]))
      .toEqual([['all', 3, 30], ['quic', 1, 10], ['webrtc', 2, 30]])
  })

  it('are_written_in_milliseconds_with_three_decimals', () => {
    expect([0, 7, 12_345, 1_000_000].map(milliseconds)).toEqual(['0.000', '0.007', '12.345', '1000.000'])
  })
})
