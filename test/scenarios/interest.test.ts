/** A thousand things spread evenly and eight members: what they are spared, and that they miss nothing. */
import { describe, expect, it } from 'vitest'
import { countRecords } from '../../reports/counters.ts'
import type { World } from '../../system/ecs/world.ts'
import { Motion } from '../../system/ecs/components.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { often, runInside, storyOf } from '../support/runs.ts'

const SEEDS = often(4, 8)
const SHARE_MIN = 0.8

describe('the story of a thousand things', () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
  it.each(seeds)('seed %i spares its members four fifths of what changes, and converges', async (seed) => {
    const things = { most: 0 }
    const marks = new Set<number>()
    const watcher = {
      frame: (node: number, _frame: number, world: World) => {
        if (node === 0) things.most = Math.max(things.most, world.entities(Motion).length)
      },
      event: (_node: number, event: SystemEvent) => {
        if (event.event === 'frameConfirmed') marks.add(event.interest)
      },
    }
    const { verdict, records, info } = await runInside(storyOf('interest'), { seed, watchers: [watcher] })
    expect(verdict).toBe('converged')
    expect(info.failures).toEqual([])
    const { rowsChanged, rowsFiltered, rowsSent, sessionsOpened } = countRecords(records, 0)
    expect([things.most >= 1000, sessionsOpened, marks.size > 8]).toEqual([true, 8, true])
    expect(rowsFiltered / rowsChanged).toBeGreaterThanOrEqual(SHARE_MIN)
    // What is sent beyond what changed within sight is what came into sight.
    expect(rowsSent).toBeGreaterThanOrEqual(rowsChanged - rowsFiltered)
  }, 60_000)
})
