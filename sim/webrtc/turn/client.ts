/**
 * A TURN client over UDP (RFC 8656): one allocation at one server, kept alive, with permissions and channels for its peers.
 * Sans-I/O: after every call, `poll` until it has nothing more.
 */
import { mix32 } from '../../choice.ts'
import { type Address, type Datagram, Ecn, type SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { type DatagramIdentity, identityOf, isSameSocket, socketKey } from '../identity.ts'
import { Queue } from '../../queue.ts'
import { StunAttribute, StunClass, StunError, StunMethod, TEXT_BYTES_MAX } from '../stun/constants.ts'
import { checkIntegrity, type IntegrityKey, longTermKey } from '../stun/integrity.ts'
import {
  decodeStun, errorCodeOf, isStun, socketOf, type StunMessage, transportAddress, type TransactionId, u32Of, valueOf,
} from '../stun/message.ts'
import { retransmission, type Transaction, Transactions } from '../stun/transactions.ts'
import { StunWriter } from '../stun/writer.ts'
import { CHANNEL_FIRST, decodeChannelData, encodeChannelData, isChannelData } from './channeldata.ts'
import {
  ALLOCATION_SECONDS, CHANNEL_US, CHANNELS_MAX, PERMISSION_US, PERMISSIONS_MAX, REFRESH_AHEAD_US, RENEWALS_MAX,
} from './limits.ts'
import { utf8ToBytes } from '@noble/hashes/utils.js'

const US_PER_SECOND = 1_000_000
/** RFC 8656, section 18.6: UDP, in the first of four bytes. */
const TRANSPORT_UDP = 17 * 2 ** 24
/** What a transaction that got no response failed with. */
export const NO_RESPONSE = 0

export interface TurnAccount {
  readonly server: SocketAddress
  readonly username: string
  readonly password: string
}
export interface TurnClientConfig extends TurnAccount {
  /** The socket that speaks to the server. */
  readonly local: SocketAddress
  /** Both ends' name for the connection that it serves. */
  readonly connection: number
  readonly node: Address
  /** The how-manieth client of that connection it is. */
  readonly ordinal: number
  /** An unsigned 32-bit integer that transaction ids follow from. */
  readonly secret: number
}

export type TurnEvent =
  | { readonly kind: 'transmit'; readonly datagram: OutgoingDatagram }
  | { readonly kind: 'allocated'; readonly relayed: SocketAddress; readonly mapped: SocketAddress }
  /** The server lets through what an address sends, or does not. */
  | { readonly kind: 'permitted'; readonly address: Address }
  | { readonly kind: 'refused'; readonly address: Address; readonly code: number }
  /** There is no allocation (any more). `code` is the server's, or {@link NO_RESPONSE}. */
  | { readonly kind: 'failed'; readonly code: number }
  /** What a peer sent to the relayed address; `identity` is that of the datagram which brought it. */
  | { readonly kind: 'data'; readonly peer: SocketAddress; readonly bytes: Uint8Array; readonly identity: DatagramIdentity }

type Purpose =
  | { readonly kind: 'allocate' }
  | { readonly kind: 'refresh'; readonly seconds: number }
  | { readonly kind: 'permission'; readonly address: Address }
  | { readonly kind: 'channel'; readonly channel: number; readonly peer: SocketAddress }

interface Request {
  readonly purpose: Purpose
  readonly ordinal: number
  /** How often it was asked anew. */
  readonly renewals: number
  readonly isSigned: boolean
}

/** Something that the server keeps for a while. */
interface Lease {
  isGranted: boolean
  /** Requests for it so far. */
  requests: number
  refreshUs: number
}
interface ChannelLease extends Lease {
  readonly channel: number
  readonly peer: SocketAddress
}

const METHODS: Readonly<Record<Purpose['kind'], number>> = {
  allocate: StunMethod.allocate, refresh: StunMethod.refresh, permission: StunMethod.createPermission, channel: StunMethod.channelBind,
}

export class TurnClient {
  readonly #config: TurnClientConfig
  readonly #username: Uint8Array
  readonly #writer = new StunWriter()
  readonly #out = new Queue<TurnEvent>()
  readonly #transactions: Transactions<Request>
  #state: 'new' | 'allocating' | 'allocated' | 'failed' | 'closed' = 'new'
  /** Learnt from the server's challenge. */
  #realm: Uint8Array | undefined
  #nonce: Uint8Array | undefined
  #key: IntegrityKey | undefined
  readonly #allocation: Lease = { isGranted: false, requests: 0, refreshUs: Infinity }
  readonly #permissions = new Map<Address, Lease>()
  readonly #channels: ChannelLease[] = []
  #requests = 0

  constructor(config: TurnClientConfig) {
    this.#config = config
    this.#username = utf8ToBytes(config.username)
    this.#transactions = new Transactions(
      (transaction) => this.#transmit(transaction), (request, nowUs) => this.#refused(request, NO_RESPONSE, nowUs),
    )
  }

  get isAllocated(): boolean {
    return this.#state === 'allocated'
  }

  allocate(nowUs: number): void {
    this.#state = 'allocating'
    this.#ask({ kind: 'allocate' }, this.#allocation, nowUs)
  }

  /** Lets an address send to the relayed address; 'permitted' or 'refused' follows. */
  permit(address: Address, nowUs: number): void {
    if (this.#state !== 'allocated' || this.#permissions.has(address) || this.#permissions.size >= PERMISSIONS_MAX) return
    const lease = { isGranted: false, requests: 0, refreshUs: Infinity }
    this.#permissions.set(address, lease)
    this.#ask({ kind: 'permission', address }, lease, nowUs)
  }

  isPermitted(address: Address): boolean {
    return this.#permissions.get(address)?.isGranted === true
  }

  /** Makes what goes to a peer shorter by 32 bytes, once the server has agreed (section 12). */
  bind(peer: SocketAddress, nowUs: number): void {
    if (this.#state !== 'allocated' || this.#channels.length >= CHANNELS_MAX || this.#channelOf(peer) !== undefined) return
    const lease = { isGranted: false, requests: 0, refreshUs: Infinity, channel: CHANNEL_FIRST + this.#channels.length, peer }
    this.#channels.push(lease)
    this.#ask({ kind: 'channel', channel: lease.channel, peer }, lease, nowUs)
  }

  /** Has the server relay bytes to a peer. Nothing happens without an allocation. */
  send(peer: SocketAddress, bytes: Uint8Array, identity: DatagramIdentity): void {
    if (this.#state !== 'allocated') return
    const lease = this.#channelOf(peer)
    if (lease?.isGranted === true) return this.#put(encodeChannelData(lease.channel, bytes), identity)
    const { keyHi, keyLo } = identity
    const writer = this.#writer.begin(StunMethod.send, StunClass.indication, [keyHi, keyLo, mix32(keyHi, keyLo)])
    writer.address(StunAttribute.xorPeerAddress, transportAddress(peer)).bytes(StunAttribute.data, bytes)
    this.#put(writer.finishBare(), identity)
  }

  /** Gives the allocation back (section 8: a lifetime of 0). */
  close(nowUs: number): void {
    const wasAllocated = this.#state === 'allocated'
    this.#transactions.forget(() => true)
    this.#state = 'closed'
    this.#allocation.refreshUs = Infinity
    this.#permissions.clear()
    this.#channels.length = 0
    if (wasAllocated) this.#ask({ kind: 'refresh', seconds: 0 }, this.#allocation, nowUs)
  }

  /** Whether the datagram was of the server and for this client. */
  receive(datagram: Datagram, nowUs: number): boolean {
    const { server, local } = this.#config
    const { bytes } = datagram
    if (datagram.from !== server.address || datagram.fromPort !== server.port) return false
    if (datagram.to !== local.address || datagram.toPort !== local.port) return false
    if (isChannelData(bytes)) {
      const message = decodeChannelData(bytes)
      const lease = message && this.#channels[message.channel - CHANNEL_FIRST]
      if (message !== undefined && lease !== undefined) this.#data(lease.peer, message.data, datagram)
      return true
    }
    const message = isStun(bytes) ? decodeStun(bytes) : undefined
    if (message === undefined) return false
    if (message.class === StunClass.indication) return this.#indication(message, datagram)
    // A server asks nothing: it is a request of ours that somebody throws back, signature and all.
    if (message.class === StunClass.request) return false
    const transaction = this.#transactions.find(message.id)
    if (transaction === undefined) return false
    if (message.method === METHODS[transaction.context.purpose.kind]) this.#response(message, transaction.context, nowUs)
    return true
  }

  poll(): TurnEvent | undefined {
    return this.#out.shift()
  }

  wake(nowUs: number): void {
    this.#transactions.wake(nowUs)
    if (this.#allocation.refreshUs <= nowUs) this.#ask({ kind: 'refresh', seconds: ALLOCATION_SECONDS }, this.#allocation, nowUs)
    for (const [address, lease] of this.#permissions) {
      if (lease.refreshUs <= nowUs) this.#ask({ kind: 'permission', address }, lease, nowUs)
    }
    for (const lease of this.#channels) {
      if (lease.refreshUs <= nowUs) this.#ask({ kind: 'channel', channel: lease.channel, peer: lease.peer }, lease, nowUs)
    }
  }

  nextWakeUs(): number {
    let nextUs = Math.min(this.#transactions.nextWakeUs(), this.#allocation.refreshUs)
    for (const lease of this.#permissions.values()) nextUs = Math.min(nextUs, lease.refreshUs)
    for (const lease of this.#channels) nextUs = Math.min(nextUs, lease.refreshUs)
    return nextUs
  }

  #channelOf(peer: SocketAddress): ChannelLease | undefined {
    return this.#channels.find((one) => isSameSocket(one.peer, peer))
  }

  #ask(purpose: Purpose, lease: Lease, nowUs: number): void {
    lease.refreshUs = Infinity
    this.#begin({ purpose, ordinal: lease.requests++, renewals: 0, isSigned: this.#key !== undefined }, nowUs)
  }

  #begin(request: Request, nowUs: number): void {
    if (this.#transactions.isFull) return this.#refused(request, NO_RESPONSE, nowUs)
    const { connection, node, secret } = this.#config
    const { purpose } = request
    const basis = mix32(mix32(secret, this.#requests++), mix32(connection >>> 0, node))
    const id: TransactionId = [mix32(basis, 0), mix32(basis, 1), mix32(basis, 2)]
    const writer = this.#writer.begin(METHODS[purpose.kind], StunClass.request, id)
    if (purpose.kind === 'allocate') writer.u32(StunAttribute.requestedTransport, TRANSPORT_UDP)
    else if (purpose.kind === 'refresh') writer.u32(StunAttribute.lifetime, purpose.seconds)
    else if (purpose.kind === 'channel') writer.u32(StunAttribute.channelNumber, purpose.channel * 2 ** 16)
    const peer = peerOf(purpose)
    if (peer !== undefined) writer.address(StunAttribute.xorPeerAddress, transportAddress(peer))
    if (this.#key !== undefined && this.#realm !== undefined && this.#nonce !== undefined) {
      writer.bytes(StunAttribute.username, this.#username).bytes(StunAttribute.realm, this.#realm)
      writer.bytes(StunAttribute.nonce, this.#nonce).integrity(this.#key)
    }
    this.#transactions.begin(id, writer.finishBare(), request, retransmission(), nowUs)
  }

  #transmit({ bytes, attempt, context: { purpose, ordinal, renewals } }: Transaction<Request>): void {
    const { connection, node, ordinal: client } = this.#config
    const peer = peerOf(purpose)
    const subject = mix32(mix32(client, renewals), peer === undefined ? 0 : socketKey(peer))
    this.#put(bytes, identityOf(`turn ${purpose.kind}`, connection, node, subject, ordinal, attempt))
  }

  #put(bytes: Uint8Array, { keyHi, keyLo, label }: DatagramIdentity): void {
    const { local, server } = this.#config
    this.#out.push({ kind: 'transmit', datagram: { local, remote: server, ecn: Ecn.notCapable, bytes, keyHi, keyLo, label } })
  }

  #indication(message: StunMessage, identity: DatagramIdentity): boolean {
    const peer = socketOf(message, StunAttribute.xorPeerAddress)
    const data = valueOf(message, StunAttribute.data)
    if (message.method !== StunMethod.data || peer === undefined || data === undefined) return false
    this.#data(peer, data, identity)
    return true
  }

  /** RFC 8656, section 11.4: from an address that it has a permission for, or it is not the server's doing. */
  #data(peer: SocketAddress, bytes: Uint8Array, { keyHi, keyLo, label }: DatagramIdentity): void {
    if (this.isPermitted(peer.address)) this.#out.push({ kind: 'data', peer, bytes, identity: { keyHi, keyLo, label } })
  }

  #response(message: StunMessage, request: Request, nowUs: number): void {
    const isError = message.class === StunClass.error
    const code = isError ? errorCodeOf(message) : undefined
    const isChallenge = code === StunError.unauthenticated || code === StunError.staleNonce
    // RFC 8489, section 9.2.5: what is not signed is no response, but for a challenge.
    const integrity = this.#key === undefined ? 'missing' : checkIntegrity(message, this.#key)
    if (integrity === 'wrong' || (integrity === 'missing' && request.isSigned && !isChallenge)) return
    if (isError && code === undefined) return
    this.#transactions.answered(message.id)
    if (code === undefined) return this.#succeeded(message, request, nowUs)
    // A second challenge of 401 says that the password is wrong.
    const canRenew = code === StunError.staleNonce || (code === StunError.unauthenticated && !request.isSigned)
    if (canRenew && request.renewals < RENEWALS_MAX && this.#learn(message)) {
      this.#begin({ ...request, renewals: request.renewals + 1, isSigned: true }, nowUs)
    } else {
      this.#refused(request, code, nowUs)
    }
  }

  /** Takes realm and nonce of a challenge; false where they are missing or too long. */
  #learn(message: StunMessage): boolean {
    const realm = valueOf(message, StunAttribute.realm)
    const nonce = valueOf(message, StunAttribute.nonce)
    if (realm === undefined || nonce === undefined || realm.length > TEXT_BYTES_MAX || nonce.length > TEXT_BYTES_MAX) return false
    this.#realm = realm.slice()
    this.#nonce = nonce.slice()
    this.#key = longTermKey(this.#username, this.#realm, this.#config.password)
    return true
  }

  #succeeded(message: StunMessage, { purpose }: Request, nowUs: number): void {
    if (purpose.kind === 'allocate' || purpose.kind === 'refresh') return this.#granted(message, purpose, nowUs)
    if (purpose.kind === 'permission') {
      const lease = this.#permissions.get(purpose.address)
      if (lease === undefined) return
      lease.refreshUs = nowUs + PERMISSION_US - REFRESH_AHEAD_US
      if (lease.isGranted) return
      lease.isGranted = true
      this.#out.push({ kind: 'permitted', address: purpose.address })
      return
    }
    const lease = this.#channels[purpose.channel - CHANNEL_FIRST]
    if (lease === undefined) return
    lease.isGranted = true
    lease.refreshUs = nowUs + CHANNEL_US - REFRESH_AHEAD_US
  }

  #granted(message: StunMessage, purpose: Purpose, nowUs: number): void {
    if (this.#state === 'closed') return
    const seconds = u32Of(message, StunAttribute.lifetime) ?? ALLOCATION_SECONDS
    // Not more often than a minute, whatever the server says.
    this.#allocation.refreshUs = nowUs + Math.max(Math.min(seconds, 2 ** 31) * US_PER_SECOND - REFRESH_AHEAD_US, REFRESH_AHEAD_US)
    if (purpose.kind === 'refresh') return
    const relayed = socketOf(message, StunAttribute.xorRelayedAddress)
    const mapped = socketOf(message, StunAttribute.xorMappedAddress)
    if (relayed === undefined || mapped === undefined) return this.#fail(StunError.badRequest)
    this.#state = 'allocated'
    this.#allocation.isGranted = true
    this.#out.push({ kind: 'allocated', relayed, mapped })
  }

  #refused({ purpose }: Request, code: number, nowUs: number): void {
    if (this.#state === 'closed' || this.#state === 'failed') return
    if (purpose.kind === 'allocate' || purpose.kind === 'refresh' || code === StunError.allocationMismatch) return this.#fail(code)
    if (purpose.kind === 'permission') {
      this.#permissions.delete(purpose.address)
      this.#out.push({ kind: 'refused', address: purpose.address, code })
      return
    }
    // Without its channel a peer is reached by Send indications; a later refresh may bring it back.
    const lease = this.#channels[purpose.channel - CHANNEL_FIRST]
    if (lease === undefined) return
    lease.isGranted = false
    lease.refreshUs = nowUs + REFRESH_AHEAD_US
  }

  #fail(code: number): void {
    this.#state = 'failed'
    this.#allocation.refreshUs = Infinity
    this.#transactions.forget(() => true)
    this.#permissions.clear()
    this.#channels.length = 0
    this.#out.push({ kind: 'failed', code })
  }
}

function peerOf(purpose: Purpose): SocketAddress | undefined {
  if (purpose.kind === 'permission') return { address: purpose.address, port: 0 }
  return purpose.kind === 'channel' ? purpose.peer : undefined
}
