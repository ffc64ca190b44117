/** A small kernel for tests of QUIC: one server and any number of clients over a fabric, virtual time, everything that happened kept. */
import { Writer } from '../../../sim/bytes.ts'
import { type Chooser, SeededChooser } from '../../../sim/choice.ts'
import { type Address, ADDRESSES_MAX, type Datagram } from '../../../sim/net/datagram.ts'
import { Fabric } from '../../../sim/net/fabric.ts'
import type { LinkSettings } from '../../../sim/net/link.ts'
import type { DiscardReason } from '../../../sim/net/records.ts'
import type { ConnectionConfig, TlsOptions } from '../../../sim/quic/configuration.ts'
import { Connection } from '../../../sim/quic/connection.ts'
import type { QuicEvent } from '../../../sim/quic/events.ts'
import { Listener } from '../../../sim/quic/listener.ts'
import type { Environment } from '../../../sim/quic/parts.ts'
import type { QlogEvent } from '../../../sim/quic/qlogevents.ts'
import { type QuicSettings, SETTINGS } from '../../../sim/quic/settings.ts'
import type { OutgoingDatagram } from '../../../sim/transport/session.ts'

export const SECOND_US = 1_000_000
export const SERVER = 0
export const CLIENT = 1
const TLS: TlsOptions = { alpn: 'test', serverName: 'server' }
const KEY = new Uint8Array(32).fill(7)

export interface WorldOptions {
  readonly seed?: number
  readonly chooser?: Chooser
  readonly links?: Partial<LinkSettings>
  readonly settings?: Partial<QuicSettings>
  /** Over `settings`, at the server. */
  readonly serverSettings?: Partial<QuicSettings>
  readonly clientTls?: Partial<TlsOptions>
  readonly serverTls?: Partial<TlsOptions>
  readonly isRetryWanted?: boolean
  readonly isQlogged?: boolean
  readonly accepts?: () => boolean
  /** Is shown every program as it begins. */
  readonly began?: (program: Program) => void
}

/** What a connection told, with the bytes of each stream put together. */
export class Program {
  connection!: Connection
  readonly events: QuicEvent[] = []
  readonly qlog: (QlogEvent & { readonly atUs: number })[] = []
  readonly streams = new Map<number, Uint8Array[]>()
  readonly finished = new Set<number>()
  lostCount = 0
  onEvent: (event: QuicEvent) => void = () => {}
  readonly world: World
  readonly address: Address

  constructor(world: World, address: Address) {
    this.world = world
    this.address = address
  }
  receive(datagram: Datagram, nowUs: number): void {
    this.connection.receive(datagram, nowUs)
  }
  isReset(datagram: Uint8Array): boolean {
    return this.connection.isReset(datagram)
  }
  take(event: QuicEvent): void {
    if (event.kind === 'data') {
      const parts = this.streams.get(event.id) ?? []
      parts.push(event.bytes.slice())
      this.streams.set(event.id, parts)
      if (event.fin) this.finished.add(event.id)
    }
    this.events.push(event.kind === 'data' || event.kind === 'datagram' ? { ...event, bytes: event.bytes.slice() } : event)
    this.onEvent(event)
  }
  bytes(id: number): Buffer {
    return Buffer.concat(this.streams.get(id) ?? [])
  }
  all<K extends QuicEvent['kind']>(kind: K): Extract<QuicEvent, { kind: K }>[] {
    return this.events.filter((event): event is Extract<QuicEvent, { kind: K }> => event.kind === kind)
  }
  has(kind: QuicEvent['kind']): boolean {
    return this.events.some((event) => event.kind === kind)
  }
  /** Calls something of the connection and lets follow what follows. */
  act<T>(action: (connection: Connection, nowUs: number) => T): T {
    const result = action(this.connection, this.world.nowUs)
    this.world.stir(this)
    return result
  }
}

interface Event {
  readonly atUs: number
  readonly order: number
  readonly datagram: Datagram
}

