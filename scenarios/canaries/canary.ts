/**
 * A canary: a known fault, planted around the running system to see that the checkers find it, shrink it and name the right
 * place. It lies from outside, through a port, an adapter or a method that it wraps; `system/` itself knows nothing of it.
 */
import type { Cluster } from '../cluster/cluster.ts'
import type { ClientNode } from '../cluster/nodes.ts'

type Area =
  | 'network' | 'transport' | 'protocol' | 'replication' | 'interest' | 'log' | 'roles' | 'commits' | 'xr' | 'storage' | 'assets'
  | 'handOver'

/** What a canary may be found as. A field that is left out may be any. */
export interface Showing {
  readonly check: string
  readonly component?: string
  readonly field?: string
}

export interface Canary {
  /** Lower-case letters, digits and dashes. */
  readonly name: string
  readonly area: Area
  /** What is wrong, in one line. */
  readonly about: string
  /** The stories to look for it in, the likeliest first. */
  readonly stories: readonly string[]
  /** Where an explanation has to point: one of these. */
  readonly shows: readonly Showing[]
  /** How many items the least that shows it may come to, where five cannot do; `about` says why. */
  readonly itemsMax?: number
  /** Plants it around a cluster whose session has not begun. */
  plant(bed: Bed): void
}

type Method = (...parameters: never[]) => unknown
type MethodName<T> = { [K in keyof T]-?: T[K] extends Method ? K : never }[keyof T]

/** Where a canary is planted, for one run. */
export class Bed {
  readonly cluster: Cluster
  readonly #planted: (() => void)[] = []

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  /**
   * Puts a liar in the place of a method: of one object, or, where nobody outside holds the object, of its class's prototype.
   * Every run of this thread that goes on meanwhile would meet the latter: a run with a canary runs alone.
   */
  wrap<T extends object, K extends MethodName<T>>(target: T, method: K, lie: (honest: T[K]) => T[K]): void {
    this.set(target, method, lie(target[method]))
  }

  /** Puts another value in the place of a property. */
  set<T extends object, K extends keyof T>(target: T, property: K, value: T[K]): void {
    const own = Object.getOwnPropertyDescriptor(target, property)
    Object.defineProperty(target, property, { value, configurable: true, writable: true, enumerable: true })
    this.#planted.push(() => {
      if (own === undefined) delete target[property]
      else Object.defineProperty(target, property, own)
    })
  }

  /** Plants something at every client, as soon as it is there. */
  atClients(plant: (client: ClientNode) => void): void {
    const { cluster } = this
    this.wrap(cluster, 'addClient', (addClient) => (name, options) => {
      const client = addClient.call(cluster, name, options)
      plant(client)
      return client
    })
  }

  /** Takes everything out again, the last first. */
  clear(): void {
    for (const uproot of this.#planted.splice(0).reverse()) uproot()
  }
}
