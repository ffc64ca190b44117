/** What one packet number space received and has to acknowledge, and when: RFC 9000, section 13.2. */
import { Ecn } from '../net/datagram.ts'
import { RangeSet } from '../ranges.ts'
import { type AckFrame, writeFrame } from './frames.ts'
import type { FrameOwner, PacketSink, SentFrame } from './sentframe.ts'

/** Ranges remembered and sent; below the lowest, everything counts as received (section 13.2.3). */
const ACK_RANGES_MAX = 64
/** Section 13.2.2: an acknowledgement for every second packet. */
const PACKETS_PER_ACK = 2
/** Section 13.2.4: of so many acknowledgements in a row that asked for none themselves, the last asks. */
const ACKS_PER_PING = 20
/** An ACK frame without its ranges: type, largest, delay, count, and three ECN counts. */
const ACK_HEADER_BYTES_MAX = 1 + 8 + 4 + 2 + 12
/** Gap and length. */
const RANGE_BYTES_MAX = 8
const DELAY_MAX = 2 ** 30

export class Acknowledgements implements FrameOwner {
  /** When an acknowledgement must be under way at the latest. */
  dueUs = Infinity
  /** The identity of the datagram that asked for it last: the identity of a datagram that carries nothing else. */
  keyHi = 0
  keyLo = 0
  /** The largest packet number received, or -1. */
  largest = -1
  readonly #delayUsMax: number
  readonly #delayExponent: number
  readonly #received = new RangeSet()
  /** Everything below has been received or is no longer wanted. */
  #floor = 0
  #largestUs = 0
  /** Packets that wait for an acknowledgement. */
  #waiting = 0
  /** Acknowledgements that left since the peer was last asked for one. */
  #unanswered = 0
  #ect0 = 0
  #ect1 = 0
  #ce = 0

  /** @param delayUsMax how long an acknowledgement may wait for company; 0 during the handshake. */
  constructor(delayUsMax: number, delayExponent: number) {
    this.#delayUsMax = delayUsMax
    this.#delayExponent = delayExponent
  }

  isRepeated(number: number): boolean {
    return number < this.#floor || this.#received.has(number, number + 1)
  }

  /**
   * Called once for each new packet. What waited for its keys is told as acknowledged so much later (section 13.2.5): else that wait would
   * count as the path's.
   */
  received(number: number, isEliciting: boolean, ecn: Ecn, nowUs: number, keyHi: number, keyLo: number, waitedUs = 0): void {
    const ranges = this.#received
    const next = this.largest + 1
    ranges.add(number, number + 1)
    if (ranges.count > ACK_RANGES_MAX) {
      this.#floor = ranges.start(1)
      ranges.removeBelow(this.#floor)
    }
    if (number >= next) {
      this.largest = number
      this.#largestUs = nowUs - waitedUs
    }
    if (ecn === Ecn.ect0) this.#ect0++
    else if (ecn === Ecn.ect1) this.#ect1++
    else if (ecn === Ecn.congestionExperienced) this.#ce++
    if (!isEliciting) return
    this.#waiting++
    this.keyHi = keyHi
    this.keyLo = keyLo
    // A gap is told at once (section 13.2.1), for the sender's loss detection lives on it; so is congestion.
    const now = number !== next || this.#waiting >= PACKETS_PER_ACK || ecn === Ecn.congestionExperienced
    this.dueUs = now ? nowUs : Math.min(this.dueUs, nowUs + this.#delayUsMax)
  }

  /** Writes the frame where something waits for it, with as many ranges as there is room for; true if so. */
  write(packet: PacketSink): boolean {
    if (this.#waiting === 0) return false
    const count = Math.min(this.#received.count, Math.floor((packet.room - ACK_HEADER_BYTES_MAX) / RANGE_BYTES_MAX))
    if (count < 1) return false
    const frame = this.#frame(count, packet.nowUs)
    writeFrame(packet.writer, frame)
    packet.logged?.push(frame)
    return true
  }

  #frame(count: number, nowUs: number): AckFrame {
    const received = this.#received
    const ranges: number[] = []
    for (let i = received.count - 1; i >= received.count - count; i--) ranges.push(received.end(i) - 1, received.start(i))
    const delay = Math.min(Math.floor((nowUs - this.#largestUs) / 2 ** this.#delayExponent), DELAY_MAX)
    const hasEcn = this.#ect0 + this.#ect1 + this.#ce > 0
    const ecn = hasEcn ? { ect0: this.#ect0, ect1: this.#ect1, ce: this.#ce } : undefined
    return { kind: 'ack', largest: ranges[0], delay, ranges, ecn }
  }

  /** Whether a ping ought to go with the next acknowledgement: else no range would ever be forgotten of an end that only receives. */
  get isPingWanted(): boolean {
    return this.#unanswered >= ACKS_PER_PING - 1
  }

  /** The frame of {@link write} left. */
  sent(isEliciting: boolean): void {
    this.#waiting = 0
    this.#unanswered = isEliciting ? 0 : this.#unanswered + 1
    this.dueUs = Infinity
  }
  /** What a packet that needs an answer keeps of its ACK frame. */
  sentFrame(): SentFrame {
    return { owner: this, id: 0, start: 0, end: this.largest + 1, attempt: 0, fin: false, probed: false }
  }

  /** The peer knows these ranges: they need not be told again (section 13.2.4). */
  acked(frame: SentFrame): void {
    // The packet at the top stays, so that there is something to tell.
    const floor = Math.min(frame.end, this.largest + 1) - 1
    if (floor <= this.#floor) return
    this.#floor = floor
    this.#received.removeBelow(floor)
  }
  lost(): void {}
  probe(): boolean {
    return false
  }
}
