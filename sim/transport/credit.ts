/**
 * Flow control as RFC 9000, section 4 has it: a receiver states up to which offset it takes bytes, and raises that as it
 * hands them on. One pair for each channel and one for the connection; credit that was lost is told again, newest only.
 */
import { Frame, type FrameOwner, type Packet, type SentFrame } from './frames.ts'

/** What a channel, and what a connection, takes beyond what was handed on. */
export const CHANNEL_WINDOW_BYTES = 262_144
export const CONNECTION_WINDOW_BYTES = 1_048_576
/** Type, channel and limit. */
export const CREDIT_FRAME_BYTES_MAX = 17

/** The sender's side. */
export class Credit {
  spentBytes = 0
  limitBytes: number
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }
  get bytes(): number {
    return this.limitBytes - this.spentBytes
  }
  raise(limitBytes: number): void {
    this.limitBytes = Math.max(this.limitBytes, limitBytes)
  }
}

/** The receiver's side. */
export class CreditGrant implements FrameOwner {
  /** Bytes accounted for by the peer so far, by the highest offset seen. */
  receivedBytes = 0
  isDue = false
  readonly #wireChannel: number
  readonly #windowBytes: number
  #consumedBytes = 0
  #limitBytes: number
  #attempt = 0

  /** @param wireChannel channel + 1, or 0 for the connection. */
  constructor(wireChannel: number, windowBytes: number) {
    this.#wireChannel = wireChannel
    this.#windowBytes = windowBytes
    this.#limitBytes = windowBytes
  }

  /** False where the peer oversteps its credit. */
  receive(bytes: number): boolean {
    this.receivedBytes += bytes
    return this.receivedBytes <= this.#limitBytes
  }

  consume(bytes: number): void {
    this.#consumedBytes += bytes
    if (this.#limitBytes - this.#consumedBytes >= this.#windowBytes >>> 1) return
    this.#limitBytes = this.#consumedBytes + this.#windowBytes
    this.#attempt = 0
    this.isDue = true
  }

  pack(packet: Packet): void {
    if (!this.isDue || packet.room < CREDIT_FRAME_BYTES_MAX) return
    this.isDue = false
    const { writer } = packet
    writer.u8(Frame.credit)
    writer.varint(this.#wireChannel)
    writer.varint(this.#limitBytes)
    packet.add({ owner: this, message: 0, start: 0, end: this.#limitBytes, attempt: this.#attempt, probed: false })
    packet.identify('credit', this.#wireChannel, this.#limitBytes, this.#limitBytes, this.#attempt)
  }

  acked(): void {}
  lost(frame: SentFrame): void {
    this.probe(frame)
  }
  probe(frame: SentFrame): boolean {
    if (frame.end !== this.#limitBytes) return false
    this.#attempt = frame.attempt + 1
    this.isDue = true
    return true
  }
}
