/**
 * From a commit to a plan: what it would change, and what stands against it. A pure function of the commit, its place in the
 * log, and the live rows there, so that every peer judges alike.
 *
 * Three states meet in each change: `before` (what the author drafted against), `after` (what the author wants) and live.
 *
 *  - Tags and transform are judged apart. Where the draft left a part as it was, live's part stays: a merge, no conflict.
 *  - Both sides touched the transform: TRANSFORM_CONFLICT, even to the same place, because two people moved one thing.
 *  - Both sides touched tags: TAG_CONFLICT; resolvable where no tag was flipped by both, and the plan has them merged.
 *  - A removal tolerates no change in between: nobody removes what somebody else has just adjusted.
 *  - An addition may not overlap what the region would hold after the commit.
 *  - Asset and region are a placement's identity: no update changes them, and a commit stays in its region.
 *
 * One conflict that is not resolvable rejects the whole commit.
 */
import { CommitRecord, Placement } from '../ecs/components.ts'
import type { ReadStore } from '../ecs/store.ts'
import type { AuthorId, EntityId, Lamport } from '../ids.ts'
import { mayCreate } from '../commands/registry.ts'
import type { DraftChange, PlacementCommit, PlacementState } from '../protocol/messages.ts'
import { boxesOverlap, isPlacementState, sameAssetAndRegion, sameTransform, transformOf } from './state.ts'
import { mergedTags, tagNames, tagsChanged } from './tags.ts'

/** Changes in one commit. It bounds the work of a plan, and a signed payload stays well below its limit. */
export const COMMIT_CHANGES_MAX = 256

/** Where a commit stands in the log: who requested it, and when in Lamport time. */
export interface CommitOrigin {
  readonly author: AuthorId
  readonly lamport: Lamport
}
export interface CommitContext extends CommitOrigin {
  readonly commit: EntityId
  /** The editing session that it came from, a number of the author's. */
  readonly session: number
  readonly region: number
  /** Microseconds of the author's clock. */
  readonly requestedAtUs: number
}
/** What the author's role and capabilities grant at the commit's place in the log. */
export interface CommitPermissions {
  readonly editPlacements: boolean
  readonly manageCommits: boolean
}

/** PENDING: requested, not planned. READY: planned, nothing stands against it. APPLIED, REJECTED: settled. */
export type CommitStatus = 'PENDING' | 'READY' | 'APPLIED' | 'REJECTED'

export interface PlacementChange {
  readonly type: DraftChange['change']
  readonly placement: EntityId
  readonly draft: number
  /** The LIVE state that it replaces; undefined for none. */
  readonly before: PlacementState | undefined
  /** The resulting state, merged where live had changed; undefined for a removal. */
  readonly after: PlacementState | undefined
}

export type ConflictType = 'TRANSFORM_CONFLICT' | 'DELETION_CONFLICT' | 'TAG_CONFLICT' | 'PERMISSION_CONFLICT' | 'UNKNOWN'

export interface CommitConflict {
  /** `<commit>:<n>`, n counting the commit's conflicts from 0. */
  readonly id: string
  readonly type: ConflictType
  /** 0 and 0 where the commit as a whole is meant. */
  readonly placement: EntityId
  readonly draft: number
  /** For people, as is the hint of what to do about it. */
  readonly message: string
  readonly resolutionHint: string
  /** The plan already holds the resolution. */
  readonly resolvable: boolean
}

export interface CommitPlan {
  readonly context: CommitContext
  readonly status: 'READY' | 'REJECTED'
  /** One for each draft, in the commit's order. */
  readonly changes: readonly PlacementChange[]
  readonly conflicts: readonly CommitConflict[]
  /** Updates that keep something which live changed since the draft. */
  readonly merged: number
  /** No conflict, or resolvable ones only. */
  readonly isResolvableAutomatically: boolean
}

