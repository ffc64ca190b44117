import { describe, expect, test } from 'vitest'
import { CommitRecord, Placement } from '../../../system/ecs/components.ts'
import { buildPlan, COMMIT_CHANGES_MAX, type ConflictType } from '../../../system/placement/plan.ts'
import { boxesOverlap, PLACEMENT_HALF_EXTENT } from '../../../system/placement/state.ts'
import { tagBits } from '../../../system/placement/tags.ts'
import type { PlacementCommit, PlacementState } from '../../../system/protocol/messages.ts'
import { MapStore, storeText } from '../../support/mapstore.ts'
import {
  added, ALLOWED, ANA, BEN, commitId, commitOf, idOf, originOf, putPlacement, REGION, removed, stateAt, type UnnumberedChange, updated,
} from '../../support/placements.ts'

const A = idOf(BEN, 1)
const FRESH = idOf(ANA, 9)
const COMMIT = commitId(ANA)
const FAR = 100_000
const EDGE = 2 * PLACEMENT_HALF_EXTENT
const base = stateAt(0, { tags: tagBits(['prop']) })
const withTags = (...tags: Parameters<typeof tagBits>[0][number][]) => ({ ...base, tags: tagBits(tags) })
const elsewhere = { ...base, x: 9 }
const move = updated(A, base, elsewhere)
const moved: Partial<PlacementState>[] = [{ x: 1 }, { y: -1 }, { z: 1 }, { qx: 5 }, { qy: 5 }, { qz: 5 }, { qw: 5 }, { scale: 255 }]

/** Live holds `A` in the given state, or nothing. */
function planOf(live: PlacementState | undefined, ...changes: readonly UnnumberedChange[]) {
  const store = new MapStore()
  if (live !== undefined) putPlacement(store, A, live)
  return buildPlan(originOf(ANA), commitOf(COMMIT, ...changes), store, ALLOWED)
}

interface Row {
  readonly name: string
  readonly live: PlacementState | undefined
  readonly changes: readonly UnnumberedChange[]
  /** Type and whether it is resolvable; empty for a clean plan. */
  readonly conflicts: readonly (readonly [type: ConflictType, resolvable: boolean])[]
  /** What the first change results in, where the plan may be applied. */
  readonly result?: PlacementState | undefined
  readonly merged?: number
}

const TRANSFORM = ['TRANSFORM_CONFLICT', false] as const
const TAG = ['TAG_CONFLICT', false] as const
const TAG_RESOLVABLE = ['TAG_CONFLICT', true] as const
const GONE = ['DELETION_CONFLICT', false] as const
const UNKNOWN = ['UNKNOWN', false] as const

