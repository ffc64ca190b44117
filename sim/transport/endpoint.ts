/**
 * A node's transport: all its connections behind the port of `sim/port.ts`. Sans-I/O: after every call, `poll` until it
 * has nothing more. Inputs come first, and only when all are taken are datagrams made of what was sent meanwhile, so that
 * several messages share one.
 */
import { mix32 } from '../choice.ts'
import { type Address, ADDRESSES_MAX, type Datagram } from '../net/datagram.ts'
import type { DiscardReason, NetRecord } from '../net/records.ts'
import type { ChannelSpec, ConnectionId, TransportInput, TransportOutput } from '../port.ts'
import { QUIC } from '../quic/profile.ts'
import { WEBRTC } from '../webrtc/profile.ts'
import { MESSAGE_BYTES_MAX } from './channel.ts'
import { APPLICATION_CODES_MAX, TransportCode } from './codes.ts'
import { Connection, type ConnectionStanding, initialSecret, type Surroundings } from './connection.ts'
import { connectionNumber, type Header, initiatorOf, PacketBuilder, PacketType, readHeader } from './packet.ts'
import type { Profile, ProfileName } from './profile.ts'
import { rendezvousToken, TOKEN_BYTES } from './rendezvous.ts'
import { isSealed, sealKey, TAG_BYTES } from './secret.ts'
import { Reader } from './wire.ts'

/** Connections of one endpoint at once; more are refused. */
const CONNECTIONS_MAX = 256

export interface EndpointConfig {
  readonly address: Address
  /** The channel table of each profile; both have the same number of channels, and both ends the same tables. */
  readonly channels: (profile: ProfileName) => readonly ChannelSpec[]
  /** What a name stands for; undefined where nobody has it. */
  readonly resolve: (endpoint: string) => { readonly profile: ProfileName; readonly address: Address } | undefined
  /** Profiles over which others may connect to this node. */
  readonly accept: readonly ProfileName[]
}

export type EndpointOutput =
  | { readonly kind: 'datagram'; readonly datagram: Datagram }
  /** `datagrams` are the ids of those that carried a message, for explaining. */
  | { readonly kind: 'input'; readonly input: TransportInput; readonly datagrams?: readonly number[] }
  | { readonly kind: 'record'; readonly record: NetRecord }

const PROFILES: Readonly<Record<ProfileName, Profile>> = { quic: QUIC, webrtc: WEBRTC }

export class TransportEndpoint {
  readonly #config: EndpointConfig
  readonly #surroundings: Surroundings
  readonly #packet = new PacketBuilder()
  /** By the number that both ends know. */
  #connections = new Map<number, Connection>()
  #byId = new Map<ConnectionId, Connection>()
  /** Names are never used twice in a run, not even after a crash. */
  #openedCount = 0
  #nextId = 1
  #datagramCount = 0
  #nowUs = 0
  #isDirty = false
  readonly #inputs = new Queue<EndpointOutput>()
  readonly #datagrams = new Queue<EndpointOutput>()

