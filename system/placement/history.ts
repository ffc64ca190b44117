/** A peer's own audit list of placement commits. What all peers share is the CommitRecord row; this keeps the whole results behind it. */
import type { EntityId } from '../ids.ts'
import { COMMIT_HISTORY_MAX } from '../limits.ts'
import type { CommitResult } from './apply.ts'
import type { CommitContext } from './plan.ts'

/** Feed it results of closed entries only: a speculative one may still be rewound. The oldest is forgotten when it is full. */
export class CommitHistory {
  readonly #results = new Map<EntityId, CommitResult>()

  /** Notes a commit of one's own as PENDING until its result is recorded. `context.lamport` may be a first guess: the log decides. */
  request(context: CommitContext): void {
    this.record({ context, status: 'PENDING', changes: [], conflicts: [], merged: 0, completedAtLamport: 0, repeated: false })
  }

  /** Results come in the order of the fold. A repeated result adds nothing to the first. */
  record(result: CommitResult): void {
    const { commit } = result.context
    if (result.repeated && this.#results.get(commit)?.completedAtLamport === result.completedAtLamport) return
    this.#results.delete(commit)
    this.#results.set(commit, result)
    if (this.#results.size > COMMIT_HISTORY_MAX) {
      for (const oldest of this.#results.keys()) {
        this.#results.delete(oldest)
        break
      }
    }
  }

  get(commit: EntityId): CommitResult | undefined {
    return this.#results.get(commit)
  }

  /** In the order of the fold; pending ones where they were requested. */
  results(): readonly CommitResult[] {
    return [...this.#results.values()]
  }
}
