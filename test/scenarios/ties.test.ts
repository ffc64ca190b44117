/** Which of two simultaneous events comes first is chance: no story may lean on it, and a plan says how it went. */
import { describe, expect, it } from 'vitest'
import type { Scenario } from '../../scenarios/index.ts'
import { planOf } from '../../sim/plan.ts'
import { often, runInside, STORIES } from '../support/runs.ts'

const SEEDS = often(4, 8)
const tied = (story: Scenario): Scenario => ({ ...story, settings: { ...story.settings, ties: true } })

describe('with simultaneous events permuted', () => {
  it.each(STORIES)('%s converges, its plan replays how they fell, and it goes another way without them', async (name, story) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { verdict, choices, operations, trace } = await runInside(tied(story), { seed })
      expect(verdict).toBe('converged')
      const untied = choices.filter(({ site }) => site !== 'tie')
      expect(untied.length).toBeLessThan(choices.length)
      const again = await runInside(tied(story), { seed, plan: planOf(name, seed, choices, operations) })
      expect(again.trace.digest).toBe(trace.digest)
      if (seed > 1) continue
      const otherwise = await runInside({ ...tied(story), mustHappen: {} }, { seed, plan: planOf(name, seed, untied, operations) })
      expect(otherwise.verdict).toBe('converged')
      expect(otherwise.trace.digest).not.toBe(trace.digest)
    }
  })
})
