/** A small kernel for tests of transports: endpoints over a fabric, virtual time, everything that happened kept. */
import { type Chooser, SeededChooser } from '../../../sim/choice.ts'
import type { Datagram } from '../../../sim/net/datagram.ts'
import type { Fabric } from '../../../sim/net/fabric.ts'
import { Internet } from '../../../sim/net/internet.ts'
import type { LinkSettings } from '../../../sim/net/link.ts'
import type { NetRecord } from '../../../sim/net/records.ts'
import type { ChannelSpec, TransportInput, TransportOutput } from '../../../sim/port.ts'
import type { QuicSettings } from '../../../sim/quic/settings.ts'
import { type EndpointOutput, TransportEndpoint } from '../../../sim/transport/endpoint.ts'
import type { Protocol } from '../../../sim/transport/session.ts'

const CHANNELS: readonly ChannelSpec[] = [
  { label: 'control', ordered: true, delivery: { kind: 'reliable' }, priority: 0 },
  { label: 'assets', ordered: true, delivery: { kind: 'reliable' }, priority: 3 },
  { label: 'reliable unordered', ordered: false, delivery: { kind: 'reliable' }, priority: 1 },
  { label: 'input', ordered: false, delivery: { kind: 'retransmits', max: 0 }, priority: 2 },
  { label: 'once more', ordered: false, delivery: { kind: 'retransmits', max: 1 }, priority: 2 },
  { label: 'ordered once more', ordered: true, delivery: { kind: 'retransmits', max: 1 }, priority: 2 },
  { label: 'fresh', ordered: true, delivery: { kind: 'lifetime', maxUs: 100_000 }, priority: 2 },
  { label: 'newest', ordered: true, delivery: { kind: 'retransmits', max: 0 }, priority: 2 },
]
export const CONTROL = 0
export const ASSETS = 1
export const UNORDERED = 2
export const LOSSY = 3
export const ONCE_MORE = 4
export const ORDERED_ONCE_MORE = 5
export const FRESH = 6
export const NEWEST = 7
export const CHANNEL_COUNT = CHANNELS.length

export type Seen = TransportInput & { readonly atUs: number; readonly datagrams?: readonly number[] }

export class Node {
  readonly endpoint: TransportEndpoint
  readonly seen: Seen[] = []
  /** The last of their kind. */
  opened: Extract<Seen, { kind: 'opened' }> | undefined
  closed: Extract<Seen, { kind: 'closed' }> | undefined
  /** Called for each input, as a state machine above would be. */
  onInput: (input: TransportInput) => void = () => {}
  readonly #world: World

  constructor(world: World, endpoint: TransportEndpoint) {
    this.#world = world
    this.endpoint = endpoint
  }

  send(output: TransportOutput): void {
    this.endpoint.send(output, this.#world.nowUs)
    this.#world.stir(this)
  }
  see(input: Seen): void {
    this.seen.push(input)
    if (input.kind === 'opened') this.opened = input
    else if (input.kind === 'closed') this.closed = input
  }
  /** The last connection that opened. */
  get on(): number {
    const opened = this.opened
    if (opened === undefined) throw new Error('not open')
    return opened.on
  }
  messages(channel: number): Uint8Array[] {
    return this.seen.flatMap((input) => (input.kind === 'message' && input.channel === channel ? [input.bytes] : []))
  }
}

export interface WorldOptions {
  readonly seed?: number
  readonly chooser?: Chooser
  readonly nodes?: number
  readonly protocol?: Protocol
  readonly links?: Partial<LinkSettings>
  readonly accept?: readonly Protocol[]
  /** Nodes that accept connections; all of them where it is left out. */
  readonly acceptors?: readonly number[]
  readonly channels?: readonly ChannelSpec[]
  readonly quic?: Partial<QuicSettings>
}

type Event = { atUs: number; order: number; datagram: Datagram }

export class World {
  nowUs = 0
  readonly nodes: Node[] = []
  readonly internet: Internet
  readonly chooser: Chooser
  readonly records: (NetRecord & { readonly atUs: number })[] = []
  #events: Event[] = []
  #order = 0

