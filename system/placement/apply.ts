/**
 * A plan becomes live, all of it or nothing, once. Each write is preceded by the image of the row it replaces; where a write
 * throws (a bug of ours, or a test's injection) the images go back in reverse order and the error goes on to the caller.
 */
import { EntityKind, mayCreate } from '../commands/registry.ts'
import { CommitRecord, Entity, LOG_COMPONENTS, Placement } from '../ecs/components.ts'
import type { AnyComponent, ReadStore, RowOf, WriteStore } from '../ecs/store.ts'
import type { AuthorId, EntityId, Hash64, Lamport } from '../ids.ts'
import type { PlacementState } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import type { CommitConflict, CommitContext, CommitPlan, CommitStatus, PlacementChange } from './plan.ts'
import { PLACEMENT_FIELDS } from './state.ts'

/** {@link CommitRecord}.status of each status; of the first two no record is written. */
export const COMMIT_STATUS_CODES: Readonly<Record<CommitStatus, number>> = { PENDING: 0, READY: 1, APPLIED: 2, REJECTED: 3 }

export interface CommitResult {
  readonly context: CommitContext
  readonly status: CommitStatus
  /** What was applied: nothing where the commit was rejected. */
  readonly changes: readonly PlacementChange[]
  readonly conflicts: readonly CommitConflict[]
  /** See {@link CommitPlan}. */
  readonly merged: number
  /** The log position that settled it, the one clock that all peers share; 0 while it is pending. */
  readonly completedAtLamport: Lamport
  /** The commit had been settled before: nothing was done, changes and conflicts are empty, the status is the recorded one. */
  readonly repeated: boolean
}

/**
 * Settles a commit: applies its plan or rejects it, and writes the audit record on the commit's entity.
 * Undefined, with nothing written, where that entity is not the author's to use.
 * @throws whatever the store throws, with the live rows as they were.
 */
export function applyCommit(store: WriteStore, plan: CommitPlan): CommitResult | undefined {
  const { context, conflicts } = plan
  const { commit, author, lamport } = context
  const record = store.get(commit, CommitRecord)
  if (record?.author === author) {
    const status = record.status === COMMIT_STATUS_CODES.APPLIED ? 'APPLIED' : 'REJECTED'
    return { context, status, changes: [], conflicts: [], merged: 0, completedAtLamport: record.lamport, repeated: true }
  }
  if (!mayCreate(store, commit, author)) return undefined

  const settled = { context, conflicts, completedAtLamport: lamport, repeated: false }
  const result: CommitResult = plan.isResolvableAutomatically
    ? { ...settled, status: 'APPLIED', changes: plan.changes, merged: plan.merged }
    : { ...settled, status: 'REJECTED', changes: [], merged: 0 }
  writeAll(store, [...result.changes.flatMap((change) => writesOf(store, change, author)), auditWrite(result)])
  return result
}

/**
 * What the audit record keeps of a result: SipHash-2-4 over its canonical encoding, the JSON text of nested arrays in the order
 * written here. Only integers, status and type names and texts occur, whose JSON is the same in every engine.
 */
export function resultDigest({ context, status, changes, conflicts, merged, completedAtLamport }: CommitResult): Hash64 {
  return sipHash24(JSON.stringify([
    [context.commit, context.session, context.region, context.author, context.lamport, context.requestedAtUs],
    status, merged, completedAtLamport,
    changes.map(({ type, placement, draft, before, after }) => [type, placement, draft, stateValues(before), stateValues(after)]),
    conflicts.map((conflict) => [
      conflict.id, conflict.type, conflict.placement, conflict.draft, conflict.message, conflict.resolutionHint, conflict.resolvable,
    ]),
  ]))
}

const stateValues = (state: PlacementState | undefined): readonly number[] | null =>
  state === undefined ? null : PLACEMENT_FIELDS.map(({ name }) => state[name])

/** A row to be written, or with no row to be removed. */
interface Write {
  readonly entity: EntityId
  readonly component: AnyComponent
  readonly row: RowOf<AnyComponent> | undefined
}


function writesOf(store: ReadStore, { type, placement, after }: PlacementChange, creator: AuthorId): Write[] {
  const entity = placement
  const row = after && { ...after }
  switch (type) {
    case 'ADD':
      return [{ entity, component: Entity, row: { kind: EntityKind.placement, creator } }, { entity, component: Placement, row }]
    case 'UPDATE':
      return [{ entity, component: Placement, row }]
    case 'REMOVE':
      return LOG_COMPONENTS.filter((component) => store.has(entity, component)).map((component) => ({ entity, component, row: undefined }))
  }
}

function auditWrite(result: CommitResult): Write {
  const { context: { commit, author, lamport }, status, changes, conflicts } = result
  const { hi, lo } = resultDigest(result)
  const counts = { changes: changes.length, conflicts: conflicts.length }
  const row = { status: COMMIT_STATUS_CODES[status], author, lamport, ...counts, resultHi: hi, resultLo: lo }
  return { entity: commit, component: CommitRecord, row }
}

function writeAll(store: WriteStore, writes: readonly Write[]): void {
  const images: Write[] = []
  try {
    for (const write of writes) {
      images.push({ ...write, row: store.get(write.entity, write.component) })
      put(store, write)
    }
  } catch (error) {
    for (const image of images.reverse()) put(store, image)
    throw error
  }
}

function put(store: WriteStore, { entity, component, row }: Write): void {
  if (row === undefined) store.delete(entity, component)
  else store.set(entity, component, row)
}
