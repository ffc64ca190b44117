/**
 * A QUIC connection, version 1, sans-I/O: RFC 9000, 9001, 9002 and 9221.
 *
 *     const connection = new Connection(config, environment, nowUs)   // a server's is made by Listener (listener.ts)
 *     connection.receive(datagram, nowUs)    connection.wake(nowUs)    any call below
 *     connection.flush(nowUs)                // sends what may be sent, through environment.send; after every batch of the calls above
 *     while ((event = connection.poll()) !== undefined) ...           // events.ts
 *     connection.nextWakeUs()                // valid after flush
 *
 * For programs: openStream('bidi' | 'uni') -> id, write(id, bytes, fin), reset(id, code), stopSending(id, code), datagram(bytes) -> number,
 * ping(), updateKeys(), migrate(local), close(code, reason). Bytes that are written belong to the connection from then on.
 *
 *     handshake ──> open ──> closing (we closed: answers stragglers with the close) ──> forgotten
 *                     └────> draining (the peer closed: silence) ──────────────────────────┘
 *
 * Left out: datagrams above 1200 bytes (no DPLPMTUD: links here carry 1472 at the most), skipped packet numbers (an optimistic peer
 * harms nobody here), preferred addresses (a simulated server has one).
 */
import type { Datagram, SocketAddress } from '../net/datagram.ts'
import { assemble } from './assembly.ts'
import { type ConnectionConfig, isAuthentic, ownParameters } from './configuration.ts'
import { Closing, type ClosingState } from './closing.ts'
import { firstDestination, randomOf } from './names.ts'
import type { DatagramOptions } from './datagrams.ts'
import { CRYPTO_ERROR, TransportError, type Violation, violation } from './errors.ts'
import type { QuicEvent } from './events.ts'
import type { CloseFrame, Direction } from './frames.ts'
import { Idle } from './idle.ts'
import { ascii, isSame, textOf } from '../octets.ts'
import { Migration } from './migration.ts'
import { type Header, VERSION_1 } from './packet.ts'
import { Observer } from './observer.ts'
import { type Environment, type MessageSource, type Parts, spaceOf } from './parts.ts'
import type { Path } from './paths.ts'
import { initialKeys, type Level } from './protection.ts'
import { Receiver, type ReceiverEvents } from './receiver.ts'
import { type Recovery, Space } from './recovery.ts'
import { isRetryIntact } from './retry.ts'
import { Sender } from './sender.ts'
import type { SendStream, StreamOptions } from './sendstream.ts'
import { TlsSession } from './tls.ts'
import { decodeParameters } from './transportparameters.ts'

/** Reasons are for people; more of them would crowd out the close itself. */
const REASON_BYTES_MAX = 200
/** A DATAGRAM frame's share of a full packet: less the short header, a packet number, the tag, type and length, and an acknowledgement. */
const DATAGRAM_PAYLOAD_MAX = 1_130

export class Connection implements ReceiverEvents {
  /** Has to be flushed. */
  isDirty = true
  readonly number: number
  readonly isClient: boolean
  readonly #config: ConnectionConfig
  readonly #parts: Parts
  readonly #observer: Observer
  readonly #sender: Sender
  readonly #receiver: Receiver
  readonly #tls: TlsSession
  readonly #idle: Idle
  readonly #migration: Migration
  readonly #events: QuicEvent[] = []
  /** Its last event is 'closed', whatever its program does afterwards. */
  #isToldOver = false
  readonly #beginUs: number
  /** The Destination Connection ID of the client's first packet, and after a Retry the server's. */
  readonly #originalDestination: Uint8Array
  #initialDestination: Uint8Array
  #retrySource: Uint8Array | undefined
  #hasHeard = false
  #hasNewKeys = false
  #hasHandshakeNews = false
  #earlyData: 'none' | 'accepted' | 'rejected' = 'none'
  #closing: Closing | undefined
  #pingCount = 0