export class World {
  nowUs = 0
  readonly fabric: Fabric
  readonly programs: Program[] = []
  readonly sent: (OutgoingDatagram & { readonly atUs: number; readonly id: number })[] = []
  readonly discarded: DiscardReason[] = []
  readonly listener: Listener<Program>
  readonly writer = new Writer()
  readonly #options: WorldOptions
  readonly #clientListeners = new Map<Address, Listener<Program>>()
  #events: Event[] = []
  #order = 0
  #datagramCount = 0
  #connectionCount = 0

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.fabric = new Fabric({
      chooser: options.chooser ?? new SeededChooser(options.seed ?? 1),
      deliver: (atUs, datagram) => {
        this.#events.push({ atUs, order: this.#order++, datagram })
      },
      sink: () => {},
      defaults: options.links ?? {},
    })
    this.listener = this.#listen((number, accepted, datagram, nowUs) => {
      if (options.accepts?.() === false) return undefined
      const settings = { ...SETTINGS, initialRttUs: 100_000, ...options.settings, ...options.serverSettings }
      return this.#make(this.listener, SERVER, {
        number, accepted, settings, local: { address: SERVER, port: 443 }, remote: { address: datagram.from, port: datagram.fromPort },
        tls: { ...TLS, ticketKey: KEY, ...options.serverTls },
      }, nowUs)
    })
  }

  #listen(accept: ConstructorParameters<typeof Listener<Program>>[0]['accept']): Listener<Program> {
    return new Listener<Program>({
      protection: this.#options.settings?.protection ?? 'tag', key: KEY, writer: this.writer, send: (datagram) => this.#send(datagram),
      discarded: (_datagram, why) => this.discarded.push(why), isRetryWanted: () => this.#options.isRetryWanted === true, accept,
    })
  }

  #send(datagram: OutgoingDatagram): number {
    const id = this.#datagramCount++
    this.sent.push({ ...datagram, atUs: this.nowUs, id })
    const { local, remote, ecn, bytes, keyHi, keyLo, label } = datagram
    const addresses = { from: local.address, to: remote.address, fromPort: local.port, toPort: remote.port }
    this.fabric.send({ id, ...addresses, ecn, keyHi, keyLo, bytes, label }, this.nowUs)
    return id
  }

  #make(listener: Listener<Program>, address: Address, config: ConnectionConfig, nowUs: number): Program {
    const program = new Program(this, address)
    const environment: Environment = {
      writer: this.writer, send: (datagram) => this.#send(datagram), idAdded: (id) => listener.add(id, program),
      idRemoved: (id) => listener.remove(id), resetToken: (id) => listener.resetToken(id),
      newToken: (client, atUs) => listener.newToken(client.address, config.number >>> 0, atUs),
      discarded: (_datagram, why) => this.discarded.push(why), declaredLost: () => program.lostCount++, probed: () => {},
      ...(this.#options.isQlogged === true ? { onEvent: (event) => program.qlog.push({ ...event, atUs: this.nowUs }) } : {}),
    }
    program.connection = new Connection(config, environment, nowUs)
    this.programs.push(program)
    this.#options.began?.(program)
    return program
  }

  /** A client begins to connect. */
  connect(options: { readonly address?: Address; readonly tls?: Partial<TlsOptions>; readonly token?: Uint8Array } = {}): Program {
    const address = options.address ?? CLIENT
    let listener = this.#clientListeners.get(address)
    if (listener === undefined) this.#clientListeners.set(address, (listener = this.#listen(() => undefined)))
    const { settings, clientTls } = this.#options
    const number = ++this.#connectionCount * ADDRESSES_MAX + address
    const program = this.#make(listener, address, {
      number, settings: { ...SETTINGS, initialRttUs: 100_000, ...settings },
      local: { address, port: 5_000 }, remote: { address: SERVER, port: 443 }, tls: { ...TLS, ...clientTls, ...options.tls },
      ...(options.token === undefined ? {} : { token: options.token }),
    }, this.nowUs)
    this.stir(program)
    return program
  }

  /** The client's datagrams to another address of its reach it, too. */
  alsoAt(address: Address, client: Program): void {
    this.#clientListeners.set(address, this.#clientListeners.get(client.address)!)
  }

  /** The server's end of a connection. */
  serverOf(client: Program): Program | undefined {
    return this.programs.find((program) => program !== client && program.connection.number === client.connection.number)
  }

  /** Both ends of a connection that is confirmed. */
  open(options: Parameters<World['connect']>[0] = {}): { readonly client: Program; readonly server: Program } {
    const client = this.connect(options)
    if (!this.until(() => client.has('confirmed'), 10 * SECOND_US)) throw new Error('the handshake did not end')
    return { client, server: this.serverOf(client)! }
  }

  stir(program: Program): void {
    const { connection } = program
    for (;;) {
      for (let event = connection.poll(); event !== undefined; event = connection.poll()) program.take(event)
      if (!connection.isDirty) return
      connection.flush(this.nowUs)
    }
  }

  deliver(datagram: Datagram): void {
    const listener = datagram.to === SERVER ? this.listener : this.#clientListeners.get(datagram.to)
    const program = listener?.receive(datagram, this.nowUs)
    if (program !== undefined) this.stir(program)
  }

  /** Handles the next event or timer up to an instant; false where there is none. */
  step(untilUs: number): boolean {
    let first: Event | undefined
    for (const event of this.#events) {
      if (first === undefined || event.atUs < first.atUs || (event.atUs === first.atUs && event.order < first.order)) first = event
    }
    let sleeper: Program | undefined
    let wakeUs = first?.atUs ?? Infinity
    for (const program of this.programs) {
      const atUs = program.connection.nextWakeUs()
      if (atUs >= wakeUs) continue
      wakeUs = atUs
      sleeper = program
    }
    if (wakeUs > untilUs) return false
    this.nowUs = Math.max(this.nowUs, wakeUs)
    if (sleeper !== undefined) {
      sleeper.connection.wake(this.nowUs)
      this.stir(sleeper)
      return true
    }
    this.#events.splice(this.#events.indexOf(first!), 1)
    this.deliver(first!.datagram)
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
}

/** Bytes that follow from a number. */
export function pattern(length: number, number = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (number * 31 + i * 7 + (i >>> 8)) & 0xff
  return bytes
}
