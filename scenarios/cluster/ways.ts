/** The links between the nodes of a cluster, as a story sets them: from a peer up to the host and its public server, and down again. */
import type { Internet } from '../../sim/net/internet.ts'
import type { LinkPair } from '../../sim/net/settings.ts'
import type { Places } from './places.ts'

/** A link in one direction: two addresses. */
export type Direction = readonly [from: number, to: number]

const HOST = 0
const UNTOLD: LinkPair = { up: {}, down: {} }

export class Ways {
  readonly #internet: Internet
  readonly #places: Places
  /** What every link was told, for those that are still to come. */
  #everywhere: LinkPair = UNTOLD
  /** Clients, in the order in which they came. */
  readonly #clients: number[] = []

  constructor(internet: Internet, places: Places) {
    this.#internet = internet
    this.#places = places
  }

  /** From one node to another; where one is the host, to or from the public server beside it, too. */
  from(node: number, to: number): readonly Direction[] {
    return this.#places.addressesOf(node).flatMap((from) => this.#places.addressesOf(to).map((at) => [from, at] as const))
  }
  #both(client: number): readonly Direction[] {
    return [...this.from(HOST, client), ...this.from(client, HOST)]
  }
  /** Of all clients. */
  get all(): readonly Direction[] {
    return this.#clients.flatMap((client) => this.#both(client))
  }

  /** Up is towards the host. */
  set(directions: readonly Direction[], { up, down }: LinkPair): void {
    for (const [from, to] of directions) this.#internet.link(from, to).set(this.#internet.nodeOf(to) === HOST ? up : down)
  }
  /** Every link that there is, and those of clients that come later. */
  setAll({ up, down }: LinkPair): void {
    this.set(this.all, { up, down })
    this.#everywhere = { up: { ...this.#everywhere.up, ...up }, down: { ...this.#everywhere.down, ...down } }
  }

  /** A client has come. */
  add(client: number): void {
    this.#clients.push(client)
    this.set(this.#both(client), this.#everywhere)
  }
  /** A client is somewhere else now; what is not said of the way from there is as everywhere. */
  moved(client: number, links: LinkPair): void {
    this.set(this.#both(client), this.#everywhere)
    this.set(this.#both(client), links)
  }

  heal(): void {
    this.#everywhere = UNTOLD
    this.#internet.heal()
  }

  /** How long what the host sends to a client is on its way at the least, microseconds. */
  leastUs(client: number): number {
    return Math.max(...this.from(HOST, client).map(([from, to]) => this.#internet.link(from, to).settings.latencyUsMin))
  }
}
