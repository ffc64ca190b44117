/** A small kernel for tests of QUIC sessions: the port's channels between two nodes over a fabric, virtual time, everything kept. */
import { Writer } from '../../../sim/bytes.ts'
import { type Chooser, hashText, mix32, SeededChooser } from '../../../sim/choice.ts'
import { ADDRESSES_MAX, type Datagram, type SocketAddress } from '../../../sim/net/datagram.ts'
import { Fabric } from '../../../sim/net/fabric.ts'
import type { LinkSettings } from '../../../sim/net/link.ts'
import type { NetRecord } from '../../../sim/net/records.ts'
import type { ChannelSpec, TransportInput, TransportOutput } from '../../../sim/port.ts'
import type { Accepted } from '../../../sim/quic/configuration.ts'
import { Listener } from '../../../sim/quic/listener.ts'
import { QuicSession, SESSION_SETTINGS } from '../../../sim/quic/session.ts'
import type { QuicSettings } from '../../../sim/quic/settings.ts'
import { TransportCode } from '../../../sim/transport/codes.ts'
import type { OutgoingDatagram, SessionIdentity, Surroundings } from '../../../sim/transport/session.ts'

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

const PORT = 443

export type Seen = TransportInput & { readonly atUs: number; readonly datagrams?: readonly number[] }

/** A node with its sessions, as an endpoint keeps them. */
class Endpoint {
  readonly listener: Listener<QuicSession>
  sessions: QuicSession[] = []
  readonly #node: Node
  readonly #world: World
  readonly #surroundings: Surroundings
  #openedCount = 0
  #nextId = 1
  #datagramCount = 0
  inputs: { readonly input: TransportInput; readonly datagrams: readonly number[] | undefined }[] = []
  outgoing: Datagram[] = []

  constructor(world: World, node: Node, channels: readonly ChannelSpec[]) {
    this.#world = world
    this.#node = node
    const send = (datagram: OutgoingDatagram): number => {
      const { local, remote, ecn, bytes, keyHi, keyLo, label } = datagram
      const id = this.#datagramCount++ * ADDRESSES_MAX + node.address
      const addresses = { from: local.address, to: remote.address, fromPort: local.port, toPort: remote.port }
      this.outgoing.push({ id, ...addresses, ecn, keyHi, keyLo, bytes, label })
      return id
    }
    const writer = new Writer()
    this.#surroundings = {
      node: node.address, channels, writer, send,
      input: (input, datagrams) => {
        this.inputs.push({ input, datagrams })
      },
      record: (record) => world.records.push({ ...record, atUs: world.nowUs }),
    }
    const key = new Uint8Array(32).fill(mix32(hashText('key', 0), node.address))
    this.listener = new Listener<QuicSession>({
      protection: 'tag', key, writer, send, isRetryWanted: () => false,
      discarded: ({ id }, why) => world.records.push({ kind: 'discarded', at: node.address, datagram: id, why, atUs: world.nowUs }),
      accept: (number, accepted, datagram, nowUs) => {
        if (!world.accepts) return undefined
        const { from, fromPort, toPort } = datagram
        const peer = number % ADDRESSES_MAX
        const identity = { id: this.#nextId++, number, protocol: 'quic', peer, ticket: 0, isInitiator: false } as const
        return this.#make(identity, { address: from, port: fromPort }, toPort, nowUs, accepted)
      },
    })
  }