const TABLE: readonly Row[] = [
  // additions
  { name: 'an addition in free space', live: base, changes: [added(FRESH, stateAt(FAR))], conflicts: [], result: stateAt(FAR) },
  { name: 'an addition that overlaps', live: base, changes: [added(FRESH, stateAt(EDGE - 1))], conflicts: [TRANSFORM] },
  { name: 'an addition that only touches', live: base, changes: [added(FRESH, stateAt(EDGE))], conflicts: [], result: stateAt(EDGE) },
  {
    name: 'an addition that overlaps in another region\'s numbers', live: { ...base, region: REGION + 1 },
    changes: [added(FRESH, stateAt(0))], conflicts: [], result: stateAt(0),
  },
  {
    name: 'an addition where the same commit removes', live: base,
    changes: [added(FRESH, stateAt(0)), removed(A, base)], conflicts: [], result: stateAt(0),
  },
  {
    name: 'an addition where the same commit moves away', live: base,
    changes: [added(FRESH, stateAt(0)), updated(A, base, { ...base, x: FAR })], conflicts: [], result: stateAt(0),
  },
  {
    name: 'an addition where the same commit moves something to', live: base,
    changes: [added(FRESH, stateAt(FAR)), updated(A, base, { ...base, x: FAR })], conflicts: [TRANSFORM],
  },
  {
    name: 'two additions into each other', live: undefined,
    changes: [added(FRESH, stateAt(0)), added(FRESH + 1, stateAt(0))], conflicts: [TRANSFORM],
  },
  { name: 'an addition under an id that exists', live: base, changes: [added(A, stateAt(FAR))], conflicts: [UNKNOWN] },
  { name: 'an addition under another author\'s id', live: undefined, changes: [added(idOf(BEN, 5), stateAt(FAR))], conflicts: [UNKNOWN] },
  {
    name: 'an addition under the author\'s member entity', live: undefined,
    changes: [added(idOf(ANA, 0), stateAt(FAR))], conflicts: [UNKNOWN],
  },
  { name: 'an addition under the commit\'s own id', live: undefined, changes: [added(COMMIT, stateAt(FAR))], conflicts: [UNKNOWN] },
  {
    name: 'an addition under an id beyond all ids', live: undefined,
    changes: [added(2 ** 31 + FRESH, stateAt(FAR))], conflicts: [UNKNOWN],
  },
  // updates
  { name: 'a move', live: base, changes: [move], conflicts: [], result: elsewhere },
  ...moved.map((patch): Row => ({
    name: `a move of what was moved in ${Object.keys(patch)[0]}`,
    live: { ...base, ...patch }, changes: [move], conflicts: [TRANSFORM],
  })),
  ...moved.map((patch): Row => ({
    name: `a change of ${Object.keys(patch)[0]} of what was moved`,
    live: elsewhere, changes: [updated(A, base, { ...base, ...patch })], conflicts: [TRANSFORM],
  })),
  { name: 'the same move twice', live: elsewhere, changes: [move], conflicts: [TRANSFORM] },
  {
    name: 'tags drafted, transform moved live', live: elsewhere,
    changes: [updated(A, base, withTags('prop', 'light'))], conflicts: [], result: { ...withTags('prop', 'light'), x: 9 }, merged: 1,
  },
  {
    name: 'transform drafted, tags changed live', live: withTags('light'),
    changes: [move], conflicts: [], result: { ...withTags('light'), x: 9 }, merged: 1,
  },
  {
    name: 'other tags changed on both sides', live: withTags('prop', 'light'),
    changes: [updated(A, base, withTags('hazard'))], conflicts: [TAG_RESOLVABLE], result: withTags('light', 'hazard'), merged: 1,
  },
  { name: 'one tag changed on both sides', live: withTags(), changes: [updated(A, base, withTags('light'))], conflicts: [TAG] },
  {
    name: 'the same tag added on both sides', live: withTags('prop', 'light'),
    changes: [updated(A, base, withTags('prop', 'light'))], conflicts: [TAG],
  },
  {
    name: 'both moved, other tags changed', live: { ...withTags('prop', 'light'), x: 3 },
    changes: [updated(A, base, { ...withTags('hazard'), x: 9 })], conflicts: [TRANSFORM, TAG_RESOLVABLE],
  },
  {
    name: 'both moved, one tag changed', live: { ...withTags(), x: 3 },
    changes: [updated(A, base, { ...withTags('light'), x: 9 })], conflicts: [TRANSFORM, TAG],
  },
  { name: 'an update of what is gone', live: undefined, changes: [move], conflicts: [GONE] },
  {
    name: 'an update that changes nothing', live: elsewhere,
    changes: [updated(A, base, base)], conflicts: [], result: elsewhere, merged: 1,
  },
  { name: 'the region changed live', live: { ...base, region: REGION + 1 }, changes: [move], conflicts: [UNKNOWN] },
  { name: 'the asset changed live', live: { ...base, asset: 8 }, changes: [move], conflicts: [UNKNOWN] },
  { name: 'an update of the asset', live: base, changes: [updated(A, base, { ...base, asset: 8 })], conflicts: [UNKNOWN] },
  { name: 'an update into another region', live: base, changes: [updated(A, base, { ...base, region: REGION + 1 })], conflicts: [UNKNOWN] },
  // removals
  { name: 'a removal', live: base, changes: [removed(A, base)], conflicts: [], result: undefined },
  { name: 'a removal of what is gone', live: undefined, changes: [removed(A, base)], conflicts: [GONE] },
  { name: 'a removal of what was moved', live: elsewhere, changes: [removed(A, base)], conflicts: [TRANSFORM] },
  { name: 'a removal of what has other tags', live: withTags('prop', 'light'), changes: [removed(A, base)], conflicts: [TAG] },
  {
    name: 'a removal of what was moved and has other tags', live: { ...withTags(), x: 9 },
    changes: [removed(A, base)], conflicts: [TRANSFORM, TAG],
  },
  { name: 'a removal of what has another asset', live: { ...base, asset: 8 }, changes: [removed(A, base)], conflicts: [UNKNOWN] },
  // what makes no sense
  { name: 'two changes of one placement', live: base, changes: [move, removed(A, base)], conflicts: [UNKNOWN] },
  {
    name: 'an addition into another region', live: undefined,
    changes: [added(FRESH, stateAt(0, { region: REGION + 1 }))], conflicts: [UNKNOWN],
  },
  { name: 'an addition with a before', live: undefined, changes: [{ ...added(FRESH, base), before: base }], conflicts: [UNKNOWN] },
  { name: 'an addition of nothing', live: undefined, changes: [{ ...added(FRESH, base), after: undefined }], conflicts: [UNKNOWN] },
  { name: 'an update from nothing', live: base, changes: [{ ...updated(A, base, base), before: undefined }], conflicts: [UNKNOWN] },
  { name: 'an update to nothing', live: base, changes: [{ ...updated(A, base, base), after: undefined }], conflicts: [UNKNOWN] },
  { name: 'a removal with an after', live: base, changes: [{ ...removed(A, base), after: base }], conflicts: [UNKNOWN] },
  {
    name: 'a value that does not fit its field', live: undefined,
    changes: [added(FRESH, stateAt(0, { scale: 65_536 }))], conflicts: [UNKNOWN],
  },
  { name: 'a value that is no integer', live: undefined, changes: [added(FRESH, stateAt(0.5))], conflicts: [UNKNOWN] },
]

