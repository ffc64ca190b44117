import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeliveryTrace } from '../../../sim/net/delivery-trace.ts'
import { syntheticTrace, TRACE_NAMES } from '../../../sim/net/synthetic-traces.ts'

describe('the format of mahimahi', () => {
  test.each([
    ['', 'delivery trace: it is empty'],
    ['\n', 'delivery trace, line 1: expected whole milliseconds, got ""'],
    ['1\n\n2\n', 'delivery trace, line 2: expected whole milliseconds, got ""'],
    ['1\n2.5\n', 'delivery trace, line 2: expected whole milliseconds, got "2.5"'],
    ['-1\n', 'delivery trace, line 1: expected whole milliseconds, got "-1"'],
    ['5\n4\n', 'delivery trace, line 2: 4 comes after 5'],
    ['0\n0\n', 'delivery trace: its last line is 0'],
    ['9999999999\n', 'delivery trace, line 1: expected an integer of [0, 2147483648], got 9999999999'],
  ])('refuses %j', (text, why) => expect(() => DeliveryTrace.parse(text)).toThrow(why))

  test('has at most 2^20 lines, each at most 2^31', () => {
    const lines = Array.from({ length: 2 ** 20 }, () => 1)
    expect(new DeliveryTrace(lines).length).toBe(2 ** 20)
    expect(() => new DeliveryTrace([...lines, 1])).toThrow('delivery trace: expected at most 1048576 lines, got 1048577')
    expect(new DeliveryTrace([2 ** 31]).atUs(0)).toBe(2 ** 31 * 1_000)
    for (const wrong of [2 ** 31 + 1, -1, 0.5, Number.NaN]) {
      expect(() => new DeliveryTrace([wrong])).toThrow(`delivery trace, line 1: expected an integer of [0, 2147483648], got ${wrong}`)
    }
  })

  test('lines may end as on Windows, and the last one not at all', () => {
    expect(DeliveryTrace.parse('1\r\n2\r\n3').length).toBe(3)
  })

  test('any text is a trace or a RangeError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(DeliveryTrace.parse(text).length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
      { seed: 1 },
    )
  })

  test('the first opportunity at an instant or later is the first of all of them', () => {
    const traces = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 })
      .map((times) => [...times].sort((a, b) => a - b)).filter((times) => times.at(-1) !== 0)
    fc.assert(
      fc.property(traces, fc.integer({ min: 0, max: 200_000 }), (times, nowUs) => {
        const trace = new DeliveryTrace(times)
        let slow = 0
        while (trace.atUs(slow) < nowUs) slow++
        expect(trace.from(nowUs)).toBe(slow)
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})

describe('synthetic traces', () => {
  test.each(TRACE_NAMES)('%s is the same each time, ascends and carries what it says', (name) => {
    const trace = syntheticTrace(name)
    expect(syntheticTrace(name)).toEqual(trace)
    const [least, most] = { steady: [12, 12], lteWalking: [5, 40], lteDriving: [1, 25], wifiShared: [10, 60] }[name]
    const seconds = trace.atUs(trace.length - 1) / 1_000_000
    const mbits = (trace.length * 1_500 * 8) / seconds / 1e6
    expect(mbits).toBeGreaterThanOrEqual(least)
    expect(mbits).toBeLessThanOrEqual(most)
  })

  test('those with outages have them, of the length told', () => {
    for (const [name, ms] of [['lteDriving', 500], ['wifiShared', 200]] as const) {
      const trace = syntheticTrace(name)
      let longestUs = 0
      for (let i = 1; i < trace.length; i++) longestUs = Math.max(longestUs, trace.atUs(i) - trace.atUs(i - 1))
      expect(longestUs).toBeGreaterThanOrEqual(ms * 1_000)
    }
  })
})
