/**
 * A channel of single messages: ordered or not, reliable or given up after so many retransmissions or so much time
 * (RFC 3758 and 8260 in spirit). Messages are numbered and laid into one space of offsets when they are first sent, so
 * that credit bounds what a receiver keeps; `forward` tells it which of them are never coming.
 */
import { assert } from '../assert.ts'
import type { ChannelSpec } from '../port.ts'
import { type ChannelSender, CHANNEL_QUEUE_BYTES_MAX, type Deliver, MESSAGE_BYTES_MAX, type Receipt } from './channel.ts'
import { CHANNEL_WINDOW_BYTES, type Credit, type CreditGrant } from './credit.ts'
import { Frame, type FrameOwner, type Packet, type SentFrame } from './frames.ts'
import { RangeSet } from './ranges.ts'


/** What a message costs of credit beside its bytes: it bounds the number of small ones. */
const MESSAGE_COST_BYTES = 64
/** By that, messages a receiver keeps track of at once. */
const MESSAGES_AHEAD_MAX = CHANNEL_WINDOW_BYTES / MESSAGE_COST_BYTES
/** Type, channel, message, offset, total, from and length. */
const HEADER_BYTES_MAX = 1 + 2 + 4 + 8 + 4 + 4 + 2
const FRAME_ROOM_MIN = 64
const FORWARD_BYTES_MAX = 1 + 2 + 4 + 8

const messageCost = (bytes: number): number => bytes + MESSAGE_COST_BYTES

// Credit is granted anew when half of it is used: less than half may be left when nothing more comes.
assert(messageCost(MESSAGE_BYTES_MAX) * 2 <= CHANNEL_WINDOW_BYTES, 'the largest message always becomes affordable')

interface Waiting {
  readonly bytes: Uint8Array
  /** When it is no longer worth sending. */
  readonly expiresUs: number
}
interface Outgoing extends Waiting {
  readonly number: number
  readonly start: number
  /** Sent for the first time up to here. */
  sentEnd: number
  readonly acked: RangeSet
  isSettled: boolean
}
interface Again {
  readonly message: Outgoing
  readonly start: number
  readonly end: number
  readonly attempt: number
}

/** What a sender tells about messages that it gives up. */
export interface MessageLosses {
  abandoned(message: number): void
  overflowed(bytes: number): void
}

export class MessageSender implements ChannelSender {
  readonly #channel: number
  readonly #isReliable: boolean
  readonly #attemptMax: number
  readonly #lifetimeUs: number
  readonly #credit: Credit
  readonly #connectionCredit: Credit
  readonly #losses: MessageLosses
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** Messages from #first on, by number; settled ones leave from the front. */
  #outgoing: Outgoing[] = []
  #first = 0
  #next = 0
  #again: Again[] = []
  readonly #forward: Forward

  constructor(channel: number, spec: ChannelSpec, credit: Credit, connectionCredit: Credit, losses: MessageLosses) {
    const { delivery } = spec
    this.#channel = channel
    this.#isReliable = delivery.kind === 'reliable'
    this.#attemptMax = delivery.kind === 'retransmits' ? delivery.max : Infinity
    this.#lifetimeUs = delivery.kind === 'lifetime' ? delivery.maxUs : Infinity
    this.#credit = credit
    this.#connectionCredit = connectionCredit
    this.#losses = losses
    this.#forward = new Forward(channel)
  }

