/**
 * The checklist of one generation (RFC 8445, section 6.1.2, with trickled candidates: RFC 8838, section 12): pairs of all candidates
 * of both sides, best first, and which of them is to be checked next.
 */
import type { Address, SocketAddress } from '../../net/datagram.ts'
import { isSameSocket } from '../identity.ts'
import type { Candidate, LocalCandidate } from './candidate.ts'
import { CANDIDATES_MAX, PAIRS_MAX } from './limits.ts'
import { CandidatePair, comparePairs } from './pair.ts'

export class Checklist {
  readonly locals: LocalCandidate[] = []
  readonly remotes: Candidate[] = []
  /** The highest priority first. */
  #pairs: CandidatePair[] = []
  /** In their order; none that is not of the list. */
  readonly #triggered = new Set<CandidatePair>()
  isControlling: boolean
  /** A pair is selected: only triggered checks go on (section 8.1.2). */
  isComplete = false

  constructor(isControlling: boolean) {
    this.isControlling = isControlling
  }

  get pairs(): readonly CandidatePair[] {
    return this.#pairs
  }

  /** Pairs it with all remote candidates, unless it is reflexive: its base stands for it (section 6.1.2.4). */
  addLocal(candidate: LocalCandidate): CandidatePair[] {
    if (this.locals.length >= CANDIDATES_MAX) return []
    this.locals.push(candidate)
    if (candidate.type !== 'host' && candidate.type !== 'relay') return []
    return this.#add(this.remotes.map((remote) => new CandidatePair(candidate, remote)))
  }

  /** A known address is not added again; what a check had shown of it gives way to what is signalled. */
  addRemote(candidate: Candidate): CandidatePair[] {
    const known = this.remotes.findIndex((one) => isSameSocket(one.address, candidate.address))
    if (known !== -1) {
      if (this.remotes[known].type === 'prflx') this.#replaceRemote(known, candidate)
      return []
    }
    if (this.remotes.length >= CANDIDATES_MAX) return []
    this.remotes.push(candidate)
    const bases = this.locals.filter(({ type }) => type === 'host' || type === 'relay')
    return this.#add(bases.map((local) => new CandidatePair(local, candidate)))
  }

  #replaceRemote(index: number, candidate: Candidate): void {
    for (const pair of this.#pairs) {
      if (pair.remote === this.remotes[index]) pair.remote = candidate
    }
    this.remotes[index] = candidate
    this.sort()
  }

  /** A relayed candidate is no more, and all its pairs with it. */
  removeLocal(candidate: LocalCandidate): void {
    const index = this.locals.indexOf(candidate)
    if (index !== -1) this.locals.splice(index, 1)
    this.#pairs = this.#pairs.filter(({ local }) => local !== candidate)
    for (const pair of this.#triggered) if (pair.local === candidate) this.#triggered.delete(pair)
  }

  /** The relay has answered for an address. */
  permitted(address: Address, isPermitted: boolean): void {
    for (const pair of this.#pairs) {
      if (pair.local.type !== 'relay' || pair.remote.address.address !== address) continue
      if (isPermitted) pair.isBlocked = false
      else pair.state = 'failed'
    }
  }

  remoteAt(address: SocketAddress): Candidate | undefined {
    return this.remotes.find((one) => isSameSocket(one.address, address))
  }

  pairOf(base: SocketAddress, remote: SocketAddress): CandidatePair | undefined {
    return this.#pairs.find((pair) => isSameSocket(pair.local.base, base) && isSameSocket(pair.remote.address, remote))
  }

  /** The valid ones, best first. */
  get valid(): CandidatePair[] {
    return this.#pairs.filter((pair) => pair.validLocal !== undefined).sort((a, b) => comparePairs(a, b, this.isControlling))
  }

  #add(added: CandidatePair[]): CandidatePair[] {
    for (const pair of added) {
      const alike = this.#pairs.filter((one) => one.foundation === pair.foundation)
      // RFC 8838, section 12: the first of its foundation waits, and so does one whose like has succeeded.
      if (alike.length === 0 || alike.some(({ state }) => state === 'succeeded')) pair.state = 'waiting'
      this.#pairs.push(pair)
    }
    this.sort()
    // Section 6.1.2.5: the lowest make room; what is under way or has succeeded stays. What was added now is neither.
    while (this.#pairs.length > PAIRS_MAX) {
      const last = this.#pairs.findLastIndex(({ state }) => state !== 'inProgress' && state !== 'succeeded')
      const [gone] = this.#pairs.splice(last, 1)
      this.#triggered.delete(gone)
    }
    return added.filter((pair) => this.#pairs.includes(pair))
  }

  /** Anew, after the roles have changed (section 7.3.1.1). */
  sort(): void {
    this.#pairs.sort((a, b) => comparePairs(a, b, this.isControlling))
  }

  /** Puts a pair at the end of the queue of triggered checks, once (section 6.1.4.1). */
  trigger(pair: CandidatePair): void {
    if (pair.state !== 'succeeded') pair.state = 'waiting'
    this.#triggered.add(pair)
  }

  /** Takes out what is to be checked next (section 6.1.4.2): triggered pairs, then waiting ones, then one that can thaw. */
  next(): CandidatePair | undefined {
    const pair = this.#next()
    if (pair !== undefined) this.#triggered.delete(pair)
    return pair
  }

  get hasNext(): boolean {
    return this.#next() !== undefined
  }

  #next(): CandidatePair | undefined {
    const triggered = [...this.#triggered].find(({ isBlocked }) => !isBlocked)
    if (triggered !== undefined || this.isComplete) return triggered
    const open = this.#pairs.filter(({ isBlocked }) => !isBlocked)
    return open.find(({ state }) => state === 'waiting') ?? open.find((pair) => pair.state === 'frozen' && this.#canThaw(pair))
  }

  #canThaw({ foundation }: CandidatePair): boolean {
    return !this.#pairs.some((one) => one.foundation === foundation && (one.state === 'waiting' || one.state === 'inProgress'))
  }

  /** Section 7.2.5.3.3: its likes may be checked too. */
  succeeded(pair: CandidatePair): void {
    pair.state = 'succeeded'
    if (!pair.isNominating) this.#triggered.delete(pair)
    for (const one of this.#pairs) {
      if (one.state === 'frozen' && one.foundation === pair.foundation) one.state = 'waiting'
    }
  }

  /** Everything is to be checked once more. */
  reopen(): void {
    this.isComplete = false
    this.#triggered.clear()
    for (const pair of this.#pairs) {
      pair.state = 'waiting'
      pair.validLocal = undefined
      pair.isNominated = false
      pair.isNominating = false
    }
  }
}
