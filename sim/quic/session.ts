/**
 * The port's channels over a QUIC connection: one end of one connection as an endpoint keeps it. Messages go out by outgoing.ts and
 * come in by incoming.ts; the rest is the connection's.
 */
import type { Address, Datagram, SocketAddress } from '../net/datagram.ts'
import type { Channel, ClosedBy } from '../port.ts'
import { CHANNEL_BLOCKED_BYTES, CHANNEL_CREDIT_BYTES, CHANNEL_QUEUE_BYTES_MAX, MESSAGE_BYTES_MAX } from '../transport/channel.ts'
import { heardCode, TransportCode } from '../transport/codes.ts'
import type { ConnectionStanding, Session, SessionIdentity, Surroundings } from '../transport/session.ts'
import type { Accepted, TlsOptions } from './configuration.ts'
import { Connection } from './connection.ts'
import { TransportError } from './errors.ts'
import type { QuicEvent } from './events.ts'
import { Incoming } from './incoming.ts'
import type { Listener } from './listener.ts'
import { isStream, MessageChannel, type OutgoingChannel, StreamChannel } from './outgoing.ts'
import type { Environment, MessageSource } from './parts.ts'
import type { QlogEvent } from './qlogevents.ts'
import { type QuicSettings, SETTINGS } from './settings.ts'

/** The least time between two 'path' inputs. */
const PATH_INTERVAL_US = 100_000
/** Chromium takes 100 ms for what RFC 9002 proposes 333 ms for, and so does this. */
const INITIAL_RTT_US = 100_000
export const SESSION_SETTINGS: QuicSettings = { ...SETTINGS, initialRttUs: INITIAL_RTT_US }
const TLS: TlsOptions = { alpn: 'messages', serverName: 'peer' }

export interface QuicSessionConfig {
  readonly settings: QuicSettings
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** Of the responder: from the listener's `accept`. */
  readonly accepted?: Accepted
  readonly tls?: TlsOptions
  readonly watch?: QuicWatch
}

/** One end of a connection, for whoever looks on. */
export interface WatchedEnd {
  readonly identity: SessionIdentity
  /** Lines of an NSS key log, one for each secret so far. */
  readonly keyLog: readonly string[]
}
/** Told of an end as it begins, before anything happens to it; takes what it tells of itself from then on. */
export type QuicWatch = (end: WatchedEnd) => (event: QlogEvent) => void

interface ChannelState {
  readonly label: string
  readonly priority: number
  readonly isReliable: boolean
  readonly out: OutgoingChannel
  isBlocked: boolean
}

export class QuicSession implements Session, MessageSource, WatchedEnd {
  readonly identity: SessionIdentity
  readonly #surroundings: Surroundings
  readonly #connection: Connection
  readonly #port: number
  readonly #channels: readonly ChannelState[]
  /** The most urgent first. */
  readonly #urgency: readonly ChannelState[]
  readonly #messageChannels: readonly MessageChannel[]
  readonly #incoming: Incoming
  #isOpen = false
  #isEnded = false
  #pathUs = -PATH_INTERVAL_US