  get queuedBytes(): number {
    return this.#waitingBytes
  }
  get unansweredBytes(): number {
    return this.#outgoing.reduce((sum, { isSettled, sentEnd, acked }) => sum + (isSettled ? 0 : sentEnd - acked.size), 0)
  }
  get isReady(): boolean {
    if (this.#forward.isDue || this.#again.length > 0 || this.#isPartlySent()) return true
    return this.#waiting.length > 0 && this.#isAffordable(this.#waiting[0])
  }

  write(bytes: Uint8Array, nowUs: number): void {
    this.#waiting.push({ bytes, expiresUs: nowUs + this.#lifetimeUs })
    this.#waitingBytes += bytes.length
    while (!this.#isReliable && this.#waitingBytes > CHANNEL_QUEUE_BYTES_MAX) {
      const oldest = this.#waiting.shift()!
      this.#waitingBytes -= oldest.bytes.length
      this.#losses.overflowed(oldest.bytes.length)
    }
  }

  raise(limitBytes: number): void {
    this.#credit.raise(limitBytes)
  }

  pack(packet: Packet): boolean {
    if (this.#forward.pack(packet)) return true
    if (packet.room < FRAME_ROOM_MIN) return false
    while (this.#again.length > 0) {
      const { message, start, end, attempt } = this.#again.shift()!
      if (message.isSettled || message.acked.has(start, end)) continue
      if (packet.nowUs >= message.expiresUs) {
        this.#abandon(message)
        continue
      }
      const cut = Math.min(end, start + packet.room - HEADER_BYTES_MAX)
      if (cut < end) this.#again.unshift({ message, start: cut, end, attempt })
      this.#writeFrame(packet, message, start, cut, attempt)
      return true
    }
    if (this.#isPartlySent()) {
      this.#packNew(packet, this.#outgoing[this.#outgoing.length - 1])
      return true
    }
    const message = this.#admit(packet.nowUs)
    if (message === undefined) return this.#forward.pack(packet)
    this.#packNew(packet, message)
    return true
  }

  #isPartlySent(): boolean {
    if (this.#outgoing.length === 0) return false
    const last = this.#outgoing[this.#outgoing.length - 1]
    return !last.isSettled && last.sentEnd < last.bytes.length
  }

  #isAffordable({ bytes }: Waiting): boolean {
    return messageCost(bytes.length) <= Math.min(this.#credit.bytes, this.#connectionCredit.bytes)
  }

  /** Gives the next message that is still worth sending its number and its place. */
  #admit(nowUs: number): Outgoing | undefined {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting[0]
      const isExpired = nowUs >= waiting.expiresUs
      if (!isExpired && !this.#isAffordable(waiting)) return undefined
      this.#waiting.shift()
      this.#waitingBytes -= waiting.bytes.length
      if (isExpired) {
        this.#losses.overflowed(waiting.bytes.length)
        continue
      }
      const { bytes, expiresUs } = waiting
      const start = this.#credit.spentBytes
      const message: Outgoing = { bytes, expiresUs, number: this.#next++, start, sentEnd: 0, acked: new RangeSet(), isSettled: false }
      this.#credit.spentBytes += messageCost(bytes.length)
      this.#connectionCredit.spentBytes += messageCost(bytes.length)
      this.#outgoing.push(message)
      return message
    }
    return undefined
  }

  #packNew(packet: Packet, message: Outgoing): void {
    const start = message.sentEnd
    message.sentEnd = Math.min(message.bytes.length, start + packet.room - HEADER_BYTES_MAX)
    this.#writeFrame(packet, message, start, message.sentEnd, 0)
  }

  #writeFrame(packet: Packet, message: Outgoing, start: number, end: number, attempt: number): void {
    const { writer } = packet
    const { length } = message.bytes
    const isWhole = start === 0 && end === length
    writer.u8(isWhole ? Frame.message : Frame.fragment)
    writer.varint(this.#channel)
    writer.varint(message.number)
    writer.varint(message.start)
    if (!isWhole) {
      writer.varint(length)
      writer.varint(start)
    }
    writer.varint(end - start)
    writer.raw(isWhole ? message.bytes : message.bytes.subarray(start, end))
    packet.add({ owner: this, message: message.number, start, end, attempt, probed: false })
    if (isWhole) packet.identify('message', this.#channel, message.number, message.number + 1, attempt)
    else packet.identify('fragment', this.#channel, message.start + start, message.start + end, attempt)
  }

  #find(number: number): Outgoing | undefined {
    return this.#outgoing[number - this.#first]
  }

  acked(frame: SentFrame): void {
    const message = this.#find(frame.message)
    if (message === undefined || message.isSettled) return
    if (frame.end - frame.start < message.bytes.length) {
      message.acked.add(frame.start, frame.end)
      if (!message.acked.has(0, message.bytes.length)) return
    }
    this.#settle(message)
  }
  lost(frame: SentFrame, nowUs: number): void {
    const message = this.#find(frame.message)
    if (message === undefined || message.isSettled || message.acked.has(frame.start, frame.end)) return
    if (!this.#mayRepeat(message, frame, nowUs)) this.#abandon(message)
    else this.#again.push({ message, start: frame.start, end: frame.end, attempt: frame.attempt + 1 })
  }
  probe(frame: SentFrame, nowUs: number): boolean {
    const message = this.#find(frame.message)
    if (message === undefined || message.isSettled || message.acked.has(frame.start, frame.end)) return false
    if (!this.#mayRepeat(message, frame, nowUs)) return false
    this.#again.push({ message, start: frame.start, end: frame.end, attempt: frame.attempt + 1 })
    return true
  }

  #mayRepeat(message: Outgoing, frame: SentFrame, nowUs: number): boolean {
    return frame.attempt < this.#attemptMax && nowUs < message.expiresUs
  }

  #abandon(message: Outgoing): void {
    this.#losses.abandoned(message.number)
    this.#settle(message)
    this.#forward.abandoned(message.number, this.#first, this.#offset())
  }

  #settle(message: Outgoing): void {
    message.isSettled = true
    let settled = 0
    while (settled < this.#outgoing.length && this.#outgoing[settled].isSettled) settled++
    if (settled === 0) return
    this.#outgoing.splice(0, settled)
    this.#first += settled
    this.#forward.moved(this.#first, this.#offset())
  }

  /** Where message #first begins. */
  #offset(): number {
    return this.#outgoing.length > 0 ? this.#outgoing[0].start : this.#credit.spentBytes
  }
}

/** Tells the receiver that messages below a number are settled; only needed when one of them was abandoned. */
class Forward implements FrameOwner {
  isDue = false
  readonly #channel: number
  #message = 0
  #offset = 0
  #attempt = 0
  /** The highest abandoned message, and up to where the receiver was told. */
  #abandoned = -1
  #told = 0

