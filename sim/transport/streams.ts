/**
 * A reliable ordered channel as a byte stream of its own: messages with a length in front, sent as ranges, sent again as
 * the very ranges that were lost. QUIC's streams, and the handshake of both profiles.
 */
import { type ChannelSender, type Deliver, MESSAGE_BYTES_MAX, type Receipt } from './channel.ts'
import type { Credit, CreditGrant } from './credit.ts'
import { Frame, type Packet, type SentFrame } from './frames.ts'
import { RangeSet } from './ranges.ts'
import { Reader, varintBytes } from './wire.ts'

/** Pieces of a stream kept out of order. More would need a sender that cuts its bytes absurdly small. */
const PIECES_MAX = 2_048
/** A smaller remainder of a datagram is left empty: type, channel, offset and length take up to 13 bytes. */
const FRAME_ROOM_MIN = 32
const HEADER_BYTES_MAX = 13

/** Bytes [start, start + bytes.length) of the stream. */
interface Segment {
  readonly start: number
  readonly bytes: Uint8Array
}
interface Again {
  readonly start: number
  readonly end: number
  readonly attempt: number
}

export class StreamSender implements ChannelSender {
  readonly #frameType: number
  readonly #contents: string
  readonly #channel: number
  readonly #connectionCredit: Credit
  readonly #credit: Credit
  /** What is not acknowledged yet, in order. */
  #segments: Segment[] = []
  /** Sent for the first time up to here; written up to there. */
  #sentEnd = 0
  #writtenEnd = 0
  readonly #acked = new RangeSet()
  #again: Again[] = []

  /** @param contents 'stream', or 'crypto' for the stream that carries the handshake and knows no channel. */
  constructor(contents: 'stream' | 'crypto', channel: number, credit: Credit, connectionCredit: Credit) {
    this.#frameType = contents === 'stream' ? Frame.stream : Frame.crypto
    this.#contents = contents
    this.#channel = channel
    this.#credit = credit
    this.#connectionCredit = connectionCredit
  }

  get queuedBytes(): number {
    return this.#writtenEnd - this.#sentEnd
  }
  get unansweredBytes(): number {
    return this.#sentEnd - this.#acked.size
  }
  get isReady(): boolean {
    return this.#again.length > 0 || (this.queuedBytes > 0 && this.#credit.bytes > 0 && this.#connectionCredit.bytes > 0)
  }

  write(message: Uint8Array): void {
    const { length } = message
    const prefixBytes = varintBytes(length)
    const bytes = new Uint8Array(prefixBytes + length)
    // RFC 9000, section 16; a message is shorter than 2^30.
    for (let i = prefixBytes - 1, rest = length; i >= 0; i--, rest >>>= 8) bytes[i] = rest & 0xff
    bytes[0] = bytes[0] | (prefixBytes === 1 ? 0 : prefixBytes === 2 ? 0x40 : 0x80)
    bytes.set(message, prefixBytes)
    this.#segments.push({ start: this.#writtenEnd, bytes })
    this.#writtenEnd += bytes.length
  }

  raise(limitBytes: number): void {
    this.#credit.raise(limitBytes)
  }

