/**
 * NewReno in bytes: RFC 9002, section 7. Persistent congestion (7.6) is left out: a window at its least after a blackout
 * would only slow the calm after the storm.
 */
import { DATAGRAM_BYTES_MAX } from './wire.ts'

/** Section 7.2: ten datagrams, but at most 14720 bytes. */
export const WINDOW_BYTES_INITIAL = Math.min(10 * DATAGRAM_BYTES_MAX, 14_720)
export const WINDOW_BYTES_MIN = 2 * DATAGRAM_BYTES_MAX

export class Congestion {
  windowBytes = WINDOW_BYTES_INITIAL
  inFlightBytes = 0
  /** Whether the window, not a lack of data, was what stopped sending last: a window that is not used does not grow (section 7.8). */
  isLimiting = false
  #thresholdBytes = Infinity
  /** Packets sent until then belong to the loss already answered. */
  #recoveryUs = -1

  get maySend(): boolean {
    return this.inFlightBytes + DATAGRAM_BYTES_MAX <= this.windowBytes
  }

  acked(bytes: number, sentUs: number): void {
    this.inFlightBytes -= bytes
    if (!this.isLimiting || sentUs <= this.#recoveryUs) return
    this.windowBytes += this.windowBytes < this.#thresholdBytes ? bytes : Math.floor((DATAGRAM_BYTES_MAX * bytes) / this.windowBytes)
  }

  lost(bytes: number, sentUs: number, nowUs: number): void {
    this.inFlightBytes -= bytes
    if (sentUs <= this.#recoveryUs) return
    this.#recoveryUs = nowUs
    this.windowBytes = Math.max(this.windowBytes >>> 1, WINDOW_BYTES_MIN)
    this.#thresholdBytes = this.windowBytes
  }
}
