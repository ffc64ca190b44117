import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Placement } from '../../../system/ecs/components.ts'
import { applyCommit } from '../../../system/placement/apply.ts'
import { buildPlan, COMMIT_CHANGES_MAX } from '../../../system/placement/plan.ts'
import { EDIT_OPERATIONS_MAX, PlacementEditSession } from '../../../system/placement/session.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { MapStore, storeText } from '../../support/mapstore.ts'
import {
  added, ALLOWED, ANA, BEN, commitId, idOf, originOf, putPlacement, REGION, removed, stateAt, updated,
} from '../../support/placements.ts'

const A = idOf(BEN, 1)
const COMMIT = commitId(ANA)
const base = stateAt(0)

function opened() {
  const view = new MapStore()
  putPlacement(view, A, base)
  let counter = 10
  const session = new PlacementEditSession({ session: 1, region: REGION, view, probe: NO_PROBE, allocate: () => idOf(ANA, counter++) })
  return { view, session, commit: () => session.toCommit(COMMIT, 5) }
}

describe('drafts', () => {
  test('of_one_placement_are_one_change_against_what_was_live_at_the_first', () => {
    const { view, session, commit } = opened()
    session.draftUpdate(A, { x: 1 })
    putPlacement(view, A, { ...base, z: 50 })
    session.draftUpdate(A, { y: 2, tags: 4 })
    expect(commit().changes).toEqual([{ ...updated(A, base, { ...base, x: 1, y: 2, tags: 4 }), draft: 1 }])
    session.draftRemove(A)
    expect(commit().changes).toEqual([{ ...removed(A, base), draft: 1 }])
  })

  test('of_a_new_placement_stay_one_addition', () => {
    const { session, commit } = opened()
    const outcome = session.draftAdd(stateAt(9000))
    expect(outcome).toEqual({ kind: 'drafted', draft: { ...added(idOf(ANA, 10), stateAt(9000)), draft: 1 } })
    session.draftUpdate(idOf(ANA, 10), { tags: 1 })
    const changes = [{ ...added(idOf(ANA, 10), stateAt(9000, { tags: 1 })), draft: 1 }]
    expect(commit()).toEqual({ commit: COMMIT, session: 1, region: REGION, requestedAtUs: 5, changes })
    expect(session.draftRemove(idOf(ANA, 10))).toMatchObject({ kind: 'discarded' })
    expect(commit().changes).toEqual([])
  })

  test('that_came_back_to_where_they_began_are_no_change', () => {
    const { session, commit } = opened()
    session.draftUpdate(A, { x: 1 })
    session.draftUpdate(A, { x: 0 })
    expect(commit().changes).toEqual([])
    expect(session.drafts.length).toBe(1)
  })

  test('are_forgotten_when_discarded_and_the_next_begins_from_live', () => {
    const { view, session, commit } = opened()
    session.draftUpdate(A, { x: 1 })
    expect(session.discard(A)).toMatchObject({ kind: 'discarded', draft: { placement: A } })
    expect(session.discard(A)).toEqual({ kind: 'missing' })
    putPlacement(view, A, { ...base, z: 50 })
    session.draftUpdate(A, { y: 2 })
    expect(commit().changes).toEqual([{ ...updated(A, { ...base, z: 50 }, { ...base, z: 50, y: 2 }), draft: 2 }])
    session.discardAll()
    expect(session.drafts).toEqual([])
  })

  test('of_what_is_not_there_are_refused', () => {
    const { view, session } = opened()
    putPlacement(view, idOf(BEN, 2), stateAt(0, { region: REGION + 1 }))
    for (const placement of [idOf(BEN, 2), idOf(BEN, 3)]) {
      expect(session.draftUpdate(placement, { x: 1 })).toEqual({ kind: 'missing' })
      expect(session.draftRemove(placement)).toEqual({ kind: 'missing' })
    }
    session.draftRemove(A)
    expect(session.draftUpdate(A, { x: 1 })).toEqual({ kind: 'missing' })
    expect(session.draftRemove(A)).toEqual({ kind: 'missing' })
  })

  test('that_do_not_fit_a_row_or_the_region_are_the_caller_s_error_and_change_nothing', () => {
    const { session } = opened()
    expect(() => session.draftAdd(stateAt(0, { region: REGION + 1 }))).toThrow(RangeError)
    expect(() => session.draftAdd(stateAt(0.5))).toThrow(RangeError)
    expect(() => session.draftUpdate(A, { scale: -1 })).toThrow(RangeError)
    expect(session.drafts).toEqual([])
    expect(session.operations).toEqual([])
  })

  test('are_as_many_as_fit_a_commit', () => {
    const { session } = opened()
    for (let n = 0; n < COMMIT_CHANGES_MAX; n++) expect(session.draftAdd(stateAt(n)).kind).toBe('drafted')
    expect(session.draftAdd(base)).toEqual({ kind: 'full' })
    expect(session.draftUpdate(A, { x: 1 })).toEqual({ kind: 'full' })
    expect(session.draftRemove(A)).toEqual({ kind: 'full' })
    expect(session.draftUpdate(idOf(ANA, 10), { x: 5 }).kind).toBe('drafted')
  })
})

