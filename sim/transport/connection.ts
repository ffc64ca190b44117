/**
 * One connection, of either profile and either side: it meets, shakes hands, carries channels, closes. Sans-I/O: it is
 * told of datagrams, messages and time, and tells its {@link Surroundings} what follows.
 *
 *     meeting ──> handshake ──> open ──> closing (we closed: answers stragglers with the close) ──> forgotten
 *                                  └───> draining (the peer closed: silence) ────────────────────────┘
 */
import type { Datagram } from '../net/datagram.ts'
import type { DiscardReason, NetRecord } from '../net/records.ts'
import type { ChannelSpec, ClosedBy, ConnectionId, TransportInput } from '../port.ts'
import { Acknowledgements, readAcknowledgement } from './acknowledgements.ts'
import { CHANNEL_QUEUE_BYTES_MAX, MESSAGE_BYTES_MAX, type Receipt } from './channel.ts'
import { Channels, type ChannelStanding } from './channels.ts'
import { TransportCode } from './codes.ts'
import { Credit } from './credit.ts'
import { Frame, type FrameOwner } from './frames.ts'
import { Handshake } from './handshake.ts'
import { initiatorOf, type PacketBuilder, PacketType } from './packet.ts'
import type { Profile, ProfileName } from './profile.ts'
import { PROBE_PACKETS, Recovery, type SentPacket } from './recovery.ts'
import { Rendezvous, rendezvousToken, TOKEN_BYTES } from './rendezvous.ts'
import { derive, deriveFrom, isSealed, type SealKey, sealKey, TAG_BYTES } from './secret.ts'
import { StreamReceiver, StreamSender } from './streams.ts'
import type { Reader } from './wire.ts'

/** A connection that hears nothing for so long is gone (RFC 9000, section 10.1). */
export const IDLE_US_MAX = 10_000_000
/** Meeting and handshake together. */
export const HANDSHAKE_US_MAX = 10_000_000
/** The least time between two 'path' inputs. */
const PATH_INTERVAL_US = 100_000
/** Handshake bytes kept out of order. */
const HANDSHAKE_BYTES_MAX = 65_536
/** Transmissions of a close: at once, and again with each probe timeout or straggler, for the close itself may be lost. */
const CLOSE_TRANSMISSIONS_MAX = 4
/** Probe timeouts that a closed connection is remembered for (RFC 9000, section 10.2). */
const CLOSED_PROBE_TIMEOUTS = 3

/** What a connection needs of its endpoint. */
export interface Surroundings {
  readonly address: number
  readonly channels: (profile: ProfileName) => readonly ChannelSpec[]
  readonly packet: PacketBuilder
  nextDatagramId(): number
  datagram(datagram: Datagram): void
  input(input: TransportInput, datagrams?: readonly number[]): void
  readonly record: (record: NetRecord) => void
}

export interface Identity {
  /** This end's name for it. */
  readonly id: ConnectionId
  /** Both ends' name for it. */
  readonly number: number
  readonly profile: Profile
  readonly peer: number
  /** Of the `open`; 0 for a connection that came in. */
  readonly ticket: number
}

type State = 'meeting' | 'handshake' | 'open' | 'closing' | 'draining' | 'forgotten'

/** A connection as it stands, for whoever looks on. */
export interface ConnectionStanding {
  /** As the node above knows it. */
  readonly id: ConnectionId
  readonly number: number
  readonly peer: number
  readonly profile: ProfileName
  readonly state: State
  /** The smoothed round trip, or a guess where none was measured, and its variation. */
  readonly rttUs: number
  readonly rttVariationUs: number
  readonly windowBytes: number
  readonly inFlightBytes: number
  /** Probe timeouts in a row. */
  readonly backoff: number
  /** Packets declared lost since the beginning. */
  readonly lost: number
  /** Packets that wait for an answer, and when the oldest was sent. */
  readonly unanswered: number
  readonly oldestSentUs: number | undefined
  readonly channels: readonly ChannelStanding[]
}

/** A probe that carries nothing else. */
const PING: FrameOwner = { acked() {}, lost() {}, probe: () => false }

