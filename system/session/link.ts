/**
 * One connection as a peer sees it: messages in and out, sealed and opened, each on the channel and in the sequence of its
 * category, and each told to the driver. Nothing above it touches bytes of the wire; nothing below it knows a message.
 */
import { assert } from '../assert.ts'
import { type AuthorId, HOST_AUTHOR } from '../ids.ts'
import type { TransportOutput } from '../ports.ts'
import { categoryOf, CATEGORIES, channelOf, CHANNELS } from '../protocol/channels.ts'
import type { Codec } from '../protocol/codec.ts'
import { type Agreement, NO_COMPRESSION, type PackedBody, type Packer, type Unpacked } from '../protocol/compression.ts'
import { BODY_BYTES_MAX, type BodyForm, ENVELOPE_BYTES, type OpenedEnvelope, openEnvelope, sealEnvelope } from '../protocol/envelope.ts'
import { SequenceGaps } from '../protocol/gaps.ts'
import { type Message, type MessageName, MessageType, type SessionAcknowledge } from '../protocol/messages.ts'
import { SCHEMA_HASH } from '../protocol/version.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { MirroredPacket } from '../telemetry/mirror.ts'
import type { PeerPorts } from './peer.ts'

/** Stands in for an author that the handshake has not named yet. */
const UNKNOWN_PEER: AuthorId = 1023

export interface LinkPorts {
  readonly codec: Codec
  /** Of the peer: what goes to many is packed once. */
  readonly packer: Packer
  /** Whoever looks at packets as they travel copies what it keeps. */
  readonly peer: Pick<PeerPorts, 'meter' | 'probe' | 'mirror'>
  nowUs(): number
  emit(output: TransportOutput): void
  report(event: SystemEvent): void
}

export type Received =
  | { readonly kind: 'message'; readonly message: Message; readonly schemaMatches: boolean }
  /** Counted and told already; the caller decides whether it is worth a disconnect. */
  | { readonly kind: 'refused'; readonly why: string }

export class Link {
  readonly on: number
  /** The transport's channel binding: what a hello must be signed over. */
  readonly binding: Uint8Array
  peer: AuthorId = UNKNOWN_PEER
  /** The form of what goes out, once the handshake has settled it; a body that is too large for its debug form goes out as it is. */
  form: BodyForm = 'flatbuffers'
  /** The other side may have settled it already. */
  mayReadCbor = false
  /** Of the handshake: until then nothing may travel compressed. */
  compression: Agreement = NO_COMPRESSION
  readonly #ports: LinkPorts
  readonly #nextSequence: number[] = CATEGORIES.map(() => 0)
  readonly #gaps = CATEGORIES.map(() => new SequenceGaps())

  constructor(on: number, binding: Uint8Array, ports: LinkPorts) {
    this.on = on
    this.binding = binding
    this.#ports = ports
  }

  /** The host has let this end in, on these terms. */
  acknowledged({ compression: mode, dictionary }: Pick<SessionAcknowledge, 'compression' | 'dictionary'>): void {
    this.peer = HOST_AUTHOR
    this.compression = { mode, dictionary }
  }

  send(message: Message): void {
    this.#ports.peer.meter.begin('codec')
    const body = this.#ports.codec.encode(message)
    this.#ports.peer.meter.end('codec')
    this.sendBody(message.kind, body)
  }

