/**
 * A STUN and TURN server over UDP (RFC 8489, RFC 8656): answers Binding requests of anybody, and relays for those who know a
 * password. Sans-I/O: after every call, `poll` until it has nothing more.
 *
 *     client ── server:3478 ══ allocation ══ server:49152... ── peer
 */
import { mix32 } from '../../choice.ts'
import { type Address, type Datagram, Ecn, type SocketAddress } from '../../net/datagram.ts'
import { addressOf } from '../../net/ipv4.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { type DatagramIdentity, following } from '../identity.ts'
import { Queue } from '../../queue.ts'
import { StunAttribute, StunClass, StunError, StunMethod } from '../stun/constants.ts'
import {
  addressAt, type AttributePlace, decodeStun, isSameId, isStun, placeOf, socketOf, type StunMessage, transportAddress, u32Of,
  unknownAttributes, valueOf,
} from '../stun/message.ts'
import { StunWriter } from '../stun/writer.ts'
import { Allocation } from './allocation.ts'
import { Authenticator, type Caller } from './authenticator.ts'
import { CHANNEL_FIRST, CHANNEL_LAST, decodeChannelData, encodeChannelData, isChannelData } from './channeldata.ts'
import {
  ALLOCATION_SECONDS, ALLOCATION_SECONDS_MAX, ALLOCATIONS_MAX, DATA_BYTES_MAX, RELAY_PORT_FIRST, TURN_PORT, USER_ALLOCATIONS_MAX,
} from './limits.ts'

const US_PER_SECOND = 1_000_000
/** RFC 8656, section 18.6: UDP, in the first of four bytes. */
const PROTOCOL_UDP = 17
/** RFC 8656, section 18.5, in the first of four bytes. */
const FAMILY_IPV4 = 1

const KNOWN: ReadonlySet<number> = new Set(Object.values(StunAttribute))

export interface TurnServerConfig {
  /** Its node's first address, which relays too. */
  readonly address: Address
  readonly realm: string
  /** Passwords by user name. */
  readonly users: ReadonlyMap<string, string>
  /** An unsigned 32-bit integer that nonces follow from. */
  readonly secret: number
}

/** What a request comes to: attributes of its success, or the number of an error. */
type Outcome = { readonly write: (writer: StunWriter) => StunWriter } | { readonly error: number }
const DONE: Outcome = { write: (writer) => writer }

export class TurnServer {
  readonly #address: Address
  readonly #socket: SocketAddress
  readonly #authenticator: Authenticator
  readonly #writer = new StunWriter()
  readonly #out = new Queue<OutgoingDatagram>()
  /** By the client's socket: the 5-tuple, the server's side of it being always the same (RFC 8656, section 3.2). */
  readonly #allocations = new Map<number, Allocation>()
  /** By relayed port. */
  readonly #ports = new Map<number, Allocation>()
  #nextPort = 0

  constructor(config: TurnServerConfig) {
    this.#address = config.address
    this.#socket = { address: config.address, port: TURN_PORT }
    this.#authenticator = new Authenticator(config.realm, config.users, config.secret)
  }

  /** Allocations that live. */
  get allocations(): number {
    return this.#allocations.size
  }

  /** Whether the datagram was for this server: at its port, or at one that it relays from. */
  receive(datagram: Datagram, nowUs: number): boolean {
    const { bytes, toPort } = datagram
    const from = { address: datagram.from, port: datagram.fromPort }
    this.wake(nowUs)
    if (toPort === TURN_PORT) {
      if (isChannelData(bytes)) this.#channelData(bytes, from, datagram, nowUs)
      else if (isStun(bytes)) this.#stun(bytes, from, datagram, nowUs)
      return true
    }
    const allocation = this.#ports.get(toPort)
    if (allocation === undefined) return false
    this.#toClient(allocation, from, bytes, datagram, nowUs)
    return true
  }

  poll(): OutgoingDatagram | undefined {
    return this.#out.shift()
  }

  /** Forgets allocations whose lifetime is over. */
  wake(nowUs: number): void {
    for (const allocation of this.#allocations.values()) {
      if (allocation.expiresUs <= nowUs) this.#release(allocation)
    }
  }

  nextWakeUs(): number {
    let nextUs = Infinity
    for (const { expiresUs } of this.#allocations.values()) nextUs = Math.min(nextUs, expiresUs)
    return nextUs
  }

  #stun(bytes: Uint8Array, from: SocketAddress, identity: DatagramIdentity, nowUs: number): void {
    const message = decodeStun(bytes)
    if (message === undefined) return
    if (message.class === StunClass.indication) {
      if (message.method === StunMethod.send) this.#sendIndication(message, from, identity, nowUs)
      return
    }
    if (message.class !== StunClass.request) return
    if (message.method === StunMethod.binding) return this.#binding(message, from, identity)
    const caller = this.#authenticator.check(message, nowUs)
    if (caller.kind === 'refused') {
      const writer = this.#writer.begin(message.method, StunClass.error, message.id).error(caller.error)
      if (caller.isChallenge) this.#authenticator.challenge(writer, nowUs)
      this.#send(writer.finishBare(), from, following(identity, `${identity.label.contents} error`))
      return
    }
    const unknown = unknownAttributes(message, KNOWN)
    const outcome = unknown.length > 0 ? { error: StunError.unknownAttribute } : this.#request(message, from, caller, nowUs)
    const isError = 'error' in outcome
    const writer = this.#writer.begin(message.method, isError ? StunClass.error : StunClass.success, message.id)
    if (isError) writer.error(outcome.error)
    else outcome.write(writer)
    if (unknown.length > 0) writer.unknown(unknown)
    writer.integrity(caller.key, caller.algorithm)
    this.#send(writer.finishBare(), from, following(identity, `${identity.label.contents} ${isError ? 'error' : 'success'}`))
  }