export class Connection {
  readonly identity: Identity
  /** Has to be flushed. */
  isDirty = true
  readonly #surroundings: Surroundings
  readonly #isInitiator: boolean
  readonly #rendezvous: Rendezvous
  readonly #handshake: Handshake
  readonly #crypto: StreamSender
  readonly #cryptoReceiver: StreamReceiver
  readonly #acks: Acknowledgements
  readonly #recovery: Recovery
  readonly #channels: Channels
  readonly #initialKeys: Keys
  #keys: Keys | undefined
  #state: State
  #isHandshakeBroken = false
  #idleFromUs: number
  /** Something that needs an answer went out since the peer was last heard. */
  #isAwaiting = false
  #pathUs = -PATH_INTERVAL_US
  readonly #beginUs: number
  #closeCode = 0
  #closeCount = 0
  #closeAgainUs = Infinity
  #forgetUs = Infinity

  constructor(identity: Identity, surroundings: Surroundings, nowUs: number) {
    const { profile, number } = identity
    this.identity = identity
    this.#surroundings = surroundings
    this.#isInitiator = initiatorOf(number) === surroundings.address
    const responder = this.#isInitiator ? identity.peer : surroundings.address
    this.#initialKeys = keysOf(initialSecret(number), this.#isInitiator)
    this.#rendezvous = new Rendezvous(this.#isInitiator ? profile.rendezvous : [], rendezvousToken(responder, number, -1), nowUs)
    this.#state = this.#rendezvous.isDone ? 'handshake' : 'meeting'
    const random = derive('random', [surroundings.address, number])
    this.#handshake = new Handshake(profile.flights, this.#isInitiator ? 'initiator' : 'responder', random)
    this.#crypto = new StreamSender('crypto', 0, new Credit(Infinity), new Credit(Infinity))
    this.#cryptoReceiver = new StreamReceiver((bytes) => this.#advanceHandshake(bytes), HANDSHAKE_BYTES_MAX)
    this.#acks = new Acknowledgements(profile.ackDelayUsMax)
    this.#recovery = new Recovery(profile.initialRttUs, profile.ackDelayUsMax, (packet) => this.#declareLost(packet))
    this.#channels = new Channels({
      specs: surroundings.channels(profile.name),
      profile,
      address: surroundings.address,
      connection: number,
      deliver: (channel, bytes, datagrams) => surroundings.input({ kind: 'message', on: identity.id, channel, bytes }, datagrams),
      record: surroundings.record,
    })
    this.#beginUs = nowUs
    this.#idleFromUs = nowUs
    if (this.#state === 'handshake') this.#writeFlights()
  }

  get isForgotten(): boolean {
    return this.#state === 'forgotten'
  }
  get standing(): ConnectionStanding {
    const { id, number, peer, profile } = this.identity
    const { roundTrip, congestion, backoff, lostCount, unanswered } = this.#recovery
    return {
      id, number, peer, profile: profile.name, state: this.#state, rttUs: roundTrip.smoothedUs, rttVariationUs: roundTrip.variationUs,
      windowBytes: congestion.windowBytes, inFlightBytes: congestion.inFlightBytes, backoff, lost: lostCount,
      unanswered: unanswered.length, oldestSentUs: unanswered[0]?.sentUs, channels: this.#channels.standing,
    }
  }

  // --- what the application does -------------------------------------------------------------------------------------

  /** Does nothing on a connection that is not open (any more): its `closed` may be on its way. */
  message(channel: number, bytes: Uint8Array, nowUs: number): void {
    if (this.#state !== 'open') return
    if (this.#channels.write(channel, bytes, nowUs) > CHANNEL_QUEUE_BYTES_MAX) this.#close(TransportCode.queueOverflow, nowUs)
    this.isDirty = true
  }

  /** What is queued leaves as far as the window allows, then the close. */
  close(code: number, nowUs: number): void {
    if (this.#state === 'meeting' || this.#state === 'handshake' || this.#state === 'open') this.#close(code, nowUs)
  }

  #close(code: number, nowUs: number): void {
    if (this.#state === 'open') this.#sendPackets(nowUs)
    this.#tellClosed('local', code)
    this.#closeCode = code
    this.#leave('closing', nowUs)
    this.#sendClose(nowUs)
  }

  /** A connection that came in and never opened is no business of the application. */
  #tellClosed(by: ClosedBy, code: number): void {
    const { id, ticket } = this.identity
    if (this.#state === 'open' || this.#isInitiator) this.#surroundings.input({ kind: 'closed', on: id, ticket, by, code })
  }

  #leave(state: 'closing' | 'draining' | 'forgotten', nowUs: number): void {
    this.#state = state
    this.#forgetUs = nowUs + CLOSED_PROBE_TIMEOUTS * this.#recovery.probeTimeoutUs
  }

  // --- what the network does -----------------------------------------------------------------------------------------

  /** A packet of type handshake or data, read up to its packet number. */
  receive(datagram: Datagram, type: number, reader: Reader, nowUs: number): void {
    if (type === PacketType.handshake && !this.#isInitiator) reader.raw(reader.varint())
    const number = reader.varint()
    const keys = type === PacketType.data ? this.#keys : this.#initialKeys
    if (keys === undefined) return this.#discard(datagram, 'early')
    if (!isSealed(reader, keys.peer)) return this.#discard(datagram, 'tag')
    if (reader.failed) return this.#discard(datagram, 'malformed')
    if (this.#state === 'closing') return this.#sendClose(nowUs)
    if (this.#state === 'draining' || this.#state === 'meeting') return this.#discard(datagram, 'unknown')
    if (this.#acks.isRepeated(number)) return this.#discard(datagram, 'repeated')
    this.isDirty = true
    this.#idleFromUs = nowUs
    this.#isAwaiting = false
    this.#receiveFrames(datagram, number, reader, nowUs)
  }

  /** A datagram outside the packets: an answer to a question, a refusal, a reset. */
  receiveNotice(datagram: Datagram, type: number, reader: Reader, nowUs: number): void {
    if (!isSealed(reader, this.#initialKeys.peer)) return this.#discard(datagram, 'tag')
    if (this.#state === 'closing' || this.#state === 'draining') return
    this.isDirty = true
    if (type === PacketType.answer) {
      if (this.#state !== 'meeting') return
      const step = reader.varint()
      this.#rendezvous.answered(step, reader.raw(TOKEN_BYTES), nowUs)
      if (!this.#rendezvous.isDone) return
      this.#state = 'handshake'
      this.#writeFlights()
    } else if (type === PacketType.reset) {
      this.#tellClosed('remote', TransportCode.reset)
      this.#leave('forgotten', nowUs)
    } else if (this.#isInitiator && this.#state !== 'open') {
      this.#tellClosed('refused', TransportCode.refused)
      this.#leave('draining', nowUs)
    }
  }

  #discard(datagram: Datagram, why: DiscardReason): void {
    this.#surroundings.record({ kind: 'discarded', at: this.#surroundings.address, datagram: datagram.id, why })
  }

  #receiveFrames(datagram: Datagram, number: number, reader: Reader, nowUs: number): void {
    let eliciting = false
    while (reader.remaining > 0) {
      const frame = reader.u8()
      if (frame === Frame.padding) break
      if (frame === Frame.close) {
        const code = reader.varint()
        if (reader.failed) return this.#close(TransportCode.protocolViolation, nowUs)
        this.#tellClosed('remote', code)
        return this.#leave('draining', nowUs)
      }
      if (frame === Frame.ack) {
        const acknowledgement = readAcknowledgement(reader)
        if (acknowledgement === undefined || !this.#recovery.acknowledged(acknowledgement, nowUs)) {
          return this.#close(TransportCode.protocolViolation, nowUs)
        }
        this.#tellPath(nowUs)
        continue
      }
      eliciting = true
      // Application data may overtake the end of the handshake (RFC 9001, section 5.7). Not acknowledged, it comes again.
      if (frame >= Frame.stream && this.#state !== 'open') return this.#discard(datagram, 'early')
      const receipt = this.#receiveFrame(frame, reader, datagram.id)
      if (receipt === 'full') return this.#discard(datagram, 'full')
      if (receipt === 'overdrawn') return this.#close(TransportCode.flowControl, nowUs)
      if (receipt === 'violation' || reader.failed || this.#isHandshakeBroken) return this.#close(TransportCode.protocolViolation, nowUs)
    }
    this.#acks.received(number, eliciting, nowUs, datagram.keyHi, datagram.keyLo)
  }

  #receiveFrame(frame: number, reader: Reader, datagram: number): Receipt {
    if (frame === Frame.ping) return 'taken'
    if (frame !== Frame.crypto) return this.#channels.receive(frame, reader, datagram)
    const offset = reader.varint()
    const bytes = reader.raw(reader.varint())
    return reader.failed ? 'violation' : this.#cryptoReceiver.receive(offset, bytes, datagram)
  }

  #advanceHandshake(bytes: Uint8Array): void {
    if (!this.#handshake.receive(bytes)) {
      this.#isHandshakeBroken = true
      return
    }
    const secret = this.#handshake.secret()
    if (secret !== undefined) this.#keys ??= keysOf(secret, this.#isInitiator)
    this.#writeFlights()
    if (secret === undefined || !this.#handshake.isDone || this.#state === 'open') return
    this.#state = 'open'
    const { id, ticket } = this.identity
    this.#surroundings.input({
      kind: 'opened', on: id, ticket, incoming: !this.#isInitiator,
      binding: deriveFrom('binding', secret), messageBytesMax: MESSAGE_BYTES_MAX,
    })
  }

  #writeFlights(): void {
    for (const flight of this.#handshake.due()) this.#crypto.write(flight)
  }

  #declareLost(packet: SentPacket): void {
    const { address } = this.#surroundings
    this.#surroundings.record({ kind: 'declaredLost', at: address, connection: this.identity.number, datagram: packet.datagram })
  }

  #tellPath(nowUs: number): void {
    if (this.#state !== 'open' || nowUs - this.#pathUs < PATH_INTERVAL_US) return
    this.#pathUs = nowUs
    const { roundTrip, lostCount } = this.#recovery
    this.#surroundings.input({ kind: 'path', on: this.identity.id, rttUs: roundTrip.smoothedUs, lost: lostCount })
  }

  // --- what time does ------------------------------------------------------------------------------------------------

  deadlineUs(): number {
    switch (this.#state) {
      case 'forgotten':
        return Infinity
      case 'draining':
        return this.#forgetUs
      case 'closing':
        return Math.min(this.#forgetUs, this.#closeAgainUs)
      case 'meeting':
        return Math.min(this.#rendezvous.deadlineUs, this.#endUs())
      case 'handshake':
      case 'open':
        return Math.min(this.#recovery.deadlineUs(), this.#acks.dueUs, this.#endUs())
    }
  }

  /** When a silent connection ends. */
  #endUs(): number {
    return this.#state === 'open' ? this.#idleFromUs + IDLE_US_MAX : this.#beginUs + HANDSHAKE_US_MAX
  }

  /** Its deadline has come. */
  wake(nowUs: number): void {
    if (this.#state === 'closing' || this.#state === 'draining') {
      if (nowUs >= this.#forgetUs) this.#state = 'forgotten'
      else this.#sendClose(nowUs)
      return
    }
    this.isDirty = true
    if (nowUs >= this.#endUs()) {
      this.#tellClosed('timeout', this.#state === 'open' ? TransportCode.idleTimeout : TransportCode.handshakeTimeout)
      this.#leave('forgotten', nowUs)
    } else if (this.#state !== 'meeting' && nowUs >= this.#recovery.deadlineUs() && this.#recovery.expired(nowUs) === 'probe') {
      const { address } = this.#surroundings
      this.#surroundings.record({ kind: 'probe', at: address, connection: this.identity.number, backoff: this.#recovery.backoff })
    }
  }

  // --- what leaves ---------------------------------------------------------------------------------------------------

  /** Sends what may be sent now. */
  flush(nowUs: number): void {
    this.isDirty = false
    if (this.#state === 'meeting') {
      if (nowUs >= this.#rendezvous.deadlineUs) this.#ask(nowUs)
      return
    }
    if (this.#state !== 'handshake' && this.#state !== 'open') return
    this.#sendPackets(nowUs)
    this.#channels.unblock((channel, bytes) => this.#surroundings.input({ kind: 'credit', on: this.identity.id, channel, bytes }))
  }

  #ask(nowUs: number): void {
    const { profile, number, peer } = this.identity
    const { packet, address } = this.#surroundings
    const { step, attempt, token } = this.#rendezvous
    const { name, requestBytes } = profile.rendezvous[step]
    packet.begin(PacketType.request, profile, number, nowUs)
    packet.writer.varint(step)
    packet.writer.raw(token)
    packet.writer.zeros(Math.max(0, requestBytes - packet.writer.length - TAG_BYTES))
    packet.identify(name, 0, step, step + 1, attempt)
    this.#surroundings.datagram(packet.finish(this.#surroundings.nextDatagramId(), address, peer, profile, number, this.#initialKeys.own))
    this.#rendezvous.asked(nowUs)
  }

  #sendPackets(nowUs: number): void {
    const { congestion } = this.#recovery
    while (this.#sendPacket(nowUs));
    congestion.isLimiting = !congestion.maySend && this.#isReady()
  }

  #isReady(): boolean {
    return this.#crypto.isReady || (this.#state === 'open' && this.#channels.isReady)
  }

  /** Sends one packet, if there is something to send and leave to send it. */
  #sendPacket(nowUs: number): boolean {
    const recovery = this.#recovery
    // After a probe timeout something has to be sent: what waits, else the oldest again, else a ping (RFC 9002, section 6.2.4).
    const isReady = this.#isReady() || (recovery.probes > 0 && recovery.probeOldest(nowUs))
    const isPing = !isReady && recovery.probes === PROBE_PACKETS
    if (!isReady && !isPing) recovery.probes = 0
    const mayElicit = (isReady || isPing) && (recovery.probes > 0 || recovery.congestion.maySend)
    const isAckDue = this.#acks.dueUs <= nowUs
    if (!isAckDue && !mayElicit) return false
    const { packet } = this.#surroundings
    this.#beginPacket(nowUs)
    const hasAck = this.#acks.write(packet)
    if (mayElicit) this.#writeFrames(isPing)
    if (packet.frames.length === 0 && !(hasAck && isAckDue)) return false
    if (hasAck) {
      if (packet.frames.length > 0) packet.add(this.#acks.frame())
      this.#acks.sent()
    }
    // An acknowledgement alone is named after what it answers.
    packet.identify('ack', 0, this.#acks.keyLo, 0, this.#acks.keyHi)
    this.#finishPacket(nowUs)
    return true
  }

  /** Packets are protected by the handshake's keys as soon as this side has them and needs to hear no more. */
  get #isSecured(): boolean {
    return this.#keys !== undefined && this.#handshake.isDone
  }

  #beginPacket(nowUs: number): void {
    const { profile, number } = this.identity
    const { packet } = this.#surroundings
    packet.begin(this.#isSecured ? PacketType.data : PacketType.handshake, profile, number, nowUs)
    if (!this.#isSecured && this.#isInitiator) {
      const { token } = this.#rendezvous
      packet.writer.varint(TOKEN_BYTES)
      packet.writer.raw(token)
    }
    packet.writer.varint(this.#recovery.nextNumber)
  }

  #writeFrames(isPing: boolean): void {
    const { packet } = this.#surroundings
    while (this.#crypto.pack(packet));
    if (this.#state === 'open') this.#channels.pack(packet)
    if (!isPing || packet.frames.length > 0) return
    const { backoff } = this.#recovery
    packet.writer.u8(Frame.ping)
    packet.add({ owner: PING, message: 0, start: 0, end: 0, attempt: backoff, probed: false })
    packet.identify('ping', 0, this.#recovery.oldest()?.keyLo ?? 0, 0, backoff)
  }

  #finishPacket(nowUs: number): void {
    const { profile, number, peer } = this.identity
    const { packet, address } = this.#surroundings
    const key = this.#isSecured ? this.#keys!.own : this.#initialKeys.own
    if (!this.#isSecured && this.#isInitiator && packet.frames.length > 0) {
      packet.writer.zeros(Math.max(0, profile.handshakeDatagramBytesMin - packet.writer.length - TAG_BYTES))
    }
    const datagram = packet.finish(this.#surroundings.nextDatagramId(), address, peer, profile, number, key)
    const { id, bytes, keyHi, keyLo } = datagram
    const { frames } = packet
    this.#recovery.sent({ number: this.#recovery.nextNumber, sentUs: nowUs, bytes: bytes.length, frames, datagram: id, keyHi, keyLo })
    if (frames.length > 0 && !this.#isAwaiting) {
      this.#isAwaiting = true
      this.#idleFromUs = nowUs
    }
    this.#surroundings.datagram(datagram)
  }

  #sendClose(nowUs: number): void {
    if (this.#state !== 'closing' || this.#closeCount >= CLOSE_TRANSMISSIONS_MAX) {
      this.#closeAgainUs = Infinity
      return
    }
    this.#closeAgainUs = nowUs + this.#recovery.probeTimeoutUs
    if (!this.#rendezvous.isDone) return
    this.#beginPacket(nowUs)
    const { packet } = this.#surroundings
    packet.writer.u8(Frame.close)
    packet.writer.varint(this.#closeCode)
    packet.identify('close', 0, 0, 0, this.#closeCount++)
    this.#finishPacket(nowUs)
  }
}

interface Keys {
  readonly own: SealKey
  readonly peer: SealKey
}
function keysOf(secret: Uint8Array, isInitiator: boolean): Keys {
  return { own: sealKey(secret, isInitiator), peer: sealKey(secret, !isInitiator) }
}

/** What protects the first packets: anybody who sees the connection's number can make it (RFC 9001, section 5.2). */
export function initialSecret(connection: number): Uint8Array {
  return derive('initial', [connection])
}
