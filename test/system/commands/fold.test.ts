/** One step of the fold by itself: what is void, who is denied and for what, and what it answers. */
import { describe, expect, it } from 'vitest'
import { type FoldResult, foldEntry } from '../../../system/commands/fold.ts'
import {
  entityDespawn, entityScale, entityTranslate, memberEntity, memberRole, placementCommit, ROLES, selectionHighlight, toolActivate,
} from '../../../system/commands/registry.ts'
import { Member, Placement, ScopeVersion } from '../../../system/ecs/components.ts'
import { HOST_AUTHOR } from '../../../system/ids.ts'
import { EDIT_PLACEMENTS, EDIT_WORLD, MANAGE_COMMITS, MANAGE_MEMBERS } from '../../../system/protocol/capabilities.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry, PlacementCommit, Role } from '../../../system/protocol/messages.ts'
import { MapStore, storeText } from '../../support/mapstore.ts'
import { added, commitId, commitOf, idOf, stateAt } from '../../support/placements.ts'
import { ALL_CAPABILITIES, ANA, BEN, crate, entryOf, joinedAt, spawnedAt } from './entries.ts'

const CRATE = crate(ANA, 1)
const codec = new Codec()
const fold = (store: MapStore, entry: CommandEntry): FoldResult => foldEntry(entry, store, codec)

/** Ana, who may do everything, and her crate. */
function populated(): MapStore {
  const store = new MapStore()
  for (const entry of [joinedAt(1, ANA, 'admin'), spawnedAt(2, CRATE, ANA)]) expect(fold(store, entry).outcome).toBe('applied')
  return store
}
const move = entryOf(ANA, 5, entityTranslate, { entity: CRATE, dx: 8, dy: 0, dz: 0 })

const asCommit = (author: number, lamport: number, commit: PlacementCommit | Uint8Array): CommandEntry => ({
  ...entryOf(author, lamport, entityDespawn, { entity: 0 }), command: placementCommit.code, policy: placementCommit.policy,
  scopeKind: placementCommit.scopeKind, payload: commit instanceof Uint8Array ? commit : codec.encodePlacementCommit(commit),
})
const commitBy = (author: number, lamport = 5) =>
  asCommit(author, lamport, commitOf(commitId(author, lamport), added(idOf(author, 500 + lamport), stateAt(lamport * 10_000))))

describe('what makes no sense is void, says why, and writes nothing', () => {
  it.each<[what: string, entry: CommandEntry, why: string]>([
    ['a command that nobody knows', { ...move, command: 9999 }, 'unknown command'],
    ['another policy', { ...move, policy: 'reject' }, 'not the policy or scope of this command'],
    ['another kind of scope', { ...move, scopeKind: 'tool' }, 'not the policy or scope of this command'],
    ['a commit of another policy', { ...commitBy(ANA), policy: 'reject' }, 'not the policy or scope of this command'],
    ['a payload that is too short', { ...move, payload: move.payload.subarray(1) }, 'malformed payload'],
    ['another scope than the payload has', { ...move, scope: crate(ANA, 2) }, 'malformed payload'],
    ['an entity that is not there', entryOf(ANA, 5, entityScale, { entity: crate(ANA, 9), factor: 2 }), 'no such entity'],
    ['a commit that cannot be read', asCommit(ANA, 5, new Uint8Array(3)), 'too short'],
    ['a commit under another author’s id', asCommit(ANA, 5, commitOf(commitId(BEN), added(idOf(ANA, 9), stateAt(0)))),
      'not the author\'s commit entity'],
  ])('%s', (_what, entry, why) => {
    const store = populated()
    const before = storeText(store)
    const result = fold(store, entry)
    expect(result).toMatchObject({ outcome: 'void' })
    expect(result.why).toContain(why)
    expect(storeText(store)).toBe(before)
  })
})