  /** Joins the listener's routes, by which what is for it comes to {@link receive}. */
  constructor(
    identity: SessionIdentity, surroundings: Surroundings, listener: Listener<QuicSession>, config: QuicSessionConfig, nowUs: number,
  ) {
    const { settings, local, remote, accepted, tls = TLS } = config
    const { number } = identity
    this.identity = identity
    this.#surroundings = surroundings
    this.#port = local.port
    const optional = accepted === undefined ? {} : { accepted }
    this.#connection = new Connection({ number, settings, local, remote, tls, ...optional }, this.#environment(listener, config), nowUs)
    this.#connection.source = this
    const messageChannels: MessageChannel[] = []
    this.#channels = surroundings.channels.map((spec, channel) => {
      const { label, priority, delivery } = spec
      const isReliable = delivery.kind === 'reliable'
      if (isStream(spec)) return { label, priority, isReliable, out: new StreamChannel(this.#connection, channel, spec), isBlocked: false }
      const out = new MessageChannel(this.#connection, channel, spec, this.#losses())
      messageChannels.push(out)
      return { label, priority, isReliable, out, isBlocked: false }
    })
    this.#messageChannels = messageChannels
    this.#urgency = [...this.#channels].sort((a, b) => a.priority - b.priority)
    this.#incoming = new Incoming(surroundings.channels, (channel, bytes, datagrams) => {
      surroundings.input({ kind: 'message', on: identity.id, channel, bytes }, datagrams)
    })
  }

  #environment(listener: Listener<QuicSession>, { watch }: QuicSessionConfig): Environment {
    const surroundings = this.#surroundings
    const onEvent = watch?.(this)
    const { node: at } = surroundings
    const connection = this.identity.number
    return {
      writer: surroundings.writer,
      send: (datagram) => surroundings.send(datagram),
      idAdded: (id) => listener.add(id, this),
      idRemoved: (id) => listener.remove(id),
      resetToken: (id) => listener.resetToken(id),
      newToken: () => undefined,
      discarded: (datagram, why) => surroundings.record({ kind: 'discarded', at, datagram: datagram.id, why }),
      declaredLost: (datagram) => surroundings.record({ kind: 'declaredLost', at, connection, datagram }),
      probed: (backoff) => surroundings.record({ kind: 'probe', at, connection, backoff }),
      ...(onEvent === undefined ? {} : { onEvent }),
    }
  }

  #losses(): ConstructorParameters<typeof MessageChannel>[3] {
    const surroundings = this.#surroundings
    const { node: at } = surroundings
    const { number: connection } = this.identity
    return {
      abandoned: (channel, message) => surroundings.record({ kind: 'abandoned', at, connection, channel, message }),
      overflowed: (channel, bytes) => surroundings.record({ kind: 'overflow', at, connection, channel, bytes }),
    }
  }

  get isDirty(): boolean {
    return this.#connection.isDirty
  }
  set isDirty(isDirty: boolean) {
    this.#connection.isDirty = isDirty
  }
  get isForgotten(): boolean {
    return this.#connection.isForgotten
  }
  get keyLog(): readonly string[] {
    return this.#connection.keyLog
  }
  get standing(): ConnectionStanding {
    const { id, number, protocol, peer } = this.identity
    const { state, recovery } = this.#connection
    const { roundTrip, congestion } = recovery.path
    return {
      id, number, peer, protocol, state, rttUs: roundTrip.smoothedUs, rttVariationUs: roundTrip.variationUs,
      windowBytes: congestion.windowBytes, inFlightBytes: congestion.inFlightBytes, backoff: recovery.backoff, lost: recovery.lostCount,
      unanswered: recovery.unansweredCount, oldestSentUs: recovery.oldestSentUs,
      channels: this.#channels.map(({ label, out, isBlocked }, channel) => ({
        label, unsentBytes: out.queuedBytes, unansweredBytes: out.unansweredBytes, keptBytes: this.#incoming.keptBytes(channel), isBlocked,
      })),
    }
  }

  // --- what the application does -------------------------------------------------------------------------------------

  message(channel: Channel, bytes: Uint8Array, nowUs: number): void {
    if (!this.#isOpen || this.#isEnded) return
    const state = this.#channels[channel]
    state.out.write(bytes, nowUs)
    this.isDirty = true
    const { queuedBytes } = state.out
    if (queuedBytes > CHANNEL_BLOCKED_BYTES) state.isBlocked = true
    if (state.isReliable && queuedBytes > CHANNEL_QUEUE_BYTES_MAX) this.close(TransportCode.queueOverflow, nowUs)
  }

  close(code: number, nowUs: number): void {
    this.#connection.close(code, '', nowUs)
    this.#drain(nowUs)
  }

  /** A connection that cannot migrate, because its handshake is not confirmed, say, has no path left. */
  move(address: Address, nowUs: number): void {
    if (!this.#connection.migrate({ address, port: this.#port }, nowUs, true)) this.#connection.abandon(nowUs)
    this.#drain(nowUs)
  }

  // --- what the connection asks --------------------------------------------------------------------------------------

  get priority(): number {
    return this.#first()?.priority ?? Infinity
  }
  admit(nowUs: number): void {
    this.#first()?.out.admit(nowUs)
  }
  #first(): ChannelState | undefined {
    for (const channel of this.#urgency) if (channel.out.isReady) return channel
    return undefined
  }

  // --- what the network and time do ----------------------------------------------------------------------------------

  receive(datagram: Datagram, nowUs: number): void {
    this.#connection.receive(datagram, nowUs)
    this.#drain(nowUs)
    this.#tellPath(nowUs)
  }

  isReset(datagram: Uint8Array): boolean {
    return this.#connection.isReset(datagram)
  }

  wake(nowUs: number): void {
    this.#connection.wake(nowUs)
    this.#drain(nowUs)
  }

  deadlineUs(): number {
    return this.#connection.nextWakeUs()
  }

  flush(nowUs: number): void {
    this.#connection.flush(nowUs)
    this.#drain(nowUs)
    if (this.#isOpen && !this.#isEnded) this.#unblock()
  }

  #unblock(): void {
    for (let channel = 0; channel < this.#channels.length; channel++) {
      const state = this.#channels[channel]
      if (!state.isBlocked || state.out.queuedBytes > CHANNEL_CREDIT_BYTES) continue
      state.isBlocked = false
      this.#surroundings.input({ kind: 'credit', on: this.identity.id, channel, bytes: CHANNEL_BLOCKED_BYTES - state.out.queuedBytes })
    }
  }

  #tellPath(nowUs: number): void {
    const { roundTrip } = this.#connection.recovery.path
    if (!this.#isOpen || this.#isEnded || !roundTrip.isMeasured || nowUs - this.#pathUs < PATH_INTERVAL_US) return
    this.#pathUs = nowUs
    const { lostCount } = this.#connection.recovery
    this.#surroundings.input({ kind: 'path', on: this.identity.id, rttUs: roundTrip.smoothedUs, lost: lostCount })
  }

  #drain(nowUs: number): void {
    for (let event = this.#connection.poll(); event !== undefined; event = this.#connection.poll()) {
      if (!this.#isEnded && !this.#take(event)) this.#connection.close(TransportCode.protocolViolation, '', nowUs)
    }
  }

  /** False where the peer keeps no channel's form. */
  #take(event: QuicEvent): boolean {
    switch (event.kind) {
      case 'handshakeComplete':
        this.#opened()
        return true
      case 'data':
        return this.#incoming.data(event.id, event.bytes, event.fin, event.datagram)
      case 'datagram':
        return this.#incoming.datagram(event.bytes, event.datagram)
      case 'resetReceived':
        this.#incoming.reset(event.id, event.code)
        return true
      case 'streamFinished':
        for (const channel of this.#messageChannels) channel.finished(event.id)
        return true
      case 'streamAbandoned':
        for (const channel of this.#messageChannels) channel.abandoned(event.id)
        return true
      case 'datagramAcked':
      case 'datagramLost':
        for (const channel of this.#messageChannels) channel.datagramSettled(event.number, event.kind === 'datagramLost')
        return true
      case 'pathChanged':
        if (event.isValidated) this.#pathChanged()
        return true
      case 'closed':
        this.#closed(event)
        return true
      default:
        return true
    }
  }

  #opened(): void {
    const { id, ticket, isInitiator } = this.identity
    this.#isOpen = true
    this.#surroundings.input({
      kind: 'opened', on: id, ticket, incoming: !isInitiator, binding: this.#connection.exporter, messageBytesMax: MESSAGE_BYTES_MAX,
    })
  }

  #pathChanged(): void {
    this.#surroundings.record({ kind: 'pathChanged', at: this.#surroundings.node, connection: this.identity.number })
  }

  /** A connection that came in and never opened is no business of the application. */
  #closed(event: Extract<QuicEvent, { kind: 'closed' }>): void {
    const { id, ticket, isInitiator } = this.identity
    this.#isEnded = true
    if (!this.#isOpen && !isInitiator) return
    const { by, code } = ending(event)
    this.#surroundings.input({ kind: 'closed', on: id, ticket, by, code })
  }
}

/** The port's words for the end of a QUIC connection. */
function ending({ by, isApplication, code }: Extract<QuicEvent, { kind: 'closed' }>): { readonly by: ClosedBy; readonly code: number } {
  switch (by) {
    case 'idle':
      return { by: 'timeout', code: TransportCode.idleTimeout }
    case 'handshakeTimeout':
      return { by: 'timeout', code: TransportCode.handshakeTimeout }
    case 'reset':
      return { by: 'remote', code: TransportCode.reset }
    case 'version':
      return { by: 'refused', code: TransportCode.refused }
    default:
      if (isApplication) return { by, code: heardCode(code) }
      if (by === 'remote' && code === TransportError.connectionRefused) return { by: 'refused', code: TransportCode.refused }
      return { by, code: code === TransportError.flowControlError ? TransportCode.flowControl : TransportCode.protocolViolation }
  }
}
