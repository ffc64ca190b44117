/**
 * One author's placement edits before anybody else sees them: drafts against the author's own view, at most one for each
 * placement, and the history of the operations that made them. Nothing here touches the live world; `toCommit` says
 * what to ask of it.
 */
import { Placement } from '../ecs/components.ts'
import type { ReadStore } from '../ecs/store.ts'
import type { EntityId } from '../ids.ts'
import type { Probe } from '../ports.ts'
import type { DraftChange, PlacementCommit, PlacementState } from '../protocol/messages.ts'
import { COMMIT_CHANGES_MAX } from './plan.ts'
import { isPlacementState, type PlacementTransform, sameState } from './state.ts'

/** Operations that the history keeps; the oldest goes first. */
export const EDIT_OPERATIONS_MAX = 1024

/** What an update may change: asset and region are a placement's identity. */
export type PlacementPatch = Partial<PlacementTransform & Pick<PlacementState, 'tags'>>

export interface EditOperation {
  readonly operation: 'add' | 'update' | 'remove' | 'discard'
  readonly draft: number
  readonly placement: EntityId
}

export type DraftOutcome =
  | { readonly kind: 'drafted'; readonly draft: DraftChange }
  /** The removal of a placement that was only drafted: nothing remains to be done. */
  | { readonly kind: 'discarded'; readonly draft: DraftChange }
  /** Neither live in the author's view nor drafted, or drafted for removal; or of another region. */
  | { readonly kind: 'missing' }
  /** The session holds as many drafts as fit a commit. */
  | { readonly kind: 'full' }

export interface EditSessionOptions {
  /** A number of the author's own. */
  readonly session: number
  /** All its drafts lie in this region. */
  readonly region: number
  /** The author's view of the world, read at the moment of each first draft of a placement. */
  readonly view: ReadStore
  readonly probe: Probe
  /** A fresh log entity id of the author's. */
  allocate(): EntityId
}

export class PlacementEditSession {
  readonly #options: EditSessionOptions
  readonly #drafts = new Map<EntityId, DraftChange>()
  readonly #operations: EditOperation[] = []
  #draftLast = 0

  constructor(options: EditSessionOptions) {
    this.#options = options
  }

  /** In the order of their first operation. */
  get drafts(): readonly DraftChange[] {
    return [...this.#drafts.values()]
  }

  /** Oldest first. */
  get operations(): readonly EditOperation[] {
    return this.#operations
  }

  /** @throws RangeError where a value does not fit its field, or the region is not the session's. */
  draftAdd(state: PlacementState): DraftOutcome {
    if (state.region !== this.#options.region) throw new RangeError(`region ${state.region} in a session of region ${this.#options.region}`)
    checkState(state)
    if (this.#full) return { kind: 'full' }
    const placement = this.#options.allocate()
    return this.#put('add', { change: 'ADD', placement, draft: this.#nextDraft(), before: undefined, after: { ...state } })
  }

  /** @throws RangeError where a value does not fit its field. */
  draftUpdate(placement: EntityId, patch: PlacementPatch): DraftOutcome {
    const drafted = this.#drafts.get(placement)
    const from = drafted === undefined ? this.#live(placement) : drafted.after
    if (from === undefined) return { kind: 'missing' }
    const after = { ...from, ...patch }
    checkState(after)
    if (drafted !== undefined) {
      this.#options.probe.sometimes('a drafted placement was drafted again')
      return this.#put('update', { ...drafted, after })
    }
    if (this.#full) return { kind: 'full' }
    return this.#put('update', { change: 'UPDATE', placement, draft: this.#nextDraft(), before: from, after })
  }

  draftRemove(placement: EntityId): DraftOutcome {
    const drafted = this.#drafts.get(placement)
    if (drafted?.change === 'ADD') {
      this.#drafts.delete(placement)
      this.#note('remove', drafted)
      return { kind: 'discarded', draft: drafted }
    }
    if (drafted?.change === 'UPDATE') return this.#put('remove', { ...drafted, change: 'REMOVE', after: undefined })
    const before = drafted === undefined ? this.#live(placement) : undefined
    if (before === undefined) return { kind: 'missing' }
    if (this.#full) return { kind: 'full' }
    return this.#put('remove', { change: 'REMOVE', placement, draft: this.#nextDraft(), before, after: undefined })
  }

  /** Forgets the draft of a placement, whatever it was. */
  discard(placement: EntityId): DraftOutcome {
    const draft = this.#drafts.get(placement)
    if (draft === undefined) return { kind: 'missing' }
    this.#drafts.delete(placement)
    this.#note('discard', draft)
    return { kind: 'discarded', draft }
  }

  discardAll(): void {
    for (const placement of this.#drafts.keys()) this.discard(placement)
  }

  /**
   * The drafts as a commit; updates that came back to where they began are left out. The drafts stay: the author discards
   * them once the commit is settled, or mends and commits them again under another id.
   * @param commit a fresh log entity id of the author's, which will carry the audit record.
   */
  toCommit(commit: EntityId, requestedAtUs: number): PlacementCommit {
    const { session, region } = this.#options
    const changes = this.drafts.filter(({ before, after }) => before === undefined || after === undefined || !sameState(before, after))
    return { commit, session, region, requestedAtUs, changes }
  }

  get #full(): boolean {
    return this.#drafts.size >= COMMIT_CHANGES_MAX
  }

  #live(placement: EntityId): PlacementState | undefined {
    const live = this.#options.view.get(placement, Placement)
    return live?.region === this.#options.region ? live : undefined
  }

  #nextDraft(): number {
    this.#draftLast += 1
    return this.#draftLast
  }

  #put(operation: EditOperation['operation'], draft: DraftChange): DraftOutcome {
    this.#drafts.set(draft.placement, draft)
    this.#note(operation, draft)
    return { kind: 'drafted', draft }
  }

  #note(operation: EditOperation['operation'], { draft, placement }: DraftChange): void {
    this.#operations.push({ operation, draft, placement })
    if (this.#operations.length > EDIT_OPERATIONS_MAX) this.#operations.shift()
  }
}

function checkState(state: PlacementState): void {
  if (!isPlacementState(state)) throw new RangeError(`not a placement state: ${JSON.stringify(state)}`)
}
