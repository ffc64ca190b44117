/**
 * Up to where a run is settled: no peer that is there will come back to what lies at the horizon or below it, so that a checker may
 * forget what it knew of that. Whoever comes back all the same finds nothing there, and that is a failure by itself.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { ClientNode } from './nodes.ts'
import type { Watcher } from './watchers.ts'

interface Mark {
  readonly frame: number
  readonly lamport: number
}

/** How often it is looked for, in frames. */
const LOOK_FRAMES = 16

export class Horizon implements Watcher {
  readonly #clients: () => readonly ClientNode[]
  readonly #hasDisks: boolean
  /** What each client that is there has confirmed last; before that, the frame before the first that it can be sent. */
  readonly #confirmed = new Map<number, Mark>()
  #host: Mark = { frame: -1, lamport: 0 }
  #frame = -1
  #lamport = 0
  /** What the last checkpoint holds, and the one before it, which is stored. */
  #checkpoint = 0
  #stored = 0

  /** @param hasDisks whether the host can begin anew, from its last checkpoint. */
  constructor(clients: () => readonly ClientNode[], hasDisks: boolean) {
    this.#clients = clients
    this.#hasDisks = hasDisks
  }

  /** No client that is there can still confirm this frame or one before it. */
  get settledFrame(): number {
    return this.#frame
  }
  /** No host can fold, no client take and no author sign anew an entry of this Lamport time or below. */
  get settledLamport(): number {
    return this.#lamport
  }
  /** The clients that are there: not down, and not gone for good. */
  get present(): Iterable<number> {
    return this.#confirmed.keys()
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'frameConfirmed') this.#confirmed.set(node, { frame: event.frame, lamport: event.closedLamport })
    if (event.event === 'recovered') this.#checkpoint = event.closedLamport
    if (event.event === 'checkpointed') {
      // It holds at least what was closed by the last frame. There is one write at a time: the one before is on the disk.
      this.#stored = this.#checkpoint
      this.#checkpoint = this.#host.lamport
    }
    if (event.event !== 'frameClosed') return
    // A snapshot for somebody who comes is of this frame or a later one.
    for (const client of this.#clients()) {
      if (isThere(client) && !this.#confirmed.has(client.id)) this.#confirmed.set(client.id, this.#host)
    }
    if (event.frame % LOOK_FRAMES === 0) this.#look()
    this.#host = { frame: event.frame, lamport: event.closedLamport }
  }

  #look(): void {
    let { frame, lamport } = this.#host
    for (const client of this.#clients()) {
      const { id, peer } = client
      if (!isThere(client)) {
        this.#confirmed.delete(id)
        continue
      }
      const mark = this.#confirmed.get(id)!
      frame = Math.min(frame, mark.frame)
      // What the host has not let in may be refused as late, and is signed anew then.
      const [own] = peer.log?.unadmitted() ?? []
      lamport = Math.min(lamport, mark.lamport, (own?.lamport ?? Infinity) - 1)
    }
    if (this.#hasDisks) lamport = Math.min(lamport, this.#stored)
    this.#frame = Math.max(this.#frame, frame)
    this.#lamport = Math.max(this.#lamport, lamport)
  }
}

const isThere = ({ crashed, peer }: ClientNode): boolean => !crashed && peer.state !== 'closed'
