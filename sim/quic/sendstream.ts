/** The sending part of a stream: RFC 9000, section 3.1. */
import { FRAGMENT_SPACE } from '../net/datagram.ts'
import type { Credit } from './flow.ts'
import { streamHeaderBytes, writeStreamHeader } from './frames.ts'
import { SendBuffer } from './sendbuffer.ts'
import type { FrameOwner, PacketSink, SentFrame } from './sentframe.ts'

/** A smaller remainder of a packet is left empty. */
const FRAME_ROOM_MIN = 32

/** When a stream is not worth its while any more: it is reset with `code`. */
export interface GiveUp {
  /** Retransmissions of any of its ranges. */
  readonly attemptMax: number
  readonly expiresUs: number
  readonly code: number
}
const NEVER: GiveUp = { attemptMax: Infinity, expiresUs: Infinity, code: 0 }

/** How a stream's datagrams are named, and when it is its turn. */
export interface StreamOptions {
  /** Lower is sent first; 0 unless told. */
  readonly priority?: number
  /** 'stream' and the stream's id unless told. */
  readonly contents?: string
  readonly channel?: number
  /** Tells apart streams of one channel. */
  readonly key?: number
  readonly giveUp?: GiveUp
}

/** What a stream asks of the set that it belongs to. */
export interface StreamOwner {
  /** Has something to send (again). */
  stirred(stream: SendStream): void
  /** Its credit is used up. */
  blocked(stream: SendStream): void
  gaveUp(stream: SendStream): void
  /** The peer has everything, or knows of the reset. */
  finished(stream: SendStream): void
}

export class SendStream implements FrameOwner {
  readonly id: number
  readonly priority: number
  readonly credit: Credit
  readonly giveUp: GiveUp
  state: 'open' | 'reset' | 'done' = 'open'
  /** In the set's list of those that have something to send. */
  isQueued = false
  readonly #connectionCredit: Credit
  readonly #owner: StreamOwner
  readonly #contents: string
  readonly #channel: number
  readonly #key: number
  readonly #buffer = new SendBuffer()
  #hasFin = false
  /** The transmission of the end that is due, or -1. */
  #finAttempt = -1
  #isFinAcked = false

  constructor(id: number, credit: Credit, connectionCredit: Credit, owner: StreamOwner, options: StreamOptions) {
    this.id = id
    this.priority = options.priority ?? 0
    this.credit = credit
    this.giveUp = options.giveUp ?? NEVER
    this.#connectionCredit = connectionCredit
    this.#owner = owner
    this.#contents = options.contents ?? 'stream'
    this.#channel = options.channel ?? id
    this.#key = options.key ?? 0
  }

