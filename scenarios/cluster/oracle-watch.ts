/** Tells the oracle what the host lets in and closes, and what the story asks of the host's runtime. */
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Oracle } from '../oracle.ts'
import type { Watcher } from './cluster.ts'

export class OracleWatch implements Watcher {
  readonly #oracle: Oracle
  #closedLamport: () => number
  #frame = 0
  #world: World | undefined
  /** Entries that a client has from the host, by Lamport time and author. */
  readonly #told = new Set<string>()

  /** @param closedLamport the host's closed mark, asked for while a frame is being closed. */
  constructor(oracle: Oracle, closedLamport: () => number) {
    this.#oracle = oracle
    this.#closedLamport = closedLamport
  }
  event(node: number, event: SystemEvent, nowUs: number): void {
    if (event.event === 'commandIntegrated') this.#told.add(`${event.lamport} ${event.author}`)
    if (node !== 0) return
    if (event.event === 'recovered') {
      this.#oracle.recovered(event, ({ lamport, author }) => this.#told.has(`${lamport} ${author}`), nowUs, this.#frame)
    }
    if (event.event === 'commandAdmitted') this.#oracle.admitted(event.entry, nowUs, this.#frame)
    if (event.event === 'commandFolded') this.#oracle.toldEntry(event)
    if (event.event === 'commitFolded') this.#oracle.toldCommit(event)
    if (event.event === 'auditRepaired' && this.#world !== undefined) this.#oracle.whole(event.frame, this.#world)
  }
  frame(node: number, frame: number, world: World): void {
    if (node !== 0) return
    this.#frame = frame
    this.#world = world
    this.#oracle.closed(frame, this.#closedLamport(), world)
  }
}
