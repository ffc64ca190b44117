/**
 * A WebRTC connection: one end of it as an endpoint keeps it. Its ends find each other through the relay (signalling/) and ICE (ice/),
 * shake hands (dtls.ts), and carry channels (datachannels.ts).
 *
 *     meeting ──(a pair is selected)──> handshake ──(SCTP is established)──> open ──> closing | draining ──> forgotten
 *
 * The initiator offers, controls ICE and is the server of DTLS; the responder answers as its client ('active', RFC 8842).
 */
import type { Address, Datagram, SocketAddress } from '../net/datagram.ts'
import { hashText, mix32 } from '../choice.ts'
import type { NetRecord } from '../net/records.ts'
import type { Channel, ClosedBy } from '../port.ts'
import { MESSAGE_BYTES_MAX } from '../transport/channel.ts'
import { TransportCode } from '../transport/codes.ts'
import type { ConnectionStanding, Session, SessionIdentity, SessionState, Surroundings } from '../transport/session.ts'
import { DataChannels } from './datachannels.ts'
import { Dtls } from './dtls.ts'
import { IceAgent } from './ice/agent.ts'
import type { Candidate } from './ice/candidate.ts'
import { iceCredentials, type IceCredentials } from './ice/credentials.ts'
import type { DatagramIdentity } from './identity.ts'
import type { Cause, PacketIdentity } from './packetidentity.ts'
import type { Description, Setup } from './signalling/description.ts'
import type { SignallingMessage } from './signalling/messages.ts'
import type { TurnAccount } from './turn/client.ts'

/** A connection on which nothing is heard for so long is given up: ICE counts it as disturbed after twelve, and has begun anew since. */
const SILENCE_US_MAX = 16_000_000
/** Meeting and handshake together. */
const HANDSHAKE_US_MAX = 30_000_000
/** The least time between two 'path' inputs. */
const PATH_INTERVAL_US = 100_000
/** A closed connection answers stragglers for so many round trips, and so long at the least. */
const CLOSING_ROUND_TRIPS = 3
const CLOSING_US_MIN = 500_000
const SECRET_BYTES = 16
const SCTP_PORT = 5_000
/** RFC 7983: the first byte of a DTLS record. */
const DTLS_FIRST = 20
const DTLS_LAST = 63
/** A packet for which there is no path travels in none. */
const NO_DATAGRAM = -1

/** Shown every SCTP packet that leaves inside DTLS, and the id of the datagram that carries it; the bytes do not change any more. */
export type WebRtcWatch = (datagram: number, packet: Uint8Array) => void

export interface WebRtcConfig {
  /** The sockets of this connection, the preferred one first. */
  readonly local: readonly SocketAddress[]
  /** An unsigned 32-bit integer, another one for each connection and end. */
  readonly secret: number
  readonly stunServer?: SocketAddress
  readonly turnServer?: TurnAccount
  /** Of the responder. */
  readonly offer?: Description
  readonly watch?: WebRtcWatch
  /** Tells the peer, by way of the relay. */
  signal(message: SignallingMessage): void
}

export class WebRtcSession implements Session {
  readonly identity: SessionIdentity
  isDirty = true
  readonly #surroundings: Surroundings
  readonly #config: WebRtcConfig
  /** Of the present generation. */
  #credentials: IceCredentials
  #generation = 0
  /** An offer, or a restart, that has no answer yet: until then there is no other (RFC 9429, section 3.2). */
  #isAsking: boolean
  /** A restart that waits for that; with the sockets that it is to begin from, where they are others than before. */
  #restartWanted: { readonly local: readonly SocketAddress[] | undefined } | undefined
  readonly #ice: IceAgent
  readonly #dtls: Dtls
  readonly #channels: DataChannels
  readonly #beginUs: number
  /** Both halves of the connection's number, and this node, mixed: the part of every key that stays the same. */
  readonly #keyBasis: number
  #state: SessionState = 'meeting'
  #fingerprint: Uint8Array | undefined
  /** Candidates that the description carries; those that come later travel alone. */
  #described: Candidate[] | undefined = []
  #isGathered = false
  #nowUs: number
  #heardUs: number
  #pathUs = -PATH_INTERVAL_US
  #forgetUs = Infinity
  /** What came last, for whatever it brings. */
  #cause: Cause = { id: NO_DATAGRAM, keyHi: 0, keyLo: 0 }
  #sentDatagram = NO_DATAGRAM

