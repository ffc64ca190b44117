/**
 * Nobody's commands overtake each other: on every scope, what an author gave first stands first in the closed log, however often it
 * had to be signed anew. The order in which commands were given is taken from the peers that gave them, not from what they signed.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Horizon } from './horizon.ts'
import { Ledger } from './ledger.ts'
import type { Watcher } from './watchers.ts'

interface Given {
  /** Counts all commands of all peers as they are given; one that is signed anew keeps its own. */
  readonly rank: number
  readonly scope: string
}

/** The rank of what is signed anew, and was settled before: it is behind everything. */
const SETTLED = -1

export class AuthorOrder implements Watcher {
  readonly failures: Failure[] = []
  readonly #nameOf: (author: number) => string
  readonly #isHonest: (node: number) => boolean
  readonly #horizon: Horizon
  /** By author, Lamport time and nonce, and by the first two alone: what was signed. */
  readonly #signed = new Ledger<number>()
  /** By author and Lamport time: what the host let in. */
  readonly #admitted = new Ledger<Given>()
  /** The last command that was closed, by author and scope. */
  readonly #closed = new Map<string, number>()
  #next = 0

  /** @param isHonest whether a node says nothing but what its client says. */
  constructor(nameOf: (author: number) => string, isHonest: (node: number) => boolean, horizon: Horizon) {
    this.#nameOf = nameOf
    this.#isHonest = isHonest
    this.#horizon = horizon
  }

  /** Commands that are not settled. */
  get held(): number {
    return this.#signed.size + this.#admitted.size
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'commandSigned' && this.#isHonest(node)) {
      const { author, lamport, nonce, resignedFrom } = event
      const rank = resignedFrom === 0 ? this.#next++ : (this.#signed.get(`${author} ${resignedFrom}`) ?? SETTLED)
      this.#signed.set(`${author} ${lamport}`, lamport, rank)
      this.#signed.set(`${author} ${lamport} ${nonce}`, lamport, rank)
    }
    if (node !== 0) return
    if (event.event === 'frameClosed') {
      this.#signed.forget(this.#horizon.settledLamport)
      this.#admitted.forget(this.#horizon.settledLamport)
    }
    // A host that begins anew folds again from its checkpoint on.
    if (event.event === 'recovered') this.#closed.clear()
    if (event.event === 'commandAdmitted') {
      const { author, lamport, nonce, scopeKind, scope } = event.entry
      const rank = this.#signed.get(`${author} ${lamport} ${nonce}`)
      if (rank !== undefined) this.#admitted.set(`${author} ${lamport}`, lamport, { rank, scope: `${author} ${scopeKind} ${scope}` })
    }
    if (event.event === 'commandFolded') this.#fold(event.author, event.lamport, event.frame)
  }

  /** The first is told. */
  #fold(author: number, lamport: number, frame: number): void {
    const given = this.#admitted.get(`${author} ${lamport}`)
    if (given === undefined) return
    const { rank, scope } = given
    if (rank < (this.#closed.get(scope) ?? -1) && this.failures.length === 0) {
      const message = `${this.#nameOf(author)}'s command at lamport ${lamport} closed in frame ${frame}, behind a later one of its scope`
      this.failures.push({ check: 'authorOrder', message, details: { node: 0, author, lamport, frame, component: 'CommandLogEntry' } })
    }
    this.#closed.set(scope, rank)
  }
}