  get unsentBytes(): number {
    return this.#buffer.unsentBytes
  }
  get unansweredBytes(): number {
    return this.#buffer.unansweredBytes
  }
  /** What a RESET_STREAM states. */
  get finalSize(): number {
    return this.#buffer.sentEnd
  }
  /** After the end nothing may be written. */
  get isWritable(): boolean {
    return this.state === 'open' && !this.#hasFin
  }
  /** There is something that credit lets through. */
  get isReady(): boolean {
    if (this.state !== 'open') return false
    if (this.#buffer.isRepeating || this.#finAttempt > 0) return true
    if (this.#buffer.unsentBytes > 0) return this.credit.bytes > 0 && this.#connectionCredit.bytes > 0
    return this.#finAttempt === 0
  }
  /** Held up by the stream's own credit. */
  get isBlocked(): boolean {
    return this.state === 'open' && this.#buffer.unsentBytes > 0 && this.credit.bytes === 0
  }

  write(bytes: Uint8Array, fin: boolean): void {
    this.#buffer.write(bytes)
    if (fin) {
      this.#hasFin = true
      this.#finAttempt = 0
    }
    this.#owner.stirred(this)
  }

  /** Stops sending; true if that has to be told. */
  reset(): boolean {
    if (this.state !== 'open' || (this.#isFinAcked && this.#buffer.isAcked)) return false
    this.state = 'reset'
    this.#buffer.clear()
    return true
  }
  /** The peer knows of the reset. */
  resetAcked(): void {
    this.state = 'done'
    this.#owner.finished(this)
  }

  /** Writes one frame, if there is something to write and room for it; true if so. */
  pack(packet: PacketSink): boolean {
    if (packet.room < FRAME_ROOM_MIN || this.state !== 'open') return false
    if (packet.nowUs >= this.giveUp.expiresUs) {
      this.#owner.gaveUp(this)
      return false
    }
    const buffer = this.#buffer
    const roomBytes = packet.room - streamHeaderBytes(this.id, buffer.writtenEnd)
    const again = buffer.repeated(roomBytes)
    if (again !== undefined) {
      this.#write(packet, again.start, again.end, again.attempt)
      return true
    }
    const count = Math.min(buffer.unsentBytes, roomBytes, this.credit.bytes, this.#connectionCredit.bytes)
    if (count > 0) {
      const fresh = buffer.fresh(count)
      this.credit.spentBytes += count
      this.#connectionCredit.spentBytes += count
      this.#write(packet, fresh.start, fresh.end, 0)
      return true
    }
    if (buffer.unsentBytes > 0) {
      if (this.credit.mayTellBlocked()) this.#owner.blocked(this)
      return false
    }
    if (this.#finAttempt < 0) return false
    this.#write(packet, buffer.writtenEnd, buffer.writtenEnd, this.#finAttempt)
    return true
  }

  #write(packet: PacketSink, start: number, end: number, attempt: number): void {
    const { writer } = packet
    const fin = this.#hasFin && end === this.#buffer.writtenEnd
    if (fin) this.#finAttempt = -1
    writeStreamHeader(writer, this.id, start, end - start, fin)
    const from = writer.length
    this.#buffer.copy(writer, start, end)
    packet.logged?.push({ kind: 'stream', id: this.id, offset: start, bytes: writer.written(from), fin })
    packet.add({ owner: this, id: this.id, start, end, attempt, fin, probed: false })
    this.#identify(packet, start, end, fin, attempt)
  }

  /** A stream that is one message is named by that. */
  #identify(packet: PacketSink, start: number, end: number, fin: boolean, attempt: number): void {
    const key = this.#key
    const space = key * FRAGMENT_SPACE
    if (this.#contents !== 'message') packet.identify(this.#contents, this.#channel, key, start, end, attempt)
    else if (start === 0 && fin) packet.identify('message', this.#channel, 0, key, key + 1, attempt)
    else packet.identify('fragment', this.#channel, 0, space + start, space + end, attempt)
  }

  acked({ start, end, fin }: SentFrame): void {
    if (this.state !== 'open') return
    this.#buffer.acked(start, end)
    if (fin) this.#isFinAcked = true
    if (!this.#isFinAcked || !this.#buffer.isAcked) return
    this.state = 'done'
    this.#owner.finished(this)
  }

  lost(frame: SentFrame, nowUs: number): void {
    if (this.state !== 'open' || this.#hasArrived(frame)) return
    if (this.#mayRepeat(frame, nowUs)) this.#repeat(frame)
    else this.#owner.gaveUp(this)
  }
  probe(frame: SentFrame, nowUs: number): boolean {
    if (this.state !== 'open' || this.#hasArrived(frame) || !this.#mayRepeat(frame, nowUs)) return false
    this.#repeat(frame)
    return true
  }

  #hasArrived({ start, end, fin }: SentFrame): boolean {
    return (start === end || this.#buffer.isArrived(start, end)) && (!fin || this.#isFinAcked)
  }
  #mayRepeat({ attempt }: SentFrame, nowUs: number): boolean {
    return attempt < this.giveUp.attemptMax && nowUs < this.giveUp.expiresUs
  }
  #repeat({ start, end, fin, attempt }: SentFrame): void {
    if (start < end) this.#buffer.again(start, end, attempt + 1)
    if (fin && !this.#isFinAcked) this.#finAttempt = attempt + 1
    this.#owner.stirred(this)
  }
}