  constructor(config: ConnectionConfig, environment: Environment, nowUs: number) {
    const { number, settings, accepted } = config
    this.#config = config
    this.number = number
    this.isClient = accepted === undefined
    this.#beginUs = nowUs
    this.#originalDestination = accepted?.originalDestination ?? firstDestination(number)
    this.#initialDestination = accepted?.destination ?? this.#originalDestination
    this.#observer = new Observer(environment)
    this.#parts = assemble(config, environment, this.#observer, {
      emit: (event) => {
        if (!this.#isToldOver) this.#events.push(event)
        this.#isToldOver ||= event.kind === 'closed'
      },
      discardKeys: (level, atUs) => this.#discardKeys(level, atUs),
      updateKeys: () => this.updateKeys(),
      receiveCrypto: (level, bytes) => {
        this.#hasHandshakeNews = true
        this.#tls.receive(level, bytes)
      },
    })
    this.#sender = new Sender(this.#parts)
    this.#receiver = new Receiver(this.#parts, this)
    this.#idle = new Idle(settings.idleTimeoutUs, nowUs)
    this.#migration = new Migration(this.#parts)
    this.#installInitialKeys()
    // Until the client knows the server's id, its packets go where its first one went.
    if (accepted !== undefined) environment.idAdded(accepted.destination)
    const { handshakeId } = this.#parts
    const parameters = ownParameters(config, handshakeId, environment.resetToken(handshakeId))
    this.#observer.offered(parameters, this.#side)
    this.#tls = new TlsSession({
      ...config.tls, isClient: this.isClient, kind: settings.protection, random: randomOf(number, this.isClient), parameters,
    })
    this.#tls.start()
    this.#pumpTls(nowUs)
  }

  #installInitialKeys(): void {
    const { keys, settings } = this.#parts
    const make = (by: 'client' | 'server') => initialKeys(settings.protection, this.#initialDestination, by)
    keys.set('initial', make(this.#side), make(this.#peerSide))
    for (const by of [this.#side, this.#peerSide]) this.#observer.keysMade('initial', by)
  }
  get #side(): 'client' | 'server' {
    return this.isClient ? 'client' : 'server'
  }
  get #peerSide(): 'client' | 'server' {
    return this.isClient ? 'server' : 'client'
  }

  // --- how it stands -------------------------------------------------------------------------------------------------

  get state(): 'handshake' | 'open' | ClosingState {
    return this.#closing?.state ?? (this.#parts.isComplete ? 'open' : 'handshake')
  }
  get isForgotten(): boolean {
    return this.#closing?.state === 'forgotten'
  }
  get recovery(): Recovery {
    return this.#parts.recovery
  }
  /** The one that it runs over. */
  get path(): Path {
    return this.#parts.paths.active
  }
  /** 32 bytes that both ends share and nobody else (RFC 9266); empty before the handshake is complete. */
  get exporter(): Uint8Array {
    return this.#tls.exporter
  }
  /** Lines of an NSS key log, for whoever reads a capture. */
  get keyLog(): readonly string[] {
    return this.#tls.keyLog()
  }
  /** The largest payload of {@link datagram}; 0 where the peer takes none. */
  get datagramBytesMax(): number {
    const { peer } = this.#parts
    return peer === undefined ? 0 : Math.max(0, Math.min(DATAGRAM_PAYLOAD_MAX, peer.maxDatagramFrameSize - 3))
  }

  // --- what the program does -----------------------------------------------------------------------------------------

  set source(source: MessageSource) {
    this.#parts.source = source
  }

  /** The new stream's id; undefined where the peer allows no more for now: 'streamsAvailable' follows. */
  openStream(direction: Direction, options: StreamOptions = {}): number | undefined {
    this.isDirty = true
    return this.#parts.streams.open(direction, options)
  }
  mayOpen(direction: Direction): boolean {
    return this.#parts.streams.mayOpen(direction)
  }
  /** Whether the connection's credit lets new bytes of streams out. */
  get hasStreamCredit(): boolean {
    return this.#parts.streams.credit.bytes > 0
  }

  /** False where the stream takes nothing (any more): it was finished, reset, or is over. */
  write(id: number, bytes: Uint8Array, fin = false): boolean {
    const stream = this.#parts.streams.sending(id)
    if (stream === undefined || !stream.isWritable) return false
    stream.write(bytes, fin)
    this.isDirty = true
    return true
  }
  /** The sending part of a stream, for whoever watches its queue. */
  sendStream(id: number): SendStream | undefined {
    return this.#parts.streams.sending(id)
  }

  reset(id: number, code: number): void {
    this.#parts.streams.reset(id, code)
    this.isDirty = true
  }
  stopSending(id: number, code: number): void {
    this.#parts.streams.stopSending(id, code)
    this.isDirty = true
  }

  /** Queues a DATAGRAM frame; its number. Throws a RangeError beyond {@link datagramBytesMax}. */
  datagram(bytes: Uint8Array, options: DatagramOptions = {}): number {
    if (bytes.length > this.datagramBytesMax) {
      throw new RangeError(`datagram: expected at most ${this.datagramBytesMax} bytes, got ${bytes.length}`)
    }
    this.isDirty = true
    return this.#parts.datagrams.write(bytes, options)
  }

  ping(): void {
    this.#parts.control.enqueue({ kind: 'ping' }, 'ping', 3, this.#pingCount++)
    this.isDirty = true
  }

  /** False before the handshake is confirmed, and until the peer has acknowledged something in the present keys (RFC 9001, section 6.1). */
  updateKeys(): boolean {
    const { keys, recovery, isConfirmed } = this.#parts
    if (this.#closing !== undefined || !isConfirmed || !keys.isPhaseAcked(recovery.largestAcked(Space.application))) return false
    keys.update()
    this.keysUpdated('local')
    return true
  }

  /**
   * Goes on from another address of ours. False where that may not be (yet): RFC 9000, section 9. Where nobody answers there, it goes
   * back, unless it `hasLeft`: then it stays, until it is idle.
   */
  migrate(local: SocketAddress, nowUs: number, hasLeft = false): boolean {
    if (this.#closing !== undefined || !this.#migration.begin(local, hasLeft, nowUs)) return false
    this.isDirty = true
    return true
  }

  /** Ends as one that has heard nothing for too long: there is no path any more. Does nothing on a connection that has ended. */
  abandon(nowUs: number): void {
    if (this.#closing !== undefined) return
    this.#tellClosed(this.#parts.isComplete ? 'idle' : 'handshakeTimeout', false, TransportError.noError, '')
    this.#end('forgotten', undefined, nowUs)
  }

  /** What is queued leaves as far as the window allows, then the close. Does nothing on a connection that has ended. */
  close(code: number, reason: string, nowUs: number): void {
    if (this.#closing !== undefined) return
    this.#sender.flush(nowUs)
    this.#close({ kind: 'close', isApplication: true, code, frameType: 0, reason: ascii(reason.slice(0, REASON_BYTES_MAX)) }, nowUs)
  }

  poll(): QuicEvent | undefined {
    return this.#events.shift()
  }

  // --- what the network and time do ----------------------------------------------------------------------------------

  receive(datagram: Datagram, nowUs: number): void {
    this.isDirty = true
    if (this.#closing === undefined) this.#receiver.receive(datagram, nowUs)
    else this.#closing.answer()
  }

  wake(nowUs: number): void {
    this.isDirty = true
    if (this.#closing !== undefined) {
      this.#closing.wake(nowUs)
      if (this.isForgotten) this.#forgetIds()
      return
    }
    if (nowUs >= this.#endUs()) return this.abandon(nowUs)
    const { recovery, repeats, paths, isConfirmed, environment } = this.#parts
    for (const path of paths.all) if (path.wake(nowUs)) this.#migration.failed(path)
    if (!isConfirmed) repeats.wake(nowUs)
    if (nowUs >= recovery.deadlineUs() && recovery.expired(nowUs) === 'probe') environment.probed(recovery.backoff)
  }

  #forgetIds(): void {
    const { localIds, environment } = this.#parts
    localIds.clear()
    if (this.#config.accepted !== undefined) environment.idRemoved(this.#config.accepted.destination)
  }

  /** When a silent connection ends. */
  #endUs(): number {
    const { isComplete, settings, recovery } = this.#parts
    return isComplete ? this.#idle.endUs(recovery.probeTimeoutUs) : this.#beginUs + settings.handshakeTimeoutUs
  }

  nextWakeUs(): number {
    if (this.#closing !== undefined) return this.#closing.deadlineUs()
    const { keys, acks, recovery, repeats, paths, isConfirmed } = this.#parts
    let atUs = Math.min(recovery.deadlineUs(), this.#endUs())
    for (const path of paths.all) atUs = Math.min(atUs, path.deadlineUs())
    // Whoever may send nothing is woken by what comes.
    if (recovery.isAmplificationLimited) return atUs
    atUs = Math.min(atUs, this.#sender.pacedUs)
    if (keys.own('oneRtt') !== undefined) atUs = Math.min(atUs, acks[Space.application].dueUs)
    if (isConfirmed) return atUs
    if (keys.own('initial') !== undefined) atUs = Math.min(atUs, acks[Space.initial].dueUs)
    if (keys.own('handshake') !== undefined) atUs = Math.min(atUs, acks[Space.handshake].dueUs)
    return Math.min(atUs, repeats.deadlineUs())
  }

  /** Sends what may be sent now. */
  flush(nowUs: number): void {
    this.isDirty = false
    if (this.#closing !== undefined) {
      const attempt = this.#closing.take(nowUs)
      if (attempt !== undefined) this.#sender.sendClose(this.#closing.frame!, attempt, nowUs)
      return
    }
    this.#observer.addressed(this.path)
    this.#sender.flush(nowUs)
    if (this.#sender.hasSentEliciting) this.#idle.asked(nowUs)
    this.#sender.hasSentEliciting = false
  }

  /** Whether a datagram that nobody can read is the peer's stateless reset. */
  isReset(datagram: Uint8Array): boolean {
    return this.#closing === undefined && this.#parts.remoteIds.isReset(datagram)
  }

  // --- the handshake -------------------------------------------------------------------------------------------------

  advanced(nowUs: number): void {
    if (this.#hasHandshakeNews) this.#pumpTls(nowUs)
    this.#observer.addressed(this.path)
    this.#observer.metrics(this.#parts.recovery)
  }

  #pumpTls(nowUs: number): void {
    this.#hasHandshakeNews = false
    for (let event = this.#tls.poll(); event !== undefined && this.#closing === undefined; event = this.#tls.poll()) {
      switch (event.kind) {
        case 'crypto':
          this.#parts.crypto[spaceOf(event.level)].write(event.bytes)
          break
        case 'secrets':
          this.#installKeys(event.level, event.own, event.peer)
          break
        case 'parameters':
          this.#receiveParameters(event.bytes, nowUs)
          break
        case 'zeroRtt':
          this.#earlyData = event.accepted ? 'accepted' : 'rejected'
          if (this.isClient && !event.accepted) this.#parts.recovery.resend(Space.application, nowUs, ({ isEarly }) => isEarly)
          break
        case 'complete':
          this.#completed(nowUs)
          break
        case 'ticket':
          this.#parts.emit({ kind: 'ticket', ticket: event.ticket })
          break
        case 'alert':
          this.violated(violation(CRYPTO_ERROR + event.code, 'the handshake failed'), nowUs)
      }
    }
    if (!this.#hasNewKeys) return
    this.#hasNewKeys = false
    this.#receiver.receiveEarly(nowUs)
  }

  #installKeys(level: Level, own: Uint8Array | undefined, peer: Uint8Array | undefined): void {
    const { keys, recovery } = this.#parts
    keys.install(level, own, peer)
    this.#hasNewKeys = true
    if (own !== undefined) this.#observer.keysMade(level, this.#side)
    if (peer !== undefined) this.#observer.keysMade(level, this.#peerSide)
    if (level === 'handshake') {
      recovery.hasHandshakeKeys = true
      this.#observer.became('handshake_started')
    }
    // RFC 9001, section 4.9.3: 1-RTT keys take the place of 0-RTT ones at the client.
    if (level === 'oneRtt' && this.isClient) keys.discard('zeroRtt')
  }

  #receiveParameters(bytes: Uint8Array, nowUs: number): void {
    const decoded = decodeParameters(bytes, this.#peerSide)
    if (decoded.kind === 'bad') return this.violated(violation(TransportError.transportParameterError, decoded.why), nowUs)
    const { parameters } = decoded
    const { paths, streams, recovery } = this.#parts
    const original = this.isClient ? this.#originalDestination : undefined
    const ids = { remote: paths.active.remoteId.id, original, retry: this.#retrySource }
    if (!isAuthentic(parameters, ids)) {
      return this.violated(violation(TransportError.transportParameterError, 'connection ids that were not the handshake\'s'), nowUs)
    }
    this.#parts.peer = parameters
    paths.active.remoteId.resetToken = parameters.statelessResetToken
    streams.setLimits(parameters)
    recovery.peerAckDelayUsMax = parameters.maxAckDelayMs * 1_000
    this.#idle.offered(parameters.maxIdleTimeoutMs * 1_000)
  }

  #completed(nowUs: number): void {
    const { control, environment, localIds, paths, peer } = this.#parts
    this.#parts.isComplete = true
    this.#hasNewKeys = true
    this.#observer.became('handshake_complete')
    this.#parts.emit({ kind: 'handshakeComplete', isResumed: this.#tls.resumed, earlyData: this.#earlyData })
    localIds.fill(peer?.activeConnectionIdLimit ?? 0)
    if (this.isClient) return
    control.enqueue({ kind: 'handshakeDone' }, 'handshake done', 0, 0)
    const token = environment.newToken(paths.active.remote, nowUs)
    if (token !== undefined) control.enqueue({ kind: 'newToken', token }, 'new token', 0, 0)
    this.confirmed(nowUs)
  }

  /** RFC 9001, section 4.1.2. */
  confirmed(nowUs: number): void {
    const { recovery } = this.#parts
    if (this.#parts.isConfirmed) return
    this.#parts.isConfirmed = true
    recovery.isHandshakeConfirmed = true
    recovery.isPeerValidated = true
    this.#discardKeys('initial', nowUs)
    this.#discardKeys('handshake', nowUs)
    this.#observer.became('handshake_confirmed')
    this.#parts.emit({ kind: 'confirmed' })
  }
  #discardKeys(level: 'initial' | 'handshake', nowUs: number): void {
    const { keys, recovery } = this.#parts
    if (keys.own(level) === undefined) return
    keys.discard(level)
    this.#observer.keysDiscarded(level)
    recovery.drop(spaceOf(level), nowUs)
  }

  heard({ kind, source }: { readonly kind: Level; readonly source: Uint8Array }, nowUs: number): void {
    this.#idle.heard(nowUs)
    const { paths, remoteIds } = this.#parts
    if (this.isClient && !this.#hasHeard) paths.active.remoteId = remoteIds.setFirst(source.slice())
    this.#hasHeard = true
    if (this.isClient || kind !== 'handshake') return
    // RFC 9001, section 4.9.1.
    this.#discardKeys('initial', nowUs)
    // RFC 9000, section 8.1: a Handshake packet shows that the client has read what was sent to its address.
    if (paths.active.isValidated) return
    paths.active.isValidated = true
    this.#observer.became('peer_validated')
  }

  /** RFC 9000, section 17.2.5.2: once, before anything else was heard. RFC 9002, section 6.3: recovery begins anew. */
  retry({ source, token }: Header & { readonly kind: 'retry' }, bytes: Uint8Array, nowUs: number): void {
    const { recovery, paths, remoteIds, settings } = this.#parts
    if (!this.isClient || this.#hasHeard || this.#retrySource !== undefined) return
    if (isSame(source, this.#initialDestination) || !isRetryIntact(settings.protection, this.#originalDestination, bytes)) return
    this.#retrySource = source.slice()
    this.#initialDestination = this.#retrySource
    this.#parts.token = token.slice()
    paths.active.remoteId = remoteIds.setFirst(this.#retrySource)
    this.#installInitialKeys()
    recovery.resend(Space.initial, nowUs, () => true)
    recovery.resend(Space.application, nowUs, () => true)
    recovery.backoff = 0
  }

  /** RFC 9000, section 6.2: a server that speaks version 1 as well has no reason to say so. */
  versions(versions: readonly number[], nowUs: number): void {
    if (!this.isClient || this.#hasHeard || this.#retrySource !== undefined || versions.includes(VERSION_1)) return
    this.#tellClosed('version', false, TransportError.noError, `the peer speaks ${versions.join(', ')}`)
    this.#end('forgotten', undefined, nowUs)
  }

  moved(path: Path, nowUs: number): void {
    this.#migration.follow(path, nowUs)
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  violated({ code, why }: Violation, nowUs: number): void {
    this.#close({ kind: 'close', isApplication: false, code, frameType: 0, reason: ascii(why.slice(0, REASON_BYTES_MAX)) }, nowUs)
  }

  #close(frame: CloseFrame, nowUs: number): void {
    this.#tellClosed('local', frame.isApplication, frame.code, textOf(frame.reason))
    this.#end('closing', frame, nowUs)
  }

  closed({ isApplication, code, reason }: CloseFrame, nowUs: number): void {
    this.#tellClosed('remote', isApplication, code, textOf(reason.subarray(0, REASON_BYTES_MAX)))
    this.#end('draining', undefined, nowUs)
  }

  statelessReset(nowUs: number): void {
    this.#tellClosed('reset', false, TransportError.noError, '')
    this.#end('forgotten', undefined, nowUs)
  }

  #tellClosed(by: Extract<QuicEvent, { kind: 'closed' }>['by'], isApplication: boolean, code: number, reason: string): void {
    this.#parts.emit({ kind: 'closed', by, isApplication, code, reason })
  }

  #end(state: ClosingState, frame: CloseFrame | undefined, nowUs: number): void {
    this.isDirty = true
    this.#closing = new Closing(state, frame, this.#parts.recovery.probeTimeoutUs, nowUs)
    this.#receiver.stop()
    if (state === 'forgotten') this.#forgetIds()
    this.#observer.became(state === 'forgotten' ? 'closed' : state)
  }

  keysUpdated(by: 'local' | 'remote'): void {
    const { keyPhase } = this.#parts.keys
    this.#parts.emit({ kind: 'keyUpdated', by, keyPhase })
    this.#observer.keysUpdated(by, this.isClient, keyPhase)
  }
}
