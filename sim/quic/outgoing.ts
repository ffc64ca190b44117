/**
 * The port's channels as a QUIC connection sends them. Each message waits here until it can leave, and so may be overtaken by one more
 * urgent, or thrown away.
 *
 *     reliable, ordered       a unidirectional stream for the channel: channel, then length and bytes of each message
 *     anything else           a unidirectional stream for each message: channel, where ordered its number, bytes up to the end
 *     no retransmissions      a DATAGRAM frame, if the message fits: as the stream
 *
 * A message that is given up is a stream that is reset: with its channel and number in the code, for its bytes may never have come.
 */
import { varintBytes } from '../bytes.ts'
import type { ChannelSpec } from '../port.ts'
import { CHANNEL_QUEUE_BYTES_MAX } from '../transport/channel.ts'
import type { Connection } from './connection.ts'
import { behindVarint, varint } from '../octets.ts'

/** Codes of RESET_STREAM: message * that + channel. */
const CHANNELS_MAX = 256
const resetCode = (channel: number, message: number): number => message * CHANNELS_MAX + channel
export const resetChannel = (code: number): number => code % CHANNELS_MAX
export const resetMessage = (code: number): number => Math.floor(code / CHANNELS_MAX)

/** Whether the channel is one stream, and each message a part of it. */
export const isStream = ({ ordered, delivery }: ChannelSpec): boolean => ordered && delivery.kind === 'reliable'
/** Whether the other side has to know which message is which: an order that may have gaps. */
export const isNumbered = ({ ordered, delivery }: ChannelSpec): boolean => ordered && delivery.kind !== 'reliable'

export interface OutgoingChannel {
  /** Bytes that wait for their first transmission, and that wait for an answer. */
  readonly queuedBytes: number
  readonly unansweredBytes: number
  write(message: Uint8Array, nowUs: number): void
  /** The most urgent message could leave now. */
  readonly isReady: boolean
  /** Hands a message to the connection. */
  admit(nowUs: number): void
}

/** What a channel tells of messages that it gives up. */
export interface MessageLosses {
  abandoned(channel: number, message: number): void
  overflowed(channel: number, bytes: number): void
}

export class StreamChannel implements OutgoingChannel {
  readonly #connection: Connection
  readonly #channel: number
  readonly #spec: ChannelSpec
  #stream = -1
  /** Until the stream is open. */
  #waiting: Uint8Array[] = []

  constructor(connection: Connection, channel: number, spec: ChannelSpec) {
    this.#connection = connection
    this.#channel = channel
    this.#spec = spec
  }

  get queuedBytes(): number {
    const waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length, 0)
    return waitingBytes + (this.#connection.sendStream(this.#stream)?.unsentBytes ?? 0)
  }
  get unansweredBytes(): number {
    return this.#connection.sendStream(this.#stream)?.unansweredBytes ?? 0
  }
  get isReady(): boolean {
    return this.#waiting.length > 0 && this.#connection.mayOpen('uni')
  }

