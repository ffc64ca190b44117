import { expect, test } from 'vitest'
import { COMMIT_HISTORY_MAX } from '../../../system/limits.ts'
import type { CommitResult } from '../../../system/placement/apply.ts'
import { CommitHistory } from '../../../system/placement/history.ts'
import type { CommitContext, CommitStatus } from '../../../system/placement/plan.ts'
import { ANA, commitId, REGION } from '../../support/placements.ts'

const contextOf = (counter: number): CommitContext =>
  ({ commit: commitId(ANA, counter), session: 1, region: REGION, author: ANA, lamport: 10, requestedAtUs: 0 })
const resultOf = (counter: number, status: CommitStatus = 'APPLIED', repeated = false): CommitResult => ({
  context: contextOf(counter), status, changes: [], conflicts: [], merged: repeated ? 0 : 1, completedAtLamport: 10, repeated,
})
const commits = (history: CommitHistory) => history.results().map(({ context }) => context.commit)

test('results_stand_in_the_order_of_the_fold', () => {
  const history = new CommitHistory()
  for (const counter of [3, 1, 2]) history.record(resultOf(counter))
  expect(commits(history)).toEqual([3, 1, 2].map((counter) => commitId(ANA, counter)))
  expect(history.get(commitId(ANA, 1))).toEqual(resultOf(1))
  expect(history.get(commitId(ANA, 9))).toBeUndefined()
})

test('a_requested_commit_is_pending_until_its_result_comes', () => {
  const history = new CommitHistory()
  history.request(contextOf(1))
  history.record(resultOf(2))
  expect(history.get(commitId(ANA, 1))).toMatchObject({ status: 'PENDING', completedAtLamport: 0 })
  history.record(resultOf(1, 'REJECTED'))
  expect(history.get(commitId(ANA, 1))!.status).toBe('REJECTED')
  expect(commits(history)).toEqual([commitId(ANA, 2), commitId(ANA, 1)])
})

test('a_repeated_result_does_not_replace_the_first', () => {
  const history = new CommitHistory()
  history.record(resultOf(1))
  history.record(resultOf(2))
  history.record(resultOf(1, 'APPLIED', true))
  expect(history.results()).toEqual([resultOf(1), resultOf(2)])
})

test('the_oldest_is_forgotten_at_the_bound', () => {
  const history = new CommitHistory()
  for (let counter = 0; counter <= COMMIT_HISTORY_MAX; counter++) history.record(resultOf(counter))
  expect(history.results().length).toBe(COMMIT_HISTORY_MAX)
  expect(history.get(commitId(ANA, 0))).toBeUndefined()
  expect(history.get(commitId(ANA, 1))).toBeDefined()
})