  constructor(config: EndpointConfig) {
    this.#config = config
    this.#surroundings = {
      address: config.address,
      channels: config.channels,
      packet: this.#packet,
      nextDatagramId: () => this.#datagramCount++ * ADDRESSES_MAX + config.address,
      datagram: (datagram) => this.#datagrams.push({ kind: 'datagram', datagram }),
      input: (input, datagrams) => {
        this.#inputs.push(datagrams === undefined ? { kind: 'input', input } : { kind: 'input', input, datagrams })
      },
      record: (record) => this.#inputs.push({ kind: 'record', record }),
    }
  }

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
      this.#byId.get(output.on)?.close(output.code, nowUs)
      return
    }
    const { length: channels } = this.#config.channels('quic')
    if (!Number.isSafeInteger(output.channel) || output.channel < 0 || output.channel >= channels) {
      throw new RangeError(`channel: expected an integer of [0, ${channels}), got ${output.channel}`)
    }
    if (output.bytes.length > MESSAGE_BYTES_MAX) {
      throw new RangeError(`message: expected at most ${MESSAGE_BYTES_MAX} bytes, got ${output.bytes.length}`)
    }
    this.#byId.get(output.on)?.message(output.channel, output.bytes, nowUs)
  }

  #open(ticket: number, endpoint: string): void {
    const id = this.#nextId++
    const place = this.#config.resolve(endpoint)
    if (place === undefined || this.#connections.size >= CONNECTIONS_MAX) {
      this.#surroundings.input({ kind: 'closed', on: id, ticket, by: 'refused', code: TransportCode.refused })
      return
    }
    const number = connectionNumber(this.#config.address, ++this.#openedCount)
    this.#add({ id, number, profile: PROFILES[place.profile], peer: place.address, ticket })
  }

  /** What a connection is to both its ends: the number that they share, and who is at the other one. Undefined where it is gone. */
  endsOf(on: ConnectionId): { readonly number: number; readonly peer: Address } | undefined {
    return this.#byId.get(on)?.identity
  }

  #add(identity: Connection['identity']): Connection {
    const connection = new Connection(identity, this.#surroundings, this.#nowUs)
    this.#connections.set(identity.number, connection)
    this.#byId.set(identity.id, connection)
    return connection
  }

  /** Takes whatever arrives; what makes no sense is discarded with a record. */
  receive(datagram: Datagram, nowUs: number): void {
    this.#nowUs = nowUs
    this.#isDirty = true
    const reader = new Reader(datagram.bytes, datagram.bytes.length - TAG_BYTES)
    const header = readHeader(reader)
    if (header === undefined) return this.#discard(datagram, 'malformed')
    const { type } = header
    if (type === PacketType.request) return this.#answer(datagram, header, reader)
    const known = this.#connections.get(header.connection)
    const connection = known?.identity.peer === datagram.from ? known : undefined
    if (type === PacketType.handshake || type === PacketType.data) {
      const receiver = connection ?? this.#accepted(datagram, header)
      if (receiver !== undefined) receiver.receive(datagram, type, reader, nowUs)
    } else if (connection !== undefined && type <= PacketType.refusal) {
      connection.receiveNotice(datagram, type, reader, nowUs)
    } else {
      this.#discard(datagram, 'unknown')
    }
  }

  #discard(datagram: Datagram, why: DiscardReason): void {
    this.#surroundings.record({ kind: 'discarded', at: this.#config.address, datagram: datagram.id, why })
  }

  /** The profile that the stranger may use here. */
  #welcome({ profileNumber }: Header): Profile | undefined {
    const name = this.#config.accept.find((accepted) => PROFILES[accepted].number === profileNumber)
    return name === undefined || this.#connections.size >= CONNECTIONS_MAX ? undefined : PROFILES[name]
  }

  /** Whether what the datagram says of itself is whole, and comes from the one who may open this connection. */
  #isFromInitiator(datagram: Datagram, { connection }: Header, sealed: Reader): boolean {
    return initiatorOf(connection) === datagram.from && isSealed(sealed, sealKey(initialSecret(connection), true))
  }

  /** The connection that a first packet asks for. */
  #accepted(datagram: Datagram, header: Header): Connection | undefined {
    const reader = new Reader(datagram.bytes, datagram.bytes.length - TAG_BYTES)
    readHeader(reader)
    if (header.type === PacketType.data || initiatorOf(header.connection) === this.#config.address) {
      // Somebody takes us for the end of a connection that we have forgotten.
      this.#discard(datagram, 'unknown')
      this.#notify(PacketType.reset, 'reset', datagram, header)
      return undefined
    }
    if (!this.#isFromInitiator(datagram, header, reader)) {
      this.#discard(datagram, 'tag')
      return undefined
    }
    const profile = this.#welcome(header)
    if (profile === undefined) {
      this.#notify(PacketType.refusal, 'refusal', datagram, header)
      return undefined
    }
    const token = reader.raw(reader.varint())
    if (!isSame(token, rendezvousToken(this.#config.address, header.connection, profile.rendezvous.length - 1))) {
      this.#discard(datagram, 'unknown')
      return undefined
    }
    return this.#add({ id: this.#nextId++, number: header.connection, profile, peer: datagram.from, ticket: 0 })
  }

  /** Answers a question before a handshake. Keeps nothing: the next question carries the token of this answer. */
  #answer(datagram: Datagram, header: Header, reader: Reader): void {
    if (!this.#isFromInitiator(datagram, header, reader)) return this.#discard(datagram, 'tag')
    const profile = this.#welcome(header)
    if (profile === undefined) return this.#notify(PacketType.refusal, 'refusal', datagram, header)
    const stepNumber = reader.varint()
    const step = profile.rendezvous[stepNumber]
    const token = reader.raw(TOKEN_BYTES)
    const expected = rendezvousToken(this.#config.address, header.connection, stepNumber - 1)
    if (step === undefined || !isSame(token, expected)) return this.#discard(datagram, 'unknown')
    this.#notify(PacketType.answer, `${step.name} answer`, datagram, header, stepNumber, step.answerBytes)
  }

  /** Sends a datagram that belongs to no state of ours; its identity follows from the one that caused it. */
  #notify(type: number, contents: string, cause: Datagram, header: Header, step = -1, bytesMin = 0): void {
    const { address } = this.#config
    const packet = this.#packet
    const profile = header.profileNumber === WEBRTC.number ? WEBRTC : QUIC
    packet.begin(type, profile, header.connection, this.#nowUs)
    if (step >= 0) {
      packet.writer.varint(step)
      packet.writer.raw(rendezvousToken(address, header.connection, step))
      packet.writer.zeros(Math.max(0, bytesMin - packet.writer.length - TAG_BYTES))
    }
    packet.identify(contents, 0, cause.keyLo, 0, mix32(cause.keyHi, type))
    const key = sealKey(initialSecret(header.connection), initiatorOf(header.connection) === address)
    this.#surroundings.datagram(packet.finish(this.#surroundings.nextDatagramId(), address, cause.from, profile, header.connection, key))
  }

  /** Every connection that is not forgotten, the oldest first. */
  get connections(): readonly ConnectionStanding[] {
    return [...this.#connections.values()].map(({ standing }) => standing)
  }

  /** Does what is due. */
  wake(nowUs: number): void {
    this.#nowUs = nowUs
    this.#isDirty = true
    for (const connection of this.#connections.values()) {
      if (connection.deadlineUs() > nowUs) continue
      connection.wake(nowUs)
      connection.isDirty = true
    }
  }

  /** When {@link wake} has something to do; Infinity for never. Valid once {@link poll} has run dry. */
  nextWakeUs(): number {
    let atUs = Infinity
    for (const connection of this.#connections.values()) atUs = Math.min(atUs, connection.deadlineUs())
    return atUs
  }

  poll(): EndpointOutput | undefined {
    const input = this.#inputs.shift()
    if (input !== undefined || !this.#isDirty) return input ?? this.#datagrams.shift()
    this.#isDirty = false
    for (const connection of this.#connections.values()) {
      if (connection.isDirty) connection.flush(this.#nowUs)
      if (!connection.isForgotten) continue
      this.#connections.delete(connection.identity.number)
      this.#byId.delete(connection.identity.id)
    }
    return this.#inputs.shift() ?? this.#datagrams.shift()
  }

  /** The node crashed: every connection is forgotten without a word to anybody. */
  reset(): void {
    this.#connections = new Map()
    this.#byId = new Map()
    this.#inputs.clear()
    this.#datagrams.clear()
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** First in, first out, without moving what waits. */
class Queue<T> {
  readonly #items: (T | undefined)[] = []
  #head = 0

  push(item: T): void {
    this.#items.push(item)
  }
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) this.clear()
    return item
  }
  clear(): void {
    this.#items.length = 0
    this.#head = 0
  }
}
