/**
 * What was sent and what became of it: RFC 9002. Three packet number spaces; loss by packet and time threshold (6.1), probe timeouts
 * (6.2), persistent congestion (7.6). The round trip and the congestion window are the path's ({@link RecoveryPath}).
 */
import type { AckFrame, EcnCounts } from './frames.ts'
import { EcnPath } from './ecn.ts'
import { NewReno } from './newreno.ts'
import { Pacer } from './pacer.ts'
import { RoundTrip } from './rtt.ts'
import { RangeSet } from '../ranges.ts'
import type { SentFrame } from './sentframe.ts'

/** Section 6.1.1: kPacketThreshold. */
const PACKET_THRESHOLD = 3
/** Section 7.6.1: kPersistentCongestionThreshold. */
const PERSISTENT_CONGESTION_THRESHOLD = 3
/** Doublings that are counted. */
const BACKOFF_MAX = 16
/** Section 6.2.4: packets that a probe timeout may send beyond the window. */
const PROBE_PACKETS = 2

/** Packet number spaces (RFC 9000, section 12.3). */
export const Space = { initial: 0, handshake: 1, application: 2 } as const
export type Space = (typeof Space)[keyof typeof Space]
const SPACES: readonly Space[] = [Space.initial, Space.handshake, Space.application]

/** What recovery knows of a path. A connection that moves begins with a new one (RFC 9000, section 9.4). */
export class RecoveryPath {
  readonly roundTrip: RoundTrip
  readonly congestion = new NewReno()
  readonly pacer = new Pacer()
  readonly ecn: EcnPath

  constructor(initialRttUs: number, isEcnWanted: boolean) {
    this.roundTrip = new RoundTrip(initialRttUs)
    this.ecn = new EcnPath(isEcnWanted)
  }
}

export interface SentPacket {
  readonly space: Space
  readonly number: number
  readonly sentUs: number
  readonly bytes: number
  readonly isEliciting: boolean
  /** Counts for the window: ack-eliciting or padded. */
  readonly isInFlight: boolean
  readonly isMarked: boolean
  /** 0-RTT packets share the space of 1-RTT ones. */
  readonly isEarly: boolean
  readonly frames: readonly SentFrame[]
  readonly path: RecoveryPath
  /** The identity of the datagram that it travelled in. */
  readonly datagram: number
  readonly keyLo: number
}

export interface RecoverySettings {
  readonly isClient: boolean
  /** The longest wait between two probes, a bound that RFC 9002 leaves out; Infinity for as the RFC has it. */
  readonly probeTimeoutUsMax: number
}

/** Told as it happens. */
export interface RecoveryObserver {
  lost(packet: SentPacket, trigger: 'reordering_threshold' | 'time_threshold'): void
  congestionChanged(path: RecoveryPath, trigger: 'loss' | 'ecn' | 'persistent_congestion'): void
}

/** One packet number space. */
class SpaceState {
  nextNumber = 0
  largestAcked = -1
  /** Packets that a probe timeout still allows. */
  probes = 0
  elicitingCount = 0
  elicitingSentUs = 0
  /** When the time threshold declares the next packet lost. */
  lossUs = Infinity
  /** By number - firstNumber; undefined once acknowledged or lost. */
  packets: (SentPacket | undefined)[] = []
  firstNumber = 0
  /** Of the packets from firstNumber on, those that arrived. */
  readonly acked = new RangeSet()
  ecn: EcnCounts = { ect0: 0, ect1: 0, ce: 0 }
  markedEver = 0

  forget(): void {
    const { packets } = this
    while (packets.length > 0 && packets[0] === undefined) {
      packets.shift()
      this.firstNumber++
    }
    this.acked.removeBelow(this.firstNumber)
  }
}

export class Recovery {
  /** Probe timeouts in a row (pto_count). */
  backoff = 0
  lostCount = 0
  /** Section 6.2.1: the peer's max_ack_delay, which counts for the application's space alone. */
  peerAckDelayUsMax = 0
  isHandshakeConfirmed = false
  /** Section 6.2.2.1: a client probes even with nothing in flight until it knows that the server may send to it. */
  isPeerValidated: boolean
  hasHandshakeKeys = false
  /** A server that may not send arms no probe timeout. */
  isAmplificationLimited = false
  path: RecoveryPath
  readonly #settings: RecoverySettings
  readonly #observer: RecoveryObserver
  readonly #spaces: readonly SpaceState[] = SPACES.map(() => new SpaceState())
  /** Those that were not dropped: soon the application's alone. */
  #live = SPACES
  /** From when the client's probe without anything in flight counts. */
  #idleFromUs = 0
  /** When the first sample of the round trip was taken (section 7.6.2). */
  #firstSampleUs = Infinity

