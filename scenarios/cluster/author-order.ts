/**
 * Nobody's commands overtake each other: on every scope, what an author gave first stands first in the closed log, however often it
 * had to be signed anew. The order in which commands were given is taken from the peers that gave them, not from what they signed.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './cluster.ts'

interface Given {
  /** Counts all commands of all peers as they are given; one that is signed anew keeps its own. */
  readonly rank: number
  readonly scope: string
}

export class AuthorOrder implements Watcher {
  readonly failures: Failure[] = []
  readonly #nameOf: (author: number) => string
  readonly #isHonest: (node: number) => boolean
  /** By author, Lamport time and nonce: what was signed. */
  readonly #signed = new Map<string, number>()
  /** By author and Lamport time: what the host let in. */
  readonly #admitted = new Map<string, Given>()
  /** The last command that was closed, by author and scope. */
  readonly #closed = new Map<string, number>()
  #next = 0

  /** @param isHonest whether a node says nothing but what its client says. */
  constructor(nameOf: (author: number) => string, isHonest: (node: number) => boolean) {
    this.#nameOf = nameOf
    this.#isHonest = isHonest
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'commandSigned' && this.#isHonest(node)) {
      const { author, lamport, nonce, resignedFrom } = event
      const former = resignedFrom === 0 ? undefined : this.#signed.get(`${author} ${resignedFrom}`)
      const rank = former ?? this.#next++
      this.#signed.set(`${author} ${lamport}`, rank)
      this.#signed.set(`${author} ${lamport} ${nonce}`, rank)
    }
    if (node !== 0) return
    // A host that begins anew folds again from its checkpoint on.
    if (event.event === 'recovered') this.#closed.clear()
    if (event.event === 'commandAdmitted') {
      const { author, lamport, nonce, scopeKind, scope } = event.entry
      const rank = this.#signed.get(`${author} ${lamport} ${nonce}`)
      if (rank !== undefined) this.#admitted.set(`${author} ${lamport}`, { rank, scope: `${author} ${scopeKind} ${scope}` })
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
