/** Placement commits: what they came to, what stood against them, and how long until everybody had them. */
import type { CommitFolded, Conflict, EventNamed } from './input.ts'
import type { Members } from './members.ts'
import { LatencySamples } from './percentiles.ts'

export interface CommitRow {
  readonly commit: number
  readonly by: string
  readonly requestedAtUs: number
  /** PENDING where the host did not come to it. */
  readonly status: 'APPLIED' | 'REJECTED' | 'PENDING'
  readonly frame: number | null
  readonly changes: number
  readonly merged: number
  readonly conflicts: readonly Conflict[]
  /**
   * From the request until the last had it of those who were members at the request, or became so before it closed;
   * null where one of them never did.
   */
  readonly appliedEverywhereUs: number | null
}

interface Commit {
  readonly commit: number
  readonly node: number
  readonly requestedUs: number
  readonly changes: number
  readonly members: readonly number[]
  /** As the host folded it. */
  folded: CommitFolded | undefined
  /** When each node had it. */
  readonly at: Map<number, number>
}

export class Commits {
  readonly #members: Members
  readonly #commits = new Map<number, Commit>()

  constructor(members: Members) {
    this.#members = members
  }

  requested(atUs: number, node: number, { commit, changes }: EventNamed<'commitRequested'>): void {
    const members = [this.#members.host, ...this.#members.present]
    this.#commits.set(commit, { commit, node, requestedUs: atUs, changes, members, folded: undefined, at: new Map() })
  }

  folded(atUs: number, node: number, event: CommitFolded): void {
    const commit = this.#commits.get(event.commit)
    if (commit === undefined) return
    if (node === this.#members.host) commit.folded = event
    if (!commit.at.has(node)) commit.at.set(node, atUs)
  }

  /** A snapshot brings the commits that were closed up to its frame; only members were waiting for them. */
  snapshotApplied(atUs: number, node: number, { frame }: EventNamed<'snapshotApplied'>): void {
    for (const { members, folded, at } of this.#commits.values()) {
      if (folded !== undefined && folded.frame <= frame && members.includes(node) && !at.has(node)) at.set(node, atUs)
    }
  }

  rows(): CommitRow[] {
    return Array.from(this.#commits.values(), (commit) => {
      const { folded } = commit
      return {
        commit: commit.commit, by: this.#members.nodeName(commit.node), requestedAtUs: commit.requestedUs,
        status: folded?.status ?? 'PENDING', frame: folded?.frame ?? null,
        changes: commit.changes, merged: folded?.merged ?? 0, conflicts: folded?.conflicts ?? [],
        appliedEverywhereUs: this.#appliedEverywhereUs(commit) ?? null,
      }
    })
  }
  latencies(): LatencySamples {
    const samples = new LatencySamples()
    for (const commit of this.#commits.values()) {
      const tookUs = this.#appliedEverywhereUs(commit)
      if (tookUs !== undefined) samples.add(this.#members.transportOf(commit.node), tookUs)
    }
    return samples
  }

  /** Whoever has left the session is not waited for. */
  #appliedEverywhereUs({ members, at, requestedUs }: Commit): number | undefined {
    const { host, present } = this.#members
    if (members.some((node) => !at.has(node) && (node === host || present.has(node)))) return undefined
    return Math.max(...at.values()) - requestedUs
  }
}