  /** RFC 8489, section 6.3.1. */
  #binding(message: StunMessage, from: SocketAddress, identity: DatagramIdentity): void {
    const unknown = unknownAttributes(message, KNOWN)
    const writer = this.#writer.begin(StunMethod.binding, unknown.length > 0 ? StunClass.error : StunClass.success, message.id)
    if (unknown.length > 0) writer.error(StunError.unknownAttribute).unknown(unknown)
    else writer.address(StunAttribute.xorMappedAddress, transportAddress(from))
    this.#send(writer.finish(), from, following(identity, `${identity.label.contents} response`))
  }

  #request(message: StunMessage, from: SocketAddress, caller: Caller, nowUs: number): Outcome {
    const allocation = this.#allocations.get(socketNumber(from))
    if (message.method === StunMethod.allocate) return this.#allocate(message, from, caller, allocation, nowUs)
    const { refresh, createPermission, channelBind } = StunMethod
    if (message.method !== refresh && message.method !== createPermission && message.method !== channelBind) {
      return { error: StunError.badRequest }
    }
    if (allocation === undefined) return { error: StunError.allocationMismatch }
    if (allocation.username !== caller.username) return { error: StunError.wrongCredentials }
    if (message.method === refresh) return this.#refresh(message, allocation, nowUs)
    return message.method === createPermission ? permit(message, allocation, nowUs) : bindChannel(message, allocation, nowUs)
  }

  /** RFC 8656, section 7.2. */
  #allocate(message: StunMessage, from: SocketAddress, caller: Caller, known: Allocation | undefined, nowUs: number): Outcome {
    if (known !== undefined) {
      // The same request again: its success was lost.
      return isSameId(known.allocatedBy, message.id) ? this.#allocated(known, from, nowUs) : { error: StunError.allocationMismatch }
    }
    const transport = u32Of(message, StunAttribute.requestedTransport)
    if (transport === undefined) return { error: StunError.badRequest }
    if (transport >>> 24 !== PROTOCOL_UDP) return { error: StunError.unsupportedTransport }
    const family = u32Of(message, StunAttribute.requestedAddressFamily)
    if (family !== undefined && family >>> 24 !== FAMILY_IPV4) return { error: StunError.addressFamilyNotSupported }
    let ofUser = 0
    for (const { username } of this.#allocations.values()) ofUser += Number(username === caller.username)
    if (ofUser >= USER_ALLOCATIONS_MAX) return { error: StunError.allocationQuotaReached }
    if (this.#allocations.size >= ALLOCATIONS_MAX) return { error: StunError.insufficientCapacity }
    const allocation = new Allocation({
      client: from, relayed: { address: this.#address, port: this.#freePort() }, username: caller.username, allocatedBy: message.id,
      expiresUs: nowUs + lifetimeSeconds(message) * US_PER_SECOND,
    })
    this.#allocations.set(socketNumber(from), allocation)
    this.#ports.set(allocation.relayed.port, allocation)
    return this.#allocated(allocation, from, nowUs)
  }

  #allocated(allocation: Allocation, from: SocketAddress, nowUs: number): Outcome {
    const seconds = Math.floor((allocation.expiresUs - nowUs) / US_PER_SECOND)
    return {
      write: (writer) => writer
        .address(StunAttribute.xorRelayedAddress, transportAddress(allocation.relayed))
        .u32(StunAttribute.lifetime, seconds)
        .address(StunAttribute.xorMappedAddress, transportAddress(from)),
    }
  }

  /** Ports in turn, so that one that was given up is not another's at once (RFC 8656, section 7.2). */
  #freePort(): number {
    for (;;) {
      const port = RELAY_PORT_FIRST + this.#nextPort
      this.#nextPort = (this.#nextPort + 1) % ALLOCATIONS_MAX
      if (!this.#ports.has(port)) return port
    }
  }

  /** RFC 8656, section 8.2. A lifetime of 0 ends the allocation. */
  #refresh(message: StunMessage, allocation: Allocation, nowUs: number): Outcome {
    const seconds = u32Of(message, StunAttribute.lifetime) === 0 ? 0 : lifetimeSeconds(message)
    if (seconds === 0) this.#release(allocation)
    else allocation.expiresUs = nowUs + seconds * US_PER_SECOND
    return { write: (writer) => writer.u32(StunAttribute.lifetime, seconds) }
  }

  #release(allocation: Allocation): void {
    this.#allocations.delete(socketNumber(allocation.client))
    this.#ports.delete(allocation.relayed.port)
  }

  /** RFC 8656, section 11.2. */
  #sendIndication(message: StunMessage, from: SocketAddress, identity: DatagramIdentity, nowUs: number): void {
    const allocation = this.#allocations.get(socketNumber(from))
    const peer = socketOf(message, StunAttribute.xorPeerAddress)
    const data = valueOf(message, StunAttribute.data)
    if (allocation === undefined || peer === undefined || data === undefined || unknownAttributes(message, KNOWN).length > 0) return
    this.#toPeer(allocation, peer, data, identity, nowUs)
  }

  /** RFC 8656, section 12.6. */
  #channelData(bytes: Uint8Array, from: SocketAddress, identity: DatagramIdentity, nowUs: number): void {
    const message = decodeChannelData(bytes)
    const allocation = this.#allocations.get(socketNumber(from))
    const peer = message && allocation?.peerOf(message.channel, nowUs)
    if (message === undefined || allocation === undefined || peer === undefined) return
    this.#toPeer(allocation, peer, message.data, identity, nowUs)
  }

  /** What a relay carries keeps its name: the fabric tells the two links apart. */
  #toPeer(allocation: Allocation, peer: SocketAddress, data: Uint8Array, identity: DatagramIdentity, nowUs: number): void {
    if (!allocation.permits(peer.address, nowUs) || data.length > DATA_BYTES_MAX) return
    const other = peer.address === this.#address ? this.#ports.get(peer.port) : undefined
    // Between two allocations of its own it needs no network.
    if (other !== undefined) this.#toClient(other, allocation.relayed, data, identity, nowUs)
    else this.#send(data, peer, identity, allocation.relayed)
  }

  /** RFC 8656, section 11.3 and 12.7. */
  #toClient(allocation: Allocation, peer: SocketAddress, data: Uint8Array, identity: DatagramIdentity, nowUs: number): void {
    if (!allocation.permits(peer.address, nowUs) || data.length > DATA_BYTES_MAX) return
    const channel = allocation.channelOf(peer, nowUs)
    if (channel !== undefined) return this.#send(encodeChannelData(channel, data), allocation.client, identity)
    const { keyHi, keyLo } = identity
    const writer = this.#writer.begin(StunMethod.data, StunClass.indication, [keyHi, keyLo, mix32(keyHi, keyLo)])
    writer.address(StunAttribute.xorPeerAddress, transportAddress(peer)).bytes(StunAttribute.data, data)
    this.#send(writer.finishBare(), allocation.client, identity)
  }

  #send(bytes: Uint8Array, remote: SocketAddress, { keyHi, keyLo, label }: DatagramIdentity, local: SocketAddress = this.#socket): void {
    this.#out.push({ local, remote, ecn: Ecn.notCapable, bytes, keyHi, keyLo, label })
  }
}

