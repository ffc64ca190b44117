/**
 * A host of the lab that speaks QUIC: connections that it opens, connections that it accepts, and files over both. TCP beside them
 * where a case wants it.
 */
import { Writer } from '../../sim/bytes.ts'
import { hashText, mix32 } from '../../sim/choice.ts'
import { type Address, ADDRESSES_MAX, type Datagram, Ecn, type SocketAddress } from '../../sim/net/datagram.ts'
import type { Accepted, ConnectionConfig, TlsOptions } from '../../sim/quic/configuration.ts'
import { Connection } from '../../sim/quic/connection.ts'
import { CONNECTION_ID_BYTES } from '../../sim/quic/packet.ts'
import type { QuicEvent } from '../../sim/quic/events.ts'
import { Listener } from '../../sim/quic/listener.ts'
import type { Environment } from '../../sim/quic/parts.ts'
import type { QlogEvent, QlogFrame, QlogPacket, QlogPacketType } from '../../sim/quic/qlogevents.ts'
import { type QuicSettings, SETTINGS } from '../../sim/quic/settings.ts'
import type { OutgoingDatagram } from '../../sim/transport/session.ts'
import { BulkReceiver, BulkSender, type Segment } from './crosstraffic.ts'
import { ALPN, FileClient, FileServer, type StreamPort } from './files.ts'
import { CLIENT, type Host, type Lab, SERVER } from './lab.ts'

const QUIC_PORT = 443
/** RFC 9000, section 17.2. */
const LONG_HEADER = 0x80
const TCP_PORT = 5201
const CLIENT_PORT_FIRST = 50_000
/** A client that waits for a file and hears nothing asks for a sign of life (RFC 9000, section 10.1.2): it may be elsewhere itself. */
const SILENCE_US_MAX = 1_000_000
/** A lab's connections live until they are done, as long as that takes; and probes back off as RFC 9002 has it. */
const LAB_SETTINGS: QuicSettings = {
  ...SETTINGS, probeTimeoutUsMax: Infinity, idleTimeoutUs: 250_000_000, handshakeTimeoutUs: 250_000_000,
}

export interface QuicHostOptions {
  readonly settings?: Partial<QuicSettings>
  /** Of a server. */
  readonly tls?: Partial<TlsOptions>
  readonly retry?: boolean
}

type FrameOf<Type extends QlogFrame['frame_type']> = QlogFrame & { readonly frame_type: Type }
const VALIDATED: readonly string[] = ['peer_validated', 'handshake_complete', 'handshake_confirmed']

/** A connection and what was heard of it. */
export class QuicSession {
  readonly connection: Connection
  readonly heard: QuicEvent[] = []
  readonly logged: QlogEvent[] = []
  /** What came in DATAGRAM frames. */
  readonly datagrams: Uint8Array[] = []
  readonly server: FileServer
  files: FileClient | undefined
  #heardUs = 0

  constructor(make: (session: QuicSession) => Connection) {
    this.connection = make(this)
    this.server = new FileServer(this.#port)
  }

  get #port(): StreamPort {
    return {
      openStream: () => this.connection.openStream('bidi'),
      write: (stream, bytes, fin) => {
        this.connection.write(stream, bytes, fin)
      },
    }
  }

  fetch(sizes: readonly number[]): FileClient {
    this.files = new FileClient(this.#port, sizes)
    this.files.ask()
    return this.files
  }

  /** The first event of that kind. */
  event<K extends QuicEvent['kind']>(kind: K): Extract<QuicEvent, { kind: K }> | undefined {
    return this.heard.find((event): event is Extract<QuicEvent, { kind: K }> => event.kind === kind)
  }

  /** Frames of that type that this end sent, in packets of that type or of any. */
  sent<Type extends QlogFrame['frame_type']>(type: Type, packetType?: QlogPacketType): FrameOf<Type>[] {
    return this.#sent(packetType).flatMap(({ frames }) => frames.filter((frame): frame is FrameOf<Type> => frame.frame_type === type))
  }
  /** Bytes of the packets of that type that this end sent. */
  bytesSent(packetType: QlogPacketType): number {
    return this.#sent(packetType).reduce((sum, { raw }) => sum + raw.length, 0)
  }
  #sent(packetType: QlogPacketType | undefined): QlogPacket[] {
    return this.logged.flatMap(({ name, data }) =>
      (name === 'packet_sent' && (packetType === undefined || data.header.packet_type === packetType) ? [data] : []))
  }
  /** The client's address is proven. */
  get isValidated(): boolean {
    return this.logged.some(({ name, data }) => name === 'connection_state_updated' && VALIDATED.includes(data.new))
  }

