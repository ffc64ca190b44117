/** Two ICE agents and a TURN server on an internet, virtual time, everything that happened kept. Signalling takes no time. */
import { SeededChooser } from '../../../../sim/choice.ts'
import type { Datagram } from '../../../../sim/net/datagram.ts'
import { Internet } from '../../../../sim/net/internet.ts'
import type { LinkSettings } from '../../../../sim/net/link.ts'
import type { NatKind, NatSettings } from '../../../../sim/net/nat.ts'
import type { NetRecord } from '../../../../sim/net/records.ts'
import type { OutgoingDatagram } from '../../../../sim/transport/session.ts'
import { IceAgent } from '../../../../sim/webrtc/ice/agent.ts'
import { type IceCredentials, iceCredentials } from '../../../../sim/webrtc/ice/credentials.ts'
import type { IceConfig, IceEvent } from '../../../../sim/webrtc/ice/events.ts'
import { TURN_PORT } from '../../../../sim/webrtc/turn/limits.ts'
import { TurnServer } from '../../../../sim/webrtc/turn/server.ts'

export const SERVER = 2
export const ICE_PORT = 5_000
const ACCOUNT = { server: { address: SERVER, port: TURN_PORT }, username: 'theta', password: 'secret' }

export interface WorldOptions {
  readonly seed?: number
  readonly nats?: readonly [NatKind | NatSettings | undefined, NatKind | NatSettings | undefined]
  /** Both behind one translator. */
  readonly shared?: NatKind | NatSettings
  readonly stun?: boolean
  readonly turn?: boolean
  readonly links?: Partial<LinkSettings>
  readonly config?: (index: number) => Partial<IceConfig>
}

export class Peer {
  readonly index: number
  readonly agent: IceAgent
  readonly events: (IceEvent & { readonly atUs: number })[] = []
  readonly data: string[] = []
  credentials: IceCredentials
  generation = 0

  constructor(index: number, agent: IceAgent, credentials: IceCredentials) {
    this.index = index
    this.agent = agent
    this.credentials = credentials
  }
  get kinds(): string[] {
    return this.events.map(({ kind }) => kind).filter((kind) => kind !== 'transmit' && kind !== 'candidate' && kind !== 'gathered')
  }
  last<K extends IceEvent['kind']>(kind: K): (Extract<IceEvent, { kind: K }> & { readonly atUs: number }) | undefined {
    return this.events.findLast((event) => event.kind === kind) as (Extract<IceEvent, { kind: K }> & { readonly atUs: number }) | undefined
  }
  /** 'srflx srflx': ours, theirs. */
  get types(): string | undefined {
    const pair = this.agent.selected
    return pair && `${pair.local.type} ${pair.remote.type}`
  }
}

export class IceWorld {
  nowUs = 0
  readonly net: Internet
  readonly peers: readonly [Peer, Peer]
  readonly server: TurnServer
  readonly records: NetRecord[] = []
  readonly sent: Datagram[] = []
  /** What is signalled between the two; false keeps it back. */
  signalled: (from: Peer, event: IceEvent) => boolean = () => true
  /** Is shown what is about to arrive. */
  before: (node: number, datagram: Datagram) => void = () => {}
  readonly #events: { atUs: number; node: number; datagram: Datagram }[] = []

  constructor({ seed = 1, nats = [undefined, undefined], shared, stun = true, turn = false, links = {}, config }: WorldOptions = {}) {
    this.net = new Internet({
      chooser: new SeededChooser(seed), defaults: links, sink: (record) => void this.records.push(record),
      deliver: (atUs, node, datagram) => void this.#events.push({ atUs, node, datagram }),
    })
    if (shared !== undefined) this.net.addNat(shared, [0, 1])
    for (const [index, nat] of nats.entries()) if (nat !== undefined) this.net.addNat(nat, [index])
    this.server = new TurnServer({ address: SERVER, realm: 'example.org', users: new Map([['theta', 'secret']]), secret: seed })
    const peer = (index: number): Peer => {
      const credentials = iceCredentials(seed * 2 + index, 0)
      return new Peer(index, new IceAgent({
        isControlling: index === 0, tieBreaker: [seed, index], ...credentials, connection: 4_096, node: index, secret: seed * 7 + index,
        localAddresses: [{ address: index, port: ICE_PORT }], ...(stun ? { stunServer: ACCOUNT.server } : {}),
        ...(turn ? { turnServer: ACCOUNT } : {}), ...config?.(index),
      }), credentials)
    }
    this.peers = [peer(0), peer(1)]
  }

