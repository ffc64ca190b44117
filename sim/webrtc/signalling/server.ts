/**
 * The signalling relay, as a server of WebSockets: takes messages of clients by name to each other, and keeps those for a client that
 * is away. It understands no more of them than that they are well-formed. Sans-I/O: after every call, `poll` until it has nothing more.
 */
import { Writer } from '../../bytes.ts'
import type { Address, Datagram, SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { isSameSocket } from '../identity.ts'
import { Queue } from '../../queue.ts'
import { CLIENTS_MAX, IDLE_US, SIGNALLING_PORT } from './limits.ts'
import { Mailbox } from './mailbox.ts'
import { type Envelope, envelopeValue, parseEnvelope, type SignallingMessage } from './messages.ts'
import { isFirst, isReset, readSegment, resetFor, SignallingStream } from './stream.ts'
import { encodeFrame, type Frame, FrameReader, Opcode, textFrame } from './websocket.ts'

/** A message could not be kept for its receiver; the number is that of HTTP (RFC 9110, section 15.6.4). */
export const UNAVAILABLE = 503

interface Received {
  readonly from: string
  readonly message: SignallingMessage
}
/** Who is known under a name. */
interface Client {
  /** Which of its lives it is in; undefined before it was ever here. */
  session: number | undefined
  readonly mailbox: Mailbox<Received>
  connection: Connection | undefined
}
interface Connection {
  readonly remote: SocketAddress
  readonly token: number
  readonly stream: SignallingStream
  readonly frames: FrameReader
  /** Of the client, once it has said it. */
  name: string | undefined
  heardUs: number
}

export class SignallingServer {
  readonly #node: Address
  readonly #local: SocketAddress
  readonly #writer = new Writer()
  readonly #out = new Queue<OutgoingDatagram>()
  readonly #clients = new Map<string, Client>()
  #connections: Connection[] = []
  #nowUs = 0

  /** `node` is where it runs; it listens at the node's first address. */
  constructor(node: Address) {
    this.#node = node
    this.#local = { address: node, port: SIGNALLING_PORT }
  }

  /** Names of clients that are connected. */
  get connected(): string[] {
    return this.#connections.flatMap(({ name }) => name ?? [])
  }

  /** Whether the datagram was for the relay. */
  receive(datagram: Datagram, nowUs: number): boolean {
    if (datagram.to !== this.#local.address || datagram.toPort !== this.#local.port) return false
    this.#nowUs = nowUs
    const remote = { address: datagram.from, port: datagram.fromPort }
    const segment = readSegment(datagram.bytes)
    if (segment === undefined) return true
    const known = this.#connections.find(({ token, remote: from }) => token === segment.token && isSameSocket(from, remote))
    if (known !== undefined) {
      known.heardUs = nowUs
      known.stream.receive(segment, datagram, nowUs)
      this.#afterwards(known)
    } else if (isFirst(segment) && this.#connections.length < CLIENTS_MAX) {
      this.#accept(remote, segment.token)
    } else if (!isReset(segment)) {
      this.#out.push(resetFor(segment, this.#local, remote, datagram))
    }
    return true
  }

  poll(): OutgoingDatagram | undefined {
    return this.#out.shift()
  }

  wake(nowUs: number): void {
    this.#nowUs = nowUs
    for (const connection of this.#connections) {
      connection.stream.wake(nowUs)
      if (nowUs - connection.heardUs >= IDLE_US) this.#drop(connection)
      else this.#afterwards(connection)
    }
  }

  nextWakeUs(): number {
    let nextUs = Infinity
    for (const { stream, heardUs } of this.#connections) nextUs = Math.min(nextUs, stream.nextWakeUs(), heardUs + IDLE_US)
    return nextUs
  }

  #accept(remote: SocketAddress, token: number): void {
    const frames = new FrameReader(true, (frame) => this.#frame(connection, frame))
    const stream = new SignallingStream({
      local: this.#local, remote, token, name: '', node: this.#node, isClient: false,
      transmit: (datagram) => this.#out.push(datagram), received: (bytes) => frames.push(bytes),
    }, this.#writer, this.#nowUs)
    const connection: Connection = { remote, token, stream, frames, name: undefined, heardUs: this.#nowUs }
    this.#connections.push(connection)
  }

  #afterwards(connection: Connection): void {
    if (connection.stream.state === 'reset' || connection.frames.isBroken) return this.#drop(connection)
    // A client takes in what it acknowledges.
    if (connection.name !== undefined && connection.stream.isIdle) this.#clients.get(connection.name)?.mailbox.confirmAll()
  }

  #drop(connection: Connection): void {
    this.#connections = this.#connections.filter((one) => one !== connection)
    const client = connection.name === undefined ? undefined : this.#clients.get(connection.name)
    if (client?.connection === connection) client.connection = undefined
    connection.name = undefined
  }

  #frame(connection: Connection, { opcode, payload }: Frame): void {
    if (opcode === Opcode.ping) {
      connection.stream.send(encodeFrame(Opcode.pong, payload, undefined), 'signalling pong', 0, this.#nowUs)
      return
    }
    const envelope = opcode === Opcode.text ? parseEnvelope(payload) : undefined
    if (envelope?.type === 'hello') this.#greet(connection, envelope)
    else if (envelope?.type === 'message' && connection.name !== undefined) this.#route(connection.name, envelope.peer, envelope.message)
  }

  #greet(connection: Connection, { name, session, received }: Extract<Envelope, { type: 'hello' }>): void {
    const client = this.#client(name)
    if (client === undefined || connection.name !== undefined) return
    if (client.connection !== undefined) this.#drop(client.connection)
    // What an earlier life has not had is this one's: an offer still waits for its answer.
    if (client.session === session) client.mailbox.confirm(received)
    else client.mailbox.beginAnew(received)
    client.session = session
    client.connection = connection
    connection.name = name
    this.#say(connection, { type: 'welcome', received: client.mailbox.received }, 'signalling welcome', 0)
    for (const kept of client.mailbox.kept) this.#tell(connection, kept)
  }

  #route(from: string, to: string, message: SignallingMessage): void {
    const sender = this.#clients.get(from)
    const receiver = this.#client(to)
    if (sender !== undefined) sender.mailbox.received++
    if (receiver !== undefined && receiver.mailbox.put({ from, message })) {
      if (receiver.connection !== undefined) this.#tell(receiver.connection, { from, message })
    } else if (sender?.connection !== undefined && message.type !== 'refusal') {
      const refusal: Received = { from: to, message: { type: 'refusal', connection: message.connection, code: UNAVAILABLE } }
      if (sender.mailbox.put(refusal)) this.#tell(sender.connection, refusal)
    }
  }

  /** Who has the name; undefined where there are too many. */
  #client(name: string): Client | undefined {
    const known = this.#clients.get(name)
    if (known !== undefined || this.#clients.size >= CLIENTS_MAX) return known
    const client: Client = { session: undefined, mailbox: new Mailbox(), connection: undefined }
    this.#clients.set(name, client)
    return client
  }

  #tell(connection: Connection, { from, message }: Received): void {
    this.#say(connection, { type: 'message', peer: from, message }, `signalling ${message.type}`, message.connection)
  }

  #say(to: Connection, envelope: Envelope, contents: string, connection: number): void {
    to.stream.send(textFrame(envelopeValue(envelope), undefined), contents, connection, this.#nowUs)
  }
}
