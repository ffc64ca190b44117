import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Bounds, CommitRecord, Entity, Placement, ROTATION_ONE, SCALE_ONE, ScopeVersion, Selection, Transform,
} from '../../../system/ecs/components.ts'
import type { WriteStore } from '../../../system/ecs/store.ts'
import { World } from '../../../system/ecs/world.ts'
import { entityAuthor, hash64Hex } from '../../../system/ids.ts'
import { applyCommit, COMMIT_STATUS_CODES, type CommitResult, resultDigest } from '../../../system/placement/apply.ts'
import { buildPlan } from '../../../system/placement/plan.ts'
import { tagBits } from '../../../system/placement/tags.ts'
import type { PlacementCommit } from '../../../system/protocol/messages.ts'
import { FailingStore, MapStore, storeText } from '../../support/mapstore.ts'
import {
  added, ALLOWED, ANA, BEN, commitId, commitOf, idOf, originOf, putPlacement, removed, stateAt, updated,
} from '../../support/placements.ts'

const [A, B, C] = [idOf(BEN, 1), idOf(BEN, 2), idOf(BEN, 3)]
const COMMIT = commitId(ANA)
const FAR = 10_000
const [atA, atB, atC] = [stateAt(0), stateAt(FAR), stateAt(2 * FAR)]

const settle = (store: WriteStore, commit: PlacementCommit, lamport = 10): CommitResult | undefined =>
  applyCommit(store, buildPlan(originOf(entityAuthor(commit.commit), lamport), commit, store, ALLOWED))

/** Three placements; C carries every kind of row that the log may have hung on it. */
function populate<Store extends WriteStore>(store: Store): Store {
  putPlacement(store, A, atA)
  putPlacement(store, B, atB)
  putPlacement(store, C, atC)
  store.set(C, Selection, { author: ANA })
  store.set(C, ScopeVersion, { lamport: 3, author: ANA })
  store.set(C, Transform, { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, sx: SCALE_ONE, sy: SCALE_ONE, sz: SCALE_ONE })
  store.set(C, Bounds, { hx: 1, hy: 1, hz: 1 })
  return store
}
const NEW = idOf(ANA, 7)
const everyChange = commitOf(
  COMMIT, updated(A, atA, { ...atA, x: 5 }), added(NEW, stateAt(3 * FAR)), removed(C, atC), updated(B, atB, { ...atB, tags: 1 }),
)
const clashing = commitOf(COMMIT, updated(A, atA, { ...atA, x: 5 }), updated(B, { ...atB, x: 1 }, { ...atB, x: 2 }))
const rowsBesides = (store: WriteStore) => storeText(store).split('\n').filter((line) => !line.startsWith(CommitRecord.name))

describe('an applied commit', () => {
  test('leaves_live_as_its_changes_say', () => {
    const store = populate(new MapStore())
    const result = settle(store, everyChange)!
    expect(result.status).toBe('APPLIED')
    const changes = result.changes.map(({ type, placement }) => [type, placement])
    expect(changes).toEqual([['UPDATE', A], ['ADD', NEW], ['REMOVE', C], ['UPDATE', B]])
    expect(store.get(A, Placement)).toEqual({ ...atA, x: 5 })
    expect(store.get(B, Placement)).toEqual({ ...atB, tags: 1 })
    expect(store.get(idOf(ANA, 7), Placement)).toEqual(stateAt(3 * FAR))
    expect(store.get(idOf(ANA, 7), Entity)).toEqual({ kind: 3, creator: ANA })
  })

  test('leaves_no_row_of_a_removed_placement', () => {
    const store = populate(new MapStore())
    settle(store, everyChange)
    expect(storeText(store)).not.toContain(` ${C} `)
  })

  test('R-COMMIT-5 writes_its_audit_record', () => {
    const store = populate(new MapStore())
    const result = settle(store, everyChange, 77)!
    const { hi, lo } = resultDigest(result)
    expect(store.get(COMMIT, CommitRecord)).toEqual({
      status: COMMIT_STATUS_CODES.APPLIED, author: ANA, lamport: 77, changes: 4, conflicts: 0, resultHi: hi, resultLo: lo,
    })
    expect(result.completedAtLamport).toBe(77)
  })

  test('R-COMMIT-2 keeps_both_sides_of_tag_changes_that_do_not_overlap', () => {
    const store = new MapStore()
    putPlacement(store, A, { ...atA, tags: tagBits(['prop', 'light']) })
    const before = { ...atA, tags: tagBits(['prop']) }
    const result = settle(store, commitOf(COMMIT, updated(A, before, { ...before, tags: tagBits(['hazard']) })))!
    expect(result).toMatchObject({ status: 'APPLIED', merged: 1, conflicts: [{ type: 'TAG_CONFLICT', resolvable: true }] })
    expect(store.get(A, Placement)!.tags).toBe(tagBits(['light', 'hazard']))
    expect(store.get(COMMIT, CommitRecord)).toMatchObject({ changes: 1, conflicts: 1 })
  })
})

