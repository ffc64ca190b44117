import { describe, expect, it } from 'vitest'
import type { Canary } from '../../scenarios/canaries/canary.ts'
import { COMMIT_CANARIES } from '../../scenarios/canaries/commits.ts'
import { OutputQueue } from '../../system/session/peer.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { sightings } from '../support/canaries.ts'
import { runInside, storyOf } from '../support/runs.ts'

sightings(COMMIT_CANARIES, {
  'commit-half-applied': ['placement-race', 1],
  'conflict-overlooked': ['commit-storm', 15],
  'tags-overwritten': ['commit-storm', 15],
  'removed-stays': ['commit-storm', 10],
  'commit-without-permission': ['viewer-edits', 1],
  'overlap-overlooked': ['commit-storm', 32],
  'audit-miscounts': ['placement-race', 1],
  'removed-comes-back': ['placement-race', 1],
  'rejected-leaves-a-change': ['placement-race', 1],
  'judged-apart': ['placement-race', 1],
  'conflict-misnamed': ['placement-race', 1],
  'permission-of-another': ['viewer-edits', 1],
})

type CommitFolded = Extract<SystemEvent, { readonly event: 'commitFolded' }>

describe('the oracle', () => {
  it.each<readonly [keyof CommitFolded, (event: CommitFolded) => Partial<CommitFolded>]>([
    ['status', ({ status }) => ({ status: status === 'APPLIED' ? 'REJECTED' : 'APPLIED' })],
    ['changes', ({ changes }) => ({ changes: changes + 1 })],
    ['merged', () => ({ merged: 0 })],
    ['conflicts', () => ({ conflicts: [] })],
  ])('finds a wrong %s in what is told of a commit', async (field, lie) => {
    const canary: Canary = {
      name: 'told-wrongly', area: 'commits', about: '', stories: [], shows: [],
      plant: (bed) => bed.wrap(OutputQueue.prototype, 'push', (push) => function (this: OutputQueue, output) {
        const isCommit = output.kind === 'event' && output.event.event === 'commitFolded'
        push.call(this, isCommit ? { kind: 'event', event: { ...output.event, ...lie(output.event) } } : output)
      }),
    }
    const { info: { failure } } = await runInside(storyOf('placement-race'), { seed: 1, canary })
    expect(failure).toEqual({ exit: 1, check: 'oracle', component: 'PlacementCommit', field })
  })
})