type Finding = Pick<CommitConflict, 'type' | 'message' | 'resolutionHint' | 'resolvable'>
const finding = (type: ConflictType, message: string, resolutionHint: string): Finding =>
  ({ type, message, resolutionHint, resolvable: false })

export function buildPlan(origin: CommitOrigin, commit: PlacementCommit, live: ReadStore, permissions: CommitPermissions): CommitPlan {
  const conflicts: CommitConflict[] = []
  const conflict = (found: Finding, placement: EntityId, draft: number) =>
    conflicts.push({ id: `${commit.commit}:${conflicts.length}`, placement, draft, ...found })

  for (const found of commitFindings(commit, permissions)) conflict(found, 0, 0)
  const changes: PlacementChange[] = []
  const sound: PlacementChange[] = []
  const seen = new Set<EntityId>()
  let merged = 0
  for (const drafted of commit.changes.slice(0, COMMIT_CHANGES_MAX)) {
    const { change: type, placement, draft } = drafted
    const before = live.get(placement, Placement)
    const malformed = seen.has(placement) ? TWICE : malformation(drafted, commit.region)
    seen.add(placement)
    if (malformed !== undefined) {
      conflict(malformed, placement, draft)
      changes.push({ type, placement, draft, before, after: drafted.after })
      continue
    }
    const judgement = judge(drafted, before, origin.author, commit.commit, live)
    for (const found of judgement.findings) conflict(found, placement, draft)
    if (judgement.merged) merged += 1
    const change = { type, placement, draft, before, after: judgement.after }
    changes.push(change)
    sound.push(change)
  }
  for (const { change, other } of overlaps(sound, commit.region, live)) conflict(overlapFinding(other), change.placement, change.draft)

  const isResolvableAutomatically = conflicts.every(({ resolvable }) => resolvable)
  const context: CommitContext = {
    commit: commit.commit, session: commit.session, region: commit.region, requestedAtUs: commit.requestedAtUs,
    author: origin.author, lamport: origin.lamport,
  }
  return { context, status: isResolvableAutomatically ? 'READY' : 'REJECTED', changes, conflicts, merged, isResolvableAutomatically }
}

function commitFindings(commit: PlacementCommit, permissions: CommitPermissions): Finding[] {
  const findings: Finding[] = []
  if (!permissions.editPlacements) findings.push(lacking('EDIT_PLACEMENTS'))
  if (!permissions.manageCommits) findings.push(lacking('MANAGE_COMMITS'))
  if (commit.changes.length > COMMIT_CHANGES_MAX) {
    findings.push(finding('UNKNOWN', `${commit.changes.length} changes, at most ${COMMIT_CHANGES_MAX} fit a commit`, 'split the commit'))
  }
  return findings
}

const lacking = (capability: string): Finding =>
  finding('PERMISSION_CONFLICT', `the author lacks ${capability}`, 'ask an admin for the capability')

const REDRAFT = 'look at the placement as it is now and draft the change anew'
const TWICE = finding('UNKNOWN', 'the placement is changed twice in this commit', 'draft one change for each placement')

/** What is wrong with a change by itself, whatever is live. */
function malformation({ change, before, after }: DraftChange, region: number): Finding | undefined {
  if ((before !== undefined) !== (change !== 'ADD') || (after !== undefined) !== (change !== 'REMOVE')) {
    return finding('UNKNOWN', `not the states that ${change} needs`, REDRAFT)
  }
  for (const state of [before, after]) {
    if (state === undefined) continue
    if (!isPlacementState(state)) return finding('UNKNOWN', 'a value is out of its range', REDRAFT)
    if (state.region !== region) return finding('UNKNOWN', `it is not in the commit's region ${region}`, 'commit each region by itself')
  }
  if (before !== undefined && after !== undefined && before.asset !== after.asset) {
    return finding('UNKNOWN', 'an update changes the asset', 'remove the placement and add another')
  }
  return undefined
}

interface Judgement {
  readonly after: PlacementState | undefined
  readonly findings: readonly Finding[]
  readonly merged: boolean
}

