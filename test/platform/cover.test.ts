import { describe, expect, test } from 'vitest'
import { coverDictionary } from '../../platform/cover.ts'

const text = (words: string): Uint8Array => new TextEncoder().encode(words)
/** No two of them share a word of eight bytes by chance. */
const noise = (seed: number): Uint8Array => Uint8Array.from({ length: 120 }, (_, i) => Math.imul(seed * 131 + i + 1, 0x9e3779b1) >>> 24)
const content = (samples: readonly Uint8Array[], bytesMax: number): string =>
  Buffer.from(coverDictionary(samples, bytesMax)).toString('latin1')

describe('a dictionary of content', () => {
  const common = 'what every message begins with, and half of them go on with'
  const samples = Array.from({ length: 200 }, (_, i) =>
    new Uint8Array([...noise(i), ...text(i % 2 === 0 ? common : common.slice(0, 31)), ...noise(1000 + i)]))

  test('has_what_most_samples_share_at_its_end', () => {
    const found = content(samples, 1000)
    expect(found.length).toBeLessThanOrEqual(1000)
    expect(found.lastIndexOf(common.slice(0, 31))).toBeGreaterThan(found.length - 400)
  })

  test('is_a_function_of_the_samples', () => {
    expect(content(samples, 2000)).toBe(content(samples.map((sample) => sample.slice()), 2000))
    expect(content(samples.slice(1), 2000)).not.toBe(content(samples, 2000))
  })

  test('is_as_small_as_what_the_samples_have', () => {
    expect(content([], 1000)).toBe('')
    expect(content([text('short')], 1000)).toBe('')
    expect(content([text('eight by')], 1000)).toBe('eight by')
    expect(content([text(common), text(common)], 1000)).toBe(common)
    expect(content(samples, 300).length).toBe(300)
  })
})
