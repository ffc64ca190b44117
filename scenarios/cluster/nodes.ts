/**
 * The nodes of a cluster: a Theta peer above, a simulated transport and perhaps a disk below, and between them nothing but the ports.
 * Input goes up, output goes down, and what the peer tells of itself goes to the trace.
 */
import { assert } from '../../sim/assert.ts'
import type { Disk } from '../../sim/disk.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import type { Internet } from '../../sim/net/internet.ts'
import type { TransportOutput } from '../../sim/port.ts'
import { NETWORK_NODE, type NoteData, type Trace } from '../../sim/trace.ts'
import type { EndpointOutput, TransportEndpoint } from '../../sim/transport/endpoint.ts'
import type { SimNode } from '../../sim/world.ts'
import type { Headset } from '../../sim/xr/headset.ts'
import type { StorageOutput } from '../../system/ports.ts'
import type { Client } from '../../system/session/client.ts'
import type { Host } from '../../system/session/host.ts'
import type { Peer, PeerInput } from '../../system/session/peer.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { PublicServer } from './places.ts'

/** Parts of the work that the cluster tells apart; `system/` has its own. */
export type ClusterPart = 'network' | 'xr'
export interface ClusterMeter {
  begin(part: ClusterPart): void
  end(part: ClusterPart): void
}

export interface NodePorts {
  readonly trace: Trace
  readonly internet: Internet
  readonly meter: ClusterMeter
  /** Whether headsets give frames. */
  readonly xrFrames: boolean
  /** Hears of every event after the trace has it. */
  noticed(node: number, event: SystemEvent, nowUs: number): void
  /** A message is handed to the transport, and comes out of it. */
  sent(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void
  received(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void
  /** A headset is about to give its frame. */
  wore(node: number, headset: Headset): void
  /** A message reaches the peer, in these datagrams. */
  carried(node: number, bytes: Uint8Array, datagrams: readonly number[]): void
}

abstract class PeerNode<P extends Peer> implements SimNode<Datagram> {
  readonly id: number
  readonly name: string
  readonly peer: P
  readonly endpoint: TransportEndpoint
  readonly disk: Disk | undefined
  protected readonly ports: NodePorts
  /** The connection that the transport opened last. */
  connection = -1
  crashed = false

  constructor(id: number, name: string, peer: P, endpoint: TransportEndpoint, ports: NodePorts, disk: Disk | undefined) {
    this.disk = disk
    this.id = id
    this.name = name
    this.peer = peer
    this.endpoint = endpoint
    this.ports = ports
  }

  abstract frame(index: number, nowUs: number): void

  deliver(datagram: Datagram, nowUs: number): void {
    const arrived = this.ports.internet.arrived(datagram, nowUs)
    if (arrived === undefined) return
    this.ports.meter.begin('network')
    this.receive(arrived, nowUs)
    this.ports.meter.end('network')
    this.settle(nowUs)
  }
  protected receive(datagram: Datagram, nowUs: number): void {
    this.endpoint.receive(datagram, nowUs)
  }
  wake(nowUs: number): void {
    this.ports.meter.begin('network')
    this.endpoint.wake(nowUs)
    this.ports.meter.end('network')
    for (let ticket = this.disk?.confirm(nowUs); ticket !== undefined; ticket = this.disk?.confirm(nowUs)) {
      this.give({ kind: 'stored', ticket }, nowUs)
    }
    this.settle(nowUs)
  }
  nextWakeUs(): number {
    return Math.min(this.endpoint.nextWakeUs(), this.disk?.nextUs() ?? Infinity)
  }
  crash(): void {
    this.crashed = true
    this.endpoint.reset()
  }

  give(input: PeerInput, nowUs: number): void {
    this.peer.handle(input, nowUs)
    this.drain(nowUs)
  }

  drain(nowUs: number): void {
    for (let output = this.peer.drain(); output !== undefined; output = this.peer.drain()) {
      if (output.kind === 'event') {
        const data = output.event as unknown as { readonly [field: string]: NoteData }
        this.ports.trace.record(nowUs, this.id, { kind: 'note', name: output.event.event, data })
        this.ports.noticed(this.id, output.event, nowUs)
      } else if (output.kind === 'store' || output.kind === 'discard') this.#write(output, nowUs)
      else this.send(output, nowUs)
    }
  }

  #write(output: StorageOutput, nowUs: number): void {
    const { disk } = this
    assert(disk !== undefined, 'who writes has a disk')
    if (output.kind === 'store') disk.append(output.ticket, output.file, output.bytes, nowUs)
    else disk.remove(output.ticket, output.file, nowUs)
  }

  send(output: TransportOutput, nowUs: number): void {
    if (output.kind === 'message') {
      const { on, channel, bytes } = output
      const ends = this.endpoint.endsOf(on)
      if (ends !== undefined) this.ports.sent(this.id, ends.peer, ends.number, channel, bytes)
    }
    this.ports.meter.begin('network')
    this.endpoint.send(output, nowUs)
    this.ports.meter.end('network')
  }

  /** Lets the transport work off what it was given, in both directions. */
  settle(nowUs: number): void {
    this.ports.meter.begin('network')
    for (let output = this.endpoint.poll(); output !== undefined; output = this.endpoint.poll()) this.#take(output, nowUs)
    this.ports.meter.end('network')
  }

  #take(output: EndpointOutput, nowUs: number): void {
    if (output.kind === 'datagram') this.ports.internet.send(output.datagram, nowUs)
    else if (output.kind === 'record') this.ports.trace.record(nowUs, NETWORK_NODE, output.record)
    else {
      const { input } = output
      if (input.kind === 'opened') this.connection = input.on
      if (input.kind === 'message') {
        const { on, channel, bytes } = input
        const ends = this.endpoint.endsOf(on)
        if (ends !== undefined) this.ports.received(ends.peer, this.id, ends.number, channel, bytes)
        this.ports.carried(this.id, bytes, output.datagrams ?? [])
      }
      this.give(input, nowUs)
    }
  }
}