  constructor(settings: RecoverySettings, path: RecoveryPath, observer: RecoveryObserver) {
    this.#settings = settings
    this.#observer = observer
    this.path = path
    this.isPeerValidated = !settings.isClient
  }

  nextNumber(space: Space): number {
    return this.#spaces[space].nextNumber
  }
  largestAcked(space: Space): number {
    return this.#spaces[space].largestAcked
  }
  probes(space: Space): number {
    return this.#spaces[space].probes
  }

  sent(packet: SentPacket): void {
    const space = this.#spaces[packet.space]
    space.nextNumber = packet.number + 1
    space.packets.push(packet.isInFlight ? packet : undefined)
    if (packet.isMarked) {
      space.markedEver++
      packet.path.ecn.sent()
    }
    if (packet.isInFlight) packet.path.congestion.inFlightBytes += packet.bytes
    if (!packet.isEliciting) return
    space.elicitingCount++
    space.elicitingSentUs = packet.sentUs
    this.#idleFromUs = packet.sentUs
    if (space.probes > 0) space.probes--
  }

  /**
   * False where the peer acknowledges what was never sent. `delayUs` is the peer's and not capped yet; `waitedUs` is how long the frame
   * waited here for its keys, which is no part of a round trip (section 5.3).
   */
  acknowledged(spaceNumber: Space, frame: AckFrame, delayUs: number, nowUs: number, waitedUs = 0): boolean {
    const space = this.#spaces[spaceNumber]
    const { largest, ranges } = frame
    if (largest >= space.nextNumber) return false
    const isNewLargest = largest > space.largestAcked
    let newest: SentPacket | undefined
    let isEliciting = false
    let newlyMarked = 0
    for (let i = ranges.length - 2; i >= 0; i -= 2) {
      space.acked.add(Math.max(ranges[i + 1], space.firstNumber), ranges[i] + 1)
      for (let number = Math.max(ranges[i + 1], space.firstNumber); number <= ranges[i]; number++) {
        const packet = space.packets[number - space.firstNumber]
        if (packet === undefined) continue
        space.packets[number - space.firstNumber] = undefined
        newest = packet
        if (packet.isMarked) newlyMarked++
        if (packet.isEliciting) {
          isEliciting = true
          space.elicitingCount--
        }
        packet.path.congestion.acked(packet.bytes, packet.sentUs)
        for (const sent of packet.frames) sent.owner.acked(sent, nowUs)
      }
    }
    if (isNewLargest) space.largestAcked = largest
    if (newest === undefined) return true
    const roundTripUs = nowUs - waitedUs - newest.sentUs
    // What was here before its question left answers nothing: a peer that guesses.
    if (isEliciting && newest.number === largest && newest.path === this.path && roundTripUs >= 0) {
      this.#sample(roundTripUs, delayUs, nowUs)
    }
    if (isNewLargest) this.#validateEcn(space, newest, newlyMarked, frame.ecn, nowUs)
    this.#idleFromUs = nowUs
    if (this.isPeerValidated) this.backoff = 0
    space.probes = 0
    this.#detectLoss(space, nowUs)
    return true
  }

  #sample(latestUs: number, delayUs: number, nowUs: number): void {
    if (this.#firstSampleUs === Infinity) this.#firstSampleUs = nowUs
    // Section 5.3: before the handshake is confirmed the peer's delay is taken as it is, afterwards it has promised a limit.
    this.path.roundTrip.sample(latestUs, this.isHandshakeConfirmed ? Math.min(delayUs, this.peerAckDelayUsMax) : delayUs)
  }