  /** A body that was encoded once for many. `repair` sends it on the control channel, where loss cannot hit it again. */
  sendBody(name: MessageName, body: Uint8Array, repair = false): void {
    const category = categoryOf(name)
    const index = CATEGORIES.indexOf(category)
    const sequence = this.#nextSequence[index]++
    this.#ports.peer.meter.begin('codec')
    const debugBody = this.form === 'cbor' ? this.#debugBody(MessageType[name], body) : undefined
    // What is to be read by people is not packed.
    const packed = debugBody === undefined ? this.#pack(name, body) : undefined
    const mode = packed?.packing === 'compressed' ? this.compression.mode : 'none'
    const form = debugBody === undefined ? 'flatbuffers' : 'cbor'
    const bytes = sealEnvelope(MessageType[name], category, sequence, debugBody ?? packed?.bytes ?? body, SCHEMA_HASH, mode, form)
    this.#ports.peer.meter.end('codec')
    const channel = repair ? channelOf('SessionControl') : channelOf(name)
    this.#ports.report({
      event: 'messageSent', message: name, channel: CHANNELS[channel], bytes: bytes.length, peer: this.peer,
      ...(packed !== undefined && { packing: packed.packing, plainBytes: ENVELOPE_BYTES + body.length }),
    })
    this.#mirror('sent', channel, bytes)
    this.#ports.emit({ kind: 'message', on: this.on, channel, bytes })
  }

  /** The message borrows `bytes` where it is large (delta payloads, snapshot bodies). */
  receive(channel: number, bytes: Uint8Array): Received {
    const { peer: { meter }, codec } = this.#ports
    this.#mirror('received', channel, bytes)
    meter.begin('codec')
    const opened = openEnvelope(bytes, SCHEMA_HASH)
    const isReadable = opened.kind === 'opened' && (opened.form === 'flatbuffers' || this.mayReadCbor || this.form === 'cbor')
    const unpacked = isReadable ? this.#unpack(opened) : undefined
    const decoded = isReadable && unpacked?.kind === 'unpacked' ? codec.decodeBody({ ...opened, body: unpacked.body }) : undefined
    meter.end('codec')
    if (opened.kind !== 'opened') return this.#refuse(opened.why, bytes)
    if (!isReadable) return this.#refuse('form', bytes)
    if (unpacked?.kind === 'refused') return this.#refuse(`compression: ${unpacked.why}`, bytes)
    if (decoded === undefined || decoded.kind !== 'message') return this.#refuse(decoded?.why ?? 'type', bytes)
    const index = CATEGORIES.indexOf(opened.category)
    const arrival = this.#gaps[index].accept(opened.sequence)
    if (arrival === 'duplicate' || arrival === 'stale') this.#ports.peer.probe.sometimes('a message number came twice')
    const { message } = decoded
    const label = CHANNELS[channel] ?? 'unknown'
    this.#ports.report({ event: 'messageReceived', message: message.kind, channel: label, bytes: bytes.length, peer: this.peer })
    return { kind: 'message', message, schemaMatches: opened.schemaMatches }
  }

  close(code: number): void {
    this.#ports.emit({ kind: 'close', on: this.on, code })
  }

  /** Undefined where it does not fit a message. */
  #debugBody(type: number, body: Uint8Array): Uint8Array | undefined {
    const { codec } = this.#ports
    const decoded = codec.decode(type, body)
    assert(decoded.kind === 'message', 'what is sent can be read')
    const debugBody = codec.encodeCbor(decoded.message)
    return debugBody.length <= BODY_BYTES_MAX ? debugBody : undefined
  }

  /** Goodbyes are always readable. */
  #pack(name: MessageName, body: Uint8Array): PackedBody | undefined {
    return name === 'SessionControl' ? undefined : this.#ports.packer.pack(body, this.compression)
  }
  #unpack({ compression, body }: OpenedEnvelope): Unpacked {
    return compression === 'none' ? { kind: 'unpacked', body } : this.#ports.packer.unpack(body, this.compression, BODY_BYTES_MAX)
  }

  #mirror(way: MirroredPacket['way'], channel: number, bytes: Uint8Array): void {
    this.#ports.peer.mirror?.take({ atUs: this.#ports.nowUs(), way, peer: this.peer, channel, bytes })
  }

  #refuse(why: string, bytes: Uint8Array): Received {
    this.#ports.peer.probe.sometimes('a message that could not be read')
    this.#ports.report({ event: 'messageRefused', cause: 'unreadable', reason: why, bytes: bytes.length, peer: this.peer })
    return { kind: 'refused', why }
  }
}
