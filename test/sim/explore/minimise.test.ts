import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minimise } from '../../../sim/explore/minimise.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const holds = (kept: readonly number[], needed: readonly number[]): boolean => needed.every((item) => kept.includes(item))

describe('minimise', () => {
  it('finds exactly what a failure needs, whatever its groups', async () => {
    const some = fc.uniqueArray(fc.nat(199), { maxLength: 6 })
    await fc.assert(fc.asyncProperty(some, fc.integer({ min: 1, max: 50 }), async (needed, width) => {
      const groups = [(item: number) => String(item % 7), (item: number) => String(Math.floor(item / width))]
      const { items, isMinimal } = await minimise({ items: numbers(200), groups, fails: async (kept) => holds(kept, needed) })
      expect(items).toEqual([...needed].sort((a, b) => a - b))
      expect(isMinimal).toBe(true)
    }), { seed: 3, numRuns: 50 })
  })

  it('ends 1-minimal where several causes would do, and where items matter only together', async () => {
    const cause = fc.uniqueArray(fc.nat(29), { minLength: 1, maxLength: 4 })
    await fc.assert(fc.asyncProperty(fc.array(cause, { minLength: 1, maxLength: 5 }), async (causes) => {
      const fails = async (kept: readonly number[]): Promise<boolean> => causes.some((needed) => holds(kept, needed))
      const { items } = await minimise({ items: numbers(30), groups: [], fails })
      expect(await fails(items)).toBe(true)
      for (const item of items) expect(await fails(items.filter((other) => other !== item))).toBe(false)
    }), { seed: 3, numRuns: 100 })
  })

  it('needs some tens of tries where a few of hundreds matter', async () => {
    const { tries } = await minimise({ items: numbers(500), groups: [], fails: async (kept) => holds(kept, [41, 333]) })
    // Two items halve down to single ones: 2 * 2 * log2(500) and a last sweep, with room.
    expect(tries).toBeLessThan(60)
  })

  it('gives what it has when it is told to end, and says that it is not minimal', async () => {
    let asked = 0
    const fails = async (kept: readonly number[]): Promise<boolean> => holds(kept, [7])
    const { items, isMinimal } = await minimise({ items: numbers(64), groups: [], fails, isOver: () => ++asked > 3 })
    expect(isMinimal).toBe(false)
    expect(items.length).toBeLessThan(64)
    expect(await fails(items)).toBe(true)
  })
})