  receive(datagram: Datagram, nowUs: number): void {
    this.#heardUs = nowUs
    this.connection.receive(datagram, nowUs)
  }

  wake(nowUs: number): void {
    if (nowUs >= this.#askUs) {
      this.#heardUs = nowUs
      this.connection.ping()
    }
    if (this.connection.nextWakeUs() <= nowUs) this.connection.wake(nowUs)
  }
  nextWakeUs(): number {
    return this.connection.isDirty ? 0 : Math.min(this.connection.nextWakeUs(), this.#askUs)
  }
  /** When a client has waited for long enough. */
  get #askUs(): number {
    return this.files?.isDone === false && this.connection.state === 'open' ? this.#heardUs + SILENCE_US_MAX : Infinity
  }

  isReset(datagram: Uint8Array): boolean {
    return this.connection.isReset(datagram)
  }

  take(event: QuicEvent): void {
    if (event.kind === 'data') {
      if (this.connection.isClient) this.files?.data(event.id, event.bytes, event.fin)
      else this.server.data(event.id, event.bytes, event.fin)
    } else if (event.kind === 'datagram') {
      this.datagrams.push(event.bytes.slice())
    } else {
      this.heard.push(event)
      if (event.kind === 'handshakeComplete' || event.kind === 'streamsAvailable') this.files?.ask()
    }
  }
}

export class QuicHost implements Host {
  readonly sessions: QuicSession[] = []
  /** Where new connections leave from. */
  address: Address
  readonly #lab: Lab
  readonly #node: number
  readonly #options: QuicHostOptions
  /** Of a server: what it says in the handshakes that begin from now on. */
  tls: Partial<TlsOptions>
  readonly #writer = new Writer()
  readonly #listener: Listener<QuicSession>
  #opened = 0
  #datagrams = 0
  #receivedBytes = 0
  #sentBytes = 0
  /** How many times as many bytes as it had received the host sent at most, before its first client's address was proven. */
  amplification = 0
  /** The peer's connection ids that packets with a short header were sent to. */
  readonly destinations = new Set<string>()
  #tcpSender: BulkSender | undefined
  readonly #tcpReceiver = new BulkReceiver()