test('operations_are_kept_in_order_and_bounded', () => {
  const { session } = opened()
  session.draftAdd(stateAt(9000))
  session.draftUpdate(A, { x: 1 })
  session.draftRemove(A)
  session.discard(A)
  expect(session.operations).toEqual([
    { operation: 'add', draft: 1, placement: idOf(ANA, 10) },
    { operation: 'update', draft: 2, placement: A },
    { operation: 'remove', draft: 2, placement: A },
    { operation: 'discard', draft: 2, placement: A },
  ])
  for (let n = 0; n < EDIT_OPERATIONS_MAX; n++) session.draftUpdate(A, { x: n })
  expect(session.operations.length).toBe(EDIT_OPERATIONS_MAX)
  expect(session.operations[0].draft).toBe(3)
})

test('drafting_never_touches_the_view', () => {
  const { view, session } = opened()
  const before = storeText(view)
  session.draftUpdate(A, { x: 1 })
  session.draftAdd(stateAt(9000))
  session.draftRemove(A)
  session.toCommit(COMMIT, 5)
  expect(storeText(view)).toBe(before)
})

test('a_commit_on_the_view_it_was_drafted_against_is_applied_and_gives_the_drafted_states', () => {
  const step = fc.record({
    deed: fc.constantFrom('add', 'update', 'remove', 'discard'), which: fc.nat(7), x: fc.integer({ min: -50, max: 50 }), tags: fc.nat(15),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const view = new MapStore()
      const known = Array.from({ length: 4 }, (_, k) => idOf(BEN, k + 1))
      known.forEach((placement, k) => putPlacement(view, placement, stateAt(k * 10_000)))
      let counter = 10
      const session = new PlacementEditSession({ session: 1, region: REGION, view, probe: NO_PROBE, allocate: () => idOf(ANA, counter++) })
      for (const { deed, which, x, tags } of steps) {
        const placement = known[which % known.length]
        if (deed === 'add') {
          const outcome = session.draftAdd(stateAt(10_000 * (10 + known.length) + x, { tags }))
          if (outcome.kind === 'drafted') known.push(outcome.draft.placement)
        } else if (deed === 'update') session.draftUpdate(placement, { y: x, tags })
        else if (deed === 'remove') session.draftRemove(placement)
        else session.discard(placement)
      }
      const drafts = session.drafts
      const result = applyCommit(view, buildPlan(originOf(ANA), session.toCommit(COMMIT, 5), view, ALLOWED))
      expect(result?.status).toBe('APPLIED')
      for (const { placement, after } of drafts) expect(view.get(placement, Placement)).toEqual(after)
    }),
    { seed: 4, numRuns: 200 },
  )
})