/** RFC 8656, section 9.2: all that are named, or none. */
function permit(message: StunMessage, allocation: Allocation, nowUs: number): Outcome {
  const addresses: Address[] = []
  for (const place of message.places) {
    if (place.type !== StunAttribute.xorPeerAddress) continue
    const peer = peerAt(message, place)
    if ('error' in peer) return peer
    addresses.push(peer.socket.address)
  }
  if (addresses.length === 0) return { error: StunError.badRequest }
  return allocation.permit(addresses, nowUs) ? DONE : { error: StunError.insufficientCapacity }
}

/** RFC 8656, section 12.2. */
function bindChannel(message: StunMessage, allocation: Allocation, nowUs: number): Outcome {
  const place = placeOf(message, StunAttribute.xorPeerAddress)
  if (place === undefined) return { error: StunError.badRequest }
  const peer = peerAt(message, place)
  if ('error' in peer) return peer
  const number = u32Of(message, StunAttribute.channelNumber)
  const channel = (number ?? 0) >>> 16
  if (channel < CHANNEL_FIRST || channel > CHANNEL_LAST) return { error: StunError.badRequest }
  const bound = allocation.bind(channel, peer.socket, nowUs)
  if (bound === 'full') return { error: StunError.insufficientCapacity }
  return bound === 'taken' ? { error: StunError.badRequest } : DONE
}

function peerAt(message: StunMessage, place: AttributePlace): { readonly socket: SocketAddress } | { readonly error: number } {
  const named = addressAt(message, place)
  if (named === undefined) return { error: StunError.badRequest }
  if (named.family === 'ipv6') return { error: StunError.peerAddressFamilyMismatch }
  const address = addressOf(named.ip)
  return address === undefined ? { error: StunError.forbidden } : { socket: { address, port: named.port } }
}

/** RFC 8656, section 7.2: at least the default, at most what the server has set for itself. */
function lifetimeSeconds(message: StunMessage): number {
  const asked = placeOf(message, StunAttribute.lifetime) === undefined ? ALLOCATION_SECONDS : u32Of(message, StunAttribute.lifetime)
  return Math.min(Math.max(asked ?? 0, ALLOCATION_SECONDS), ALLOCATION_SECONDS_MAX)
}

const socketNumber = ({ address, port }: SocketAddress): number => address * 65_536 + port