  other(peer: Peer): Peer {
    return this.peers[1 - peer.index]
  }

  /** Both begin, and know each other's credentials at once. */
  begin(): this {
    for (const peer of this.peers) {
      peer.agent.start(this.nowUs)
      peer.agent.setRemote(this.other(peer).credentials, this.nowUs)
    }
    this.settle()
    return this
  }

  /** A restart of both, as by an offer and an answer. */
  restart(): void {
    for (const peer of this.peers) {
      peer.credentials = iceCredentials(peer.index + 50, ++peer.generation)
      peer.agent.restart(peer.credentials, this.nowUs)
    }
    for (const peer of this.peers) peer.agent.setRemote(this.other(peer).credentials, this.nowUs)
    this.settle()
  }

  send(peer: Peer, text: string): boolean {
    const label = { protocol: 'webrtc', contents: 'data', connection: 1, channel: 0, start: 0, end: 0, attempt: 0 }
    const identity = { keyHi: this.sent.length, keyLo: 7, label }
    const isSent = peer.agent.send(new TextEncoder().encode(text), identity, this.nowUs)
    this.settle()
    return isSent
  }

  /** Takes out what everybody has to say, until nobody has. */
  settle(): void {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      for (const peer of this.peers) {
        for (let event = peer.agent.poll(); event !== undefined; event = peer.agent.poll()) {
          isQuiet = false
          this.#event(peer, event)
        }
      }
      for (let datagram = this.server.poll(); datagram !== undefined; datagram = this.server.poll()) this.#transmit(datagram)
    }
  }

  #event(peer: Peer, event: IceEvent): void {
    peer.events.push({ ...event, atUs: this.nowUs })
    if (event.kind === 'transmit') this.#transmit(event.datagram)
    else if (event.kind === 'data') peer.data.push(new TextDecoder().decode(event.bytes))
    else if (!this.signalled(peer, event)) return
    else if (event.kind === 'candidate') this.other(peer).agent.addRemoteCandidate(event.candidate, this.nowUs)
    else if (event.kind === 'gathered') this.other(peer).agent.endOfCandidates(this.nowUs)
  }

  #transmit({ local, remote, ...rest }: OutgoingDatagram): void {
    const datagram = { ...rest, id: this.sent.length, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port }
    this.sent.push(datagram)
    this.net.send(datagram, this.nowUs)
  }

  /** Runs to an instant, or until a condition holds; whether it does. */
  run(untilUs: number, until: () => boolean = () => false): boolean {
    for (;;) {
      if (until()) return true
      const wakeUs = Math.min(...this.peers.map(({ agent }) => agent.nextWakeUs()), this.server.nextWakeUs())
      const first = this.#events.reduce((best, event, index) => (event.atUs < (this.#events[best]?.atUs ?? Infinity) ? index : best), 0)
      const arrivalUs = this.#events[first]?.atUs ?? Infinity
      const nextUs = Math.max(Math.min(wakeUs, arrivalUs), this.nowUs)
      if (nextUs > untilUs) {
        this.nowUs = untilUs
        return false
      }
      this.nowUs = nextUs
      if (arrivalUs <= nextUs) {
        const [{ node, datagram }] = this.#events.splice(first, 1)
        const arrived = this.net.arrived(datagram, nextUs)
        if (arrived !== undefined) this.#arrived(node, arrived)
      } else {
        for (const { agent } of this.peers) if (agent.nextWakeUs() <= nextUs) agent.wake(nextUs)
        if (this.server.nextWakeUs() <= nextUs) this.server.wake(nextUs)
      }
      this.settle()
    }
  }

  #arrived(node: number, datagram: Datagram): void {
    this.before(node, datagram)
    if (node === SERVER) return void this.server.receive(datagram, this.nowUs)
    const peer: Peer | undefined = this.peers[node]
    if (peer === undefined) return
    if (!peer.agent.receive(datagram, this.nowUs)) peer.data.push(new TextDecoder().decode(datagram.bytes))
  }

  /** Until both have a path. */
  connect(untilUs = 30_000_000): boolean {
    return this.run(untilUs, () => this.peers.every(({ agent }) => agent.selected !== undefined))
  }
}
