/** An allocation at a TURN server (RFC 8656, section 3.2): whose it is, whom it lets through (9), its channels (12). */
import type { Address, SocketAddress } from '../../net/datagram.ts'
import { isSameSocket } from '../identity.ts'
import type { TransactionId } from '../stun/message.ts'
import { CHANNEL_US, CHANNELS_MAX, PERMISSION_US, PERMISSIONS_MAX } from './limits.ts'

export interface AllocationOptions {
  readonly client: SocketAddress
  readonly relayed: SocketAddress
  readonly username: string
  /** The request that made it. */
  readonly allocatedBy: TransactionId
  readonly expiresUs: number
}

interface Binding {
  readonly channel: number
  readonly peer: SocketAddress
  readonly expiresUs: number
}

export class Allocation {
  readonly client: SocketAddress
  readonly relayed: SocketAddress
  readonly username: string
  readonly allocatedBy: TransactionId
  expiresUs: number
  /** By address, the instant of their end. */
  readonly #permissions = new Map<Address, number>()
  readonly #channels = new Map<number, Binding>()

  constructor(options: AllocationOptions) {
    this.client = options.client
    this.relayed = options.relayed
    this.username = options.username
    this.allocatedBy = options.allocatedBy
    this.expiresUs = options.expiresUs
  }

  permits(address: Address, nowUs: number): boolean {
    return (this.#permissions.get(address) ?? 0) > nowUs
  }

  /** Adds or renews permissions; false, and none of them, where there would be too many. */
  permit(addresses: readonly Address[], nowUs: number): boolean {
    this.#expire(nowUs)
    const added = new Set(addresses.filter((address) => !this.#permissions.has(address)))
    if (this.#permissions.size + added.size > PERMISSIONS_MAX) return false
    for (const address of addresses) this.#permissions.set(address, nowUs + PERMISSION_US)
    return true
  }

  /** Section 12.2: a channel and a peer belong together until both are free again; a binding is a permission too. */
  bind(channel: number, peer: SocketAddress, nowUs: number): 'bound' | 'taken' | 'full' {
    this.#expire(nowUs)
    const known = this.#channels.get(channel)
    if (this.channelOf(peer, nowUs) !== known?.channel) return 'taken'
    if (known === undefined && this.#channels.size >= CHANNELS_MAX) return 'full'
    if (!this.permit([peer.address], nowUs)) return 'full'
    this.#channels.set(channel, { channel, peer, expiresUs: nowUs + CHANNEL_US })
    return 'bound'
  }

  channelOf(peer: SocketAddress, nowUs: number): number | undefined {
    for (const binding of this.#channels.values()) {
      if (isSameSocket(binding.peer, peer) && binding.expiresUs > nowUs) return binding.channel
    }
    return undefined
  }

  peerOf(channel: number, nowUs: number): SocketAddress | undefined {
    const binding = this.#channels.get(channel)
    return binding !== undefined && binding.expiresUs > nowUs ? binding.peer : undefined
  }

  #expire(nowUs: number): void {
    for (const [address, expiresUs] of this.#permissions) {
      if (expiresUs <= nowUs) this.#permissions.delete(address)
    }
    for (const [channel, { expiresUs }] of this.#channels) {
      if (expiresUs <= nowUs) this.#channels.delete(channel)
    }
  }
}