  constructor(lab: Lab, node: number, options: QuicHostOptions = {}) {
    this.#lab = lab
    this.#node = node
    this.address = node
    this.#options = options
    this.tls = options.tls ?? {}
    const key = Uint8Array.from({ length: 16 }, (_, i) => mix32(hashText('interop host', node), i) & 0xff)
    this.#listener = new Listener<QuicSession>({
      protection: this.#settings.protection, key, writer: this.#writer, send: (datagram) => this.#send(datagram), discarded: () => {},
      isRetryWanted: () => options.retry === true,
      accept: (number, accepted, datagram) => this.#accept(number, accepted, datagram),
    })
    lab.add(this)
  }

  get #settings(): QuicSettings {
    return { ...LAB_SETTINGS, ...this.#options.settings }
  }
  get #tcpEnd(): BulkSender | BulkReceiver {
    return this.#tcpSender ?? this.#tcpReceiver
  }
  get tcp(): BulkReceiver {
    return this.#tcpReceiver
  }

  connect(options: { readonly tls?: Partial<TlsOptions>; readonly token?: Uint8Array } = {}): QuicSession {
    const ordinal = ++this.#opened
    const session = this.#add({
      number: ordinal * ADDRESSES_MAX + this.#node, local: { address: this.address, port: CLIENT_PORT_FIRST + ordinal },
      remote: { address: SERVER, port: QUIC_PORT }, settings: this.#settings,
      tls: { alpn: ALPN, serverName: 'server', ...options.tls }, ...(options.token !== undefined && { token: options.token }),
    })
    this.#lab.kernel.touch(this.#node)
    return session
  }

  /** Loses all connections at once, as a process that is killed; the keys that it starts with are still those. */
  forget(): void {
    this.#listener.clear()
    this.sessions.length = 0
  }

  #accept(number: number, accepted: Accepted, datagram: Datagram): QuicSession {
    return this.#add({
      number, accepted, local: { address: datagram.to, port: datagram.toPort }, remote: { address: datagram.from, port: datagram.fromPort },
      settings: this.#settings, tls: { alpn: ALPN, serverName: 'server', ticketKey: TICKET_KEY, acceptZeroRtt: true, ...this.tls },
    })
  }

  #add(config: ConnectionConfig): QuicSession {
    let tokens = 0
    const environment = (session: QuicSession): Environment => ({
      writer: this.#writer,
      send: (datagram) => this.#send(datagram),
      idAdded: (id) => this.#listener.add(id, session),
      idRemoved: (id) => this.#listener.remove(id),
      resetToken: (id) => this.#listener.resetToken(id),
      newToken: ({ address }, nowUs) => this.#listener.newToken(address, config.number + tokens++, nowUs),
      discarded: () => {}, declaredLost: () => {}, probed: () => {},
      onEvent: (event) => session.logged.push(event),
    })
    const session = new QuicSession((made) => new Connection(config, environment(made), this.#lab.nowUs))
    this.sessions.push(session)
    return session
  }

  #send({ local, remote, ...rest }: OutgoingDatagram): number {
    const id = this.#datagrams++ * ADDRESSES_MAX + this.#node
    const { bytes } = rest
    if ((bytes[0] & LONG_HEADER) === 0) this.destinations.add(bytes.subarray(1, 1 + CONNECTION_ID_BYTES).join())
    this.#sentBytes += bytes.length
    const [first] = this.sessions
    if (first !== undefined && !first.isValidated) this.amplification = Math.max(this.amplification, this.#sentBytes / this.#receivedBytes)
    this.#lab.send(
      { id, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port, ...rest }, this.#lab.nowUs,
    )
    return id
  }

  /** Keeps the path busy with a transfer to the peer until the lab is over. */
  sendTcp(): void {
    this.#tcpSender = new BulkSender()
    this.#tcpSender.start(this.#lab.nowUs)
    this.#settle(this.#lab.nowUs)
    this.#lab.kernel.touch(this.#node)
  }

  deliver(datagram: Datagram, nowUs: number): void {
    const arrived = this.#lab.arrived(datagram)
    if (arrived === undefined) return
    this.#receivedBytes += arrived.bytes.length
    if (arrived.toPort === TCP_PORT) this.#deliverTcp(arrived, nowUs)
    else this.#listener.receive(arrived, nowUs)
    this.#settle(nowUs)
  }

  #deliverTcp({ bytes, keyLo }: Datagram, nowUs: number): void {
    if (this.#tcpSender !== undefined) this.#tcpSender.receive(bytes, nowUs)
    else this.#tcpReceiver.receive(bytes, keyLo, nowUs)
  }

  wake(nowUs: number): void {
    this.#tcpEnd.wake(nowUs)
    for (const session of this.sessions) session.wake(nowUs)
    this.#settle(nowUs)
  }

  nextWakeUs(): number {
    let atUs = this.#tcpEnd.nextWakeUs()
    for (const session of this.sessions) atUs = Math.min(atUs, session.nextWakeUs())
    return atUs
  }

  #settle(nowUs: number): void {
    for (const session of this.sessions) {
      const { connection } = session
      do {
        for (let event = connection.poll(); event !== undefined; event = connection.poll()) session.take(event)
        if (connection.isDirty) connection.flush(nowUs)
      } while (connection.isDirty)
    }
    const end = this.#tcpEnd
    for (let segment = end.poll(); segment !== undefined; segment = end.poll()) this.#sendTcp(segment)
  }

  #sendTcp({ bytes, sequence, attempt }: Segment): void {
    const socket = (address: Address): SocketAddress => ({ address, port: TCP_PORT })
    this.#send({
      local: socket(this.#node), remote: socket(this.#node === CLIENT ? SERVER : CLIENT), ecn: Ecn.notCapable, bytes,
      keyHi: hashText('tcp', this.#node), keyLo: mix32(sequence, attempt),
      label: { protocol: 'tcp', contents: 'segment', connection: 0, channel: 0, start: sequence, end: sequence + bytes.length, attempt },
    })
  }
}

const TICKET_KEY = Uint8Array.from({ length: 16 }, (_, i) => i)