const NOBODY: Person = { onFrame() {}, isBusy: () => false, interrupted() {} }

export class HostNode extends PeerNode<Host> {
  /** Beside it, on an interface of its own. */
  readonly #server: PublicServer | undefined

  constructor(
    id: number, name: string, peer: Host, endpoint: TransportEndpoint, ports: NodePorts, disk: Disk | undefined,
    server: PublicServer | undefined,
  ) {
    super(id, name, peer, endpoint, ports, disk)
    this.#server = server
  }

  protected override receive(datagram: Datagram, nowUs: number): void {
    if (datagram.to === this.#server?.address) this.#server.receive(datagram, nowUs)
    else super.receive(datagram, nowUs)
  }
  override wake(nowUs: number): void {
    this.#server?.wake(nowUs)
    super.wake(nowUs)
  }
  override nextWakeUs(): number {
    return Math.min(super.nextWakeUs(), this.#server?.nextWakeUs() ?? Infinity)
  }
  override settle(nowUs: number): void {
    for (let datagram = this.#server?.poll(); datagram !== undefined; datagram = this.#server?.poll()) {
      this.ports.internet.send(datagram, nowUs)
    }
    super.settle(nowUs)
  }
  frame(frame: number, nowUs: number): void {
    this.give({ kind: 'frame', frame }, nowUs)
    this.settle(nowUs)
  }
}

/** Who wears the headset. */
export interface Person {
  /** What the person does in this frame, before the device shows it. */
  onFrame(): void
  /** Whether the person has gestures left to play. */
  isBusy(): boolean
  /** The device went dark. */
  interrupted(): void
}

export class ClientNode extends PeerNode<Client> {
  readonly headset: Headset
  person: Person

  constructor(
    id: number, name: string, peer: Client, endpoint: TransportEndpoint, headset: Headset, ports: NodePorts, disk: Disk | undefined,
    person: Person = NOBODY,
  ) {
    super(id, name, peer, endpoint, ports, disk)
    this.headset = headset
    this.person = person
    peer.attachXR(headset.session, headset.referenceSpace)
  }

  override crash(): void {
    super.crash()
    this.peer.detachXR()
    this.person.interrupted()
  }

  frame(frame: number, nowUs: number): void {
    this.person.onFrame()
    if (this.ports.xrFrames) this.#pump(frame, nowUs)
    this.give({ kind: 'frame', frame }, nowUs)
    this.settle(nowUs)
  }

  #pump(frame: number, nowUs: number): void {
    this.ports.meter.begin('xr')
    // Input events come first and make intents; what they led to is drained before the frame itself is handed in.
    this.headset.session.requestAnimationFrame((_timeMs, xrFrame) => {
      this.drain(nowUs)
      this.give({ kind: 'xrFrame', frame: xrFrame, index: frame }, nowUs)
    })
    this.ports.wore(this.id, this.headset)
    this.headset.pump(nowUs)
    this.ports.meter.end('xr')
  }
}