  constructor(identity: SessionIdentity, surroundings: Surroundings, config: WebRtcConfig, nowUs: number) {
    const { number: connection, isInitiator } = identity
    const { node, writer, channels: specs } = surroundings
    const { secret, local, stunServer, turnServer, offer } = config
    this.identity = identity
    this.#surroundings = surroundings
    this.#config = config
    this.#nowUs = nowUs
    this.#beginUs = nowUs
    this.#heardUs = nowUs
    this.#isAsking = isInitiator
    this.#keyBasis = mix32(mix32(connection >>> 0, Math.floor(connection / 2 ** 32)), node)
    this.#credentials = iceCredentials(secret, 0)
    this.#ice = new IceAgent({
      ...this.#credentials, connection, node, secret, localAddresses: local, isControlling: isInitiator,
      tieBreaker: [mix32(secret, 1), mix32(secret, 2)],
      ...(stunServer !== undefined && { stunServer }), ...(turnServer !== undefined && { turnServer }),
    })
    this.#dtls = new Dtls({
      isClient: !isInitiator, secret: secretBytes(secret, 'dtls'), writer, fingerprintExpected: () => this.#fingerprint,
    })
    this.#channels = new DataChannels({
      specs, isInitiator, isDtlsClient: !isInitiator, secret: secretBytes(secret, 'sctp'), node, connection, writer,
      send: (bytes, identity) => this.#protected(bytes, identity),
      opened: () => this.#opened(),
      // DTLS may have ended the connection while the association below it goes on.
      deliver: (channel, bytes, datagrams) => {
        if (!this.#hasEnded) surroundings.input({ kind: 'message', on: identity.id, channel, bytes }, datagrams)
      },
      credit: (channel, bytes) => {
        if (!this.#hasEnded) surroundings.input({ kind: 'credit', on: identity.id, channel, bytes })
      },
      // No channel is closed before its connection is.
      channelClosed: () => this.#channels.close(TransportCode.protocolViolation, this.#nowUs),
      closed: (by, code) => this.#closed(by, code),
      record: (record) => this.#record(record),
    })
    this.#ice.start(nowUs)
    this.#pumpIce(nowUs)
    if (isInitiator) this.#dtls.start(nowUs)
    this.#describe(isInitiator ? 'offer' : 'answer')
    if (offer !== undefined) this.#learn(offer, nowUs)
  }

  #describe(type: 'offer' | 'answer' | 'restart'): void {
    const setup: Setup = type === 'answer' ? 'active' : 'actpass'
    const { number: connection } = this.identity
    const description: Description = {
      ...this.#credentials, session: connection, fingerprint: this.#dtls.fingerprint, setup, sctpPort: SCTP_PORT,
      maxMessageBytes: MESSAGE_BYTES_MAX, candidates: this.#described ?? [], isComplete: this.#isGathered,
    }
    this.#described = undefined
    this.#config.signal({ type, connection, description })
  }

  // --- how it stands -------------------------------------------------------------------------------------------------

  get isForgotten(): boolean {
    return this.#state === 'forgotten'
  }
  get standing(): ConnectionStanding {
    const { id, number, peer, protocol } = this.identity
    return {
      id, number, peer, protocol, state: this.#state, ...this.#channels.standing, channels: this.#channels.channelStandings,
    }
  }

  // --- what the application does -------------------------------------------------------------------------------------

  message(channel: Channel, bytes: Uint8Array, nowUs: number): void {
    if (this.#state !== 'open') return
    this.#nowUs = nowUs
    this.isDirty = true
    this.#channels.write(channel, bytes, nowUs)
  }

  close(code: number, nowUs: number): void {
    if (this.#state !== 'meeting' && this.#state !== 'handshake' && this.#state !== 'open') return
    this.#nowUs = nowUs
    this.isDirty = true
    if (this.#dtls.isConnected) return this.#channels.close(code, nowUs)
    this.#config.signal({ type: 'refusal', connection: this.identity.number, code })
    this.#closed('local', code)
  }

  // --- what the other side says by way of the relay ------------------------------------------------------------------

  signalled(message: SignallingMessage, nowUs: number): void {
    this.#nowUs = nowUs
    this.isDirty = true
    if (this.#hasEnded) return
    if (message.type === 'candidate') this.#ice.addRemoteCandidate(message.candidate, nowUs)
    else if (message.type === 'endOfCandidates') this.#ice.endOfCandidates(nowUs)
    else if (message.type === 'refusal') this.#refused()
    // Whoever answers what was not asked is not heard.
    else if (message.type === 'answer' && this.identity.isInitiator) this.#answered(message.description, nowUs)
    else if (message.type === 'restart' && !this.identity.isInitiator) {
      this.#restart('answer', nowUs)
      this.#learn(message.description, nowUs)
    }
    this.#pumpIce(nowUs)
  }

  /** The peer does not want it, or knows nothing of it (any more). */
  #refused(): void {
    if (this.#state === 'open') this.#closed('remote', TransportCode.reset)
    else this.#closed('refused', TransportCode.refused)
  }

  #answered(description: Description, nowUs: number): void {
    const wanted = this.#restartWanted
    this.#isAsking = false
    this.#restartWanted = undefined
    this.#learn(description, nowUs)
    if (wanted !== undefined) this.#ask(wanted.local, nowUs)
  }

  /** Of the initiator, once it may: the path has fallen silent, or the node has left its network. */
  #ask(local: readonly SocketAddress[] | undefined, nowUs: number): void {
    if (this.#isAsking) {
      this.#restartWanted = { local: local ?? this.#restartWanted?.local }
      return
    }
    this.#isAsking = true
    this.#restart('restart', nowUs, local)
  }

  /** ICE begins anew (RFC 8445, section 9); everything above it goes on. */
  #restart(type: 'answer' | 'restart', nowUs: number, local?: readonly SocketAddress[]): void {
    this.#credentials = iceCredentials(this.#config.secret, ++this.#generation)
    this.#described = []
    this.#isGathered = false
    this.#ice.restart(this.#credentials, nowUs, local)
    this.#pumpIce(nowUs)
    this.#describe(type)
  }

  /** The sockets keep their ports. A responder is where it was offered to be, and has no way to move. */
  move(address: Address, nowUs: number): void {
    if (this.#hasEnded || !this.identity.isInitiator) return
    this.#nowUs = nowUs
    this.isDirty = true
    this.#ask(this.#config.local.map(({ port }) => ({ address, port })), nowUs)
  }

  /** What the peer says of itself; another certificate than before is another peer's (RFC 8842, section 5.5). */
  #learn({ ufrag, password, fingerprint, candidates, isComplete }: Description, nowUs: number): void {
    this.#fingerprint ??= fingerprint
    if (this.#fingerprint.some((byte, i) => byte !== fingerprint[i])) return
    this.#ice.setRemote({ ufrag, password }, nowUs)
    for (const candidate of candidates) this.#ice.addRemoteCandidate(candidate, nowUs)
    if (isComplete) this.#ice.endOfCandidates(nowUs)
    this.#pumpIce(nowUs)
  }

  // --- what the network does -----------------------------------------------------------------------------------------

  receive(datagram: Datagram, nowUs: number): void {
    this.#nowUs = nowUs
    this.#cause = datagram
    this.isDirty = true
    if (this.#ice.receive(datagram, nowUs)) this.#heardUs = nowUs
    else this.#receiveDtls(datagram.bytes, nowUs)
    this.#pumpIce(nowUs)
    this.#tellPath(nowUs)
  }

  #receiveDtls(bytes: Uint8Array, nowUs: number): void {
    if (bytes.length === 0 || bytes[0] < DTLS_FIRST || bytes[0] > DTLS_LAST) return this.#discard('malformed')
    if (this.#state === 'draining' || this.#state === 'forgotten') return this.#discard('unknown')
    this.#dtls.receive(bytes, nowUs)
    this.#pumpDtls(nowUs)
  }

  #discard(why: Extract<NetRecord, { kind: 'discarded' }>['why']): void {
    this.#record({ kind: 'discarded', at: this.#surroundings.node, datagram: this.#cause.id, why })
  }

  #record(record: NetRecord): void {
    if (record.kind !== 'declaredLost' || record.datagram !== NO_DATAGRAM) this.#surroundings.record(record)
  }

  #pumpIce(nowUs: number): void {
    for (let event = this.#ice.poll(); event !== undefined; event = this.#ice.poll()) {
      switch (event.kind) {
        case 'transmit':
          this.#sentDatagram = this.#surroundings.send(event.datagram)
          break
        case 'candidate':
          if (this.#described !== undefined) this.#described.push(event.candidate)
          else this.#tell({ type: 'candidate', connection: this.identity.number, ufrag: event.ufrag, candidate: event.candidate })
          break
        case 'gathered':
          this.#isGathered = true
          if (this.#described === undefined) this.#tell({ type: 'endOfCandidates', connection: this.identity.number, ufrag: event.ufrag })
          break
        case 'selected':
          this.#selected(nowUs)
          break
        case 'data':
          this.#receiveDtls(event.bytes, nowUs)
          break
        case 'failed':
          this.#timedOut()
          break
        case 'disconnected':
          if (this.identity.isInitiator) this.#ask(undefined, nowUs)
          break
        default:
      }
    }
  }

  #tell(message: SignallingMessage): void {
    if (!this.#hasEnded) this.#config.signal(message)
  }

  #selected(nowUs: number): void {
    if (this.#state !== 'meeting') {
      return this.#record({ kind: 'pathChanged', at: this.#surroundings.node, connection: this.identity.number })
    }
    this.#state = 'handshake'
    this.#dtls.start(nowUs)
    this.#pumpDtls(nowUs)
  }

  #pumpDtls(nowUs: number): void {
    for (let event = this.#dtls.poll(); event !== undefined; event = this.#dtls.poll()) {
      switch (event.kind) {
        case 'datagram':
          this.#transmit(event.bytes, event.identity)
          break
        case 'application':
          this.#heardUs = nowUs
          this.#channels.receive(event.bytes, this.#cause, nowUs)
          break
        case 'connected':
          // The word that this end closed may not have reached the other one yet.
          if (!this.#hasEnded) this.#channels.start(nowUs)
          break
        case 'failed':
          if (event.by === 'timeout') this.#timedOut()
          else this.#closed(event.by, TransportCode.protocolViolation)
          break
        case 'closed':
          this.#closed('remote', 0)
          break
        case 'discarded':
          this.#discard(event.why)
      }
    }
  }

  // --- what leaves ---------------------------------------------------------------------------------------------------

  /** Sends over the path that ICE has selected; the id of the datagram, or {@link NO_DATAGRAM} where there is no path. */
  #transmit(bytes: Uint8Array, identity: PacketIdentity): number {
    this.#sentDatagram = NO_DATAGRAM
    this.#ice.send(bytes, this.#named(identity), this.#nowUs)
    this.#pumpIce(this.#nowUs)
    return this.#sentDatagram
  }

  #protected(packet: Uint8Array, identity: PacketIdentity): number {
    const datagram = this.#transmit(this.#dtls.protect(packet), identity)
    if (datagram !== NO_DATAGRAM) this.#config.watch?.(datagram, packet)
    return datagram
  }

  #named({ contents, channel, start, end, attempt }: PacketIdentity): DatagramIdentity {
    return {
      keyHi: mix32(hashText(contents, channel), this.#keyBasis),
      keyLo: mix32(mix32(start >>> 0, Math.floor(start / 2 ** 32)), attempt),
      label: { protocol: 'webrtc', contents, connection: this.identity.number, channel, start, end, attempt },
    }
  }

  flush(nowUs: number): void {
    this.isDirty = false
    this.#nowUs = nowUs
    if (!this.#hasEnded) this.#channels.flush(nowUs)
    this.#pumpDtls(nowUs)
    this.#pumpIce(nowUs)
  }

  // --- what time does ------------------------------------------------------------------------------------------------

  get #hasEnded(): boolean {
    return this.#state === 'closing' || this.#state === 'draining' || this.#state === 'forgotten'
  }

  /** When a silent connection ends. */
  get #endUs(): number {
    return this.#state === 'open' ? this.#heardUs + SILENCE_US_MAX : this.#beginUs + HANDSHAKE_US_MAX
  }

  deadlineUs(): number {
    if (this.#state === 'forgotten') return Infinity
    if (this.#hasEnded) return this.#forgetUs
    return Math.min(this.#endUs, this.#ice.nextWakeUs(), this.#dtls.nextWakeUs(), this.#channels.nextWakeUs())
  }

  wake(nowUs: number): void {
    this.#nowUs = nowUs
    this.isDirty = true
    if (this.#hasEnded) {
      if (nowUs >= this.#forgetUs) this.#forget()
      return
    }
    if (nowUs >= this.#endUs) return this.#timedOut()
    if (nowUs >= this.#dtls.nextWakeUs()) this.#dtls.wake(nowUs)
    if (nowUs >= this.#channels.nextWakeUs()) this.#channels.wake(nowUs)
    if (nowUs >= this.#ice.nextWakeUs()) this.#ice.wake(nowUs)
    this.#pumpDtls(nowUs)
    this.#pumpIce(nowUs)
  }

  #tellPath(nowUs: number): void {
    if (this.#state !== 'open' || nowUs - this.#pathUs < PATH_INTERVAL_US) return
    this.#pathUs = nowUs
    const { rttUs, lost } = this.#channels.standing
    this.#surroundings.input({ kind: 'path', on: this.identity.id, rttUs, lost })
  }

  // --- beginning and end ---------------------------------------------------------------------------------------------

  #opened(): void {
    if (this.#hasEnded) return
    const { id, ticket, isInitiator } = this.identity
    this.#state = 'open'
    this.#heardUs = this.#nowUs
    this.#surroundings.input({
      kind: 'opened', on: id, ticket, incoming: !isInitiator, binding: this.#dtls.exporter('binding'), messageBytesMax: MESSAGE_BYTES_MAX,
    })
  }

  #timedOut(): void {
    this.#closed('timeout', this.#state === 'open' ? TransportCode.idleTimeout : TransportCode.handshakeTimeout)
    this.#forget()
  }

  /** A connection that came in and never opened is no business of the application. */
  #closed(by: ClosedBy, code: number): void {
    if (this.#hasEnded) return
    const { id, ticket, isInitiator } = this.identity
    if (this.#state === 'open' || isInitiator) this.#surroundings.input({ kind: 'closed', on: id, ticket, by, code })
    this.#state = by === 'local' ? 'closing' : 'draining'
    this.#forgetUs = this.#nowUs + Math.max(CLOSING_US_MIN, CLOSING_ROUND_TRIPS * this.#channels.standing.rttUs)
    this.isDirty = true
  }

  #forget(): void {
    if (this.#state === 'closing') {
      // The last word, should the others have been lost.
      this.#dtls.close()
      this.#pumpDtls(this.#nowUs)
    }
    this.#ice.close(this.#nowUs)
    this.#pumpIce(this.#nowUs)
    this.#state = 'forgotten'
  }
}

/** Bytes that follow from a session's secret, another sort for each purpose. */
const secretBytes = (secret: number, purpose: string): Uint8Array =>
  Uint8Array.from({ length: SECRET_BYTES }, (_, i) => mix32(hashText(purpose, secret), i) & 0xff)