  #make(identity: SessionIdentity, remote: SocketAddress, port: number, nowUs: number, accepted?: Accepted): QuicSession {
    const local = { address: this.#node.address, port }
    const settings = { ...SESSION_SETTINGS, ...this.#world.settings }
    const config = { settings, local, remote, ...(accepted === undefined ? {} : { accepted }) }
    const session = new QuicSession(identity, this.#surroundings, this.listener, config, nowUs)
    this.sessions.push(session)
    return session
  }

  send(output: TransportOutput, nowUs: number): void {
    if (output.kind === 'wake') return
    if (output.kind === 'open') {
      const id = this.#nextId++
      const peer = Number(output.endpoint)
      if (Number.isNaN(peer)) {
        this.#surroundings.input({ kind: 'closed', on: id, ticket: output.ticket, by: 'refused', code: TransportCode.refused })
        return
      }
      const number = ++this.#openedCount * ADDRESSES_MAX + this.#node.address
      const identity = { id, number, protocol: 'quic', peer, ticket: output.ticket, isInitiator: true } as const
      this.#make(identity, { address: peer, port: PORT }, PORT, nowUs)
      return
    }
    const session = this.sessions.find(({ identity }) => identity.id === output.on)
    if (output.kind === 'close') session?.close(output.code, nowUs)
    else session?.message(output.channel, output.bytes, nowUs)
  }

  receive(datagram: Datagram, nowUs: number): void {
    this.listener.receive(datagram, nowUs)
  }
  flush(nowUs: number): void {
    for (const session of this.sessions) if (session.isDirty) session.flush(nowUs)
    this.sessions = this.sessions.filter(({ isForgotten }) => !isForgotten)
  }
  wake(nowUs: number): void {
    for (const session of this.sessions) if (session.deadlineUs() <= nowUs) session.wake(nowUs)
  }
  nextWakeUs(): number {
    return this.sessions.reduce((atUs, session) => Math.min(atUs, session.deadlineUs()), Infinity)
  }
  reset(): void {
    this.sessions = []
    this.listener.clear()
    this.inputs = []
    this.outgoing = []
  }
}

export class Node {
  readonly address: number
  readonly endpoint: Endpoint
  readonly seen: Seen[] = []
  /** The last of their kind. */
  opened: Extract<Seen, { kind: 'opened' }> | undefined
  closed: Extract<Seen, { kind: 'closed' }> | undefined
  onInput: (input: TransportInput) => void = () => {}
  readonly #world: World

  constructor(world: World, address: number, channels: readonly ChannelSpec[]) {
    this.#world = world
    this.address = address
    this.endpoint = new Endpoint(world, this, channels)
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
  readonly links?: Partial<LinkSettings>
  readonly channels?: readonly ChannelSpec[]
  readonly settings?: Partial<QuicSettings>
}

interface Event {
  readonly atUs: number
  readonly order: number
  readonly datagram: Datagram
}

export class World {
  nowUs = 0
  accepts = true
  readonly nodes: Node[] = []
  readonly fabric: Fabric
  readonly settings: Partial<QuicSettings>
  readonly records: (NetRecord & { readonly atUs: number })[] = []
  #events: Event[] = []
  #order = 0

  constructor({ seed = 1, chooser = new SeededChooser(seed), links = {}, channels = CHANNELS, settings = {} }: WorldOptions = {}) {
    this.settings = settings
    this.fabric = new Fabric({
      chooser,
      deliver: (atUs, datagram) => {
        this.#events.push({ atUs, order: this.#order++, datagram })
      },
      sink: (record) => this.records.push({ ...record, atUs: this.nowUs }),
      defaults: links,
    })
    for (let address = 0; address < 2; address++) this.nodes.push(new Node(this, address, channels))
  }

  get host(): Node {
    return this.nodes[0]
  }
  get client(): Node {
    return this.nodes[1]
  }

  /** Inputs first; datagrams are made only when all are taken. */
  stir(node: Node): void {
    const { endpoint } = node
    for (;;) {
      const next = endpoint.inputs.shift()
      if (next !== undefined) {
        const { input, datagrams } = next
        const kept = input.kind === 'message' ? { ...input, bytes: input.bytes.slice() } : input
        node.see({ ...kept, atUs: this.nowUs, ...(datagrams === undefined ? {} : { datagrams }) })
        node.onInput(input)
        continue
      }
      endpoint.flush(this.nowUs)
      if (endpoint.inputs.length > 0) continue
      const datagrams = endpoint.outgoing
      endpoint.outgoing = []
      for (const datagram of datagrams) this.fabric.send(datagram, this.nowUs)
      return
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
    this.fabric.arrived(datagram)
    const node = this.nodes[datagram.to]
    if (node === undefined) return true
    node.endpoint.receive(datagram, this.nowUs)
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