  write(message: Uint8Array): void {
    const framed = behindVarint(message.length, message)
    if (this.#stream >= 0) this.#connection.write(this.#stream, framed)
    else this.#waiting.push(framed)
  }

  admit(): void {
    this.#stream = this.#connection.openStream('uni', { priority: this.#spec.priority, contents: 'stream', channel: this.#channel })!
    this.#connection.write(this.#stream, varint(this.#channel))
    for (const framed of this.#waiting) this.#connection.write(this.#stream, framed)
    this.#waiting = []
  }
}

interface Waiting {
  readonly bytes: Uint8Array
  /** When it is no longer worth sending. */
  readonly expiresUs: number
}

export class MessageChannel implements OutgoingChannel {
  readonly #connection: Connection
  readonly #channel: number
  readonly #spec: ChannelSpec
  readonly #losses: MessageLosses
  readonly #isReliable: boolean
  readonly #attemptMax: number
  readonly #lifetimeUs: number
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #nextMessage = 0
  /** Messages under way: by their stream, and by the number of their DATAGRAM frame. */
  readonly #streams = new Map<number, number>()
  readonly #datagrams = new Map<number, number>()

  constructor(connection: Connection, channel: number, spec: ChannelSpec, losses: MessageLosses) {
    const { delivery } = spec
    this.#connection = connection
    this.#channel = channel
    this.#spec = spec
    this.#losses = losses
    this.#isReliable = delivery.kind === 'reliable'
    this.#attemptMax = delivery.kind === 'retransmits' ? delivery.max : Infinity
    this.#lifetimeUs = delivery.kind === 'lifetime' ? delivery.maxUs : Infinity
  }

  get queuedBytes(): number {
    let bytes = this.#waitingBytes
    for (const stream of this.#streams.keys()) bytes += this.#connection.sendStream(stream)?.unsentBytes ?? 0
    return bytes
  }
  get unansweredBytes(): number {
    let bytes = 0
    for (const stream of this.#streams.keys()) bytes += this.#connection.sendStream(stream)?.unansweredBytes ?? 0
    return bytes
  }
  get isReady(): boolean {
    if (this.#waiting.length === 0) return false
    return this.#isDatagram(this.#waiting[0].bytes) || (this.#connection.mayOpen('uni') && this.#connection.hasStreamCredit)
  }

  write(bytes: Uint8Array, nowUs: number): void {
    this.#waiting.push({ bytes, expiresUs: nowUs + this.#lifetimeUs })
    this.#waitingBytes += bytes.length
    if (this.#isReliable) return
    while (this.#waitingBytes > CHANNEL_QUEUE_BYTES_MAX) this.#losses.overflowed(this.#channel, this.#take().bytes.length)
  }

  #take(): Waiting {
    const waiting = this.#waiting.shift()!
    this.#waitingBytes -= waiting.bytes.length
    return waiting
  }

  #isDatagram({ length }: Uint8Array): boolean {
    return this.#attemptMax === 0 && this.#headBytes + length <= this.#connection.datagramBytesMax
  }
  get #headBytes(): number {
    return varintBytes(this.#channel) + (isNumbered(this.#spec) ? varintBytes(this.#nextMessage) : 0)
  }

  admit(nowUs: number): void {
    const { bytes, expiresUs } = this.#take()
    if (nowUs >= expiresUs) return this.#losses.overflowed(this.#channel, bytes.length)
    const channel = this.#channel
    const isDatagram = this.#isDatagram(bytes)
    const message = this.#nextMessage++
    const framed = behindVarint(channel, isNumbered(this.#spec) ? behindVarint(message, bytes) : bytes)
    if (isDatagram) {
      this.#datagrams.set(this.#connection.datagram(framed, { contents: 'message', channel, start: message }), message)
      return
    }
    const giveUp = { attemptMax: this.#attemptMax, expiresUs, code: resetCode(channel, message) }
    const { priority } = this.#spec
    const stream = this.#connection.openStream('uni', { priority, contents: 'message', channel, key: message, giveUp })!
    this.#streams.set(stream, message)
    this.#connection.write(stream, framed, true)
  }

  /** The peer has the message of that stream, or knows of its reset. */
  finished(stream: number): void {
    this.#streams.delete(stream)
  }
  /** Its last attempt, or its time, is over. A stream of another channel means nothing here. */
  abandoned(stream: number): void {
    const message = this.#streams.get(stream)
    if (message === undefined) return
    this.#streams.delete(stream)
    this.#losses.abandoned(this.#channel, message)
  }
  datagramSettled(number: number, isLost: boolean): void {
    const message = this.#datagrams.get(number)
    if (message === undefined) return
    this.#datagrams.delete(number)
    if (isLost) this.#losses.abandoned(this.#channel, message)
  }
}
