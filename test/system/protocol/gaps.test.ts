import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Arrival, SEQUENCE_WINDOW, SequenceGaps } from '../../../system/protocol/gaps.ts'

test('each_arrival_has_its_name', () => {
  const gaps = new SequenceGaps()
  const arrivals: Arrival[] = [0, 1, 4, 4, 2, 2, 1, 5].map((sequence) => gaps.accept(sequence))
  expect(arrivals).toEqual(['next', 'next', 'ahead', 'duplicate', 'late', 'duplicate', 'duplicate', 'next'])
  expect(gaps).toMatchObject({ missing: 1, duplicates: 3, expected: 6 })
})

test('the_largest_jump_costs_no_more_than_the_window', () => {
  const gaps = new SequenceGaps()
  expect(gaps.accept(0)).toBe('next')
  expect(gaps.accept(0xffffffff)).toBe('ahead')
  expect(gaps).toMatchObject({ missing: 0xfffffffe, expected: 2 ** 32 })
  expect(gaps.accept(0xffffffff - SEQUENCE_WINDOW)).toBe('stale')
  expect(gaps.accept(0xffffffff - SEQUENCE_WINDOW + 1)).toBe('late')
})

test('it_agrees_with_a_set_of_everything_that_came', () => {
  const near = fc.integer({ min: -40, max: 3 })
  const far = fc.integer({ min: -1500, max: 1500 })
  const step = fc.oneof({ weight: 8, arbitrary: near }, { weight: 1, arbitrary: far })
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const gaps = new SequenceGaps()
    const came = new Set<number>()
    let expected = 0
    let duplicates = 0
    for (const delta of steps) {
      const sequence = Math.max(0, expected + delta)
      const stale = sequence < expected - SEQUENCE_WINDOW
      const known: Arrival = stale ? 'stale' : came.has(sequence) ? 'duplicate' : 'late'
      const wanted: Arrival = sequence < expected ? known : sequence === expected ? 'next' : 'ahead'
      expect(gaps.accept(sequence)).toBe(wanted)
      if (wanted === 'duplicate') duplicates++
      if (wanted !== 'stale') came.add(sequence)
      expected = Math.max(expected, sequence + 1)
    }
    expect(gaps).toMatchObject({ expected, duplicates, missing: expected - came.size })
  }), { seed: 1, numRuns: 200 })
})
