/** The round trip, in integer microseconds: RFC 9002, section 5. */

/** Section 6.1.2: kGranularity. */
export const GRANULARITY_US = 1_000

export class RoundTrip {
  latestUs: number
  smoothedUs: number
  variationUs: number
  leastUs = Infinity

  /** @param initialUs section 6.2.2: what is assumed before anything was measured. */
  constructor(initialUs: number) {
    this.latestUs = initialUs
    this.smoothedUs = initialUs
    this.variationUs = initialUs >>> 1
  }

  get isMeasured(): boolean {
    return this.leastUs !== Infinity
  }

  /** Section 5.3. `ackDelayUs` is what the peer says it waited, already capped by its max_ack_delay once the handshake is confirmed. */
  sample(latestUs: number, ackDelayUs: number): void {
    this.latestUs = latestUs
    if (!this.isMeasured) {
      this.leastUs = latestUs
      this.smoothedUs = latestUs
      this.variationUs = latestUs >>> 1
      return
    }
    this.leastUs = Math.min(this.leastUs, latestUs)
    const adjustedUs = latestUs >= this.leastUs + ackDelayUs ? latestUs - ackDelayUs : latestUs
    this.variationUs = Math.floor((3 * this.variationUs + Math.abs(this.smoothedUs - adjustedUs)) / 4)
    this.smoothedUs = Math.floor((7 * this.smoothedUs + adjustedUs) / 8)
  }

  /** Section 5.2: persistent congestion makes the least of before worthless. */
  forgetLeast(): void {
    this.leastUs = this.latestUs
  }

  /** Section 6.2.1, without the peer's ack delay and the backoff. */
  get probeTimeoutUs(): number {
    return this.smoothedUs + Math.max(4 * this.variationUs, GRANULARITY_US)
  }
  /** Section 6.1.2: 9/8 of a round trip. */
  get lossDelayUs(): number {
    return Math.max(Math.floor((9 * Math.max(this.latestUs, this.smoothedUs)) / 8), GRANULARITY_US)
  }
}
