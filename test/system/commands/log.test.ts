/** The command log by itself: what its order decides, and what it must not depend on. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  entityDespawn, entityRotate, entityScale, entityTranslate, memberLeft, memberRole, placementCommit, ROLES, selectionHighlight,
  toolActivate,
} from '../../../system/commands/registry.ts'
import { Entity, ScopeVersion, Selection, ToolState, Transform } from '../../../system/ecs/components.ts'
import { encodePayload } from '../../../system/commands/payload.ts'
import { HOST_AUTHOR, hash64Hex } from '../../../system/ids.ts'
import { PENDING_ENTRIES_MAX } from '../../../system/limits.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { added, commitOf, stateAt } from '../../support/placements.ts'
import { ALL_CAPABILITIES, ANA, BEN, crate, entryOf, joinedAt, newLog, outcomes, spawnedAt } from './entries.ts'

const CRATE = crate(ANA, 1)
const PRELUDE = [joinedAt(1, ANA), joinedAt(2, BEN), spawnedAt(3, CRATE, ANA)]
const move = (author: number, lamport: number, dx: number, over: Partial<CommandEntry> = {}) =>
  entryOf(author, lamport, entityTranslate, { entity: CRATE, dx, dy: 0, dz: 0 }, over)
const scale = (author: number, lamport: number, factor: number, over: Partial<CommandEntry> = {}) =>
  entryOf(author, lamport, entityScale, { entity: CRATE, factor }, over)

// --- arbitrary histories --------------------------------------------------------------------------------------------

const LAMPORT_LAST = 24
const arbitraryEntry: fc.Arbitrary<CommandEntry> = fc.tuple(
  fc.constantFrom(ANA, BEN), fc.integer({ min: 1, max: LAMPORT_LAST }), fc.nat(8), fc.constantFrom(1, 2),
  fc.integer({ min: 1, max: 600 }), fc.nat(6),
).map(([author, lamport, kind, counter, amount, base]): CommandEntry => {
  const entity = crate(ANA, counter)
  const over = { baseLamport: base, baseAuthor: base % 3 }
  switch (kind) {
    case 0: return spawnedAt(lamport, crate(author, counter), author)
    case 1: return entryOf(author, lamport, entityDespawn, { entity }, over)
    case 2: return entryOf(author, lamport, selectionHighlight, { entity, on: amount % 2 }, over)
    case 3: return entryOf(author, lamport, entityRotate, { entity, qx: amount, qy: 0, qz: -amount, qw: 3 }, over)
    case 4: return entryOf(author, lamport, entityScale, { entity, factor: amount }, over)
    case 5: return entryOf(author, lamport, toolActivate, { tool: counter }, over)
    case 6: {
      const role = amount % ROLES.length
      return entryOf(author, lamport, memberRole, { author: counter, role, capabilities: ALL_CAPABILITIES }, over)
    }
    case 7: {
      const commit = commitOf(crate(author, 100 + lamport), added(crate(author, 50 + counter), stateAt(amount)))
      const payload = new Codec().encodePlacementCommit(commit)
      const { code, policy, scopeKind } = placementCommit
      return { ...entryOf(author, lamport, entityDespawn, { entity: 0 }), command: code, policy, scopeKind, payload }
    }
    default: return entryOf(author, lamport, entityTranslate, { entity, dx: amount, dy: -amount, dz: 7 }, over)
  }
})
const placeOf = ({ lamport, author }: CommandEntry) => `${lamport}.${author}`
const arbitraryHistory = fc.uniqueArray(arbitraryEntry, { selector: placeOf, minLength: 5, maxLength: 24 }).map((entries) => [
  joinedAt(1, ANA, 'admin'), joinedAt(2, BEN), spawnedAt(3, CRATE, ANA),
  ...entries.map((entry) => ({ ...entry, lamport: entry.lamport + 3 })),
])

describe('order', () => {
  it('R-LOG-1 any order of arrival, doubled and in any batches, closed at any marks, makes the same bytes', () => {
    const seen = new Set<string>()
    fc.assert(fc.property(arbitraryHistory, fc.array(fc.nat(), { minLength: 30, maxLength: 30 }), (history, draws) => {
      const straight = newLog()
      straight.take(...history)
      straight.log.closeUpTo(LAMPORT_LAST + 3, 0)
      for (const { outcome } of straight.folded) seen.add(outcome)

      const shuffled = newLog()
      const left = [...history, ...history.filter((_, i) => draws[i % 30] % 3 === 0)]
      let mark = 0
      for (let step = 0; left.length > 0; step++) {
        const draw = draws[step % 30] + step
        const [entry] = left.splice(draw % left.length, 1)
        shuffled.log.integrate(entry, true)
        // The host's own order may close whatever is complete.
        const complete = Math.min(LAMPORT_LAST + 3, ...left.map(({ lamport }) => lamport - 1))
        if (draw % 2 === 0 && complete > mark) shuffled.log.closeUpTo((mark = complete), step)
        if (draw % 5 === 0) shuffled.log.view.entities(Entity)
      }
      const foreseen = shuffled.log.view.entities(Transform).map((entity) => shuffled.log.view.get(entity, Transform))
      shuffled.log.closeUpTo(LAMPORT_LAST + 3, 99)

      expect(shuffled.log.position).toEqual(straight.log.position)
      expect(shuffled.world.digest()).toEqual(straight.world.digest())
      expect(Buffer.compare(shuffled.world.canonicalBytes(), straight.world.canonicalBytes())).toBe(0)
      // What was shown before it was closed is what was closed.
      expect(foreseen).toEqual(straight.world.entities(Transform).map((entity) => straight.world.get(entity, Transform)))
    }), { seed: 11, numRuns: 80 })
    // Or the histories would have shown nothing.
    expect([...seen].sort()).toEqual(['applied', 'denied', 'merged', 'rejected', 'void'])
  })

  it('R-LOG-1 equal Lamport times are ordered by author, whoever came first', () => {
    for (const order of [[ANA, BEN], [BEN, ANA]]) {
      const { log, world, take } = newLog()
      take(...PRELUDE, ...order.map((author) => entryOf(author, 4, selectionHighlight, { entity: CRATE, on: 1 })))
      log.closeUpTo(4, 0)
      expect(world.get(CRATE, Selection)?.author).toBe(BEN)
    }
  })

  it('R-LOG-1 the digest of the position tells every entry, its place and its signature', () => {
    const digestOf = (...entries: CommandEntry[]) => {
      const { log, take } = newLog()
      take(...PRELUDE, ...entries)
      return log.positionAt(9).digest
    }
    const one = digestOf(move(ANA, 4, 1), move(BEN, 5, 2))
    expect(digestOf(move(BEN, 5, 2), move(ANA, 4, 1))).toEqual(one)
    expect(digestOf(move(ANA, 4, 1))).not.toEqual(one)
    expect(digestOf(move(BEN, 4, 1), move(ANA, 5, 2))).not.toEqual(one)
    expect(digestOf(move(ANA, 4, 1), { ...move(BEN, 5, 2), signature: new Uint8Array(64) })).not.toEqual(one)
  })
})

describe('closing', () => {
  it('R-LOG-2 what arrives at or below the closed mark is not taken, and the mark does not fall', () => {
    const { log, world, take } = newLog()
    take(...PRELUDE)
    log.closeUpTo(5, 0)
    expect(log.integrate(move(ANA, 5, 8), true)).toEqual({ kind: 'closed' })
    expect(log.positionAt(3)).toEqual(log.position)
    expect(() => log.closeUpTo(4, 1)).toThrow('the closed mark never falls')
    log.closeUpTo(6, 1)
    expect(world.get(CRATE, Transform)?.x).toBe(0)
  })

  it('R-LOG-2 an own entry that nobody admitted is no part of the closed world, and can be taken back', () => {
    const { log, world, take } = newLog()
    take(...PRELUDE)
    log.integrate(move(ANA, 4, 8), false)
    expect(log.view.get(CRATE, Transform)?.x).toBe(8)
    log.closeUpTo(6, 0)
    expect(log.position.count).toBe(3)
    expect(world.get(CRATE, Transform)?.x).toBe(0)
    expect(log.unadmitted()).toEqual([move(ANA, 4, 8)])
    expect(log.withdraw(4, ANA)).toEqual(move(ANA, 4, 8))
    expect(log.view.get(CRATE, Transform)?.x).toBe(0)
    expect(log.depth).toBe(0)
  })

  it('R-LOG-2 an admitted entry cannot be taken back, and another under its place is told', () => {
    const { log, take } = newLog()
    take(...PRELUDE, move(ANA, 4, 8))
    expect(log.withdraw(4, ANA)).toBeUndefined()
    expect(log.integrate(move(ANA, 4, 9), true)).toEqual({ kind: 'equivocation' })
    expect(log.integrate(move(ANA, 4, 8), true)).toEqual({ kind: 'duplicate' })
  })

  it('R-ECS-4 what is speculative vanishes without a trace', () => {
    const { log, world, take } = newLog()
    take(...PRELUDE)
    log.closeUpTo(3, 0)
    const bytes = world.canonicalBytes()
    log.integrate(move(ANA, 4, 8), false)
    log.integrate(entryOf(ANA, 5, entityDespawn, { entity: CRATE }), false)
    expect(log.view.has(CRATE, Entity)).toBe(false)
    log.withdraw(5, ANA)
    log.withdraw(4, ANA)
    expect(log.view.get(CRATE, Transform)).toEqual(world.get(CRATE, Transform))
    expect(world.canonicalBytes()).toEqual(bytes)
  })

  it('R-LOG-3 entries that wait are bounded', () => {
    const { log } = newLog()
    for (let lamport = 1; lamport <= PENDING_ENTRIES_MAX; lamport++) log.integrate(move(ANA, lamport, 1), true)
    expect(log.depth).toBe(PENDING_ENTRIES_MAX)
    expect(log.integrate(move(ANA, PENDING_ENTRIES_MAX + 1, 1), true)).toEqual({ kind: 'full' })
  })

  it('R-LOG-4 no Lamport time that a peer tells uses the clock up', () => {
    const { log } = newLog()
    log.witness(Number.MAX_SAFE_INTEGER)
    expect(log.clock + 1).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER)
  })
})

describe('what the log tells', () => {
  const own = move(ANA, 7, 1)
  const above = move(BEN, 9, 2)
  const filled = () => {
    const under = newLog()
    under.take(...PRELUDE, move(BEN, 5, 4), move(BEN, 6, 4))
    under.log.closeUpTo(5, 0)
    expect(under.log.integrate(own, false)).toEqual({ kind: 'integrated' })
    under.take(above)
    return under
  }
  const places = (entries: readonly CommandEntry[]) => entries.map(({ lamport }) => lamport)

  it('R-LOG-10 the entries after one mark and up to another: what the host admitted, closed or not, in order', () => {
    const { log } = filled()
    expect(places(log.entriesSince(0))).toEqual([1, 2, 3, 5, 6, 9])
    expect(places(log.entriesSince(2, 6))).toEqual([3, 5, 6])
    expect(places(log.entriesSince(3, 5))).toEqual([5])
    expect(places(log.entriesSince(5, 8))).toEqual([6])
    expect(places(log.entriesSince(9))).toEqual([])
  })

  it('R-LOG-2 an own entry is told as unadmitted until the host has it, and is at its own place alone', () => {
    const { log } = filled()
    expect(log.unadmitted()).toEqual([own])
    expect(log.pending.map(({ entry, admitted }) => [entry.lamport, admitted])).toEqual([[6, true], [7, false], [9, true]])
    const has = (lamport: number, author: number) => log.entryAt(lamport, author) !== undefined
    expect([has(7, ANA), has(7, BEN), has(6, ANA), has(8, ANA), has(9, BEN)]).toEqual([true, false, false, false, true])
    expect([log.withdraw(7, HOST_AUTHOR), log.withdraw(5, ANA), log.withdraw(8, ANA)]).toEqual([undefined, undefined, undefined])
    expect(log.integrate(own, true)).toEqual({ kind: 'integrated' })
    expect(log.unadmitted()).toEqual([])
    expect(log.withdraw(7, ANA)).toBeUndefined()
  })

  it('R-LOG-10 a snapshot leaves what is above it, and what nobody admitted; what is shown is made anew', () => {
    const { log, world } = filled()
    expect(log.view.get(CRATE, Transform)?.x).toBe(4 + 4 + 1 + 2)
    world.set(CRATE, Transform, { ...world.get(CRATE, Transform)!, x: 100 })
    log.adopt({ closedLamport: 8, count: 6, digest: log.position.digest })
    expect(log.pending.map(({ entry }) => entry.lamport)).toEqual([7, 9])
    expect(log.view.get(CRATE, Transform)?.x).toBe(100 + 1 + 2)
    expect(places(log.entriesSince(0))).toEqual([9])
    expect(log.clock).toBe(9)
    log.adopt({ closedLamport: 20, count: 7, digest: log.position.digest })
    expect(log.pending.map(({ entry }) => entry.lamport)).toEqual([7])
    expect(log.clock).toBe(20)
  })

  // Peers of other versions and machines must come to the same: little-endian, chain before entry.
  it('R-FRAME-2 the chain digest of a history is this one', () => {
    expect(hash64Hex(filled().log.positionAt(9).digest)).toBe('6ec7593f3831def3')
  })
})

describe('roles', () => {
  const demoted = entryOf(0, 10, memberRole, { author: BEN, role: ROLES.indexOf('viewer'), capabilities: 0 })
  const promoted = entryOf(0, 14, memberRole, { author: BEN, role: ROLES.indexOf('editor'), capabilities: ALL_CAPABILITIES })

  it('R-LOG-7 a role holds for what comes after it in the log, whatever comes first at a peer', () => {
    const moves = [move(BEN, 9, 1), move(BEN, 10, 10), move(BEN, 13, 100), move(BEN, 14, 1000), move(BEN, 15, 10_000)]
    for (const arrival of [[demoted, promoted, ...moves], [...moves, promoted, demoted], [...moves.toReversed(), demoted, promoted]]) {
      const under = newLog()
      under.take(...PRELUDE, ...arrival)
      under.log.closeUpTo(20, 0)
      // The host's entry comes before another's of the same time: 10.2 and 13.2 fall under the viewer, 14.2 does not.
      expect(outcomes(under)).toMatchObject({ '9.2': 'merged', '10.2': 'denied', '13.2': 'denied', '14.2': 'applied', '15.2': 'applied' })
      expect(under.world.get(CRATE, Transform)?.x).toBe(11_001)
    }
  })

  it('R-LOG-7 who is no member, has left, or lacks a capability may do nothing', () => {
    const under = newLog()
    under.take(joinedAt(1, ANA), spawnedAt(2, CRATE, ANA), move(3, 3, 1), joinedAt(4, BEN, 'editor', 0), move(BEN, 5, 1))
    under.take(joinedAt(6, BEN, 'viewer'), move(BEN, 7, 1), entryOf(0, 8, memberLeft, { author: ANA }), move(ANA, 9, 1))
    under.log.closeUpTo(9, 0)
    expect(outcomes(under)).toMatchObject({ '3.3': 'denied', '5.2': 'denied', '7.2': 'denied', '9.1': 'denied' })
    const whys = under.folded.map(({ why }) => why).filter((why) => why !== '')
    expect(whys).toEqual(['not a member here', 'lacks a capability', 'needs the role editor', 'not a member here'])
  })

  it('R-LOG-7 only the host enrols, and only admins change roles', () => {
    const under = newLog()
    const change = (author: number, lamport: number) => entryOf(author, lamport, memberRole, { author: BEN, role: 2, capabilities: 31 })
    under.take(joinedAt(1, ANA, 'admin'), joinedAt(2, BEN), { ...joinedAt(3, 3), author: ANA }, change(BEN, 4), change(ANA, 5))
    under.log.closeUpTo(9, 0)
    expect(outcomes(under)).toMatchObject({ '3.1': 'denied', '4.2': 'denied', '5.1': 'applied' })
  })

  it('R-LOG-7 an admin who names an author that cannot be changes nothing', () => {
    const under = newLog()
    const change = (lamport: number, author: number, role: number) => entryOf(ANA, lamport, memberRole, { author, role, capabilities: 0 })
    // Built on a scope that is there: what names an author beyond 1023 cannot even be asked for its scope by an honest peer.
    const beyond = { ...change(2, BEN, 0), payload: encodePayload(memberRole.layout!, { author: 0xffff, role: 0, capabilities: 0 }) }
    under.take(joinedAt(1, ANA, 'admin'), beyond, { ...beyond, lamport: 3, scope: 0 }, change(4, BEN, 9))
    under.log.closeUpTo(9, 0)
    expect(outcomes(under)).toMatchObject({ '2.1': 'void', '3.1': 'void', '4.1': 'void' })
  })
})

describe('policies', () => {
  /** What becomes of Ben's entry after Ana's, both drafted on `base`. */
  const race = (ana: CommandEntry, ben: CommandEntry) => {
    const under = newLog()
    under.take(...PRELUDE, ana, ben)
    under.log.closeUpTo(20, 0)
    return { world: under.world, outcome: outcomes(under)[`${ben.lamport}.${ben.author}`] }
  }
  const seen = { baseLamport: 4, baseAuthor: ANA }
  const unseen = { baseLamport: 3, baseAuthor: ANA }

  const select = (author: number, lamport: number, over: Partial<CommandEntry> = {}) =>
    entryOf(author, lamport, selectionHighlight, { entity: CRATE, on: 1 }, over)

  it.each([
    ['last write wins, seen or not', select(ANA, 4), select(BEN, 5, unseen), 'applied'],
    ['a delta merges with one that its author had not seen', move(ANA, 4, 3), move(BEN, 5, 4, unseen), 'merged'],
    ['and is plain on one that it had', move(ANA, 4, 3), move(BEN, 5, 4, seen), 'applied'],
    ['reject turns away what was drafted on another version', scale(ANA, 4, 512), scale(BEN, 5, 512, unseen), 'rejected'],
    ['and takes what was drafted on this one', scale(ANA, 4, 512), scale(BEN, 5, 512, seen), 'applied'],
    ['a base of another author is another version', scale(ANA, 4, 512), scale(BEN, 5, 512, { ...seen, baseAuthor: BEN }), 'rejected'],
    ['an author never conflicts with itself', scale(BEN, 4, 512), scale(BEN, 5, 512, unseen), 'applied'],
  ] as const)('R-LOG-8 %s', (_, ana, ben, outcome) => {
    expect(race(ana, ben).outcome).toBe(outcome)
  })

  it('R-LOG-8 what policies leave behind', () => {
    expect(race(move(ANA, 4, 3), move(BEN, 5, 4)).world.get(CRATE, Transform)?.x).toBe(7)
    expect(race(scale(ANA, 4, 512), scale(BEN, 5, 512)).world.get(CRATE, Transform)?.sx).toBe(512)
    expect(race(scale(ANA, 4, 512), scale(BEN, 5, 512, seen)).world.get(CRATE, Transform)?.sx).toBe(1024)
    const tools = race(entryOf(ANA, 4, toolActivate, { tool: 1 }), entryOf(BEN, 5, toolActivate, { tool: 1 }))
    expect(tools.world.entities(ToolState)).toHaveLength(2)
  })

  it('R-LOG-8 a rejected entry is no version: the next one is judged by the one before it', () => {
    const under = newLog()
    under.take(...PRELUDE, scale(ANA, 4, 512), scale(BEN, 5, 512, unseen), scale(BEN, 6, 512, seen))
    under.log.closeUpTo(20, 0)
    expect(outcomes(under)).toMatchObject({ '5.2': 'rejected', '6.2': 'applied' })
  })

  it('R-LOG-8 the policy of a command is not its author\'s choice', () => {
    expect(race(scale(ANA, 4, 512), scale(BEN, 5, 512, { policy: 'lastWriteWins' })).outcome).toBe('void')
    expect(race(scale(ANA, 4, 512), scale(BEN, 5, 512, { scope: crate(ANA, 2) })).outcome).toBe('void')
  })
})

// forged-command, seed 555: a flipped bit in the host's memory went to a client by snapshot, and the client's next command on that scope
// did not fit the wire: a crash (law 13).
it('R-LOG-8 a scope whose version names an author that there cannot be has no base', () => {
  const { log, world } = newLog()
  world.set(CRATE, ScopeVersion, { lamport: 5, author: 1024 })
  expect(log.scopeBase('entity', CRATE)).toEqual({ lamport: 0, author: 0 })
  world.set(CRATE, ScopeVersion, { lamport: 5, author: 1023 })
  expect(log.scopeBase('entity', CRATE)).toEqual({ lamport: 5, author: 1023 })
})
