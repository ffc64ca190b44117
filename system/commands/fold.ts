/**
 * One step of the fold: what an admitted entry does to the log's part of the world at its position in (lamport, author)
 * order. A pure function of the entry and the rows it meets: roles are read from the log's own rows, so that every peer
 * judges an entry by the roles that held at its position, whenever it arrived.
 */
import { Entity, Member, ScopeVersion } from '../ecs/components.ts'
import type { WriteStore } from '../ecs/store.ts'
import { HOST_AUTHOR } from '../ids.ts'
import { applyCommit, type CommitResult } from '../placement/apply.ts'
import { buildPlan } from '../placement/plan.ts'
import { EDIT_PLACEMENTS, MANAGE_COMMITS } from '../protocol/capabilities.ts'
import type { CommandEntry, ConflictPolicy, PlacementCommit } from '../protocol/messages.ts'
import type { FoldOutcome } from '../telemetry/events.ts'
import { decodePayload } from './payload.ts'
import { type AnyCommand, commandOf, memberEntity, placementCommit, roleRank, scopeEntity } from './registry.ts'

export interface FoldResult {
  readonly outcome: FoldOutcome
  /** Why it was not applied; empty where it was. */
  readonly why: string
  /** The strategy by which a concurrent entry of somebody else on its scope was dealt with; undefined where there was none. */
  readonly conflict?: ConflictPolicy | undefined
  /** For a placement commit that was judged: what became of it. */
  readonly commit?: CommitResult
}

/** How the fold reads the one payload that is a FlatBuffers table. */
export interface CommitDecoder {
  decodePlacementCommit(bytes: Uint8Array):
    | { readonly kind: 'commit'; readonly commit: PlacementCommit }
    | { readonly kind: 'malformed'; readonly why: string }
}

export function foldEntry(entry: CommandEntry, store: WriteStore, codec: CommitDecoder): FoldResult {
  const command = commandOf(entry.command)
  if (command === undefined) return { outcome: 'void', why: 'unknown command' }
  if (entry.policy !== command.policy || entry.scopeKind !== command.scopeKind) {
    return { outcome: 'void', why: 'not the policy or scope of this command' }
  }
  if (command === placementCommit) return foldCommit(entry, store, codec)

  const permission = denied(entry, command, store)
  if (permission !== undefined) return { outcome: 'denied', why: permission }
  const payload = command.layout === undefined ? undefined : decodePayload(command.layout, entry.payload)
  if (payload === undefined || command.scope(payload) !== entry.scope) return { outcome: 'void', why: 'malformed payload' }

  const version = store.get(scopeEntity(entry.scopeKind, entry.scope), ScopeVersion)
  // An author never conflicts with itself: its own earlier entry may have been signed anew under another Lamport time.
  const concurrent = version !== undefined && version.author !== entry.author
    && (version.lamport !== entry.baseLamport || version.author !== entry.baseAuthor)
  if (concurrent && entry.policy === 'reject') {
    return { outcome: 'rejected', why: `author ${version.author} was first on this scope`, conflict: 'reject' }
  }

  const why = command.apply(store, payload, entry)
  if (why !== undefined) return { outcome: 'void', why }
  recordScope(entry, store)
  const conflict = concurrent ? entry.policy : undefined
  return { outcome: conflict === 'merge' ? 'merged' : 'applied', why: '', conflict }
}

function denied(entry: CommandEntry, command: AnyCommand, store: WriteStore): string | undefined {
  if (entry.author === HOST_AUTHOR) return undefined
  if (command.hostOnly) return 'only the host may'
  const member = store.get(memberEntity(entry.author), Member)
  if (member === undefined || member.present === 0) return 'not a member here'
  if (member.role < roleRank(command.role)) return `needs the role ${command.role}`
  if ((member.capabilities & command.capabilities) !== command.capabilities) return 'lacks a capability'
  return undefined
}

/** Entity scopes that are gone keep no version: the entity's rows end with it. */
function recordScope(entry: CommandEntry, store: WriteStore): void {
  const entity = scopeEntity(entry.scopeKind, entry.scope)
  if (entry.scopeKind === 'entity' && !store.has(entity, Entity) && !store.has(entity, Member)) return
  store.set(entity, ScopeVersion, { lamport: entry.lamport, author: entry.author })
}

/** A commit judges its own permissions, because a missing one is a conflict that its result records. */
function foldCommit(entry: CommandEntry, store: WriteStore, codec: CommitDecoder): FoldResult {
  const decoded = codec.decodePlacementCommit(entry.payload)
  if (decoded.kind !== 'commit') return { outcome: 'void', why: decoded.why }
  const member = store.get(memberEntity(entry.author), Member)
  const host = entry.author === HOST_AUTHOR
  if (!host && (member === undefined || member.present === 0)) return { outcome: 'denied', why: 'not a member here' }
  const ranks = member !== undefined && member.role >= roleRank(placementCommit.role)
  const allowed = (bit: number) => host || (ranks && (member.capabilities & bit) === bit)
  const plan = buildPlan(entry, decoded.commit, store, { editPlacements: allowed(EDIT_PLACEMENTS), manageCommits: allowed(MANAGE_COMMITS) })
  const result = applyCommit(store, plan)
  if (result === undefined) return { outcome: 'void', why: 'not the author\'s commit entity' }
  const isApplied = result.status === 'APPLIED'
  const conflict = !isApplied ? 'reject' : result.merged > 0 ? 'merge' : undefined
  return { outcome: isApplied ? 'applied' : 'rejected', why: result.conflicts[0]?.message ?? '', conflict, commit: result }
}

