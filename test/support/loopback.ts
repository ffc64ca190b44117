/**
 * The smallest driver of Theta's peers: a host and clients joined by an in-memory transport, ticked at 90 frames a second.
 * Messages travel through {@link Loopback.carry}, which a test replaces to drop, delay, double, reorder or change them.
 *
 *     const loopback = new Loopback()
 *     const ana = loopback.join('ana')
 *     loopback.run(30)
 *     ana.intend({ kind: 'toolActivate', tool: 2 })
 */
import RAPIER, { init } from '@dimforge/rapier3d-compat'
import { type Hash64, hash64Hex } from '../../system/ids.ts'
import { FRAMES_PER_SECOND, PHYSICS_HZ } from '../../system/limits.ts'
import { Physics } from '../../system/physics/physics.ts'
import { type Compressor, NO_METER, NO_PROBE, type Probe, type Signer, type Verifier } from '../../system/ports.ts'
import { CHANNELS, type ChannelLabel, categoryOf } from '../../system/protocol/channels.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { openEnvelope, sealEnvelope } from '../../system/protocol/envelope.ts'
import { type Message, type MessageName, MessageType } from '../../system/protocol/messages.ts'
import { sipHash24 } from '../../system/protocol/siphash.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { Client } from '../../system/session/client.ts'
import type { ClientConfig } from '../../system/session/clientconfig.ts'
import { DISCONNECT_CODES } from '../../system/session/codes.ts'
import { Host } from '../../system/session/host.ts'
import type { HostConfig } from '../../system/session/hostconfig.ts'
import type { Intent, Peer, PeerInput, PeerOutput, PeerPorts } from '../../system/session/peer.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { PacketMirror } from '../../system/telemetry/mirror.ts'

export const LATENCY_US = 2_000
export const SESSION_ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
export const EPOCH = 7
const MESSAGE_BYTES_MAX = 64 * 1024
const HOST_NAME = 'host'
const STATES_KEPT = 32
const TIMEOUT = DISCONNECT_CODES.indexOf('timeout')

export const frameStartUs = (frame: number): number => Math.floor((frame * 1e6) / FRAMES_PER_SECOND)
/** Rapier's start-up; call it in `beforeAll`. */
export const prepare = (): Promise<void> => init()
export const publicKeyOf = (name: string): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => name.charCodeAt(i % name.length) ^ i)

/** Stands in for Ed25519 where speed matters: a signature depends on every bit of key and message, but anybody could forge it. */
export const tagSigner = (publicKey: Uint8Array): Signer => ({ publicKey, sign: (message) => tagOf(message, publicKey) })
export const tagVerifier: Verifier = {
  verify: (signature, message, publicKey) => Buffer.compare(signature, tagOf(message, publicKey)) === 0,
}
function tagOf(message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const tag = new Uint8Array(64)
  const view = new DataView(tag.buffer)
  const { hi, lo } = sipHash24(Buffer.concat([publicKey, message]))
  for (let at = 0; at < 64; at += 8) {
    view.setUint32(at, lo)
    view.setUint32(at + 4, hi)
  }
  return tag
}

const CODEC = new Codec()
/** A message as it travels. */
export const sealed = (message: Message, schemaHash: Hash64 = SCHEMA_HASH): Uint8Array =>
  sealEnvelope(MessageType[message.kind], categoryOf(message.kind), 0, CODEC.encode(message), schemaHash)

/** A message on its way. */
export class Carried {
  readonly from: string
  /** The sender's connection. */
  readonly on: number
  /** Undefined where the test itself is at the other end. */
  readonly to: string | undefined
  readonly channel: ChannelLabel
  readonly bytes: Uint8Array
  readonly atUs: number
  #message: Message | undefined

  constructor(from: string, on: number, to: string | undefined, channel: ChannelLabel, bytes: Uint8Array, atUs: number) {
    this.from = from
    this.on = on
    this.to = to
    this.channel = channel
    this.bytes = bytes
    this.atUs = atUs
  }

