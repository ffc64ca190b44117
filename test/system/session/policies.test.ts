/** Two commands on one scope, in every way in which they can meet: what comes of the one that stands behind, on every peer. */
import { beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../system/commands/registry.ts'
import { Entity, Placement } from '../../../system/ecs/components.ts'
import { LATE_WINDOW_FRAMES } from '../../../system/limits.ts'
import type { ConflictPolicy, ScopeKind } from '../../../system/protocol/messages.ts'
import type { Client } from '../../../system/session/client.ts'
import type { Intent } from '../../../system/session/peer.ts'
import type { FoldOutcome } from '../../../system/telemetry/events.ts'
import { type Actor, disagreement, Loopback, ONCE, prepare } from '../../support/loopback.ts'
import { REGION, stateAt } from '../../support/placements.ts'

beforeAll(prepare)

const WINDOW_US = (LATE_WINDOW_FRAMES * 1e6) / 90
const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const

interface Case {
  readonly policy: ConflictPolicy
  readonly scope: ScopeKind
  readonly command: string
  /** Neither author had seen the other's, or the second one had. */
  readonly isConcurrent: boolean
  readonly isOwn: boolean
  /** The host refuses one of them as late: where they are concurrent the first, otherwise the second. */
  readonly isLate: boolean
}
const COMMANDS_OF: readonly Pick<Case, 'policy' | 'scope' | 'command'>[] = [
  { policy: 'lastWriteWins', scope: 'entity', command: 'selection.highlight' },
  { policy: 'merge', scope: 'entity', command: 'entity.translate' },
  { policy: 'reject', scope: 'entity', command: 'entity.scale' },
  { policy: 'lastWriteWins', scope: 'tool', command: 'tool.activate' },
]
const BOTH = [false, true]
const CASES: readonly Case[] = COMMANDS_OF.flatMap((of) => BOTH.flatMap((isConcurrent) =>
  BOTH.flatMap((isOwn) => BOTH.map((isLate) => ({ ...of, isConcurrent, isOwn, isLate })))))

const EXPECTED: Readonly<Record<ConflictPolicy, FoldOutcome>> = { lastWriteWins: 'applied', merge: 'merged', reject: 'rejected' }

function intentFor(command: string, entity: number): Intent {
  switch (command) {
    case 'selection.highlight': return { kind: 'select', entity }
    case 'entity.translate': return { kind: 'translate', entity, dx: 7, dy: 0, dz: 0 }
    case 'entity.scale': return { kind: 'scale', entity, numerator: 300, denominator: 256 }
    default: return { kind: 'toolActivate', tool: 5 }
  }
}

/** What every peer says of the commands of this name, the last first. */
const tellings = (loopback: Loopback, command: string) => [loopback.host, ...loopback.clients].map((actor) => {
  const folds = actor.heard('commandFolded').filter((fold) => fold.command === command)
  const { author, lamport, outcome } = folds.at(-1)!
  const strategy = actor.heard('commandConflict').find((conflict) => conflict.lamport === lamport && conflict.author === author)?.strategy
  return { author, outcome, strategy, count: folds.length }
})

describe('conflict policies', () => {
  it.each(CASES)('R-LOG-8 $policy on $scope: concurrent $isConcurrent, own $isOwn, late $isLate', (one) => {
    const { policy, command, isConcurrent, isOwn, isLate } = one
    const loopback = new Loopback()
    loopback.host.intend(SPAWN)
    const [ana, ben, cleo] = loopback.joined('ana', 'ben', 'cleo')
    const [crate] = ana.peer.world.entities(Entity)
    const intent = intentFor(command, crate)
    const second = isOwn ? ana : ben
    const delayed = isConcurrent ? ana : second
    const holdBack = () => {
      if (!isLate) return
      loopback.carry = (carried) =>
        (carried.from === delayed.name && carried.as('CommandLogEntry') !== undefined ? [{ delayUs: 2 * WINDOW_US }] : ONCE)
    }
    if (isConcurrent) holdBack()
    ana.intend(intent)
    if (!isConcurrent) loopback.settle()
    if (!isConcurrent) holdBack()
    second.intend(intent)
    // Others keep the clock going, or nothing would be late.
    for (let frame = 0; frame < 3 * LATE_WINDOW_FRAMES; frame++) {
      if (frame % 5 === 0) cleo.intend({ kind: 'toolDeactivate', tool: 100 + frame })
      if (frame === LATE_WINDOW_FRAMES) loopback.carry = () => ONCE
      loopback.run(1)
    }
    loopback.settle()

    const late = loopback.host.heard('commandRefused').filter(({ reason }) => reason === 'late')
    expect(late.length > 0).toBe(isLate)
    const isConflict = isConcurrent && !isOwn
    // Of two concurrent ones of equal Lamport time Ben's stands behind; a late one always does.
    const behind = isOwn || (isConcurrent && isLate) ? ana : ben
    const expected = {
      author: behind.peer.author, outcome: isConflict ? EXPECTED[policy] : 'applied', strategy: isConflict ? policy : undefined, count: 2,
    }
    expect(tellings(loopback, command)).toEqual([expected, expected, expected, expected])
    expect(disagreement(loopback)).toBeUndefined()
    loopback.free()
  })

  it('R-LOG-8 every policy and scope that a flat command of members has is among these, or has no other author', () => {
    const known = new Set(COMMANDS_OF.map(({ policy, scope }) => `${policy} ${scope}`))
    const flat = COMMANDS.filter(({ layout, role }) => layout !== undefined && role !== 'admin')
    for (const { policy, scopeKind } of flat) expect(known).toContain(`${policy} ${scopeKind}`)
  })

  it.each([['tags that do not overlap', 1, 2, 'applied', 'merge'], ['one place for two', 0, 0, 'rejected', 'reject']] as const)(
    'R-LOG-8 merge on the global scope: two commits, %s', (_, ours, theirs, outcome, strategy) => {
      const loopback = new Loopback()
      const [ana, ben] = loopback.joined('ana', 'ben')
      const commit = (actor: Actor<Client>, draft: Intent) => {
        for (const intent of [{ kind: 'openPlacements', region: REGION } as const, draft, { kind: 'commitPlacements' } as const]) {
          actor.intend(intent)
        }
      }
      commit(ana, { kind: 'draftAdd', state: stateAt(0) })
      loopback.settle()
      const [placement] = ana.peer.world.entities(Placement)
      for (const [actor, tags] of [[ana, ours], [ben, theirs]] as const) {
        commit(actor, tags === 0 ? { kind: 'draftAdd', state: stateAt(5_000) } : { kind: 'draftUpdate', placement, patch: { tags } })
      }
      loopback.settle()
      const expected = { author: ben.peer.author, outcome, strategy, count: 3 }
      expect(tellings(loopback, 'placement.commit')).toEqual([expected, expected, expected])
      expect(disagreement(loopback)).toBeUndefined()
      loopback.free()
    })
})