  #validateEcn(space: SpaceState, newest: SentPacket, newlyMarked: number, counts: EcnCounts | undefined, nowUs: number): void {
    const verdict = newest.path.ecn.acknowledged(newlyMarked, counts, space.ecn, space.markedEver)
    if (counts !== undefined) space.ecn = counts
    if (verdict !== 'congestion' || !newest.path.congestion.congested(newest.sentUs, nowUs)) return
    this.#observer.congestionChanged(newest.path, 'ecn')
  }

  #detectLoss(space: SpaceState, nowUs: number): void {
    const { packets, firstNumber, largestAcked } = space
    const { lossDelayUs } = this.path.roundTrip
    space.lossUs = Infinity
    const lost: SentPacket[] = []
    const count = Math.min(largestAcked - firstNumber, packets.length)
    for (let i = 0; i < count; i++) {
      const packet = packets[i]
      if (packet === undefined) continue
      const isOvertaken = largestAcked - packet.number >= PACKET_THRESHOLD
      if (!isOvertaken && packet.sentUs + lossDelayUs > nowUs) {
        space.lossUs = Math.min(space.lossUs, packet.sentUs + lossDelayUs)
        continue
      }
      packets[i] = undefined
      if (packet.isEliciting) space.elicitingCount--
      lost.push(packet)
      this.lostCount++
      packet.path.congestion.removed(packet.bytes)
      if (packet.isMarked) packet.path.ecn.lost()
      this.#observer.lost(packet, isOvertaken ? 'reordering_threshold' : 'time_threshold')
    }
    if (lost.length > 0) this.#answerLoss(space, lost, nowUs)
    space.forget()
  }

  #answerLoss(space: SpaceState, lost: readonly SentPacket[], nowUs: number): void {
    const last = lost[lost.length - 1]
    if (last.path.congestion.congested(last.sentUs, nowUs)) this.#observer.congestionChanged(last.path, 'loss')
    if (this.#isPersistent(space, lost)) {
      this.path.congestion.collapse()
      this.path.roundTrip.forgetLeast()
      this.#observer.congestionChanged(this.path, 'persistent_congestion')
    }
    for (const packet of lost) {
      for (const frame of packet.frames) if (!frame.probed) frame.owner.lost(frame, nowUs)
    }
  }

  /** Section 7.6.2: two ack-eliciting packets so far apart, sent after the first sample, and nothing between them arrived. */
  #isPersistent(space: SpaceState, lost: readonly SentPacket[]): boolean {
    const durationUs = (this.path.roundTrip.probeTimeoutUs + this.peerAckDelayUsMax) * PERSISTENT_CONGESTION_THRESHOLD
    let first: SentPacket | undefined
    let before = -1
    for (const packet of lost) {
      if (space.acked.intersects(before + 1, packet.number)) first = undefined
      before = packet.number
      if (!packet.isEliciting || packet.path !== this.path || packet.sentUs < this.#firstSampleUs) continue
      first ??= packet
      if (packet.sentUs - first.sentUs > durationUs) return true
    }
    return false
  }

  /** Section 6.2.1 with max_ack_delay and without backoff: how long the peer may be silent at the least. */
  get probeTimeoutUs(): number {
    return this.path.roundTrip.probeTimeoutUs + this.peerAckDelayUsMax
  }

  #waitUs(space: Space): number {
    const baseUs = this.path.roundTrip.probeTimeoutUs + (space === Space.application ? this.peerAckDelayUsMax : 0)
    return Math.min(baseUs * 2 ** this.backoff, Math.max(baseUs, this.#settings.probeTimeoutUsMax))
  }

  /** Appendix A.8: when a probe is due; Infinity where none is. */
  #probeUs(): number {
    if (this.isAmplificationLimited) return Infinity
    let atUs = Infinity
    for (const number of this.#live) {
      if (this.#isProbed(number)) atUs = Math.min(atUs, this.#spaces[number].elicitingSentUs + this.#waitUs(number))
    }
    return atUs === Infinity && !this.isPeerValidated ? this.#idleFromUs + this.#waitUs(this.#idleSpace) : atUs
  }

  /** Section 6.2.1: not application data before the handshake is confirmed; the peer may be unable to read it. */
  #isProbed(number: Space): boolean {
    return this.#spaces[number].elicitingCount > 0 && (number !== Space.application || this.isHandshakeConfirmed)
  }
  /** What a client probes that waits for nothing. */
  get #idleSpace(): Space {
    return this.hasHandshakeKeys ? Space.handshake : Space.initial
  }

  deadlineUs(): number {
    let lossUs = Infinity
    for (const number of this.#live) lossUs = Math.min(lossUs, this.#spaces[number].lossUs)
    return lossUs === Infinity ? this.#probeUs() : lossUs
  }

  /** The deadline has come: time-threshold losses are declared, or probes become due. */
  expired(nowUs: number): 'loss' | 'probe' {
    let isLoss = false
    for (const number of this.#live) {
      if (this.#spaces[number].lossUs > nowUs) continue
      isLoss = true
      this.#detectLoss(this.#spaces[number], nowUs)
    }
    if (isLoss) return 'loss'
    this.backoff = Math.min(this.backoff + 1, BACKOFF_MAX)
    // Section 6.2.4: every space that waits for an answer is probed, for their packets share the datagrams.
    const probed = this.#live.filter((number) => this.#isProbed(number))
    for (const number of probed.length > 0 ? probed : [this.#idleSpace]) this.#spaces[number].probes = PROBE_PACKETS
    this.#idleFromUs = nowUs
    return 'probe'
  }

  /** Section 6.2.3: sends a handshake space's packets again before their probe timeout; a ping where nothing is under way. */
  hasten(number: Space, nowUs: number): void {
    const space = this.#spaces[number]
    space.probes = PROBE_PACKETS
    for (const packet of space.packets) if (packet !== undefined) probe(packet, nowUs)
  }
  /** Something of that space waits for its acknowledgement. */
  isWaiting(space: Space): boolean {
    return this.#spaces[space].elicitingCount > 0
  }
  /** When something that asks for an answer left last. */
  elicitingSentUs(space: Space): number {
    return this.#spaces[space].elicitingSentUs
  }

  /** Has the owners send the oldest packet's frames again that may be sent again. False where there are none. */
  probeOldest(space: Space, nowUs: number): boolean {
    return this.#spaces[space].packets.some((packet) => packet !== undefined && probe(packet, nowUs))
  }

  /** The oldest packet of a space that waits for an answer. */
  oldest(space: Space): SentPacket | undefined {
    return this.#spaces[space].packets.find((packet) => packet?.isEliciting === true)
  }
  /** When the oldest packet that waits for an answer was sent. */
  get oldestSentUs(): number | undefined {
    const sentUs = SPACES.map((space) => this.oldest(space)?.sentUs ?? Infinity)
    const oldestUs = Math.min(...sentUs)
    return oldestUs === Infinity ? undefined : oldestUs
  }
  get unansweredCount(): number {
    return this.#spaces.reduce((sum, { elicitingCount }) => sum + elicitingCount, 0)
  }

  /** Section 6.4: the keys of a space are gone, and with them what waits. */
  drop(number: Space, nowUs: number): void {
    if (!this.#live.includes(number)) return
    this.#live = this.#live.filter((other) => other !== number)
    const space = this.#spaces[number]
    for (const packet of space.packets) if (packet !== undefined) packet.path.congestion.removed(packet.bytes)
    space.packets = []
    space.firstNumber = space.nextNumber
    space.elicitingCount = 0
    space.probes = 0
    space.lossUs = Infinity
    this.backoff = 0
    this.#idleFromUs = nowUs
  }

  /** The server did not take the 0-RTT packets (RFC 9001, section 4.6.2), or took none of ours (Retry): what they carried goes again. */
  resend(number: Space, nowUs: number, isChosen: (packet: SentPacket) => boolean): void {
    const space = this.#spaces[number]
    for (let i = 0; i < space.packets.length; i++) {
      const packet = space.packets[i]
      if (packet === undefined || !isChosen(packet)) continue
      space.packets[i] = undefined
      packet.path.congestion.removed(packet.bytes)
      if (packet.isEliciting) space.elicitingCount--
      for (const frame of packet.frames) if (!frame.probed) frame.owner.lost(frame, nowUs)
    }
    space.forget()
  }
}

/** Has the owners of a packet's frames send them again. False where none may be. */
function probe({ frames }: SentPacket, nowUs: number): boolean {
  let again = false
  for (const frame of frames) {
    if (frame.probed || !frame.owner.probe(frame, nowUs)) continue
    frame.probed = true
    again = true
  }
  return again
}