  /** Read when it is asked for: most are not. */
  get message(): Message {
    if (this.#message !== undefined) return this.#message
    const opened = openEnvelope(this.bytes, SCHEMA_HASH)
    const decoded = opened.kind === 'opened' ? CODEC.decodeBody(opened) : undefined
    if (decoded?.kind !== 'message') throw new Error('a peer sends what can be read')
    return (this.#message = decoded.message)
  }
  /** The message where it is of this kind. */
  as<K extends MessageName>(kind: K): Extract<Message, { kind: K }> | undefined {
    return this.bytes[1] === MessageType[kind] ? (this.message as Extract<Message, { kind: K }>) : undefined
  }
}
/** When the copies of a message arrive, in microseconds from now, and with which bytes where they are not those sent. */
export type Carriage = readonly { readonly delayUs: number; readonly bytes?: Uint8Array }[]
export const ONCE: Carriage = [{ delayUs: LATENCY_US }]
export const NEVER: Carriage = []

export interface TimedEvent {
  readonly atUs: number
  readonly event: SystemEvent
}
type EventOf<E extends SystemEvent['event']> = Extract<SystemEvent, { event: E }>

/** One side of a connection. */
interface End {
  readonly actor: Actor
  readonly on: number
  readonly ticket: number
  other: End | undefined
}
interface Arrival {
  readonly atUs: number
  readonly to: End
  readonly input: PeerInput
}

/** A peer and everything that it said. */
export class Actor<P extends Peer = Peer> {
  readonly name: string
  readonly peer: P
  readonly events: TimedEvent[] = []
  /** The digest of its world at each frame that it closed or confirmed. */
  readonly digests = new Map<number, string>()
  /** And its bytes, of the last of them. */
  readonly states = new Map<number, Uint8Array>()
  readonly #loopback: Loopback

  constructor(name: string, loopback: Loopback, make: (ports: Omit<PeerPorts, 'signer' | 'verifier'>) => P) {
    this.name = name
    this.#loopback = loopback
    let drawn = 0
    const mirror = loopback.mirrorOf(name)
    this.peer = make({
      meter: NO_METER,
      probe: loopback.probeOf(name),
      ...(mirror && { mirror }),
      compressor: loopback.compressorOf(name),
      explain: false,
      entropy: (bytes) => Uint8Array.from({ length: bytes }, (_, i) => (name.charCodeAt(0) + i * 7 + drawn++) & 0xff),
      observe: (frame, world) => {
        this.digests.set(frame, hash64Hex(world.digest()))
        this.states.set(frame, world.canonicalBytes())
        this.states.delete(frame - STATES_KEPT)
      },
    })
  }

  give(input: PeerInput): void {
    this.peer.handle(input, this.#loopback.nowUs)
    this.drain()
  }
  intend(intent: Intent): void {
    this.give({ kind: 'intent', intent })
  }
  drain(): void {
    for (let output = this.peer.drain(); output !== undefined; output = this.peer.drain()) this.#loopback.take(this, output)
  }

  heard<E extends SystemEvent['event']>(event: E): EventOf<E>[] {
    return this.events.flatMap((timed) => (timed.event.event === event ? [timed.event as EventOf<E>] : []))
  }
  last<E extends SystemEvent['event']>(event: E): EventOf<E> | undefined {
    return this.heard(event).at(-1)
  }
}

export interface Stranger {
  /** The host's end of the connection. */
  readonly on: number
  readonly binding: Uint8Array
  /** Says something, sealed or as bytes, and hears what the host answers on this connection at once. */
  say(message: Message | Uint8Array): Message[]
}

export interface LoopbackOptions {
  readonly host?: Partial<HostConfig>
  readonly signerOf?: (name: string) => Signer
  readonly verifier?: Verifier
  readonly probeOf?: (name: string) => Probe
  readonly mirrorOf?: (name: string) => PacketMirror | undefined
  /** Nobody has one by default. */
  readonly compressorOf?: (name: string) => Compressor | undefined
}

export class Loopback {
  nowUs = 0
  frame = -1
  host: Actor<Host>
  readonly clients: Actor<Client>[] = []
  /** Everything that was sent, in order. */
  readonly sent: Carried[] = []
  carry: (carried: Carried) => Carriage = () => ONCE
  readonly #physics = new Physics(RAPIER, { hz: PHYSICS_HZ })
  readonly signerOf: (name: string) => Signer
  readonly probeOf: (name: string) => Probe
  readonly mirrorOf: (name: string) => PacketMirror | undefined
  readonly compressorOf: (name: string) => Compressor | undefined
  readonly #verifier: Verifier
  readonly #ends = new Map<number, End>()
  /** In the order of their arrival, those of one instant in the order in which they were sent. */
  readonly #arrivals: Arrival[] = []
  /** The first so many of them are there. */
  #delivered = 0
  #nextOn = 1

  constructor(options: LoopbackOptions = {}) {
    const { host = {}, signerOf = (name) => tagSigner(publicKeyOf(name)), verifier = tagVerifier, probeOf = () => NO_PROBE } = options
    const { mirrorOf = () => undefined } = options
    this.probeOf = probeOf
    this.mirrorOf = mirrorOf
    this.compressorOf = options.compressorOf ?? (() => undefined)
    this.signerOf = signerOf
    this.#verifier = verifier
    const config: HostConfig = { sessionId: SESSION_ID, epoch: EPOCH, displayName: HOST_NAME, authorise: (_, role) => role, ...host }
    this.host = new Actor(HOST_NAME, this, (ports) => new Host(config, { ...ports, signer: signerOf(HOST_NAME), verifier }, this.#physics))
    this.host.drain()
  }

  /** A client that connects with its first frame. Its key is that of `name`, or of `key`. */
  join(name: string, { key = name, ...config }: Partial<ClientConfig> & { readonly key?: string } = {}): Actor<Client> {
    const whole: ClientConfig = {
      displayName: name, endpoint: HOST_NAME, transports: ['quic'], requestedRole: 'editor', requestedCapabilities: 0x1f,
      authToken: new Uint8Array(0), ...config,
    }
    const client = new Actor(name, this, (ports) => new Client(whole, { ...ports, signer: this.signerOf(key), verifier: this.#verifier }))
    this.clients.push(client)
    return client
  }
  /** Clients that have joined and are live. */
  joined(...names: string[]): Actor<Client>[] {
    const clients = names.map((name) => this.join(name))
    this.run(20)
    return clients
  }

  /** Frames, in order, for everyone; what arrives before a frame begins is delivered before it. */
  run(frames: number): void {
    const last = this.frame + frames
    while (this.frame < last) {
      const frame = this.frame + 1
      this.#deliver(frameStartUs(frame))
      this.frame = frame
      for (const actor of [this.host, ...this.clients]) actor.give({ kind: 'frame', frame })
    }
  }
  until(holds: () => boolean, framesMax = 900): void {
    for (let frames = 0; !holds(); frames++) {
      if (frames === framesMax) throw new Error(`not within ${framesMax} frames`)
      this.run(1)
    }
  }
  /** Until nothing is on its way to being closed anywhere, and all have confirmed it. */
  settle(): void {
    this.until(() => this.clients.every(({ peer }) => peer.state === 'closed' || peer.idle) && this.host.peer.log.depth === 0)
    const { frame } = this
    this.until(() => this.clients.every(({ peer }) => peer.state === 'closed' || peer.confirmedFrame >= frame))
  }

  /** Gives the WebAssembly memory back: for tests that make many. */
  free(): void {
    this.#physics.free()
  }

  /** Both ends of this client's connection hear that it is gone. */
  sever(client: Actor, by: 'timeout' | 'remote' = 'timeout'): void {
    for (const end of this.#endsOf(client)) {
      this.#ends.delete(end.on)
      if (end.other !== undefined) this.#ends.delete(end.other.on)
      for (const side of [end, end.other]) side?.actor.give({ kind: 'closed', on: side.on, ticket: side.ticket, by, code: TIMEOUT })
    }
  }
  /** Only the client notices; the host still waits. */
  abandon(client: Actor): void {
    for (const end of this.#endsOf(client)) {
      this.#ends.delete(end.on)
      if (end.other !== undefined) end.other.other = undefined
      client.give({ kind: 'closed', on: end.on, ticket: end.ticket, by: 'timeout', code: TIMEOUT })
    }
  }
  /** Another host, which nobody has joined, answers at the same place from now on. */
  replaceHost({ host }: Loopback): void {
    this.host = new Actor(HOST_NAME, this, () => host.peer)
    while (host.peer.frame < this.frame) {
      host.peer.handle({ kind: 'frame', frame: host.peer.frame + 1 }, this.nowUs)
      this.host.drain()
    }
  }
  connectionsOf(actor: Actor): number {
    return this.#endsOf(actor).length
  }

  /** Delivers a message, sealed or as bytes, as though `from` had sent it, at once. */
  inject(from: Actor, to: Actor, message: Message | Uint8Array): void {
    const bytes = message instanceof Uint8Array ? message : sealed(message)
    for (const end of this.#endsOf(from)) {
      if (end.other?.actor !== to) continue
      to.give({ kind: 'message', on: end.other.on, channel: 0, bytes })
    }
  }
  /** The same, in the debug form. */
  injectCbor(from: Actor, to: Actor, message: Message): void {
    const type = MessageType[message.kind]
    const bytes = sealEnvelope(type, categoryOf(message.kind), 0, CODEC.encodeCbor(message), SCHEMA_HASH, 'none', 'cbor')
    for (const end of this.#endsOf(from)) {
      if (end.other?.actor === to) to.give({ kind: 'message', on: end.other.on, channel: 0, bytes })
    }
  }
  /** Messages of a kind that were sent, in order. */
  all<K extends MessageName>(kind: K): { readonly carried: Carried; readonly message: Extract<Message, { kind: K }> }[] {
    return this.sent.flatMap((carried) => {
      const message = carried.as(kind)
      return message === undefined ? [] : [{ carried, message }]
    })
  }

  /** A connection to the host with the test itself at the other end. */
  stranger(): Stranger {
    const on = this.#nextOn++
    const binding = Uint8Array.from({ length: 32 }, (_, i) => on + i)
    this.host.give({ kind: 'opened', on, ticket: 0, incoming: true, binding, messageBytesMax: MESSAGE_BYTES_MAX })
    return {
      on, binding,
      say: (message) => {
        const before = this.sent.length
        this.host.give({ kind: 'message', on, channel: 0, bytes: message instanceof Uint8Array ? message : sealed(message) })
        return this.sent.slice(before).filter((carried) => carried.on === on).map((carried) => carried.message)
      },
    }
  }

  take(actor: Actor, output: PeerOutput): void {
    switch (output.kind) {
      case 'event':
        actor.events.push({ atUs: this.nowUs, event: output.event })
        return
      case 'open': return this.#open(actor, output.ticket)
      case 'close': return this.#close(output.on, output.code)
      case 'message': return this.#send(actor, output.on, output.channel, output.bytes)
      case 'wake':
    }
  }

  #open(actor: Actor, ticket: number): void {
    const far: End = { actor: this.host, on: this.#nextOn++, ticket: 0, other: undefined }
    const near: End = { actor, on: this.#nextOn++, ticket, other: far }
    far.other = near
    const binding = Uint8Array.from({ length: 32 }, (_, i) => near.on + i)
    for (const end of [far, near]) {
      this.#ends.set(end.on, end)
      const { on, ticket: own } = end
      this.#post(end, { kind: 'opened', on, ticket: own, incoming: end === far, binding, messageBytesMax: MESSAGE_BYTES_MAX }, LATENCY_US)
    }
  }
  #close(on: number, code: number): void {
    const end = this.#ends.get(on)
    if (end === undefined) return
    this.#post(end, { kind: 'closed', on, ticket: end.ticket, by: 'local', code }, 0)
    const { other } = end
    if (other !== undefined) this.#post(other, { kind: 'closed', on: other.on, ticket: other.ticket, by: 'remote', code }, LATENCY_US)
  }
  #send({ name: from }: Actor, on: number, channel: number, bytes: Uint8Array): void {
    const other = this.#ends.get(on)?.other
    const carried = new Carried(from, on, other?.actor.name, CHANNELS[channel], bytes, this.nowUs)
    this.sent.push(carried)
    if (other === undefined) return
    for (const copy of this.carry(carried)) {
      this.#post(other, { kind: 'message', on: other.on, channel, bytes: copy.bytes ?? bytes }, copy.delayUs)
    }
  }

  #post(to: End, input: PeerInput, delayUs: number): void {
    const atUs = this.nowUs + delayUs
    let at = this.#arrivals.length
    while (at > this.#delivered && this.#arrivals[at - 1].atUs > atUs) at--
    this.#arrivals.splice(at, 0, { atUs, to, input })
  }
  #deliver(untilUs: number): void {
    while (this.#delivered < this.#arrivals.length && this.#arrivals[this.#delivered].atUs <= untilUs) {
      const { atUs, to, input } = this.#arrivals[this.#delivered++]
      this.nowUs = Math.max(this.nowUs, atUs)
      if (this.#ends.get(to.on) !== to) continue
      if (input.kind === 'closed') this.#ends.delete(to.on)
      to.actor.give(input)
    }
    this.#arrivals.splice(0, this.#delivered)
    this.#delivered = 0
    this.nowUs = untilUs
  }
  #endsOf(actor: Actor): End[] {
    return [...this.#ends.values()].filter((end) => end.actor === actor)
  }
}

/** Equal digests at every frame that a client confirmed, equal bytes at the last; or which is not. */
export function disagreement({ host, clients }: Loopback): string | undefined {
  for (const { name, digests, states, peer } of clients) {
    for (const [frame, digest] of digests) {
      if (host.digests.get(frame) !== digest) return `${name} differs at frame ${frame}`
    }
    const last = peer.confirmedFrame
    const [mine, hosts] = [states.get(last), host.states.get(last)]
    if (peer.state !== 'live') continue
    if (mine === undefined || hosts === undefined || Buffer.compare(mine, hosts) !== 0) return `${name} differs at the end`
  }
  return undefined
}
