/**
 * What its author was told to be in the log stays there through every crash of the host, once: judged by what the nodes tell of
 * themselves, with no look at the disk. A command is one, however often it was signed anew.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Horizon } from './horizon.ts'
import { Ledger } from './ledger.ts'
import type { Watcher } from './watchers.ts'

interface Entry {
  readonly author: number
  readonly lamport: number
}
/** The name of what is signed anew, and was settled before. */
const SETTLED = 'settled'
const keyOf = ({ author, lamport }: Entry): string => `${lamport} ${author}`

export class Durability implements Watcher {
  readonly #nameOf: (node: number) => string
  readonly #isHonest: (node: number) => boolean
  readonly #horizon: Horizon
  /** Who each node is. */
  readonly #authors = new Map<number, number>()
  /** Told to their authors, with the node. */
  readonly #acknowledged = new Ledger<Entry & { readonly node: number }>()
  /** The nonce of what was signed last for a position, and of what was let in there. An author that forgot may use a position again. */
  readonly #signed = new Ledger<bigint>()
  readonly #admitted = new Ledger<bigint>()
  /** By author and nonce: what the command is called, however often it is signed. */
  readonly #commands = new Ledger<string>()
  /** Folded by the host as it is now: positions, and the first position of each command. */
  readonly #folded = new Ledger<Entry>()
  readonly #done = new Ledger<Entry>()
  readonly #twice: (Entry & { readonly message: string })[] = []

  /** @param isHonest whether nobody but its client has sent anything over a node's connection. */
  constructor(nameOf: (node: number) => string, isHonest: (node: number) => boolean, horizon: Horizon) {
    this.#isHonest = isHonest
    this.#nameOf = nameOf
    this.#horizon = horizon
  }

  /** What is not settled. */
  get held(): number {
    return [this.#acknowledged, this.#signed, this.#admitted, this.#commands, this.#folded, this.#done]
      .reduce((sum, { size }) => sum + size, 0)
  }

  event(node: number, event: SystemEvent): void {
    switch (event.event) {
      case 'sessionOpened':
        if (node !== 0) this.#authors.set(node, event.author)
        return
      case 'commandSigned': {
        const { author, lamport, nonce, resignedFrom } = event
        const command = `${author} ${nonce}`
        this.#commands.set(command, lamport, resignedFrom === 0 ? command : this.#signedBefore({ author, lamport: resignedFrom }))
        this.#signed.set(keyOf(event), lamport, nonce)
        return
      }
      case 'commandAdmitted':
        this.#admitted.set(keyOf(event.entry), event.entry.lamport, event.entry.nonce)
        return
      case 'commandIntegrated':
        if (this.#authors.get(node) === event.author) this.#acknowledged.set(keyOf(event), event.lamport, { ...event, node })
        return
      case 'recovered':
        this.#folded.takeBack(event.closedLamport)
        this.#done.takeBack(event.closedLamport)
        return
      case 'frameClosed':
        this.#forget(this.#horizon.settledLamport)
        return
      case 'commandFolded':
        if (node === 0) this.#fold(event)
        return
      default:
    }
  }

  /** @param closedLamport of the host, in the end. */
  failures(closedLamport: number): Failure[] {
    const lost = [...this.#acknowledged].filter(([key, { lamport }]) => lamport <= closedLamport && this.#folded.get(key) === undefined)
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
    const earlier = command === undefined ? undefined : this.#done.get(command)
    if (command === SETTLED || earlier !== undefined) {
      const before = earlier === undefined ? 'long before' : `(${earlier.lamport}, ${author})`
      this.#twice.push({ ...entry, message: `one command is in the log twice: ${before} and (${lamport}, ${author})` })
    } else if (command !== undefined) this.#done.set(command, lamport, entry)
    this.#folded.set(keyOf(entry), lamport, entry)
  }

  /** What tells commands apart; undefined for what no honest node has signed. */
  #commandOf(entry: Entry): string | undefined {
    return this.#commands.get(`${entry.author} ${this.#admitted.get(keyOf(entry))}`)
  }
  #signedBefore(former: Entry): string {
    return this.#commands.get(`${former.author} ${this.#signed.get(keyOf(former))}`) ?? SETTLED
  }

  /** What was lost is kept until it is told. */
  #forget(lamport: number): void {
    this.#acknowledged.forget(lamport, (key) => this.#folded.get(key) !== undefined)
    for (const ledger of [this.#signed, this.#admitted, this.#commands, this.#done]) ledger.forget(lamport)
    this.#folded.forget(lamport, (key) => this.#acknowledged.get(key) === undefined)
  }

  #failure(message: string, field: string, { author, lamport }: Entry): Failure {
    return { check: 'durability', message, details: { node: 0, author, lamport, component: 'CommandLogEntry', field } }
  }
}
