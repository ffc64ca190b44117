/**
 * What the port's channels become at the other end of a QUIC connection (outgoing.ts): messages again, each at most once, in order
 * where asked.
 */
import { joined } from '../octets.ts'
import type { Channel, ChannelSpec } from '../port.ts'
import { MESSAGE_BYTES_MAX } from '../transport/channel.ts'
import { isNumbered, isStream, resetChannel, resetMessage } from './outgoing.ts'

/** Messages of one channel that wait for an earlier one, and their bytes; beyond that the earlier one is not waited for. */
const WAITING_MAX = 4_096
const WAITING_BYTES_MAX = 1_048_576
/** Bytes of messages that have not come whole. What is under way bounds it for an honest peer. */
const PARTIAL_BYTES_MAX = 4_194_304

/** Called for each message in its turn. `bytes` are borrowed; `datagrams` are those that carried it. */
export type Deliver = (channel: Channel, bytes: Uint8Array, datagrams: readonly number[]) => void

interface Message {
  readonly bytes: Uint8Array
  readonly datagrams: readonly number[]
}

/** Bytes of a stream that become numbers and messages. */
class Cursor {
  #parts: Uint8Array[] = []
  #datagrams: number[] = []
  #bytes = 0

  get length(): number {
    return this.#bytes
  }
  push(bytes: Uint8Array, datagram: number): void {
    if (bytes.length === 0) return
    this.#parts.push(bytes)
    this.#datagrams.push(datagram)
    this.#bytes += bytes.length
  }

