/** Placements, commits and a live store to judge them by. */
import { Entity, Placement, ROTATION_ONE, SCALE_ONE } from '../../system/ecs/components.ts'
import type { WriteStore } from '../../system/ecs/store.ts'
import { EntityKind } from '../../system/commands/registry.ts'
import { type AuthorId, type EntityId, entityAuthor, entityId } from '../../system/ids.ts'
import type { CommitOrigin, CommitPermissions } from '../../system/placement/plan.ts'
import type { DraftChange, PlacementCommit, PlacementState } from '../../system/protocol/messages.ts'

export const ANA: AuthorId = 1
export const BEN: AuthorId = 2
export const REGION = 3
export const ALLOWED: CommitPermissions = { editPlacements: true, manageCommits: true }

export const idOf = (author: AuthorId, counter: number): EntityId => entityId('log', author, counter)
/** Commits stand above all placements of these tests. */
export const commitId = (author: AuthorId, counter = 0): EntityId => idOf(author, 1000 + counter)

export const stateAt = (x: number, patch: Partial<PlacementState> = {}): PlacementState => ({
  asset: 7, region: REGION, x, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, scale: SCALE_ONE, tags: 0, ...patch,
})

export function putPlacement(store: WriteStore, placement: EntityId, state: PlacementState): void {
  store.set(placement, Entity, { kind: EntityKind.placement, creator: entityAuthor(placement) })
  store.set(placement, Placement, { ...state })
}

/** A change that {@link commitOf} will number. */
export type UnnumberedChange = Omit<DraftChange, 'draft'>

export const commitOf = (commit: EntityId, ...changes: readonly UnnumberedChange[]): PlacementCommit => ({
  commit, session: 1, region: REGION, requestedAtUs: 5_000,
  changes: changes.map((change, i) => ({ ...change, draft: i + 1 })),
})
export const added = (placement: EntityId, after: PlacementState): UnnumberedChange =>
  ({ change: 'ADD', placement, before: undefined, after })
export const updated = (placement: EntityId, before: PlacementState, after: PlacementState): UnnumberedChange =>
  ({ change: 'UPDATE', placement, before, after })
export const removed = (placement: EntityId, before: PlacementState): UnnumberedChange =>
  ({ change: 'REMOVE', placement, before, after: undefined })
export const originOf = (author: AuthorId, lamport = 10): CommitOrigin => ({ author, lamport })