function judge(draft: DraftChange, live: PlacementState | undefined, author: AuthorId, commit: EntityId, store: ReadStore): Judgement {
  const { placement, before, after } = draft
  const refused = (found: Finding): Judgement => ({ after, findings: [found], merged: false })
  if (before === undefined) {
    const taken = live !== undefined || placement === commit || store.has(placement, CommitRecord)
    if (taken || !mayCreate(store, placement, author)) {
      return refused(finding('UNKNOWN', 'its id exists already or is not the author\'s', 'draft the addition under a new id'))
    }
    return { after, findings: [], merged: false }
  }
  if (live === undefined) {
    return refused(finding('DELETION_CONFLICT', 'it was removed by another edit', 'discard the draft, or add it as a new placement'))
  }
  if (!sameAssetAndRegion(live, before)) return refused(finding('UNKNOWN', 'it has another asset or region now', REDRAFT))
  return after === undefined ? judgeRemoval(before, live) : judgeUpdate(before, after, live)
}

function judgeRemoval(before: PlacementState, live: PlacementState): Judgement {
  const findings: Finding[] = []
  if (!sameTransform(live, before)) findings.push(finding('TRANSFORM_CONFLICT', 'it was moved by another edit', REDRAFT))
  if (live.tags !== before.tags) findings.push(finding('TAG_CONFLICT', 'its tags were changed by another edit', REDRAFT))
  return { after: undefined, findings, merged: false }
}

function judgeUpdate(before: PlacementState, after: PlacementState, live: PlacementState): Judgement {
  const findings: Finding[] = []
  const moves = !sameTransform(before, after)
  const moved = !sameTransform(before, live)
  if (moves && moved) findings.push(finding('TRANSFORM_CONFLICT', 'it was moved by another edit', REDRAFT))

  const tagsWanted = tagsChanged(before.tags, after.tags)
  const tagsLive = tagsChanged(before.tags, live.tags)
  const both = (tagsWanted & tagsLive) >>> 0
  if (both !== 0) {
    findings.push(finding('TAG_CONFLICT', `another edit changed the same tags: ${tagNames(both).join(', ')}`, REDRAFT))
  } else if (tagsWanted !== 0 && tagsLive !== 0) {
    findings.push({ ...finding('TAG_CONFLICT', 'another edit changed other tags', 'none needed: both changes are kept'), resolvable: true })
  }

  const resulting = { ...live, ...(moves ? transformOf(after) : undefined), tags: mergedTags(live.tags, before.tags, after.tags) }
  return { after: resulting, findings, merged: moved || tagsLive !== 0 }
}

const overlapFinding = (other: EntityId): Finding =>
  finding('TRANSFORM_CONFLICT', `it would overlap placement ${other}`, 'put it elsewhere, or move the other one in the same commit')

/** Each addition that overlaps something of its region as the commit would leave it, with the first thing that it overlaps. */
function overlaps(changes: readonly PlacementChange[], region: number, live: ReadStore): { change: PlacementChange; other: EntityId }[] {
  if (!changes.some(({ type }) => type === 'ADD')) return []
  const touched = new Set(changes.map(({ placement }) => placement))
  const obstacles: { placement: EntityId; state: PlacementState }[] = []
  for (const placement of live.entities(Placement)) {
    const state = touched.has(placement) ? undefined : live.get(placement, Placement)
    if (state?.region === region) obstacles.push({ placement, state })
  }
  for (const { type, placement, after } of changes) {
    if (type === 'UPDATE' && after !== undefined) obstacles.push({ placement, state: after })
  }

  const found: { change: PlacementChange; other: EntityId }[] = []
  for (const change of changes) {
    const { type, placement, after } = change
    if (type !== 'ADD' || after === undefined) continue
    const obstacle = obstacles.find(({ state }) => boxesOverlap(state, after))
    if (obstacle !== undefined) found.push({ change, other: obstacle.placement })
    obstacles.push({ placement, state: after })
  }
  return found
}
