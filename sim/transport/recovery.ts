/**
 * What was sent and what became of it: loss detection by packet and time threshold and probe timeouts with backoff
 * (RFC 9002, section 6), over the measured round trip and the congestion window. One packet number space a connection.
 */
import { Congestion } from './congestion.ts'
import type { SentFrame } from './frames.ts'
import { RoundTrip } from './rtt.ts'

/** Section 6.1.1. */
const PACKET_THRESHOLD = 3
/**
 * The longest wait between two probes, a bound that RFC 9002 leaves to the implementation: at 30% loss doubling alone reaches the
 * idle timeout once in some hundred connections.
 */
const PROBE_TIMEOUT_US_MAX = 1_000_000
/** Doublings that are counted. */
const BACKOFF_MAX = 16
/** Section 6.2.4: packets that a probe timeout may send beyond the window. */
export const PROBE_PACKETS = 2

export interface SentPacket {
  readonly number: number
  readonly sentUs: number
  readonly bytes: number
  /** Empty for a packet that carries nothing but an acknowledgement: it is neither in flight nor ever lost. */
  readonly frames: readonly SentFrame[]
  /** The datagram it travelled in. */
  readonly datagram: number
  readonly keyHi: number
  readonly keyLo: number
}

/** An acknowledgement as read: descending pairs of largest and smallest packet number. */
export interface Acknowledgement {
  readonly largest: number
  readonly delayUs: number
  readonly ranges: readonly number[]
}

export class Recovery {
  readonly roundTrip: RoundTrip
  readonly congestion = new Congestion()
  /** Packets that the last probe timeout still allows. */
  probes = 0
  backoff = 0
  /** Packets declared lost since the beginning. */
  lostCount = 0
  nextNumber = 0
  readonly #ackDelayUsMax: number
  readonly #declareLost: (packet: SentPacket) => void
  /** By number - #firstNumber; undefined once acknowledged or lost. */
  #packets: (SentPacket | undefined)[] = []
  #firstNumber = 0
  #largestAcked = -1
  #elicitingCount = 0
  #elicitingSentUs = 0
  /** When the time threshold declares the next packet lost. */
  #lossUs = Infinity

  constructor(initialRttUs: number, ackDelayUsMax: number, declareLost: (packet: SentPacket) => void) {
    this.roundTrip = new RoundTrip(initialRttUs)
    this.#ackDelayUsMax = ackDelayUsMax
    this.#declareLost = declareLost
  }

  sent(packet: SentPacket): void {
    this.nextNumber = packet.number + 1
    this.#packets.push(packet)
    if (packet.frames.length === 0) return
    this.#elicitingCount++
    this.#elicitingSentUs = packet.sentUs
    this.congestion.inFlightBytes += packet.bytes
    if (this.probes > 0) this.probes--
  }

  /** False where the peer acknowledges what was never sent. */
  acknowledged({ largest, delayUs, ranges }: Acknowledgement, nowUs: number): boolean {
    if (largest >= this.nextNumber) return false
    let newest: SentPacket | undefined
    let eliciting = false
    for (let i = ranges.length - 2; i >= 0; i -= 2) {
      for (let number = Math.max(ranges[i + 1], this.#firstNumber); number <= ranges[i]; number++) {
        const packet = this.#packets[number - this.#firstNumber]
        if (packet === undefined) continue
        this.#packets[number - this.#firstNumber] = undefined
        newest = packet
        if (packet.frames.length === 0) continue
        eliciting = true
        this.#elicitingCount--
        this.congestion.acked(packet.bytes, packet.sentUs)
        for (const frame of packet.frames) frame.owner.acked(frame, nowUs)
      }
    }
    if (newest === undefined) return true
    if (eliciting && newest.number === largest) this.roundTrip.sample(nowUs - newest.sentUs, Math.min(delayUs, this.#ackDelayUsMax))
    this.#largestAcked = Math.max(this.#largestAcked, largest)
    this.backoff = 0
    this.probes = 0
    this.#detectLoss(nowUs)
    return true
  }

  #detectLoss(nowUs: number): void {
    const { lossDelayUs } = this.roundTrip
    this.#lossUs = Infinity
    const count = Math.min(this.#largestAcked - this.#firstNumber, this.#packets.length)
    for (let i = 0; i < count; i++) {
      const packet = this.#packets[i]
      if (packet === undefined) continue
      if (this.#largestAcked - packet.number < PACKET_THRESHOLD && packet.sentUs + lossDelayUs > nowUs) {
        this.#lossUs = Math.min(this.#lossUs, packet.sentUs + lossDelayUs)
        continue
      }
      this.#packets[i] = undefined
      if (packet.frames.length === 0) continue
      this.#elicitingCount--
      this.lostCount++
      this.congestion.lost(packet.bytes, packet.sentUs, nowUs)
      this.#declareLost(packet)
      for (const frame of packet.frames) {
        if (!frame.probed) frame.owner.lost(frame, nowUs)
      }
    }
    this.#forget()
  }

  /** Drops what is settled from the front. */
  #forget(): void {
    let settled = 0
    while (settled < this.#packets.length && this.#packets[settled] === undefined) settled++
    if (settled < 64 && settled < this.#packets.length) return
    this.#packets.splice(0, settled)
    this.#firstNumber += settled
  }

  get probeTimeoutUs(): number {
    return this.roundTrip.probeTimeoutUs + this.#ackDelayUsMax
  }

  deadlineUs(): number {
    if (this.#lossUs !== Infinity) return this.#lossUs
    if (this.#elicitingCount === 0) return Infinity
    const waitUs = Math.min(this.probeTimeoutUs * 2 ** this.backoff, Math.max(this.probeTimeoutUs, PROBE_TIMEOUT_US_MAX))
    return this.#elicitingSentUs + waitUs
  }

  /** The deadline has come: time-threshold losses are declared, or probes become due. */
  expired(nowUs: number): 'loss' | 'probe' {
    if (this.#lossUs !== Infinity) {
      this.#detectLoss(nowUs)
      return 'loss'
    }
    this.backoff = Math.min(this.backoff + 1, BACKOFF_MAX)
    this.probes = PROBE_PACKETS
    return 'probe'
  }

  /** Has the owners send the oldest packet's frames again that may be sent again. False where there are none. */
  probeOldest(nowUs: number): boolean {
    for (const packet of this.#packets) {
      if (packet === undefined) continue
      let again = false
      for (const frame of packet.frames) {
        if (frame.probed || !frame.owner.probe(frame, nowUs)) continue
        frame.probed = true
        again = true
      }
      if (again) return true
    }
    return false
  }

  /** Packets that still wait for an answer, the oldest first. */
  get unanswered(): readonly SentPacket[] {
    return this.#packets.filter((packet): packet is SentPacket => packet !== undefined && packet.frames.length > 0)
  }

  /** The oldest packet that still waits for an answer. */
  oldest(): SentPacket | undefined {
    return this.#packets.find((packet) => packet !== undefined && packet.frames.length > 0)
  }
}
