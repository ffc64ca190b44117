/** Snapshots: why, how large, and when they were sent and applied. */
import type { EventNamed, SnapshotSent } from './input.ts'
import type { Members } from './members.ts'

export interface SnapshotRow {
  readonly snapshotId: number
  readonly to: string
  readonly reason: string
  readonly chunks: number
  readonly bytes: number
  readonly sentAtUs: number
  /** Null where it was never applied. */
  readonly appliedAtUs: number | null
}

export class Snapshots {
  readonly #sent: { readonly atUs: number; readonly event: SnapshotSent }[] = []
  readonly #appliedUs = new Map<number, number>()

  sent(atUs: number, event: SnapshotSent): void {
    this.#sent.push({ atUs, event })
  }
  applied(atUs: number, { snapshotId }: EventNamed<'snapshotApplied'>): void {
    this.#appliedUs.set(snapshotId, atUs)
  }

  rows(members: Members): SnapshotRow[] {
    return this.#sent.map(({ atUs, event: { snapshotId, peer, reason, chunks, bytes } }) => ({
      snapshotId, to: members.authorName(peer), reason, chunks, bytes, sentAtUs: atUs, appliedAtUs: this.#appliedUs.get(snapshotId) ?? null,
    }))
  }
}
