/** One end of a meeting: a client of the signalling relay, and an ICE agent whose candidates it carries. */
import { hashText, mix32 } from '../../sim/choice.ts'
import type { Address, Datagram } from '../../sim/net/datagram.ts'
import type { OutgoingDatagram } from '../../sim/transport/session.ts'
import type { SimNode } from '../../sim/world.ts'
import { IceAgent } from '../../sim/webrtc/ice/agent.ts'
import type { Candidate } from '../../sim/webrtc/ice/candidate.ts'
import { iceCredentials } from '../../sim/webrtc/ice/credentials.ts'
import { SignallingClient } from '../../sim/webrtc/signalling/client.ts'
import type { Description } from '../../sim/webrtc/signalling/description.ts'
import { SIGNALLING_PORT } from '../../sim/webrtc/signalling/limits.ts'
import type { SignallingMessage } from '../../sim/webrtc/signalling/messages.ts'
import { TURN_PORT } from '../../sim/webrtc/turn/limits.ts'

/** Both ends' name for the connection. */
const CONNECTION = 4_096
const ICE_PORT = 5_000
const CLIENT_PORT = 4_000
const FINGERPRINT_BYTES = 32
export const ACCOUNT = { username: 'peer', password: 'pass' }

export interface MeetingPeerConfig {
  readonly seed: number
  readonly node: Address
  readonly name: string
  /** Whom it calls; undefined for the one who is called. */
  readonly calls: string | undefined
  /** The node of the STUN and TURN server and of the signalling relay. */
  readonly server: Address
  readonly turn: boolean
  /** It keeps its host candidates to itself, as browsers do with names that nobody resolves. */
  readonly hidesHost: boolean
  /** Sends a datagram. */
  readonly send: (datagram: OutgoingDatagram, nowUs: number) => void
  /** What arrived, as it came through the translator; undefined where it did not. */
  readonly arrived: (datagram: Datagram, nowUs: number) => Datagram | undefined
}

export class MeetingPeer implements SimNode<Datagram> {
  readonly agent: IceAgent
  readonly #config: MeetingPeerConfig
  readonly #signalling: SignallingClient
  readonly #secret: number
  /** Whom it talks to, once it has called or was called. */
  #peer: string | undefined
  #hasBegun = false
  #hasFailed = false

  constructor(config: MeetingPeerConfig) {
    const { seed, node, name, server, turn } = config
    this.#config = config
    this.#secret = hashText(name, seed)
    this.#signalling = new SignallingClient({
      name, node, local: { address: node, port: CLIENT_PORT }, relay: { address: server, port: SIGNALLING_PORT }, secret: this.#secret,
    })
    const stunServer = { address: server, port: TURN_PORT }
    this.agent = new IceAgent({
      isControlling: config.calls !== undefined, tieBreaker: [mix32(this.#secret, 1), mix32(this.#secret, 2)],
      ...iceCredentials(this.#secret, 0), connection: CONNECTION, node, secret: mix32(this.#secret, 3),
      localAddresses: [{ address: node, port: ICE_PORT }], stunServer, ...(turn ? { turnServer: { server: stunServer, ...ACCOUNT } } : {}),
    })
  }

  /** It has a path, or has given up. */
  get isSettled(): boolean {
    return this.agent.selected !== undefined || this.#hasFailed
  }

  deliver(datagram: Datagram, nowUs: number): void {
    const arrived = this.#config.arrived(datagram, nowUs)
    if (arrived === undefined) return
    if (!this.#signalling.receive(arrived, nowUs)) this.agent.receive(arrived, nowUs)
    this.#drain(nowUs)
  }

  wake(nowUs: number): void {
    if (!this.#hasBegun) this.#begin(nowUs)
    if (this.#signalling.nextWakeUs() <= nowUs) this.#signalling.wake(nowUs)
    if (this.agent.nextWakeUs() <= nowUs) this.agent.wake(nowUs)
    this.#drain(nowUs)
  }

  nextWakeUs(): number {
    return this.#hasBegun ? Math.min(this.#signalling.nextWakeUs(), this.agent.nextWakeUs()) : 0
  }

  #begin(nowUs: number): void {
    this.#hasBegun = true
    this.#signalling.connect(nowUs)
    if (this.#config.calls !== undefined) this.#describe('offer', this.#config.calls, nowUs)
  }

  /** Candidates follow the description as they are found (RFC 8838). */
  #describe(type: 'offer' | 'answer', to: string, nowUs: number): void {
    const description: Description = {
      ...iceCredentials(this.#secret, 0), session: this.#secret, sctpPort: ICE_PORT, maxMessageBytes: 65_536,
      fingerprint: Uint8Array.from({ length: FINGERPRINT_BYTES }, (_, i) => mix32(this.#secret, i) & 0xff),
      setup: type === 'offer' ? 'actpass' : 'active', candidates: [], isComplete: false,
    }
    this.#peer = to
    this.#tell({ type, connection: CONNECTION, description }, nowUs)
    this.agent.start(nowUs)
  }

  #tell(message: SignallingMessage, nowUs: number): void {
    if (this.#peer !== undefined) this.#signalling.send(this.#peer, message, nowUs)
  }

  #drain(nowUs: number): void {
    for (let event = this.agent.poll(); event !== undefined; event = this.agent.poll()) {
      if (event.kind === 'transmit') this.#config.send(event.datagram, nowUs)
      else if (event.kind === 'candidate') this.#candidate(event.candidate, event.ufrag, nowUs)
      else if (event.kind === 'gathered') this.#tell({ type: 'endOfCandidates', connection: CONNECTION, ufrag: event.ufrag }, nowUs)
      else if (event.kind === 'failed') this.#hasFailed = true
    }
    let isHeard = false
    for (let event = this.#signalling.poll(); event !== undefined; event = this.#signalling.poll()) {
      if (event.kind === 'transmit') this.#config.send(event.datagram, nowUs)
      else if (event.kind === 'message') this.#heard(event.from, event.message, nowUs)
      isHeard ||= event.kind === 'message'
    }
    // What was heard may have given the agent something to say, and that the relay's client something to carry.
    if (isHeard) this.#drain(nowUs)
  }

  #candidate(candidate: Candidate, ufrag: string, nowUs: number): void {
    if (this.#config.hidesHost && candidate.type === 'host') return
    this.#tell({ type: 'candidate', connection: CONNECTION, ufrag, candidate }, nowUs)
  }

  #heard(from: string, message: SignallingMessage, nowUs: number): void {
    if (message.type === 'offer' || message.type === 'answer') {
      if (message.type === 'offer') this.#describe('answer', from, nowUs)
      this.agent.setRemote(message.description, nowUs)
    } else if (message.type === 'candidate') {
      this.agent.addRemoteCandidate(message.candidate, nowUs)
    } else if (message.type === 'endOfCandidates') {
      this.agent.endOfCandidates(nowUs)
    }
  }
}
