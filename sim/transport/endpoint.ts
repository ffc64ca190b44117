/**
 * A node's transport: its sockets, and all its connections behind the port of `sim/port.ts`. It knows which datagram is for which
 * connection, and how one is begun; what a connection is, quic/session.ts and webrtc/session.ts say.
 *
 *     port 443     QUIC: all connections of the node, by their connection ids (quic/listener.ts)
 *     port 8080    the signalling relay, where this node runs it
 *     port 49151   this node's own client of a relay
 *     above        one socket for each WebRTC connection
 *
 * Sans-I/O: after every call, `poll` until it has nothing more. Inputs come first, and only when all are taken are datagrams made of
 * what was sent meanwhile, so that several messages share one.
 */
import { Writer } from '../bytes.ts'
import { hashText, mix32 } from '../choice.ts'
import { type Address, ADDRESSES_MAX, type Datagram, type SocketAddress } from '../net/datagram.ts'
import type { DiscardReason, NetRecord } from '../net/records.ts'
import type { ChannelSpec, ConnectionId, TransportInput, TransportOutput } from '../port.ts'
import type { Accepted } from '../quic/configuration.ts'
import { Listener } from '../quic/listener.ts'
import { QuicSession, type QuicWatch, SESSION_SETTINGS } from '../quic/session.ts'
import type { QuicSettings } from '../quic/settings.ts'
import { WebRtcSession, type WebRtcWatch } from '../webrtc/session.ts'
import { SignallingNode } from '../webrtc/signalling/node.ts'
import type { Description } from '../webrtc/signalling/description.ts'
import type { SignallingMessage } from '../webrtc/signalling/messages.ts'
import type { TurnAccount } from '../webrtc/turn/client.ts'
import { Agenda } from './agenda.ts'
import { MESSAGE_BYTES_MAX } from './channel.ts'
import { APPLICATION_CODES_MAX, TransportCode } from './codes.ts'
import { Queue } from '../queue.ts'
import type { ConnectionStanding, OutgoingDatagram, Protocol, Session, SessionIdentity, Surroundings } from './session.ts'

/** Connections of one endpoint at once; more are refused. */
const CONNECTIONS_MAX = 256
const QUIC_PORT = 443
/** RFC 6335, section 6: the dynamic ports. The first is the relay client's. */
const DYNAMIC_PORT_MIN = 49_152
const DYNAMIC_PORTS = 65_536 - DYNAMIC_PORT_MIN
const KEY_BYTES = 16

/** Where a WebRTC connection finds what it needs to be begun through translators. */
export interface MeetingPlaces {
  readonly relay: SocketAddress
  readonly stunServer?: SocketAddress
  readonly turnServer?: TurnAccount
}

export interface EndpointConfig {
  /** The node, by its first address, which its connections are named after wherever it goes. */
  readonly address: Address
  /** The channel table of each protocol; both have the same number of channels, and both ends the same tables. */
  readonly channels: (protocol: Protocol) => readonly ChannelSpec[]
  /** What a name stands for; undefined where nobody has it. */
  readonly resolve: (endpoint: string) => { readonly protocol: Protocol; readonly address: Address } | undefined
  /** Protocols over which others may connect to this node. */
  readonly accept: readonly Protocol[]
  /** Left out, a node that accepts connections runs a relay itself, and nobody is behind a translator. */
  readonly places?: MeetingPlaces
  readonly quic?: Partial<QuicSettings>
  readonly watchQuic?: QuicWatch
  readonly watchWebRtc?: WebRtcWatch
}

export type EndpointOutput =
  | { readonly kind: 'datagram'; readonly datagram: Datagram }
  /** `datagrams` are the ids of those that carried a message, for explaining. */
  | { readonly kind: 'input'; readonly input: TransportInput; readonly datagrams?: readonly number[] }
  | { readonly kind: 'record'; readonly record: NetRecord }

