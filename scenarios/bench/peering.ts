/**
 * A host and its peers for measurements of the network: endpoints over links, and above them nobody but a sender of messages. Each
 * peer sends the host one message a frame, and the host one to each peer.
 */
import { assert } from '../../sim/assert.ts'
import { SeededChooser } from '../../sim/choice.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import { Internet } from '../../sim/net/internet.ts'
import type { ChannelSpec, ConnectionId } from '../../sim/port.ts'
import type { ProtectionKind } from '../../sim/quic/protection.ts'
import { TransportEndpoint } from '../../sim/transport/endpoint.ts'
import type { Protocol } from '../../sim/transport/session.ts'
import { Trace } from '../../sim/trace.ts'
import { frameUs, Kernel, type SimNode } from '../../sim/world.ts'

export interface PeeringSettings {
  readonly protocol: Protocol
  readonly protection?: ProtectionKind
  readonly peers: number
  readonly messageBytes: number
}

const CHANNELS: readonly ChannelSpec[] = [{ label: 'messages', ordered: true, delivery: { kind: 'reliable' }, priority: 0 }]
const HOST = 0
export const MESSAGES_HZ = 90
const HANDSHAKE_US_MAX = 10_000_000
const US_PER_SECOND = 1_000_000

class Party implements SimNode<Datagram> {
  readonly endpoint: TransportEndpoint
  readonly connections: ConnectionId[] = []
  messages = 0
  datagrams = 0
  readonly #internet: Internet
  readonly #message: Uint8Array

  constructor(address: number, internet: Internet, { protocol, protection = 'tag', messageBytes }: PeeringSettings) {
    this.#internet = internet
    this.#message = Uint8Array.from({ length: messageBytes }, (_, i) => (i * 37) & 0xff)
    this.endpoint = new TransportEndpoint({
      address, channels: () => CHANNELS, resolve: () => ({ protocol, address: HOST }), accept: address === HOST ? [protocol] : [],
      quic: { protection },
    })
  }

  open(nowUs: number): void {
    this.endpoint.send({ kind: 'open', ticket: 1, endpoint: 'host' }, nowUs)
    this.#settle(nowUs)
  }
  frame(_index: number, nowUs: number): void {
    for (const on of this.connections) this.endpoint.send({ kind: 'message', on, channel: 0, bytes: this.#message }, nowUs)
    this.#settle(nowUs)
  }
  deliver(datagram: Datagram, nowUs: number): void {
    const arrived = this.#internet.arrived(datagram, nowUs)
    if (arrived !== undefined) this.endpoint.receive(arrived, nowUs)
    this.#settle(nowUs)
  }
  wake(nowUs: number): void {
    this.endpoint.wake(nowUs)
    this.#settle(nowUs)
  }
  nextWakeUs(): number {
    return this.endpoint.nextWakeUs()
  }

  #settle(nowUs: number): void {
    for (let output = this.endpoint.poll(); output !== undefined; output = this.endpoint.poll()) {
      if (output.kind === 'datagram') {
        this.datagrams++
        this.#internet.send(output.datagram, nowUs)
      } else if (output.kind === 'input') {
        const { input } = output
        if (input.kind === 'opened') this.connections.push(input.on)
        else if (input.kind === 'message') this.messages++
        assert(input.kind !== 'closed', 'nothing ends a connection on a good link')
      }
    }
  }
}

export class Peering {
  readonly #kernel: Kernel<Datagram>
  readonly #parties: readonly Party[]
  #frame = 0

  constructor(settings: PeeringSettings) {
    const kernel = new Kernel<Datagram>({ trace: new Trace('chain'), undelivered() {} })
    const internet = new Internet({
      chooser: new SeededChooser('bench'), sink() {},
      deliver: (atUs, node, datagram) => kernel.deliver(atUs, node, datagram),
    })
    this.#kernel = kernel
    this.#parties = Array.from({ length: 1 + settings.peers }, (_, address) => new Party(address, internet, settings))
    for (const party of this.#parties) kernel.addNode(party)
  }

  /** Datagrams that were sent so far. */
  get datagrams(): number {
    return this.#parties.reduce((sum, { datagrams }) => sum + datagrams, 0)
  }
  get messages(): number {
    return this.#parties.reduce((sum, { messages }) => sum + messages, 0)
  }

  /** Every peer connects to the host. */
  connect(): this {
    const [host, ...peers] = this.#parties
    for (const [i, peer] of peers.entries()) {
      peer.open(this.#kernel.nowUs)
      this.#kernel.touch(i + 1)
    }
    const isDone = (): boolean => host.connections.length === peers.length && peers.every(({ connections }) => connections.length === 1)
    const end = this.#kernel.run(this.#kernel.nowUs + HANDSHAKE_US_MAX, isDone)
    assert(end.kind === 'satisfied', 'every peer reaches the host over a good link')
    return this
  }

  /** Lets so many frames pass, in each of which a message goes each way between the host and each peer. */
  run(frames: number): void {
    if (this.#frame === 0) {
      this.#frame = Math.ceil((this.#kernel.nowUs * MESSAGES_HZ) / US_PER_SECOND) + 1
      for (let node = 0; node < this.#parties.length; node++) this.#kernel.startFrames(node, MESSAGES_HZ, this.#frame)
    }
    this.#frame += frames
    const end = this.#kernel.run(frameUs(this.#frame, MESSAGES_HZ))
    assert(end.kind === 'reached', 'a measurement is within the bounds of the kernel')
  }
}
