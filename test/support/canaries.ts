/** Canaries planted one after another, from a seed that is known to show each. */
import { describe, expect, it } from 'vitest'
import type { Canary } from '../../scenarios/canaries/canary.ts'
import { isIdle } from '../../scenarios/canaries/hunt.ts'
import type { FailureKind } from '../../reports/input.ts'
import { runInside, storyOf } from './runs.ts'

/** Of each canary: a story, and its first seed that is red. */
export type Sightings = { readonly [canary: string]: readonly [story: string, seed: number] }

/** How many seeds more, where a story's draws have become other ones. */
const SEEDS = 60

/** Every one of them is found, and as what it says. */
export function sightings(canaries: readonly Canary[], seen: Sightings): void {
  describe('a canary', () => {
    it('is seen, every one', () => expect(Object.keys(seen).sort()).toEqual(canaries.map(({ name }) => name).sort()))
    it.each(canaries.map((canary) => [canary.name, canary] as const))('%s is found at its place', async (name, canary) => {
      const [story, first] = seen[name]
      expect(canary.stories).toContain(story)
      for (let seed = first; seed < first + SEEDS; seed++) {
        const { info: { failure } } = await runInside(storyOf(story), { seed, canary })
        if (failure === undefined || failure.exit === 4 || isIdle(canary.shows, failure)) continue
        expect(placesOf(canary, failure)).toContainEqual(failure)
        return
      }
      expect.unreachable(`${name} was not found in seeds ${first} to ${first + SEEDS - 1} of ${story}`)
    })
  })
}

/** What it may be found as; where it leaves something open, as this failure has it. */
const placesOf = ({ shows }: Canary, failure: FailureKind): object[] => shows.map((showing) => ({ ...failure, ...showing }))
