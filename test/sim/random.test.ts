import { describe, expect, it } from 'vitest'
import { type RandomStream, stream } from '../../sim/random.ts'

const draws = (source: RandomStream): number[] => Array.from({ length: 32 }, () => source.int(2 ** 32))

describe('a random stream', () => {
  it('is a function of seed and label, on every machine', () => {
    expect(draws(stream(7, 'spawn'))).toEqual(draws(stream('7', 'spawn')))
    expect(draws(stream(7, 'spawn')).slice(0, 4)).toEqual(KNOWN)
    const others = [stream(7, 'spawn'), stream(8, 'spawn'), stream(7, 'spawm'), stream('7/', 'spawn'), stream('7', '/spawn')]
    expect(new Set(others.map((source) => draws(source).join())).size).toBe(others.length)
  })

  it('is not moved by another stream', () => {
    const alone = draws(stream(1, 'a'))
    const a = stream(1, 'a')
    const b = stream(1, 'b')
    expect(Array.from({ length: 32 }, () => { b.int(5); return a.int(2 ** 32) })).toEqual(alone)
  })

  it('draws each integer of a range as often as the others', () => {
    const source = stream(1, 'range')
    const counts = new Map<number, number>()
    for (let i = 0; i < 7000; i++) {
      const value = source.range(-3, 3)
      counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3])
    // Mean 1000, standard deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('is not biased where n is no power of two: above the middle of 3 * 2^30 there is half', () => {
    const source = stream(1, 'bias')
    let upper = 0
    for (let i = 0; i < 10_000; i++) {
      if (source.int(3 * 2 ** 30) >= 1.5 * 2 ** 30) upper++
    }
    // Mean 5000, standard deviation 50. Folding the rest over would give 3750.
    expect(Math.abs(upper - 5000)).toBeLessThan(250)
  })

  it('gives chances, picks and bytes', () => {
    const source = stream(1, 'mixed')
    expect([source.chance(0, 5), source.chance(5, 5)]).toEqual([false, true])
    expect(['a', 'b']).toContain(source.pick(['a', 'b']))
    const bytes = source.bytes(4096)
    expect(new Set(bytes).size).toBe(256)
    expect(source.range(4, 4)).toBe(4)
  })

  it('refuses what it cannot draw', () => {
    const source = stream(1, 'bad')
    for (const n of [0, -1, 0.5, 2 ** 32 + 1, Number.NaN]) expect(() => source.int(n)).toThrow(RangeError)
    expect(() => source.range(2, 1)).toThrow(RangeError)
    expect(() => source.chance(2, 1)).toThrow(RangeError)
    expect(() => source.pick([])).toThrow(RangeError)
    expect(() => source.bytes(-1)).toThrow(RangeError)
    expect(() => stream(0.5, 'bad')).toThrow(RangeError)
  })
})

/** From seedrandom 3.0.5, xor128, seeded with '["7","spawn"]'. */
const KNOWN: readonly number[] = [3273490795, 2803728755, 2069124993, 3632411843]
