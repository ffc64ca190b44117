/** What was received and has to be acknowledged, and when: RFC 9000, section 13.2. */
import { Frame, type FrameOwner, type Packet, type SentFrame } from './frames.ts'
import { RangeSet } from './ranges.ts'
import type { Acknowledgement } from './recovery.ts'
import type { Reader } from './wire.ts'

/** Ranges remembered and sent; below the lowest, everything counts as received. */
const ACK_RANGES_MAX = 32
/** Section 13.2.2: an acknowledgement for every second packet. */
const PACKETS_PER_ACK = 2
/** The largest ack frame: type, largest, delay, count, and 32 pairs of 8 bytes at the most (packet numbers stay below 2^30). */
const ACK_BYTES_MAX = 14 + ACK_RANGES_MAX * 8

export class Acknowledgements implements FrameOwner {
  /** When an acknowledgement must be under way at the latest. */
  dueUs = Infinity
  /** The identity of the datagram that asked for it last: the identity of a datagram that carries nothing else. */
  keyHi = 0
  keyLo = 0
  readonly #delayUsMax: number
  readonly #received = new RangeSet()
  /** Everything below has been received or is no longer wanted. */
  #floor = 0
  #largestUs = 0
  #unacknowledged = 0

  constructor(delayUsMax: number) {
    this.#delayUsMax = delayUsMax
  }

  isRepeated(number: number): boolean {
    return number < this.#floor || this.#received.has(number, number + 1)
  }

  /** Called once for each new packet. */
  received(number: number, eliciting: boolean, nowUs: number, keyHi: number, keyLo: number): void {
    const ranges = this.#received
    const next = ranges.count === 0 ? this.#floor : ranges.end(ranges.count - 1)
    ranges.add(number, number + 1)
    if (ranges.count > ACK_RANGES_MAX) {
      this.#floor = ranges.start(1)
      ranges.removeBelow(this.#floor)
    }
    if (number >= next) this.#largestUs = nowUs
    if (!eliciting) return
    this.#unacknowledged++
    this.keyHi = keyHi
    this.keyLo = keyLo
    // A gap is told at once (section 13.2.1), for the sender's loss detection lives on it.
    const now = number !== next || this.#unacknowledged >= PACKETS_PER_ACK
    this.dueUs = now ? nowUs : Math.min(this.dueUs, nowUs + this.#delayUsMax)
  }

  /** Writes the frame where something waits for it; true if so. */
  write(packet: Packet): boolean {
    const ranges = this.#received
    if (this.#unacknowledged === 0 || ranges.count === 0 || packet.room < ACK_BYTES_MAX) return false
    const { writer } = packet
    let index = ranges.count - 1
    writer.u8(Frame.ack)
    writer.varint(ranges.end(index) - 1)
    writer.varint(packet.nowUs - this.#largestUs)
    writer.varint(index)
    writer.varint(ranges.end(index) - ranges.start(index) - 1)
    for (index--; index >= 0; index--) {
      writer.varint(ranges.start(index + 1) - ranges.end(index) - 1)
      writer.varint(ranges.end(index) - ranges.start(index) - 1)
    }
    return true
  }

  /** The frame of {@link write} left. */
  sent(): void {
    this.#unacknowledged = 0
    this.dueUs = Infinity
  }
  /** What a packet that needs an answer keeps of its ack frame. */
  frame(): SentFrame {
    const last = this.#received.count - 1
    return { owner: this, message: 0, start: 0, end: this.#received.end(last), attempt: 0, probed: false }
  }

  /** The peer knows these ranges: they need not be told again (section 13.2.4). */
  acked(frame: SentFrame): void {
    // The range at the top stays, so that the next packet in order is seen to be in order.
    const last = this.#received.count - 1
    const floor = Math.min(frame.end, this.#received.end(last)) - 1
    if (floor <= this.#floor) return
    this.#floor = floor
    this.#received.removeBelow(floor)
  }
  lost(): void {}
  probe(): boolean {
    return false
  }
}

/** Reads the rest of an ack frame; undefined where it makes no sense. */
export function readAcknowledgement(reader: Reader): Acknowledgement | undefined {
  const largest = reader.varint()
  const delayUs = reader.varint()
  const more = reader.varint()
  if (more >= ACK_RANGES_MAX) return undefined
  const ranges = [largest, largest - reader.varint()]
  for (let i = 0; i < more && !reader.failed; i++) {
    const top = ranges[ranges.length - 1] - reader.varint() - 2
    ranges.push(top, top - reader.varint())
  }
  return reader.failed || ranges[ranges.length - 1] < 0 ? undefined : { largest, delayUs, ranges }
}
