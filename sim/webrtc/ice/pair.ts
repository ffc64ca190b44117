/** Candidate pairs (RFC 8445, section 6.1.2): their order, and how far the check of each has come. */
import type { SocketAddress } from '../../net/datagram.ts'
import type { Candidate, LocalCandidate } from './candidate.ts'

/** Section 6.1.2.6. */
export type PairState = 'frozen' | 'waiting' | 'inProgress' | 'succeeded' | 'failed'

export class CandidatePair {
  /** A host or a relayed candidate: what it sends from. */
  readonly local: LocalCandidate
  remote: Candidate
  state: PairState = 'frozen'
  /** As the other side sees it, once a check succeeded: a member of the valid list (section 7.2.5.3.2). */
  validLocal: LocalCandidate | undefined
  /** Transactions begun on it. */
  checks = 0
  /** Of the last response that belongs to one transmission only; Infinity before. */
  rttUs = Infinity
  /** The controlling side has named it, and its own check is still to succeed (section 7.3.1.5). */
  isNominated = false
  /** The controlling side is about to name it, or has. */
  isNominating = false
  /** Its relay does not let the remote address through yet. */
  isBlocked = false

  constructor(local: LocalCandidate, remote: Candidate) {
    this.local = local
    this.remote = remote
  }

  /** Section 6.1.2.6: pairs of one foundation are likely to fare alike. */
  get foundation(): string {
    return `${this.local.foundation}:${this.remote.foundation}`
  }
  get isRelayed(): boolean {
    return this.local.type === 'relay' || this.remote.type === 'relay'
  }
  get isUnfinished(): boolean {
    return this.state === 'frozen' || this.state === 'waiting' || this.state === 'inProgress'
  }
}

/**
 * Sorts the higher pair priority first. Section 6.1.2.3: 2^32 * MIN(G, D) + 2 * MAX(G, D) + (G > D ? 1 : 0), G being the priority of
 * the controlling side's candidate: as three numbers, for 64 bits are too many for one.
 */
export function comparePairs(a: CandidatePair, b: CandidatePair, isControlling: boolean): number {
  const [aLocal, aRemote] = [(a.validLocal ?? a.local).priority, a.remote.priority]
  const [bLocal, bRemote] = [(b.validLocal ?? b.local).priority, b.remote.priority]
  return Math.min(bLocal, bRemote) - Math.min(aLocal, aRemote) || Math.max(bLocal, bRemote) - Math.max(aLocal, aRemote)
    || (isControlling ? Number(bLocal > bRemote) - Number(aLocal > aRemote) : Number(bRemote > bLocal) - Number(aRemote > aLocal))
}

/** What a selected pair is to those who use it. */
export interface SelectedPair {
  readonly local: Candidate & { readonly base: SocketAddress }
  readonly remote: Candidate
}