describe('R-LOG-7 every right by itself is needed', () => {
  /** What becomes of an entry of Ben's where he joined with these rights. */
  const outcome = (entry: CommandEntry, role: Role, capabilities: number): FoldResult => {
    const store = populated()
    fold(store, joinedAt(3, BEN, role, capabilities))
    return fold(store, entry)
  }
  const scale = entryOf(BEN, 5, entityScale, { entity: CRATE, factor: 512 }, { baseLamport: 2, baseAuthor: ANA })
  const promotion = entryOf(BEN, 5, memberRole, { author: ANA, role: 0, capabilities: 0 })

  it.each<[what: string, entry: CommandEntry, role: Role, capabilities: number]>([
    ['to scale', scale, 'editor', EDIT_WORLD],
    ['to change a role', promotion, 'admin', MANAGE_MEMBERS],
    ['to commit', commitBy(BEN), 'editor', EDIT_PLACEMENTS | MANAGE_COMMITS],
  ])('R-LOG-7 %s: this role with these bits, and neither the next lower role nor one bit fewer', (_what, entry, role, capabilities) => {
    expect(outcome(entry, role, capabilities)).toMatchObject({ outcome: 'applied', why: '' })
    const lower = ROLES[ROLES.indexOf(role) - 1]
    const refused = entry.command === placementCommit.code ? 'rejected' : 'denied'
    expect(outcome(entry, lower, ALL_CAPABILITIES).outcome).toBe(refused)
    for (let bit = 1; bit <= ALL_CAPABILITIES; bit <<= 1) {
      if ((bit & capabilities) !== 0) expect(outcome(entry, role, ALL_CAPABILITIES & ~bit).outcome).toBe(refused)
    }
  })

  it('R-COMMIT-6 a commit that lacks one says which, and leaves a record', () => {
    const lacking = (capabilities: number) => outcome(commitBy(BEN), 'editor', capabilities).commit
    expect(lacking(MANAGE_COMMITS)).toMatchObject({ status: 'REJECTED', conflicts: [{ type: 'PERMISSION_CONFLICT' }] })
    const lackingEach = [lacking(MANAGE_COMMITS), lacking(EDIT_PLACEMENTS)]
    const [edit, manage] = lackingEach.map((commit) => commit!.conflicts.map(({ message }) => message))
    expect(edit).toHaveLength(1)
    expect(manage).toHaveLength(1)
    expect(edit).not.toEqual(manage)
  })

  it.each([['a command', scale], ['a commit', commitBy(BEN)]])('R-LOG-7 who never joined, or has left, is denied %s', (_what, entry) => {
    const store = populated()
    expect(fold(store, entry)).toMatchObject({ outcome: 'denied', why: 'not a member here' })
    store.set(memberEntity(BEN), Member, { author: BEN, role: 2, capabilities: ALL_CAPABILITIES, present: 0 })
    expect(fold(store, entry)).toMatchObject({ outcome: 'denied', why: 'not a member here' })
  })

  it('R-LOG-7 the host needs no rights', () => {
    const store = populated()
    expect(fold(store, commitBy(HOST_AUTHOR))).toMatchObject({ outcome: 'applied', why: '' })
    expect(fold(store, entryOf(HOST_AUTHOR, 6, selectionHighlight, { entity: CRATE, on: 1 }))).toMatchObject({ outcome: 'applied' })
  })
})

describe('what it answers', () => {
  it('R-COMMIT-2 a commit that is turned down is rejected, and says the first conflict', () => {
    const store = populated()
    fold(store, commitBy(ANA, 5))
    const again = asCommit(ANA, 6, commitOf(commitId(ANA, 6), added(idOf(ANA, 506), stateAt(5 * 10_000))))
    const result = fold(store, again)
    expect(result).toMatchObject({ outcome: 'rejected', commit: { status: 'REJECTED' } })
    expect(result.why).toBe(result.commit!.conflicts[0].message)
    expect(store.has(idOf(ANA, 506), Placement)).toBe(false)
  })

  it('R-LOG-8 an applied entry is the version of its scope; what it despawned keeps none', () => {
    const store = populated()
    fold(store, move)
    expect(store.get(CRATE, ScopeVersion)).toEqual({ lamport: 5, author: ANA })
    fold(store, entryOf(ANA, 6, toolActivate, { tool: 3 }))
    fold(store, entryOf(ANA, 7, memberRole, { author: ANA, role: 2, capabilities: ALL_CAPABILITIES }))
    expect(store.get(memberEntity(ANA), ScopeVersion)).toEqual({ lamport: 7, author: ANA })
    fold(store, entryOf(ANA, 8, entityDespawn, { entity: CRATE }))
    expect(store.has(CRATE, ScopeVersion)).toBe(false)
    expect(store.entities(ScopeVersion)).toHaveLength(3)
  })
})