test('R-COMMIT-5 a_rejected_commit_changes_nothing_but_its_audit_record', () => {
  const store = populate(new MapStore())
  const before = storeText(store).split('\n')
  const result = settle(store, clashing)!
  expect(result).toMatchObject({ status: 'REJECTED', changes: [], merged: 0, conflicts: [{ type: 'TRANSFORM_CONFLICT', placement: B }] })
  expect(rowsBesides(store)).toEqual(before)
  expect(store.get(COMMIT, CommitRecord)).toMatchObject({ status: COMMIT_STATUS_CODES.REJECTED, changes: 0, conflicts: 1 })
})

describe('a commit is settled once', () => {
  test.each([
    ['applied', everyChange], ['rejected', clashing],
  ] as const)('R-COMMIT-4 %s_again_changes_nothing_and_gives_the_recorded_outcome', (_, commit) => {
    const store = populate(new MapStore())
    const first = settle(store, commit, 20)!
    expect(first.repeated).toBe(false)
    const after = storeText(store)
    const again = { status: first.status, completedAtLamport: 20, repeated: true, changes: [], conflicts: [] }
    expect(settle(store, commit, 30)).toMatchObject(again)
    expect(storeText(store)).toBe(after)
  })

  test('even_where_it_would_succeed_by_now', () => {
    const store = populate(new MapStore())
    settle(store, clashing)
    putPlacement(store, B, { ...atB, x: 1 })
    expect(settle(store, clashing)!.status).toBe('REJECTED')
  })

  test.each([
    ['another author\'s id', commitId(BEN)],
    ['a member entity', idOf(ANA, 0)],
    ['an entity in use', idOf(ANA, 50)],
    ['a stream entity', COMMIT + 2 ** 30],
  ])('and_has_no_outcome_on_%s', (_, commit) => {
    const store = populate(new MapStore())
    store.set(idOf(ANA, 50), Entity, { kind: 1, creator: ANA })
    store.set(commitId(BEN), CommitRecord, { status: 2, author: BEN, lamport: 1, changes: 0, conflicts: 0, resultHi: 0, resultLo: 0 })
    const before = storeText(store)
    expect(applyCommit(store, buildPlan(originOf(ANA), { ...everyChange, commit }, store, ALLOWED))).toBeUndefined()
    expect(storeText(store)).toBe(before)
  })
})

describe('a failure at any single write', () => {
  const counting = new FailingStore(populate(new MapStore()), Infinity, 'before', new Error('never'))
  settle(counting, everyChange)
  const total = counting.writes

  test('is_tried_at_every_write', () => {
    // Two updates, two rows of the addition, six rows of the removal, the audit record.
    expect(total).toBe(2 + 2 + 6 + 1)
  })

  test.each(['before', 'after'] as const)('R-COMMIT-3 %s_it_took_effect_leaves_the_live_bytes_unchanged', (moment) => {
    for (let failAt = 0; failAt < total; failAt++) {
      const map = populate(new MapStore())
      const world = populate(new World())
      const worldText = () => `${Buffer.from(world.canonicalBytes()).toString('hex')} ${hash64Hex(world.digest())}`
      for (const [store, bytes] of [[map, () => storeText(map)], [world, worldText]] as const) {
        const before = bytes()
        const error = new Error(`write ${failAt}`)
        expect(() => settle(new FailingStore(store, failAt, moment, error), everyChange)).toThrow(error)
        expect(bytes()).toBe(before)
        expect(settle(store, everyChange)!.status).toBe('APPLIED')
      }
    }
  })
})

