import { describe, expect, it } from 'vitest'
import '../../scenarios/vitest.ts'
import { often, run, STORIES } from '../support/runs.ts'

const SEEDS = often(8, 25)

describe('all stories converge', () => {
  it.each(STORIES)(`%s: ${SEEDS} seeds, with all that must happen in it`, async (_name, story) => {
    for (let seed = 1; seed <= SEEDS; seed++) expect(await run(story, { seed })).toConverge()
  })

  it.each(STORIES)('%s says what must happen in it', (name, { mustHappen }) => {
    expect(Object.keys(mustHappen.counters ?? {}).length).toBeGreaterThan(0)
    // Of a swarm nobody's frames are sure: its storm may outlast a handshake.
    expect(Object.values(mustHappen.confirmed ?? {}).length).toBeGreaterThanOrEqual(['swarm', 'commit-storm'].includes(name) ? 0 : 2)
  })
})
