/** Which of two simultaneous events comes first is chance: no story may lean on it, and a plan says how it went. */
import { describe, expect, it } from 'vitest'
import type { Scenario } from '../../scenarios/index.ts'
import { planOf } from '../../sim/plan.ts'
import { runInside, STORIES } from '../support/runs.ts'

const SEEDS = 4
const tied = (story: Scenario): Scenario => ({ ...story, settings: { ...story.settings, ties: true } })

describe('with simultaneous events permuted', () => {
  it.each(STORIES)('%s converges, and its plan replays how they fell', async (name, story) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const first = await runInside(tied(story), { seed })
      expect(first.verdict).toBe('converged')
      expect(first.choices.some(({ site }) => site === 'tie')).toBe(true)
      const again = await runInside(tied(story), { seed, plan: planOf(name, seed, first.choices, first.operations) })
      expect(again.trace.digest).toBe(first.trace.digest)
    }
  })

  it.each(STORIES)('%s goes another way where its ties are left out of the plan, and converges all the same', async (name, story) => {
    const undemanding = { ...tied(story), mustHappen: {} }
    const { choices, operations, trace } = await runInside(undemanding, { seed: 1 })
    const untied = choices.filter(({ site }) => site !== 'tie')
    const again = await runInside(undemanding, { seed: 1, plan: planOf(name, 1, untied, operations) })
    expect(again.verdict).toBe('converged')
    expect(again.trace.digest).not.toBe(trace.digest)
  })
})