describe('every kind of conflict', () => {
  test.each(TABLE)('$name', ({ live, changes, conflicts, result, merged = 0 }) => {
    const plan = planOf(live, ...changes)
    expect(plan.conflicts.map(({ type, resolvable }) => [type, resolvable])).toEqual(conflicts)
    const resolvable = conflicts.every(([, each]) => each)
    expect(plan.isResolvableAutomatically).toBe(resolvable)
    expect(plan.status).toBe(resolvable ? 'READY' : 'REJECTED')
    const asked = changes.map(({ change, placement }) => [change, placement])
    expect(plan.changes.map(({ type, placement }) => [type, placement])).toEqual(asked)
    expect(plan.conflicts.every(({ message, resolutionHint }) => message !== '' && resolutionHint !== '')).toBe(true)
    if (resolvable) {
      expect(plan.changes[0].after).toEqual(result)
      expect(plan.changes[0].before).toEqual(changes[0].placement === A ? live : undefined)
      expect(plan.merged).toBe(merged)
    }
  })

  test.each([
    [{ editPlacements: false, manageCommits: true }, 1],
    [{ editPlacements: true, manageCommits: false }, 1],
    [{ editPlacements: false, manageCommits: false }, 2],
  ])('R-COMMIT-6 permissions %o', (permissions, count) => {
    const commit = commitOf(COMMIT, added(FRESH, base))
    const { conflicts, isResolvableAutomatically } = buildPlan(originOf(ANA), commit, new MapStore(), permissions)
    expect(conflicts.map(({ type }) => type)).toEqual(Array<ConflictType>(count).fill('PERMISSION_CONFLICT'))
    expect(isResolvableAutomatically).toBe(false)
  })
})

test('an_addition_never_takes_the_id_of_an_earlier_commit', () => {
  const store = new MapStore()
  store.set(FRESH, CommitRecord, { status: 2, author: ANA, lamport: 1, changes: 0, conflicts: 0, resultHi: 0, resultLo: 0 })
  const { conflicts } = buildPlan(originOf(ANA), commitOf(COMMIT, added(FRESH, base)), store, ALLOWED)
  expect(conflicts.map(({ type }) => type)).toEqual(['UNKNOWN'])
})

test('R-COMMIT-1 conflict_ids_are_unique_and_name_the_commit', () => {
  const commit = commitOf(COMMIT, removed(A, base), updated(A, base, base), added(FRESH, stateAt(0.5)))
  const { conflicts } = buildPlan(originOf(ANA), commit, new MapStore(), { editPlacements: false, manageCommits: false })
  expect(conflicts.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4].map((n) => `${COMMIT}:${n}`))
  expect(conflicts.map(({ placement, draft }) => [placement, draft])).toEqual([[0, 0], [0, 0], [A, 1], [A, 2], [FRESH, 3]])
})

test('R-COMMIT-1 a_plan_carries_the_whole_context', () => {
  expect(buildPlan(originOf(ANA, 44), commitOf(COMMIT), new MapStore(), ALLOWED).context).toEqual({
    commit: COMMIT, session: 1, region: REGION, author: ANA, lamport: 44, requestedAtUs: 5_000,
  })
})

test('a_commit_of_too_many_changes_is_refused_and_not_examined_beyond_the_bound', () => {
  const changes = Array.from({ length: COMMIT_CHANGES_MAX + 1 }, (_, i) => added(idOf(ANA, i + 1), stateAt(i * FAR)))
  const fits: PlacementCommit = commitOf(COMMIT, ...changes.slice(1))
  expect(buildPlan(originOf(ANA), fits, new MapStore(), ALLOWED).status).toBe('READY')
  const plan = buildPlan(originOf(ANA), commitOf(COMMIT, ...changes), new MapStore(), ALLOWED)
  expect(plan.conflicts.map(({ type }) => type)).toEqual(['UNKNOWN'])
  expect(plan.changes.length).toBe(COMMIT_CHANGES_MAX)
})

test('planning_writes_nothing', () => {
  const store = new MapStore()
  putPlacement(store, A, base)
  const before = storeText(store)
  buildPlan(originOf(ANA), commitOf(COMMIT, move, added(FRESH, stateAt(FAR))), store, ALLOWED)
  expect(storeText(store)).toBe(before)
  expect(store.entities(Placement)).toEqual([A])
})

test('boxes_overlap_where_they_share_volume_on_all_three_axes', () => {
  for (const axis of ['x', 'y', 'z'] as const) {
    expect(boxesOverlap(base, { ...base, [axis]: EDGE - 1 })).toBe(true)
    expect(boxesOverlap(base, { ...base, [axis]: EDGE })).toBe(false)
    expect(boxesOverlap(base, { ...base, [axis]: -EDGE })).toBe(false)
  }
  // Twice the scale, one and a half times the reach.
  expect(boxesOverlap(base, { ...base, scale: 512, x: 1.5 * EDGE - 1 })).toBe(true)
  expect(boxesOverlap(base, { ...base, scale: 512, x: 1.5 * EDGE })).toBe(false)
  expect(boxesOverlap(stateAt(-(2 ** 31)), stateAt(2 ** 31 - 1, { scale: 0xffff }))).toBe(false)
})
