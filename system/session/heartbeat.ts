/** Heartbeats of one link: pings at an interval, round-trip time and jitter from their echoes, silence noticed. */
import { HEARTBEAT_INTERVAL_US, HEARTBEAT_TIMEOUT_US } from '../limits.ts'
import type { Heartbeat } from '../protocol/messages.ts'

export class HeartbeatMonitor {
  #sequence = 0
  #nextPingUs: number
  #heardUs: number
  /** Smoothed by eighths and its deviation by quarters, as RFC 9002 section 5.3 does; 0 until the first echo. Microseconds. */
  rttUs = 0
  jitterUs = 0

  constructor(nowUs: number) {
    this.#nextPingUs = nowUs
    this.#heardUs = nowUs
  }

  /** The ping that is due, if one is. */
  ping(nowUs: number): Heartbeat | undefined {
    if (nowUs < this.#nextPingUs) return undefined
    this.#nextPingUs = nowUs + HEARTBEAT_INTERVAL_US
    return { kind: 'Heartbeat', pong: false, sequence: this.#sequence++, sentAtUs: nowUs, rttUs: this.rttUs, jitterUs: this.jitterUs }
  }

  /** Anything that was heard shows that the other side lives. */
  heard(nowUs: number): void {
    this.#heardUs = nowUs
  }
  get heardUs(): number {
    return this.#heardUs
  }
  silent(nowUs: number): boolean {
    return nowUs - this.#heardUs >= HEARTBEAT_TIMEOUT_US
  }

  /** Takes a heartbeat; answers with the pong to send, or with undefined when it was one (then rtt and jitter are new). */
  receive(message: Heartbeat, nowUs: number): Heartbeat | undefined {
    if (!message.pong) return { ...message, pong: true, rttUs: this.rttUs, jitterUs: this.jitterUs }
    const sampleUs = nowUs - message.sentAtUs
    // A peer may echo what we never sent; such a sample says nothing.
    if (sampleUs < 0 || sampleUs > HEARTBEAT_TIMEOUT_US || message.sequence >= this.#sequence) return undefined
    if (this.rttUs === 0) {
      this.rttUs = sampleUs
      this.jitterUs = Math.floor(sampleUs / 2)
    } else {
      this.jitterUs = Math.floor((3 * this.jitterUs + Math.abs(this.rttUs - sampleUs)) / 4)
      this.rttUs = Math.floor((7 * this.rttUs + sampleUs) / 8)
    }
    return undefined
  }
}