  constructor(channel: number) {
    this.#channel = channel
  }

  abandoned(message: number, first: number, offset: number): void {
    this.#abandoned = Math.max(this.#abandoned, message)
    this.moved(first, offset)
  }

  /** Messages below `first`, which begins at `offset`, are settled. */
  moved(first: number, offset: number): void {
    this.#message = first
    this.#offset = offset
    if (this.#abandoned < this.#told || first <= this.#told) return
    this.#attempt = 0
    this.isDue = true
  }

  pack(packet: Packet): boolean {
    if (!this.isDue || packet.room < FORWARD_BYTES_MAX) return false
    this.isDue = false
    this.#told = this.#message
    const { writer } = packet
    writer.u8(Frame.forward)
    writer.varint(this.#channel)
    writer.varint(this.#message)
    writer.varint(this.#offset)
    packet.add({ owner: this, message: this.#message, start: 0, end: 0, attempt: this.#attempt, probed: false })
    packet.identify('forward', this.#channel, this.#message, this.#message, this.#attempt)
    return true
  }

  acked(): void {}
  lost(frame: SentFrame): void {
    this.probe(frame)
  }
  probe(frame: SentFrame): boolean {
    if (frame.message !== this.#told) return false
    this.#attempt = frame.attempt + 1
    this.isDue = true
    return true
  }
}

interface Incoming {
  readonly start: number
  readonly length: number
  readonly received: RangeSet
  /** Allocated for a message in several fragments; a whole one is a view into its datagram. */
  bytes: Uint8Array | undefined
  readonly datagrams: number[]
  isComplete: boolean
}

export class MessageReceiver {
  readonly #isOrdered: boolean
  readonly #grant: CreditGrant
  readonly #connectionGrant: CreditGrant
  readonly #deliver: Deliver
  /** Messages from #first on, by number; undefined where nothing has arrived. Everything before is delivered or gone. */
  #incoming: (Incoming | undefined)[] = []
  #first = 0
  #offset = 0
  #highest = 0
  /** Bytes of messages that are not handed on yet; an honest peer cannot exceed the window. */
  #keptBytes = 0

  constructor(isOrdered: boolean, deliver: Deliver, grant: CreditGrant, connectionGrant: CreditGrant) {
    this.#isOrdered = isOrdered
    this.#deliver = deliver
    this.#grant = grant
    this.#connectionGrant = connectionGrant
  }

  /** Bytes of messages that have arrived, wholly or in part, and wait for others or for their own rest. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  receive(number: number, start: number, length: number, from: number, bytes: Uint8Array, datagram: number): Receipt {
    if (number < this.#first) return 'taken'
    const place = number - this.#first
    if (place >= MESSAGES_AHEAD_MAX || start < this.#offset) return 'violation'
    if (length > MESSAGE_BYTES_MAX || from + bytes.length > length) return 'violation'
    if (!this.#account(start + messageCost(length))) return 'overdrawn'
    let message = this.#incoming[place]
    if (message === undefined) {
      if (this.#keptBytes + length > CHANNEL_WINDOW_BYTES) return 'violation'
      this.#keptBytes += length
      message = { start, length, received: new RangeSet(), bytes: undefined, datagrams: [], isComplete: false }
      while (this.#incoming.length <= place) this.#incoming.push(undefined)
      this.#incoming[place] = message
    } else if (message.start !== start || message.length !== length) {
      return 'violation'
    }
    if (message.isComplete) return 'taken'
    if (bytes.length === length) {
      message.bytes = bytes
      message.datagrams.length = 0
      message.datagrams.push(datagram)
    } else {
      message.bytes ??= new Uint8Array(length)
      message.bytes.set(bytes, from)
      message.received.add(from, from + bytes.length)
      if (!message.datagrams.includes(datagram)) message.datagrams.push(datagram)
      if (!message.received.has(0, length)) return 'taken'
    }
    message.isComplete = true
    if (!this.#isOrdered) this.#hand(message)
    this.#advance()
    return 'taken'
  }

  /** Messages below `number`, which begins at `offset`, will not come any more. */
  forward(number: number, offset: number): Receipt {
    if (number <= this.#first) return 'taken'
    if (number - this.#first > MESSAGES_AHEAD_MAX || offset < this.#offset) return 'violation'
    if (!this.#account(offset)) return 'overdrawn'
    const passed = this.#incoming.splice(0, number - this.#first)
    this.#first = number
    for (const message of passed) {
      if (message === undefined) continue
      if (!message.isComplete) this.#keptBytes -= message.length
      else if (this.#isOrdered) this.#hand(message)
    }
    this.#consumeTo(offset)
    this.#advance()
    return 'taken'
  }

  #account(end: number): boolean {
    if (end <= this.#highest) return true
    const growth = end - this.#highest
    this.#highest = end
    return this.#grant.receive(growth) && this.#connectionGrant.receive(growth)
  }

  #advance(): void {
    let settled = 0
    while (this.#incoming[settled]?.isComplete === true) {
      const message = this.#incoming[settled++]!
      if (this.#isOrdered) this.#hand(message)
      this.#consumeTo(message.start + messageCost(message.length))
    }
    if (settled === 0) return
    this.#incoming.splice(0, settled)
    this.#first += settled
  }

  #consumeTo(offset: number): void {
    this.#grant.consume(offset - this.#offset)
    this.#connectionGrant.consume(offset - this.#offset)
    this.#offset = offset
  }

  /** Bytes are needed no longer, even where the place is kept until all before it are settled. */
  #hand(message: Incoming): void {
    const bytes = message.bytes!
    message.bytes = undefined
    this.#keptBytes -= message.length
    this.#deliver(bytes, message.datagrams)
  }
}
