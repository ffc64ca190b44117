/** A public server for those behind translators: STUN and TURN (RFC 8489, RFC 8656) and the signalling relay, at one address. */
import type { Address, Datagram } from '../net/datagram.ts'
import type { OutgoingDatagram } from '../transport/session.ts'
import { SignallingServer } from './signalling/server.ts'
import { TurnServer } from './turn/server.ts'

export interface ServicesConfig {
  readonly address: Address
  readonly realm: string
  /** Passwords by user. */
  readonly users: ReadonlyMap<string, string>
  /** An unsigned 32-bit integer that nonces and ports follow from. */
  readonly secret: number
}

/** Sans-I/O: after every call, `poll` until it has nothing more. */
export class Services {
  readonly #turn: TurnServer
  readonly #relay: SignallingServer

  constructor(config: ServicesConfig) {
    this.#turn = new TurnServer(config)
    this.#relay = new SignallingServer(config.address)
  }

  receive(datagram: Datagram, nowUs: number): void {
    if (!this.#relay.receive(datagram, nowUs)) this.#turn.receive(datagram, nowUs)
  }
  wake(nowUs: number): void {
    this.#turn.wake(nowUs)
    this.#relay.wake(nowUs)
  }
  nextWakeUs(): number {
    return Math.min(this.#turn.nextWakeUs(), this.#relay.nextWakeUs())
  }
  poll(): OutgoingDatagram | undefined {
    return this.#turn.poll() ?? this.#relay.poll()
  }
}
