/**
 * A client of the signalling relay, as a page with a WebSocket: connects, says who it is, and connects anew when the connection was
 * reset. Messages arrive once and in order for all that. Sans-I/O: after every call, `poll` until it has nothing more.
 */
import { hashText, mix32 } from '../../choice.ts'
import { Writer } from '../../bytes.ts'
import type { Address, Datagram, SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { Queue } from '../../queue.ts'
import { PING_US, RECONNECT_US } from './limits.ts'
import { Mailbox } from './mailbox.ts'
import { type Envelope, envelopeValue, parseEnvelope, type SignallingMessage } from './messages.ts'
import { readSegment, SignallingStream } from './stream.ts'
import { encodeFrame, type Frame, FrameReader, maskOf, Opcode, textFrame } from './websocket.ts'

export interface SignallingClientConfig {
  /** Under which others reach it: 1 to 64 characters. */
  readonly name: string
  readonly node: Address
  readonly local: SocketAddress
  readonly relay: SocketAddress
  /** An unsigned 32-bit integer that tokens and masks follow from; another one in every life of the node. */
  readonly secret: number
}

export type SignallingEvent =
  | { readonly kind: 'transmit'; readonly datagram: OutgoingDatagram }
  | { readonly kind: 'connected' | 'disconnected' }
  | { readonly kind: 'message'; readonly from: string; readonly message: SignallingMessage }

interface Addressed {
  readonly to: string
  readonly message: SignallingMessage
}

export class SignallingClient {
  readonly #config: SignallingClientConfig
  #local: SocketAddress
  readonly #writer = new Writer()
  readonly #out = new Queue<SignallingEvent>()
  readonly #mailbox = new Mailbox<Addressed>()
  #stream: SignallingStream | undefined
  #frames: FrameReader
  #token = 0
  #attempts = 0
  #masks = 0
  #isWelcome = false
  /** Welcome on this connection, and nothing told on it yet. */
  #isUntold = false
  #wantsPong = false
  /** When it connects (again), or asks whether the relay is there. */
  #connectUs = Infinity
  #pingUs = Infinity

  constructor(config: SignallingClientConfig) {
    this.#config = config
    this.#local = config.local
    this.#frames = new FrameReader(false, (frame) => this.#frame(frame))
  }

  get isConnected(): boolean {
    return this.#isWelcome
  }

  connect(nowUs: number): void {
    if (this.#stream !== undefined) return
    const { name, node, relay, secret } = this.#config
    this.#connectUs = Infinity
    this.#token = mix32(mix32(secret, hashText(name, 0)), this.#attempts++)
    this.#frames = new FrameReader(false, (frame) => this.#frame(frame))
    this.#stream = new SignallingStream({
      local: this.#local, remote: relay, token: this.#token, name, node, isClient: true,
      transmit: (datagram) => this.#out.push({ kind: 'transmit', datagram }), received: (bytes) => this.#frames.push(bytes),
    }, this.#writer, nowUs)
    this.#say({ type: 'hello', name, session: secret, received: this.#mailbox.received }, 'signalling hello', 0, nowUs)
    this.#pingUs = nowUs + PING_US
  }

  /** Goes on from another socket, at once: the connection that there was went with the old one. */
  move(local: SocketAddress, nowUs: number): void {
    this.#local = local
    this.#disconnected()
    this.connect(nowUs)
  }

  /** Sends a message to another client, now or once there is a connection. False where too many wait already. */
  send(to: string, message: SignallingMessage, nowUs: number): boolean {
    if (!this.#mailbox.put({ to, message })) return false
    if (this.#isWelcome) this.#tell({ to, message }, nowUs)
    return true
  }

  /** Whether the datagram was of the relay and for this client. */
  receive(datagram: Datagram, nowUs: number): boolean {
    const { relay } = this.#config
    const local = this.#local
    if (datagram.from !== relay.address || datagram.fromPort !== relay.port) return false
    if (datagram.to !== local.address || datagram.toPort !== local.port) return false
    const segment = readSegment(datagram.bytes)
    if (segment === undefined || segment.token !== this.#token) return true
    this.#stream?.receive(segment, datagram, nowUs)
    this.#pingUs = nowUs + PING_US
    this.#afterwards(nowUs)
    return true
  }

  poll(): SignallingEvent | undefined {
    return this.#out.shift()
  }

  wake(nowUs: number): void {
    this.#stream?.wake(nowUs)
    if (this.#connectUs <= nowUs) this.connect(nowUs)
    if (this.#pingUs <= nowUs) this.#ping(nowUs)
    this.#afterwards(nowUs)
  }

  nextWakeUs(): number {
    return Math.min(this.#connectUs, this.#pingUs, this.#stream?.nextWakeUs() ?? Infinity)
  }

  #ping(nowUs: number): void {
    this.#pingUs = nowUs + PING_US
    if (this.#stream?.isIdle === true) this.#stream.send(this.#framed(Opcode.ping), 'signalling ping', 0, nowUs)
  }

  /** What the bytes that came in ask for, and what a reset does. */
  #afterwards(nowUs: number): void {
    if (this.#wantsPong) {
      this.#wantsPong = false
      this.#stream?.send(this.#framed(Opcode.pong), 'signalling pong', 0, nowUs)
    }
    if (this.#isWelcome && this.#isUntold) {
      this.#isUntold = false
      for (const kept of this.#mailbox.kept) this.#tell(kept, nowUs)
    }
    // The relay takes in what it acknowledges.
    if (this.#isWelcome && this.#stream?.isIdle === true) this.#mailbox.confirmAll()
    if (this.#stream?.state !== 'reset' && !this.#frames.isBroken) return
    this.#disconnected()
    this.#connectUs = nowUs + RECONNECT_US
  }

  #disconnected(): void {
    this.#stream = undefined
    this.#pingUs = Infinity
    if (this.#isWelcome) this.#out.push({ kind: 'disconnected' })
    this.#isWelcome = false
  }

  #frame({ opcode, payload }: Frame): void {
    if (opcode === Opcode.ping) this.#wantsPong = true
    const envelope = opcode === Opcode.text ? parseEnvelope(payload) : undefined
    if (envelope?.type === 'welcome') {
      this.#mailbox.confirm(envelope.received)
      if (this.#isWelcome) return
      this.#isWelcome = true
      this.#isUntold = true
      this.#out.push({ kind: 'connected' })
    } else if (envelope?.type === 'message') {
      this.#mailbox.received++
      this.#out.push({ kind: 'message', from: envelope.peer, message: envelope.message })
    }
  }

  #tell({ to, message }: Addressed, nowUs: number): void {
    this.#say({ type: 'message', peer: to, message }, `signalling ${message.type}`, message.connection, nowUs)
  }

  #say(envelope: Envelope, contents: string, connection: number, nowUs: number): void {
    this.#stream?.send(textFrame(envelopeValue(envelope), this.#mask()), contents, connection, nowUs)
  }

  #framed(opcode: number): Uint8Array {
    return encodeFrame(opcode, new Uint8Array(0), this.#mask())
  }
  #mask(): number {
    return maskOf(this.#config.secret, this.#masks++)
  }
}