  constructor(options: WorldOptions = {}) {
    const { seed = 1, chooser, nodes = 2, protocol = 'quic', links = {}, quic = {} } = options
    const { accept = ['quic', 'webrtc'], acceptors, channels = CHANNELS } = options
    this.chooser = chooser ?? new SeededChooser(seed)
    this.internet = new Internet({
      chooser: this.chooser,
      deliver: (atUs, _node, datagram) => {
        this.#events.push({ atUs, order: this.#order++, datagram })
      },
      sink: (record) => this.records.push({ ...record, atUs: this.nowUs }),
      defaults: links,
    })
    for (let address = 0; address < nodes; address++) {
      const endpoint = new TransportEndpoint({
        address,
        channels: () => channels,
        accept: acceptors?.includes(address) === false ? [] : accept,
        quic,
        resolve: (name) => {
          const at = Number(name)
          return Number.isInteger(at) ? { protocol, address: at } : undefined
        },
      })
      this.nodes.push(new Node(this, endpoint))
    }
  }

  get fabric(): Fabric {
    return this.internet.fabric
  }
  get host(): Node {
    return this.nodes[0]
  }
  get client(): Node {
    return this.nodes[1]
  }

  stir(node: Node): void {
    for (let output: EndpointOutput | undefined; (output = node.endpoint.poll()) !== undefined; ) {
      if (output.kind === 'datagram') this.internet.send(output.datagram, this.nowUs)
      else if (output.kind === 'record') this.records.push({ ...output.record, atUs: this.nowUs })
      else {
        const { input, datagrams } = output
        const kept = input.kind === 'message' ? { ...input, bytes: input.bytes.slice() } : input
        node.see({ ...kept, atUs: this.nowUs, ...(datagrams === undefined ? {} : { datagrams }) })
        node.onInput(input)
      }
    }
  }

  /** Handles the next event or timer up to an instant; false where there is none. */
  step(untilUs: number): boolean {
    let first: Event | undefined
    for (const event of this.#events) {
      if (first === undefined || event.atUs < first.atUs || (event.atUs === first.atUs && event.order < first.order)) first = event
    }
    let sleeper: Node | undefined
    let wakeUs = first?.atUs ?? Infinity
    for (const node of this.nodes) {
      const atUs = node.endpoint.nextWakeUs()
      if (atUs >= wakeUs) continue
      wakeUs = atUs
      sleeper = node
    }
    if (wakeUs > untilUs) return false
    this.nowUs = Math.max(this.nowUs, wakeUs)
    if (sleeper !== undefined) {
      sleeper.endpoint.wake(this.nowUs)
      this.stir(sleeper)
      return true
    }
    this.#events.splice(this.#events.indexOf(first!), 1)
    const { datagram } = first!
    const arrived = this.internet.arrived(datagram, this.nowUs)
    const node = this.nodes[this.internet.nodeOf((arrived ?? datagram).to)]
    if (arrived === undefined || node === undefined) return true
    node.endpoint.receive(arrived, this.nowUs)
    this.stir(node)
    return true
  }

  run(forUs: number): void {
    const untilUs = this.nowUs + forUs
    while (this.step(untilUs));
    this.nowUs = untilUs
  }

  /** Whether the condition came true within that time. */
  until(condition: () => boolean, withinUs: number): boolean {
    const untilUs = this.nowUs + withinUs
    while (!condition()) if (!this.step(untilUs)) return false
    return true
  }

  /** The client connects to the host; true once both are open. */
  connect(withinUs = 10_000_000): boolean {
    this.client.send({ kind: 'open', ticket: 7, endpoint: '0' })
    return this.until(() => this.host.opened !== undefined && this.client.opened !== undefined, withinUs)
  }

  count(kind: NetRecord['kind']): number {
    return this.records.reduce((sum, record) => sum + (record.kind === kind ? 1 : 0), 0)
  }
}

/** A message that names itself: its number in the first four bytes, and bytes that follow from it. */
export function numbered(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(4, length))
  new DataView(bytes.buffer).setUint32(0, number)
  for (let i = 4; i < bytes.length; i++) bytes[i] = (number * 31 + i * 7) & 0xff
  return bytes
}
export const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
