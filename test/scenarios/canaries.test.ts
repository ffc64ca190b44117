import { describe, expect, it } from 'vitest'
import type { Canary } from '../../scenarios/canaries/canary.ts'
import { hunt } from '../../scenarios/canaries/hunt.ts'
import { CANARIES } from '../../scenarios/canaries/index.ts'
import { OptionError, scenario } from '../../scenarios/index.ts'
import { often, run, storyOf, STORIES } from '../support/runs.ts'

/** One in so many. */
const SOME = often(4, 1)

const named = (name: string): Canary => CANARIES.find((canary) => canary.name === name)!

describe('the canaries', () => {
  it('are many, in every part, under names of their own, in stories that there are', () => {
    expect(CANARIES.length).toBeGreaterThanOrEqual(25)
    expect(new Set(CANARIES.map(({ name }) => name)).size).toBe(CANARIES.length)
    const areas = [
      'network', 'transport', 'protocol', 'replication', 'interest', 'log', 'roles', 'commits', 'xr', 'storage', 'assets', 'handOver',
    ]
    expect([...new Set(CANARIES.map(({ area }) => area))].sort()).toEqual([...areas].sort())
    expect(CANARIES.filter(({ area }) => area === 'commits').length).toBeGreaterThanOrEqual(3)
    const stories = new Set(STORIES.map(([name]) => name))
    for (const canary of CANARIES) {
      expect(canary.name).toMatch(/^[a-z0-9-]+$/)
      expect(canary.stories.filter((story) => !stories.has(story))).toEqual([])
      expect(canary.shows.length).toBeGreaterThan(0)
    }
  })

  // All of them take minutes: `theta-sim canary`. One of each kind of lie stands for them here.
  it.each(['message-lost', 'delta-of-other-bytes', 'signature-on-trust', 'viewer-may-edit', 'hands-swapped', 'acknowledged-write-lost'])(
    '%s is found, shrunk to at most five items and named', async (name) => {
      const { found, shrunk } = await hunt(named(name), { seedsMax: 3 })
      expect(found).toBeDefined()
      expect(shrunk!.items.length).toBeLessThanOrEqual(5)
      expect([shrunk!.isMinimal, shrunk!.isNamed]).toEqual([true, true])
    })

  it('are gone after their run, whatever became of it', async () => {
    const story = storyOf('late-join')
    const before = await run(story, { seed: 3 })
    // Each is planted for a run of nobody; some, for a run that ends in the midst of somebody's joining.
    const idle = scenario('idle', { frames: 3, hz: 90 }, async ({ frame }) => frame(2))
    for (const [index, { name }] of CANARIES.entries()) {
      await run(idle, { seed: 3, canary: name })
      if (index % SOME === 0) await run(story, { seed: 3, frames: 12, canary: name })
    }
    const after = await run(story, { seed: 3 })
    expect(after.traceDigest).toBe(before.traceDigest)
  })

  it('are told in the report and in the command that does it again', async () => {
    const { report, reproduce } = await run(storyOf('late-join'), { seed: 1, canary: 'message-lost' })
    expect(report.run).toMatchObject({ canary: 'message-lost' })
    expect(reproduce).toContain('--canary message-lost')
  })

  it('are refused by a name that there is not', async () => {
    await expect(run(storyOf('late-join'), { canary: 'penguin' })).rejects.toThrow(OptionError)
  })
})

describe('a hunt', () => {
  it('tells a canary that nobody finds', async () => {
    expect(await hunt({ ...named('message-lost'), stories: [] }, { seedsMax: 2 })).toEqual({ found: undefined, shrunk: undefined })
  })
})