export class TransportEndpoint {
  readonly #config: EndpointConfig
  /** Of the interface that the node uses. */
  #address: Address
  readonly #writer = new Writer()
  readonly #listener: Listener<QuicSession>
  readonly #signalling: SignallingNode
  readonly #sessions = new Agenda()
  /** Of connections that have a socket of their own. */
  #byPort = new Map<number, WebRtcSession>()
  #webrtc = new Map<number, WebRtcSession>()
  /** Names are never used twice in a run, not even after a crash. */
  #openedCount = 0
  #nextId = 1
  #datagramCount = 0
  #nowUs = 0
  #isDirty = false
  readonly #inputs = new Queue<EndpointOutput>()
  readonly #datagrams = new Queue<EndpointOutput>()

  constructor(config: EndpointConfig) {
    const { address, accept, places } = config
    this.#config = config
    this.#address = address
    const key = Uint8Array.from({ length: KEY_BYTES }, (_, i) => mix32(hashText('endpoint key', address), i) & 0xff)
    this.#listener = new Listener<QuicSession>({
      protection: this.#quic.protection, key, writer: this.#writer, send: (datagram) => this.#send(datagram),
      discarded: (datagram, why) => this.#discard(datagram, why),
      isRetryWanted: () => false,
      accept: (number, accepted, datagram, nowUs) => this.#acceptQuic(number, accepted, datagram, nowUs),
    })
    this.#signalling = new SignallingNode({
      node: address, port: DYNAMIC_PORT_MIN, relay: places?.relay, isServer: places === undefined && accept.length > 0,
      isFound: accept.includes('webrtc'),
      send: (datagram) => this.#send(datagram),
      hear: (from, message, nowUs) => this.#signalled(from, message, nowUs),
    })
  }

  get #quic(): QuicSettings {
    return { ...SESSION_SETTINGS, ...this.#config.quic }
  }
  get #watch(): { readonly watch?: QuicWatch } {
    const { watchQuic: watch } = this.#config
    return watch === undefined ? {} : { watch }
  }

  // --- what the node above asks for ----------------------------------------------------------------------------------

  /**
   * What the node above asks for; 'wake' is not for a transport and ignored. Throws a RangeError on a channel, size or code that is
   * out of range. What is sent on a connection that is closed or unknown goes nowhere.
   */
  send(output: TransportOutput, nowUs: number): void {
    this.#nowUs = nowUs
    if (output.kind === 'wake') return
    this.#isDirty = true
    if (output.kind === 'open') return this.#open(output.ticket, output.endpoint)
    if (output.kind === 'close') {
      if (!Number.isSafeInteger(output.code) || output.code < 0 || output.code >= APPLICATION_CODES_MAX) {
        throw new RangeError(`code: expected an integer of [0, ${APPLICATION_CODES_MAX}), got ${output.code}`)
      }
      this.#touched(this.#sessions.get(output.on))?.close(output.code, nowUs)
      return
    }
    const { length: channels } = this.#config.channels('quic')
    if (!Number.isSafeInteger(output.channel) || output.channel < 0 || output.channel >= channels) {
      throw new RangeError(`channel: expected an integer of [0, ${channels}), got ${output.channel}`)
    }
    if (output.bytes.length > MESSAGE_BYTES_MAX) {
      throw new RangeError(`message: expected at most ${MESSAGE_BYTES_MAX} bytes, got ${output.bytes.length}`)
    }
    this.#touched(this.#sessions.get(output.on))?.message(output.channel, output.bytes, nowUs)
  }

  /** The session, which is about to be called. */
  #touched<T extends Session>(session: T | undefined): T | undefined {
    if (session !== undefined) this.#sessions.touch(session)
    return session
  }

  #open(ticket: number, endpoint: string): void {
    const { address, resolve } = this.#config
    const id = this.#nextId++
    const place = resolve(endpoint)
    if (place === undefined || this.#sessions.size >= CONNECTIONS_MAX) {
      this.#inputs.push({ kind: 'input', input: { kind: 'closed', on: id, ticket, by: 'refused', code: TransportCode.refused } })
      return
    }
    const { protocol, address: peer } = place
    const number = ++this.#openedCount * ADDRESSES_MAX + address
    const identity: SessionIdentity = { id, number, protocol, peer, ticket, isInitiator: true }
    if (protocol === 'webrtc') {
      this.#signalling.turnTo(peer, this.#nowUs)
      this.#addWebRtc(identity, undefined)
      return
    }
    const local = { address: this.#address, port: QUIC_PORT }
    const config = { settings: this.#quic, local, remote: { address: peer, port: QUIC_PORT }, ...this.#watch }
    this.#sessions.add(new QuicSession(identity, this.#surroundings(protocol), this.#listener, config, this.#nowUs))
  }

  /** What a connection is to both its ends: the number that they share, and who is at the other one. Undefined where it is gone. */
  endsOf(on: ConnectionId): { readonly number: number; readonly peer: Address } | undefined {
    return this.#sessions.get(on)?.identity
  }

  /** Every connection that is not forgotten, the oldest first. */
  get connections(): readonly ConnectionStanding[] {
    return this.#sessions.sessions.map(({ standing }) => standing)
  }

  // --- connections ---------------------------------------------------------------------------------------------------

  #surroundings(protocol: Protocol): Surroundings {
    return {
      node: this.#config.address, channels: this.#config.channels(protocol), writer: this.#writer,
      send: (datagram) => this.#send(datagram),
      input: (input, datagrams) => {
        this.#inputs.push(datagrams === undefined ? { kind: 'input', input } : { kind: 'input', input, datagrams })
      },
      record: (record) => this.#inputs.push({ kind: 'record', record }),
    }
  }

  /** A socket that no connection of ours has. */
  #socket(): SocketAddress {
    let port = DYNAMIC_PORT_MIN + 1 + (this.#nextId % (DYNAMIC_PORTS - 1))
    while (this.#byPort.has(port)) port = port + 1 < DYNAMIC_PORT_MIN + DYNAMIC_PORTS ? port + 1 : DYNAMIC_PORT_MIN + 1
    return { address: this.#address, port }
  }

  #mayAccept(protocol: Protocol): boolean {
    return this.#config.accept.includes(protocol) && this.#sessions.size < CONNECTIONS_MAX
  }

  #acceptQuic(number: number, accepted: Accepted, datagram: Datagram, nowUs: number): QuicSession | undefined {
    if (!this.#mayAccept('quic')) return undefined
    const identity = this.#incoming(number, 'quic')
    const { to, toPort, from, fromPort } = datagram
    const session = new QuicSession(identity, this.#surroundings('quic'), this.#listener, {
      settings: this.#quic, local: { address: to, port: toPort }, remote: { address: from, port: fromPort }, accepted, ...this.#watch,
    }, nowUs)
    this.#sessions.add(session)
    return session
  }

  #incoming(number: number, protocol: Protocol): SessionIdentity {
    return { id: this.#nextId++, number, protocol, peer: number % ADDRESSES_MAX, ticket: 0, isInitiator: false }
  }

  #addWebRtc(identity: SessionIdentity, offer: Description | undefined): void {
    const { address, places, watchWebRtc } = this.#config
    const local = this.#socket()
    const session = new WebRtcSession(identity, this.#surroundings('webrtc'), {
      local: [local], secret: mix32(hashText('webrtc', address), identity.number >>> 0),
      ...(places?.stunServer !== undefined && { stunServer: places.stunServer }),
      ...(places?.turnServer !== undefined && { turnServer: places.turnServer }),
      ...(offer !== undefined && { offer }), ...(watchWebRtc !== undefined && { watch: watchWebRtc }),
      signal: (message) => this.#signalling.tell(identity.peer, message, this.#nowUs),
    }, this.#nowUs)
    this.#webrtc.set(identity.number, session)
    this.#sessions.add(session)
    this.#byPort.set(local.port, session)
  }

  #signalled(from: Address, message: SignallingMessage, nowUs: number): void {
    const known = this.#webrtc.get(message.connection)
    if (known !== undefined) {
      if (known.identity.peer === from) this.#touched(known)?.signalled(message, nowUs)
    } else if (message.type === 'restart') {
      // Of a connection that went with an earlier life of this node.
      this.#signalling.tell(from, { type: 'refusal', connection: message.connection, code: TransportCode.reset }, nowUs)
    } else if (message.type === 'offer' && message.connection % ADDRESSES_MAX === from) {
      if (this.#mayAccept('webrtc')) this.#addWebRtc(this.#incoming(message.connection, 'webrtc'), message.description)
      else this.#signalling.tell(from, { type: 'refusal', connection: message.connection, code: TransportCode.refused }, nowUs)
    }
  }

  // --- the network and time ------------------------------------------------------------------------------------------

  #send({ local, remote, ecn, bytes, keyHi, keyLo, label }: OutgoingDatagram): number {
    const id = this.#datagramCount++ * ADDRESSES_MAX + this.#config.address
    this.#datagrams.push({
      kind: 'datagram',
      datagram: {
        id, from: local.address, to: remote.address, fromPort: local.port, toPort: remote.port, ecn, keyHi, keyLo, bytes, label,
      },
    })
    return id
  }

  /**
   * The node has gone from one interface to another, from one network to the next: QUIC's connections migrate (RFC 9000, section 9),
   * WebRTC's begin ICE anew (RFC 8445, section 9), the relay is connected to once more. Throws a TypeError for a node that accepts
   * connections: nobody would find it.
   */
  move(address: Address, nowUs: number): void {
    if (this.#config.accept.length > 0) throw new TypeError('move: a node that accepts connections stays where it is')
    this.#nowUs = nowUs
    this.#isDirty = true
    this.#address = address
    this.#signalling.move(address, nowUs)
    for (const session of this.#sessions.sessions) this.#touched(session)?.move(address, nowUs)
  }

  #discard(datagram: Datagram, why: DiscardReason): void {
    this.#inputs.push({ kind: 'record', record: { kind: 'discarded', at: this.#config.address, datagram: datagram.id, why } })
  }

  /** Takes whatever arrives; what makes no sense is discarded with a record. */
  receive(datagram: Datagram, nowUs: number): void {
    this.#nowUs = nowUs
    this.#isDirty = true
    if (this.#signalling.receive(datagram, nowUs)) return
    const session = this.#byPort.get(datagram.toPort)
    if (datagram.toPort === QUIC_PORT) this.#touched(this.#listener.receive(datagram, nowUs))
    else if (session !== undefined) this.#touched(session)?.receive(datagram, nowUs)
    else this.#discard(datagram, 'unknown')
  }

  /** Does what is due. */
  wake(nowUs: number): void {
    this.#nowUs = nowUs
    this.#isDirty = true
    this.#signalling.wake(nowUs)
    for (const session of this.#sessions.due(nowUs)) {
      this.#sessions.touch(session)
      session.wake(nowUs)
      session.isDirty = true
    }
  }

  /** When {@link wake} has something to do; Infinity for never. Valid once {@link poll} has run dry. */
  nextWakeUs(): number {
    return Math.min(this.#signalling.nextWakeUs(), this.#sessions.earliestUs())
  }

  poll(): EndpointOutput | undefined {
    const input = this.#inputs.shift()
    if (input !== undefined || !this.#isDirty) return input ?? this.#datagrams.shift()
    this.#isDirty = false
    for (const session of this.#sessions.takeTouched()) {
      if (session.isDirty) session.flush(this.#nowUs)
      if (session.isForgotten) this.#forget(session)
      else if (session.isDirty) this.#sessions.touch(session)
    }
    return this.#inputs.shift() ?? this.#datagrams.shift()
  }

  #forget(gone: Session): void {
    const { identity } = gone
    this.#sessions.remove(gone)
    this.#webrtc.delete(identity.number)
    for (const [port, session] of this.#byPort) if (session.identity === identity) this.#byPort.delete(port)
  }

  /** The node crashed: every connection is forgotten without a word to anybody. */
  reset(): void {
    this.#sessions.clear()
    this.#byPort = new Map()
    this.#webrtc = new Map()
    this.#listener.clear()
    this.#signalling.reset()
    this.#inputs.clear()
    this.#datagrams.clear()
  }
}