describe('the result digest', () => {
  test('is_the_same_for_equal_results_and_depends_on_every_part', () => {
    const result = settle(populate(new MapStore()), everyChange)!
    const digest = (each: CommitResult) => hash64Hex(resultDigest(each))
    expect(digest(settle(populate(new World()), everyChange)!)).toBe(digest(result))
    const [change] = result.changes
    const conflict = settle(populate(new MapStore()), clashing)!.conflicts[0]
    const others: CommitResult[] = [
      { ...result, status: 'REJECTED' }, { ...result, merged: 1 }, { ...result, completedAtLamport: 11 },
      { ...result, conflicts: [conflict] },
      { ...result, context: { ...result.context, lamport: 11 } }, { ...result, context: { ...result.context, requestedAtUs: 1 } },
      { ...result, changes: [] }, { ...result, changes: [{ ...change, after: undefined }, ...result.changes.slice(1)] },
      { ...result, changes: [{ ...change, before: { ...change.before!, qw: 0 } }, ...result.changes.slice(1)] },
      { ...result, conflicts: [{ ...conflict, resolvable: true }] },
    ]
    expect(new Set([result, ...others].map(digest)).size).toBe(others.length + 1)
  })
})

describe('two commits', () => {
  const COUNT = 6
  const spot = (k: number) => stateAt(k * FAR)
  /** For each of six placements: left alone, moved, tagged or removed; and a number of additions in free places. */
  const deed = fc.constantFrom('none', 'move', 'tag', 'remove')
  const wishes = fc.record({ deeds: fc.array(deed, { minLength: COUNT, maxLength: COUNT }), additions: fc.nat(3) })
  type Wishes = { readonly deeds: readonly string[]; readonly additions: number }
  const commitFrom = (author: number, { deeds, additions }: Wishes, mine: (k: number) => boolean): PlacementCommit =>
    commitOf(
      commitId(author),
      ...deeds.flatMap((deed, k) => {
        const [placement, before] = [idOf(BEN, k + 1), spot(k)]
        if (!mine(k) || deed === 'none') return []
        if (deed === 'remove') return [removed(placement, before)]
        return [updated(placement, before, deed === 'move' ? { ...before, y: author } : { ...before, tags: 1 << author })]
      }),
      ...Array.from({ length: additions }, (_, n) => added(idOf(author, 100 + n), stateAt((100 * author + n) * FAR))),
    )
  function inOrder(...commits: readonly PlacementCommit[]) {
    const store = new MapStore()
    for (let k = 0; k < COUNT; k++) putPlacement(store, idOf(BEN, k + 1), spot(k))
    const statuses = commits.map((commit, n) => settle(store, commit, 10 + n)!.status)
    return { statuses, rows: rowsBesides(store) }
  }

  test('that_touch_different_placements_commute', () => {
    fc.assert(
      fc.property(wishes, wishes, fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }), (anas, bens, share) => {
        const ana = commitFrom(ANA, anas, (k) => share[k])
        const ben = commitFrom(BEN, bens, (k) => !share[k])
        const one = inOrder(ana, ben)
        const other = inOrder(ben, ana)
        expect(one.statuses).toEqual(['APPLIED', 'APPLIED'])
        expect(other).toEqual(one)
      }),
      { seed: 4, numRuns: 200 },
    )
  })

  test('on_the_same_placements_give_the_same_rows_in_either_order_where_both_are_applied', () => {
    let bothApplied = 0
    fc.assert(
      fc.property(wishes, wishes, (anas, bens) => {
        const [ana, ben] = [commitFrom(ANA, anas, () => true), commitFrom(BEN, bens, () => true)]
        const one = inOrder(ana, ben)
        const other = inOrder(ben, ana)
        expect(one.statuses[0]).toBe('APPLIED')
        if (one.statuses[1] === 'APPLIED' && other.statuses[1] === 'APPLIED') {
          bothApplied++
          expect(other.rows).toEqual(one.rows)
        } else {
          // What was rejected left no trace: the rows are those of the first alone.
          if (one.statuses[1] === 'REJECTED') expect(one.rows).toEqual(inOrder(ana).rows)
        }
      }),
      { seed: 4, numRuns: 200 },
    )
    expect(bothApplied).toBeGreaterThan(10)
  })
})
