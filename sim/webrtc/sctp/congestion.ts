/** Congestion control in bytes of chunks: RFC 9260, section 7.2. */
import { PACKET_BYTES_MAX, WINDOW_PACKETS_INITIAL, WINDOW_PACKETS_MIN } from './limits.ts'

const WINDOW_BYTES_MIN = WINDOW_PACKETS_MIN * PACKET_BYTES_MAX

export class Congestion {
  windowBytes = WINDOW_PACKETS_INITIAL * PACKET_BYTES_MAX
  /** Of chunks sent and neither acknowledged, nor lost, nor given up. */
  inFlightBytes = 0
  #thresholdBytes: number
  #partialBytesAcked = 0
  /** Section 7.2.4: fast recovery lasts until this TSN is acknowledged. */
  #recoveryTsn = -1

  constructor(peerWindowBytes: number) {
    this.#thresholdBytes = peerWindowBytes
  }

  get isRecovering(): boolean {
    return this.#recoveryTsn >= 0
  }

  /** The cumulative TSN advanced to `tsn`; `flightBytes` were in flight before, `ackedBytes` of them are acknowledged newly. */
  acked(tsn: number, ackedBytes: number, flightBytes: number): void {
    if (this.isRecovering) {
      if (tsn >= this.#recoveryTsn) this.#recoveryTsn = -1
      return
    }
    // A window that is not used does not grow. It is full where not another packet fitted in.
    const isFull = flightBytes + PACKET_BYTES_MAX > this.windowBytes
    if (this.windowBytes <= this.#thresholdBytes) {
      if (isFull) this.windowBytes += Math.min(ackedBytes, PACKET_BYTES_MAX)
      return
    }
    this.#partialBytesAcked += ackedBytes
    if (this.#partialBytesAcked < this.windowBytes) return
    if (isFull) {
      this.#partialBytesAcked -= this.windowBytes
      this.windowBytes += PACKET_BYTES_MAX
    } else {
      this.#partialBytesAcked = this.windowBytes
    }
  }

  /** Everything is acknowledged: section 7.2.2. */
  emptied(): void {
    this.#partialBytesAcked = 0
  }

  /** A third missing report; `highestTsn` is the highest one under way. Counts once a round trip: section 7.2.4. */
  missed(highestTsn: number): void {
    if (this.isRecovering) return
    this.#thresholdBytes = Math.max(this.windowBytes >>> 1, WINDOW_BYTES_MIN)
    this.windowBytes = this.#thresholdBytes
    this.#partialBytesAcked = 0
    this.#recoveryTsn = highestTsn
  }

  /** T3-rtx expired. */
  timedOut(): void {
    this.#thresholdBytes = Math.max(this.windowBytes >>> 1, WINDOW_BYTES_MIN)
    this.windowBytes = PACKET_BYTES_MAX
    this.#partialBytesAcked = 0
    this.#recoveryTsn = -1
  }
}
