/** The congestion window, in bytes: RFC 9002, section 7. */
import { DATAGRAM_BYTES_MAX } from '../bytes.ts'

/** Section 7.2: ten datagrams, but at most 14720 bytes. */
export const WINDOW_BYTES_INITIAL = Math.min(10 * DATAGRAM_BYTES_MAX, 14_720)
export const WINDOW_BYTES_MIN = 2 * DATAGRAM_BYTES_MAX

export type CongestionState = 'slowStart' | 'congestionAvoidance' | 'recovery'

export class NewReno {
  windowBytes = WINDOW_BYTES_INITIAL
  inFlightBytes = 0
  thresholdBytes = Infinity
  /** Whether the window stopped sending last, not a lack of data: a window that is not used does not grow (section 7.8). */
  isLimiting = false
  /** Packets sent until then belong to the congestion already answered. */
  #recoveryUs = -1
  #isRecovering = false

  get state(): CongestionState {
    if (this.#isRecovering) return 'recovery'
    return this.windowBytes < this.thresholdBytes ? 'slowStart' : 'congestionAvoidance'
  }
  get maySend(): boolean {
    return this.inFlightBytes + DATAGRAM_BYTES_MAX <= this.windowBytes
  }

  acked(bytes: number, sentUs: number): void {
    this.inFlightBytes -= bytes
    if (sentUs <= this.#recoveryUs) return
    this.#isRecovering = false
    if (!this.isLimiting) return
    this.windowBytes += this.windowBytes < this.thresholdBytes ? bytes : Math.floor((DATAGRAM_BYTES_MAX * bytes) / this.windowBytes)
  }

  /** Takes a packet out of flight without a word about congestion: lost, or its keys are gone. */
  removed(bytes: number): void {
    this.inFlightBytes -= bytes
  }

  /** Section 7.3.2: a packet sent at `sentUs` was lost, or met congestion on its way. Answers once a round trip; true if it did. */
  congested(sentUs: number, nowUs: number): boolean {
    if (sentUs <= this.#recoveryUs) return false
    this.#recoveryUs = nowUs
    this.#isRecovering = true
    this.thresholdBytes = Math.max(this.windowBytes >>> 1, WINDOW_BYTES_MIN)
    this.windowBytes = this.thresholdBytes
    return true
  }

  /** Section 7.6.2. */
  collapse(): void {
    this.windowBytes = WINDOW_BYTES_MIN
    this.#recoveryUs = -1
    this.#isRecovering = false
  }
}
