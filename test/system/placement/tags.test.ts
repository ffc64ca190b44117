import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergedTags, PLACEMENT_TAGS, type PlacementTag, tagBits, tagNames, tagsChanged } from '../../../system/placement/tags.ts'

const bits = fc.integer({ min: 0, max: 0xffff_ffff })
const RUNS = { seed: 4, numRuns: 500 }

test('names_and_bits_are_one_to_one', () => {
  expect(PLACEMENT_TAGS.length).toBeLessThanOrEqual(32)
  expect(new Set(PLACEMENT_TAGS).size).toBe(PLACEMENT_TAGS.length)
  fc.assert(fc.property(fc.subarray([...PLACEMENT_TAGS]), (tags) => { expect(tagNames(tagBits(tags))).toEqual(tags) }), RUNS)
  expect(tagBits(['structure', 'structure', 'light'])).toBe(0b1001)
  expect(() => tagBits(['nothing' as PlacementTag])).toThrow(RangeError)
})

test('a_merge_of_changes_that_do_not_overlap_holds_both_whoever_comes_first', () => {
  fc.assert(fc.property(bits, bits, bits, (before, flipsA, flipsMaybeB) => {
    const flipsB = (flipsMaybeB & ~flipsA) >>> 0
    const a = (before ^ flipsA) >>> 0
    const b = (before ^ flipsB) >>> 0
    const merged = mergedTags(a, before, b)
    expect(merged).toBe(mergedTags(b, before, a))
    expect(tagsChanged(before, merged)).toBe((flipsA | flipsB) >>> 0)
  }), RUNS)
})

test('a_merge_with_a_side_that_changed_nothing_is_the_other_side', () => {
  fc.assert(fc.property(bits, bits, (before, other) => {
    expect(mergedTags(before, before, other)).toBe(other)
    expect(mergedTags(other, before, before)).toBe(other)
  }), RUNS)
})