  pack(packet: Packet): boolean {
    const roomBytes = packet.room - HEADER_BYTES_MAX
    if (packet.room < FRAME_ROOM_MIN) return false
    while (this.#again.length > 0) {
      const { start, end, attempt } = this.#again.shift()!
      if (this.#acked.has(start, end)) continue
      const cut = Math.min(end, start + roomBytes)
      if (cut < end) this.#again.unshift({ start: cut, end, attempt })
      this.#writeFrame(packet, start, cut, attempt)
      return true
    }
    const count = Math.min(this.queuedBytes, roomBytes, this.#credit.bytes, this.#connectionCredit.bytes)
    if (count <= 0) return false
    this.#credit.spentBytes += count
    this.#connectionCredit.spentBytes += count
    this.#sentEnd += count
    this.#writeFrame(packet, this.#sentEnd - count, this.#sentEnd, 0)
    return true
  }

  #writeFrame(packet: Packet, start: number, end: number, attempt: number): void {
    const { writer } = packet
    writer.u8(this.#frameType)
    if (this.#frameType === Frame.stream) writer.varint(this.#channel)
    writer.varint(start)
    writer.varint(end - start)
    let index = this.#segments.length - 1
    while (this.#segments[index].start > start) index--
    for (let offset = start; offset < end; index++) {
      const segment = this.#segments[index]
      const segmentEnd = Math.min(end, segment.start + segment.bytes.length)
      writer.raw(segment.bytes.subarray(offset - segment.start, segmentEnd - segment.start))
      offset = segmentEnd
    }
    packet.add({ owner: this, message: 0, start, end, attempt, probed: false })
    packet.identify(this.#contents, this.#channel, start, end, attempt)
  }

  acked(frame: SentFrame): void {
    this.#acked.add(frame.start, frame.end)
    if (this.#acked.start(0) > 0) return
    const floor = this.#acked.end(0)
    let settled = 0
    while (settled < this.#segments.length && this.#segments[settled].start + this.#segments[settled].bytes.length <= floor) settled++
    if (settled > 0) this.#segments.splice(0, settled)
  }
  lost(frame: SentFrame): void {
    this.probe(frame)
  }
  probe({ start, end, attempt }: SentFrame): boolean {
    if (this.#acked.has(start, end)) return false
    this.#again.push({ start, end, attempt: attempt + 1 })
    return true
  }
}

interface Piece {
  readonly start: number
  readonly bytes: Uint8Array
  readonly datagram: number
}

export class StreamReceiver {
  readonly #grant: CreditGrant | undefined
  readonly #connectionGrant: CreditGrant | undefined
  readonly #deliver: Deliver
  readonly #bytesMax: number
  /** Out of order, ascending by start; they may overlap. */
  #pieces: Piece[] = []
  /** Everything below has been handed on. */
  #offset = 0
  #highest = 0
  /** The message that has begun: its length, once known, and what is there of it. */
  #length = -1
  #parts: Uint8Array[] = []
  #partBytes = 0
  #datagrams: number[] = []

  /** @param bytesMax how far beyond what was handed on bytes may lie, where no grant says so. */
  constructor(deliver: Deliver, bytesMax: number, grant?: CreditGrant, connectionGrant?: CreditGrant) {
    this.#deliver = deliver
    this.#bytesMax = bytesMax
    this.#grant = grant
    this.#connectionGrant = connectionGrant
  }

  /** Bytes that have arrived and wait for what comes before them, or for the rest of their message. */
  get keptBytes(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, this.#partBytes)
  }

  receive(start: number, bytes: Uint8Array, datagram: number): Receipt {
    const end = start + bytes.length
    if (end > this.#highest) {
      const growth = end - this.#highest
      if (end - this.#offset > this.#bytesMax) return 'overdrawn'
      if (this.#grant?.receive(growth) === false || this.#connectionGrant?.receive(growth) === false) return 'overdrawn'
      this.#highest = end
    }
    if (start > this.#offset) return this.#keep({ start, bytes, datagram })
    const before = this.#offset
    if (!this.#advance(start, bytes, datagram)) return 'violation'
    while (this.#pieces.length > 0 && this.#pieces[0].start <= this.#offset) {
      const piece = this.#pieces.shift()!
      if (!this.#advance(piece.start, piece.bytes, piece.datagram)) return 'violation'
    }
    this.#grant?.consume(this.#offset - before)
    this.#connectionGrant?.consume(this.#offset - before)
    return 'taken'
  }

  #keep(piece: Piece): Receipt {
    if (this.#pieces.length >= PIECES_MAX) return 'full'
    let index = this.#pieces.length
    while (index > 0 && this.#pieces[index - 1].start > piece.start) index--
    this.#pieces.splice(index, 0, piece)
    return 'taken'
  }

  /** Hands on what of the piece is new. False where a length makes no sense. */
  #advance(start: number, bytes: Uint8Array, datagram: number): boolean {
    let at = this.#offset - start
    if (at >= bytes.length) return true
    this.#offset = start + bytes.length
    while (at < bytes.length) {
      if (this.#datagrams.length === 0 || this.#datagrams[this.#datagrams.length - 1] !== datagram) this.#datagrams.push(datagram)
      if (this.#length < 0) {
        at = this.#readLength(bytes, at)
        if (at < 0) return false
        if (this.#length < 0) continue
      }
      const count = Math.min(this.#length - this.#partBytes, bytes.length - at)
      this.#parts.push(bytes.subarray(at, at + count))
      this.#partBytes += count
      at += count
      if (this.#partBytes === this.#length) this.#complete()
    }
    return true
  }

  /** Reads the length of the next message, or keeps what is there of it. The offset behind it, or -1. */
  #readLength(bytes: Uint8Array, at: number): number {
    const first = this.#parts.length > 0 ? this.#parts[0][0] : bytes[at]
    const wanted = 1 << (first >>> 6)
    const count = Math.min(wanted - this.#partBytes, bytes.length - at)
    this.#parts.push(bytes.subarray(at, at + count))
    this.#partBytes += count
    if (this.#partBytes < wanted) return at + count
    this.#length = new Reader(joined(this.#parts, wanted), wanted).varint()
    this.#parts = []
    this.#partBytes = 0
    if (this.#length > MESSAGE_BYTES_MAX) return -1
    if (this.#length === 0) this.#complete()
    return at + count
  }

  #complete(): void {
    const message = joined(this.#parts, this.#length)
    const datagrams = this.#datagrams
    this.#length = -1
    this.#parts = []
    this.#partBytes = 0
    this.#datagrams = []
    this.#deliver(message, datagrams)
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
