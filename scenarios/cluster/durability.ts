/**
 * What its author was told to be in the log stays there through every crash of the host, once: judged by what the nodes tell of
 * themselves, with no look at the disk. A command is one, however often it was signed anew.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './cluster.ts'

interface Entry {
  readonly author: number
  readonly lamport: number
}
const keyOf = ({ author, lamport }: Entry): string => `${lamport} ${author}`

export class Durability implements Watcher {
  readonly #nameOf: (node: number) => string
  readonly #isHonest: (node: number) => boolean
  /** Who each node is. */
  readonly #authors = new Map<number, number>()
  /** Told to their authors, with the node. */
  readonly #acknowledged = new Map<string, Entry & { readonly node: number }>()
  /** The nonce of what was signed last for a position, and of what was let in there. An author that forgot may use a position again. */
  readonly #signed = new Map<string, bigint>()
  readonly #admitted = new Map<string, bigint>()
  /** By author and nonce: the nonce under which the command was signed first. */
  readonly #first = new Map<string, bigint>()
  /** Folded by the host as it is now, in order. */
  #folded: Entry[] = []
  readonly #twice: (Entry & { readonly message: string })[] = []

  /** @param isHonest whether nobody but its client has sent anything over a node's connection. */
  constructor(nameOf: (node: number) => string, isHonest: (node: number) => boolean) {
    this.#isHonest = isHonest
    this.#nameOf = nameOf
  }

  event(node: number, event: SystemEvent): void {
    switch (event.event) {
      case 'sessionOpened':
        if (node !== 0) this.#authors.set(node, event.author)
        return
      case 'commandSigned': {
        const { author, nonce, resignedFrom } = event
        const former = this.#signed.get(keyOf({ author, lamport: resignedFrom }))
        this.#first.set(`${author} ${nonce}`, (resignedFrom === 0 ? undefined : this.#first.get(`${author} ${former}`)) ?? nonce)
        this.#signed.set(keyOf(event), nonce)
        return
      }
      case 'commandAdmitted':
        this.#admitted.set(keyOf(event.entry), event.entry.nonce)
        return
      case 'commandIntegrated':
        if (this.#authors.get(node) === event.author) this.#acknowledged.set(keyOf(event), { ...event, node })
        return
      case 'recovered':
        this.#folded = this.#folded.filter(({ lamport }) => lamport <= event.closedLamport)
        return
      case 'commandFolded':
        if (node === 0) this.#fold(event)
        return
      default:
    }
  }

  /** @param closedLamport of the host, in the end. */
  failures(closedLamport: number): Failure[] {
    const folded = new Set(this.#folded.map(keyOf))
    const lost = [...this.#acknowledged].filter(([key, { lamport }]) => lamport <= closedLamport && !folded.has(key))
    // Who is hostile may sign one command as often as it likes.
    const dishonest = new Set([...this.#authors].filter(([node]) => !this.#isHonest(node)).map(([, author]) => author))
    const twice = this.#twice.filter(({ author }) => !dishonest.has(author)).map((entry) => this.#failure(entry.message, 'twice', entry))
    return [...twice, ...lost.map(([, { node, author, lamport }]) => {
      const message = `the host has lost what it told ${this.#nameOf(node)} to be in the log: (${lamport}, ${author})`
      return this.#failure(message, 'lost', { author, lamport })
    })]
  }

  #fold({ author, lamport }: Entry): void {
    const entry = { author, lamport }
    const command = this.#commandOf(entry)
    const earlier = this.#folded.find((other) => other.author === author && command !== undefined && this.#commandOf(other) === command)
    if (earlier !== undefined) {
      const places = `(${earlier.lamport}, ${author}) and (${lamport}, ${author})`
      this.#twice.push({ ...entry, message: `one command is in the log twice: ${places}` })
    }
    this.#folded.push(entry)
  }

  /** What tells an author's commands apart; undefined for what no honest node has signed. */
  #commandOf(entry: Entry): bigint | undefined {
    return this.#first.get(`${entry.author} ${this.#admitted.get(keyOf(entry))}`)
  }

  #failure(message: string, field: string, { author, lamport }: Entry): Failure {
    return { check: 'durability', message, details: { node: 0, author, lamport, component: 'CommandLogEntry', field } }
  }
}