  /** The varint at the beginning, taken away; undefined where it has not come whole. */
  varint(): number | undefined {
    if (this.#bytes === 0) return undefined
    const [part] = this.#parts
    const length = 1 << (part[0] >>> 6)
    if (this.#bytes < length) return undefined
    const bytes = part.length < length ? this.take(length).bytes : this.#takeFirst(part, length)
    let value = bytes[0] & 0x3f
    for (let i = 1; i < length; i++) value = value * 256 + bytes[i]
    return value
  }

  /** The next bytes, of the first part alone, which has that many. */
  #takeFirst(part: Uint8Array, length: number): Uint8Array {
    this.#bytes -= length
    if (part.length > length) {
      this.#parts[0] = part.subarray(length)
      return part.subarray(0, length)
    }
    this.#parts.shift()
    this.#datagrams.shift()
    return part
  }

  /** The next bytes, taken away; there are that many. */
  take(length: number): Message {
    const [first] = this.#parts
    if (length > 0 && first.length >= length) {
      const datagrams = [this.#datagrams[0]]
      return { bytes: this.#takeFirst(first, length), datagrams }
    }
    const parts: Uint8Array[] = []
    const datagrams: number[] = []
    for (let missing = length; missing > 0; ) {
      const part = this.#parts[0]
      const datagram = this.#datagrams[0]
      if (datagrams.at(-1) !== datagram) datagrams.push(datagram)
      if (part.length <= missing) {
        parts.push(part)
        this.#parts.shift()
        this.#datagrams.shift()
      } else {
        parts.push(part.subarray(0, missing))
        this.#parts[0] = part.subarray(missing)
      }
      missing -= Math.min(part.length, missing)
    }
    this.#bytes -= length
    return { bytes: parts.length === 1 ? parts[0] : joined(0, parts), datagrams }
  }
}

/** A stream of the peer as far as it has come. */
interface IncomingStream {
  readonly cursor: Cursor
  /** -1 where not known yet. */
  channel: number
  message: number
  /** Of the next message of a channel that is one stream. */
  messageBytes: number
}

/** An ordered channel whose messages may be missing. */
class Sequence {
  #next = 0
  /** By number: messages that wait, and null for those that are not coming. */
  readonly #waiting = new Map<number, Message | null>()
  #waitingBytes = 0
  /** Nothing tells of a lost DATAGRAM: then nothing is waited for. */
  readonly #isPatient: boolean
  readonly #deliver: (message: Message) => void

  constructor(isPatient: boolean, deliver: (message: Message) => void) {
    this.#isPatient = isPatient
    this.#deliver = deliver
  }

  get keptBytes(): number {
    return this.#waitingBytes
  }

  receive(number: number, message: Message | null): void {
    if (number < this.#next || this.#waiting.has(number)) return
    this.#waiting.set(number, message)
    this.#waitingBytes += message?.bytes.length ?? 0
    if (!this.#isPatient || this.#waiting.size > WAITING_MAX || this.#waitingBytes > WAITING_BYTES_MAX) {
      let least = number
      for (const one of this.#waiting.keys()) least = Math.min(least, one)
      this.#next = least
    }
    for (let next = this.#waiting.get(this.#next); next !== undefined; next = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next++)
      if (next === null) continue
      this.#waitingBytes -= next.bytes.length
      this.#deliver(next)
    }
  }
}

export class Incoming {
  readonly #specs: readonly ChannelSpec[]
  readonly #deliver: Deliver
  readonly #streams = new Map<number, IncomingStream>()
  readonly #sequences: readonly (Sequence | undefined)[]
  #partialBytes = 0

  constructor(specs: readonly ChannelSpec[], deliver: Deliver) {
    this.#specs = specs
    this.#deliver = deliver
    this.#sequences = specs.map((spec, channel) => {
      if (!isNumbered(spec)) return undefined
      const isPatient = spec.delivery.kind !== 'retransmits' || spec.delivery.max > 0
      return new Sequence(isPatient, ({ bytes, datagrams }) => deliver(channel, bytes, datagrams))
    })
  }

  /** Bytes of a channel that have arrived and wait for others. */
  keptBytes(channel: Channel): number {
    let bytes = this.#sequences[channel]?.keptBytes ?? 0
    for (const stream of this.#streams.values()) if (stream.channel === channel) bytes += stream.cursor.length
    return bytes
  }

  /** Bytes of a stream of the peer, in order. False where they are no channel's. */
  data(id: number, bytes: Uint8Array, fin: boolean, datagram: number): boolean {
    let stream = this.#streams.get(id)
    if (stream === undefined) this.#streams.set(id, (stream = { cursor: new Cursor(), channel: -1, message: -1, messageBytes: -1 }))
    const before = stream.cursor.length
    stream.cursor.push(bytes, datagram)
    const isFine = this.#advance(stream, fin)
    this.#partialBytes += stream.cursor.length - before
    if (fin) {
      this.#partialBytes -= stream.cursor.length
      this.#streams.delete(id)
    }
    return isFine && this.#partialBytes <= PARTIAL_BYTES_MAX
  }

  #advance(stream: IncomingStream, fin: boolean): boolean {
    if (stream.channel < 0) stream.channel = stream.cursor.varint() ?? -1
    if (stream.channel < 0) return !fin
    const spec = this.#specs[stream.channel]
    if (spec === undefined) return false
    if (isStream(spec)) return this.#advanceStream(stream) && !fin
    if (isNumbered(spec) && stream.message < 0) stream.message = stream.cursor.varint() ?? -1
    if (stream.cursor.length > MESSAGE_BYTES_MAX) return false
    if (!fin) return true
    if (isNumbered(spec) && stream.message < 0) return false
    this.#hand(stream.channel, stream.message, stream.cursor.take(stream.cursor.length))
    return true
  }

  #advanceStream(stream: IncomingStream): boolean {
    const { cursor, channel } = stream
    for (;;) {
      if (stream.messageBytes < 0) stream.messageBytes = cursor.varint() ?? -1
      if (stream.messageBytes > MESSAGE_BYTES_MAX) return false
      if (stream.messageBytes < 0 || cursor.length < stream.messageBytes) return true
      const { bytes, datagrams } = cursor.take(stream.messageBytes)
      stream.messageBytes = -1
      this.#deliver(channel, bytes, datagrams)
    }
  }

  #hand(channel: Channel, number: number, message: Message): void {
    const sequence = this.#sequences[channel]
    if (sequence === undefined) this.#deliver(channel, message.bytes, message.datagrams)
    else sequence.receive(number, message)
  }

  /** A stream was reset: the message that its code names is not coming. */
  reset(id: number, code: number): void {
    this.#partialBytes -= this.#streams.get(id)?.cursor.length ?? 0
    this.#streams.delete(id)
    this.#sequences[resetChannel(code)]?.receive(resetMessage(code), null)
  }

  /** A DATAGRAM frame. False where it is no message of a channel. */
  datagram(bytes: Uint8Array, datagram: number): boolean {
    const cursor = new Cursor()
    cursor.push(bytes, datagram)
    const channel = cursor.varint()
    const spec = channel === undefined ? undefined : this.#specs[channel]
    if (channel === undefined || spec === undefined || isStream(spec)) return false
    const number = isNumbered(spec) ? cursor.varint() : -1
    if (number === undefined) return false
    const message = cursor.take(cursor.length)
    this.#hand(channel, number, { bytes: message.bytes, datagrams: [datagram] })
    return true
  }
}
