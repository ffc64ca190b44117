/**
 * A node's part in signalling: the relay, where it runs one, and a client of each relay that it meets others at. Nodes are known to
 * relays by their first address.
 */
import { hashText, mix32 } from '../../choice.ts'
import type { Address, Datagram, SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { SignallingClient } from './client.ts'
import { SIGNALLING_PORT } from './limits.ts'
import type { SignallingMessage } from './messages.ts'
import { SignallingServer } from './server.ts'

export interface SignallingNodeConfig {
  readonly node: Address
  /** Of this node's clients. */
  readonly port: number
  /** Where everybody meets; left out, each responder runs a relay of its own. */
  readonly relay: SocketAddress | undefined
  /** Runs the relay itself. */
  readonly isServer: boolean
  /** Wants to be found at the common relay. */
  readonly isFound: boolean
  send(datagram: OutgoingDatagram): void
  hear(from: Address, message: SignallingMessage, nowUs: number): void
}

const NAME = /^node (\d{1,4})$/
const nameOf = (node: Address): string => `node ${node}`

export class SignallingNode {
  readonly #config: SignallingNodeConfig
  /** Of the interface that the node uses. */
  #address: Address
  #server: SignallingServer | undefined
  /** By the relay's address. */
  #clients = new Map<Address, SignallingClient>()
  /** Which relay another node was met at last. */
  #metAt = new Map<Address, SignallingClient>()
  /** How often the node has begun anew. */
  #lives = 0
  /** Asked again only after something happened here: a relay has many to ask, and most datagrams are none of its business. */
  #wakeUs: number | undefined

  constructor(config: SignallingNodeConfig) {
    this.#config = config
    this.#address = config.node
    if (config.isServer) this.#server = new SignallingServer(config.node)
  }

  /** Goes to where that node is to be met. */
  turnTo(peer: Address, nowUs: number): void {
    this.#metAt.set(peer, this.#client(this.#config.relay ?? { address: peer, port: SIGNALLING_PORT }, nowUs))
  }

  /** Tells a node that was turned to, or that has said something. */
  tell(peer: Address, message: SignallingMessage, nowUs: number): void {
    const client = this.#metAt.get(peer)
    client?.send(nameOf(peer), message, nowUs)
    this.#settle(nowUs)
  }

  #client(relay: SocketAddress, nowUs: number): SignallingClient {
    const known = this.#clients.get(relay.address)
    if (known !== undefined) return known
    const { node, port } = this.#config
    const client = new SignallingClient({
      name: nameOf(node), node, local: { address: this.#address, port }, relay, secret: mix32(hashText('signalling', node), this.#lives),
    })
    this.#clients.set(relay.address, client)
    client.connect(nowUs)
    this.#wakeUs = undefined
    return client
  }

  /** The node goes on from another interface. Where it runs the relay it has to stay. */
  move(address: Address, nowUs: number): void {
    this.#address = address
    for (const client of this.#clients.values()) client.move({ address, port: this.#config.port }, nowUs)
    this.#settle(nowUs)
  }

  /** Whether the datagram was for the relay or for a client of one. */
  receive(datagram: Datagram, nowUs: number): boolean {
    const { node } = this.#config
    let isOurs = this.#server?.receive(datagram, nowUs) === true
    // Whoever comes to this node's relay is looking for it, most likely.
    if (isOurs && !this.#clients.has(node)) this.#client({ address: node, port: SIGNALLING_PORT }, nowUs)
    if (!isOurs && datagram.toPort === this.#config.port) {
      this.#wakeUs = undefined
      for (const client of this.#clients.values()) isOurs ||= client.receive(datagram, nowUs)
    }
    if (isOurs) this.#settle(nowUs)
    return isOurs
  }

  wake(nowUs: number): void {
    const { relay, isFound } = this.#config
    if (isFound && relay !== undefined) this.#client(relay, nowUs)
    this.#server?.wake(nowUs)
    for (const client of this.#clients.values()) client.wake(nowUs)
    this.#settle(nowUs)
  }

  nextWakeUs(): number {
    return (this.#wakeUs ??= this.#earliestUs())
  }

  #earliestUs(): number {
    const { relay, isFound } = this.#config
    if (isFound && relay !== undefined && this.#clients.size === 0) return 0
    let atUs = this.#server?.nextWakeUs() ?? Infinity
    for (const client of this.#clients.values()) atUs = Math.min(atUs, client.nextWakeUs())
    return atUs
  }

  #settle(nowUs: number): void {
    this.#wakeUs = undefined
    const server = this.#server
    for (let datagram = server?.poll(); datagram !== undefined; datagram = server?.poll()) this.#config.send(datagram)
    for (const client of this.#clients.values()) {
      for (let event = client.poll(); event !== undefined; event = client.poll()) {
        if (event.kind === 'transmit') this.#config.send(event.datagram)
        else if (event.kind === 'message') this.#heard(client, event.from, event.message, nowUs)
      }
    }
  }

  #heard(client: SignallingClient, name: string, message: SignallingMessage, nowUs: number): void {
    const node = NAME.exec(name)?.[1]
    if (node === undefined) return
    this.#metAt.set(Number(node), client)
    this.#config.hear(Number(node), message, nowUs)
  }

  /** The node has crashed. */
  reset(): void {
    this.#lives++
    this.#wakeUs = undefined
    this.#clients = new Map()
    this.#metAt = new Map()
    if (this.#config.isServer) this.#server = new SignallingServer(this.#config.node)
  }
}
