/** Tells the oracle what the host lets in and closes, and what the story asks of the host's runtime. */
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Oracle } from '../oracle.ts'
import type { Horizon } from './horizon.ts'
import { Ledger } from './ledger.ts'
import type { Watcher } from './watchers.ts'

export class OracleWatch implements Watcher {
  readonly #oracle: Oracle
  readonly #closedLamport: () => number
  readonly #horizon: Horizon
  #frame = 0
  #world: World | undefined
  /** Entries that a client has from the host, by Lamport time and author. */
  readonly #told = new Ledger<true>()

  /** @param closedLamport the host's closed mark, asked for while a frame is being closed. */
  constructor(oracle: Oracle, closedLamport: () => number, horizon: Horizon) {
    this.#oracle = oracle
    this.#closedLamport = closedLamport
    this.#horizon = horizon
  }

  /** Entries that the host may still forget, and what the oracle has of those that are not settled. */
  get held(): number {
    return this.#told.size + this.#oracle.held
  }
  event(node: number, event: SystemEvent, nowUs: number): void {
    if (event.event === 'commandIntegrated') this.#told.set(`${event.lamport} ${event.author}`, event.lamport, true)
    if (node !== 0) return
    if (event.event === 'frameClosed') {
      this.#told.forget(this.#horizon.settledLamport)
      this.#oracle.settle(this.#horizon.settledLamport, nowUs)
    }
    if (event.event === 'recovered') {
      this.#oracle.recovered(event, ({ lamport, author }) => this.#told.get(`${lamport} ${author}`) === true, nowUs, this.#frame)
    }
    if (event.event === 'sessionContinued') this.#oracle.continued(event, nowUs)
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
