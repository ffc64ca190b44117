/**
 * A table of channels as data channels over one SCTP association (RFC 8831), opened by the initiator of the connection with DCEP (RFC
 * 8832). Sans-I/O; packets leave through `send`, which whatever lies below seals and puts into a datagram.
 *
 * An unordered channel is ordered until its OPEN is known to have arrived (RFC 8832, section 6), so that nothing ever comes
 * before the OPEN. The initiator may write at once, the responder too: what it writes waits for the OPEN.
 */
import type { Writer } from '../bytes.ts'
import type { Address } from '../net/datagram.ts'
import type { NetRecord } from '../net/records.ts'
import type { Channel, ChannelSpec, ClosedBy } from '../port.ts'
import { CHANNEL_BLOCKED_BYTES, CHANNEL_CREDIT_BYTES, CHANNEL_QUEUE_BYTES_MAX } from '../transport/channel.ts'
import { heardCode, TransportCode } from '../transport/codes.ts'
import type { ChannelStanding, ConnectionStanding } from '../transport/session.ts'
import { Ppid, readControl, writeAck, writeOpen } from './dcep.ts'
import type { Cause, PacketIdentity } from './packetidentity.ts'
import { Association, type AssociationEnd } from './sctp/association.ts'
import { Cause as AbortCause } from './sctp/chunks.ts'
import { type SctpTimings, TIMINGS } from './sctp/limits.ts'
import type { OutgoingStream } from './sctp/queue.ts'
import type { ReceivedMessage } from './sctp/reassembly.ts'

export interface DataChannelsConfig {
  readonly specs: readonly ChannelSpec[]
  /** Whether this end opened the connection: it opens the channels too. */
  readonly isInitiator: boolean
  /** The DTLS client has the even streams: RFC 8832, section 6. */
  readonly isDtlsClient: boolean
  /** Not known to others, and another at each end and for each connection: tags and first TSNs follow from it. */
  readonly secret: Uint8Array
  /** For records. */
  readonly node: Address
  readonly connection: number
  /** Shared with whatever else makes datagrams one at a time. */
  readonly writer: Writer
  readonly timings?: SctpTimings
  /** Takes a packet of at most PACKET_BYTES_MAX; returns the id of the datagram that carries it. */
  readonly send: (bytes: Uint8Array, identity: PacketIdentity) => number
  /** Messages may be written from now on. */
  readonly opened: () => void
  /** `bytes` are borrowed; `datagrams` are those that carried them. */
  readonly deliver: (channel: Channel, bytes: Uint8Array, datagrams: readonly number[]) => void
  /** A channel that was blocked may be written again, so many bytes. */
  readonly credit: (channel: Channel, bytes: number) => void
  /** One channel is closed on both sides: RFC 8831, section 6.7. What is written on it goes nowhere. */
  readonly channelClosed: (channel: Channel) => void
  readonly closed: (by: ClosedBy, code: number) => void
  readonly record: (record: NetRecord) => void
}

interface ChannelState {
  readonly spec: ChannelSpec
  readonly stream: OutgoingStream
  /** The peer has opened it, or has shown that it knows of it. */
  isConfirmed: boolean
  isBlocked: boolean
  /** We have asked for its end; our side is closed; the peer's is. */
  isClosing: boolean
  isOutgoingClosed: boolean
  isIncomingClosed: boolean
}

export class DataChannels {
  readonly #config: DataChannelsConfig
  readonly #association: Association
  readonly #channels: readonly ChannelState[]
  /** Of stream ids: those of one parity are channels. */
  readonly #parity: number
  #nowUs = 0
  #lostDatagram = -1

  constructor(config: DataChannelsConfig) {
    const { specs, isInitiator, isDtlsClient, record, node: at, connection } = config
    this.#config = config
    this.#parity = isInitiator === isDtlsClient ? 0 : 1
    this.#association = new Association({
      writer: config.writer, secret: config.secret, timings: config.timings ?? TIMINGS,
      events: {
        send: config.send,
        established: () => config.opened(),
        message: (message) => this.#message(message),
        incomingReset: (streams) => this.#incomingReset(streams),
        outgoingReset: (streams) => this.#outgoingReset(streams),
        ended: (end) => config.closed(...closedBy(end)),
        discarded: (why, datagram) => record({ kind: 'discarded', at, datagram, why }),
        declaredLost: (datagram) => {
          // Chunks that shared a datagram are lost together.
          if (datagram !== this.#lostDatagram) record({ kind: 'declaredLost', at, connection, datagram })
          this.#lostDatagram = datagram
        },
        abandoned: (channel, message) => record({ kind: 'abandoned', at, connection, channel, message }),
        probe: (backoff) => record({ kind: 'probe', at, connection, backoff }),
      },
    })
    this.#channels = specs.map((spec, channel) => ({
      spec, stream: this.#association.queue.addStream({ stream: 2 * channel + this.#parity, channel, priority: spec.priority }),
      isConfirmed: false, isBlocked: false, isClosing: false, isOutgoingClosed: false, isIncomingClosed: false,
    }))
    for (const { spec, stream } of this.#channels) {
      if (isInitiator) this.#control(stream, writeOpen(spec))
      else stream.isPaused = true
    }
  }

  /** Once what lies below is connected. Both ends may. */
  start(nowUs: number): void {
    this.#nowUs = nowUs
    this.#association.start(nowUs)
  }

  get isOpen(): boolean {
    return this.#association.state === 'established'
  }

  /** A packet that arrived. What it delivers is on its way when this returns; what is to be sent for it leaves with {@link flush}. */
  receive(bytes: Uint8Array, cause: Cause, nowUs: number): void {
    this.#nowUs = nowUs
    this.#association.receive(bytes, cause, nowUs)
  }

  /** Queues a message of at most MESSAGE_BYTES_MAX; returns the bytes that wait on the channel now. */
  write(channel: Channel, bytes: Uint8Array, nowUs: number): number {
    const state = this.#channels[channel]
    const { stream, spec } = state
    if (state.isClosing || this.#association.isClosing) return 0
    this.#nowUs = nowUs
    const isEmpty = bytes.length === 0
    this.#association.queue.write(
      stream, isEmpty ? Ppid.emptyBinary : Ppid.binary, isEmpty ? new Uint8Array(1) : bytes, spec.delivery, false, nowUs,
    )
    if (stream.waitingBytes > CHANNEL_QUEUE_BYTES_MAX) this.#overflow(channel, state)
    if (stream.waitingBytes > CHANNEL_BLOCKED_BYTES) state.isBlocked = true
    return stream.waitingBytes
  }

  #overflow(channel: Channel, { spec, stream }: ChannelState): void {
    if (spec.delivery.kind === 'reliable') return this.#association.abort(TransportCode.queueOverflow)
    const { node: at, connection, record } = this.#config
    while (stream.waitingBytes > CHANNEL_QUEUE_BYTES_MAX) {
      const oldest = stream.waiting.find(({ ppid }) => ppid !== Ppid.control)!
      this.#association.queue.drop(oldest)
      record({ kind: 'overflow', at, connection, channel, bytes: oldest.bytes.length })
    }
  }

  #control(stream: OutgoingStream, bytes: Uint8Array): void {
    this.#association.queue.write(stream, Ppid.control, bytes, { kind: 'reliable' }, true, this.#nowUs)
  }

  #message({ stream, ppid, bytes, datagrams }: ReceivedMessage): void {
    const channel = (stream - this.#parity) / 2
    const state = this.#channels[channel]
    if (state === undefined) return this.#violation()
    if (ppid === Ppid.control) return this.#receiveControl(state, bytes)
    // RFC 8832, section 6: user data where nothing was opened is an error.
    if (!this.#config.isInitiator && !state.isConfirmed) return this.#violation()
    this.#confirm(state)
    if (ppid === Ppid.emptyBinary || ppid === Ppid.emptyString) this.#config.deliver(channel, bytes.subarray(0, 0), datagrams)
    else if (ppid === Ppid.binary || ppid === Ppid.string) this.#config.deliver(channel, bytes, datagrams)
    else this.#violation()
  }

  #receiveControl(state: ChannelState, bytes: Uint8Array): void {
    const control = readControl(bytes)
    if (control === undefined || (control === 'open') === this.#config.isInitiator) return this.#violation()
    if (control === 'open') {
      // Both ends were built with the same table.
      const expected = writeOpen(state.spec)
      if (state.isConfirmed || expected.length !== bytes.length || expected.some((byte, i) => byte !== bytes[i])) return this.#violation()
      state.stream.isPaused = false
      this.#control(state.stream, writeAck())
      const { waiting } = state.stream
      // Whatever has been waiting for the OPEN comes after its answer.
      waiting.unshift(waiting.pop()!)
    }
    this.#confirm(state)
  }

  #confirm(state: ChannelState): void {
    if (state.isConfirmed) return
    state.isConfirmed = true
    state.stream.isOrdered = state.spec.ordered
  }

  #violation(): void {
    this.#association.abort(TransportCode.protocolViolation)
  }

  /** Closes one channel once what was written on it has been sent: RFC 8831, section 6.7. */
  closeChannel(channel: Channel, nowUs: number): void {
    const state = this.#channels[channel]
    this.#nowUs = nowUs
    if (state.isClosing) return
    state.isClosing = true
    this.#association.resetStream(state.stream)
  }

  #incomingReset(streams: readonly number[]): void {
    for (const stream of streams) {
      const channel = (stream - this.#parity) / 2
      const state = this.#channels[channel]
      if (state === undefined || state.isIncomingClosed) continue
      state.isIncomingClosed = true
      this.closeChannel(channel, this.#nowUs)
      if (state.isOutgoingClosed) this.#config.channelClosed(channel)
    }
  }

  #outgoingReset(streams: readonly number[]): void {
    for (const stream of streams) {
      const channel = (stream - this.#parity) / 2
      const state = this.#channels[channel]
      state.isOutgoingClosed = true
      if (state.isIncomingClosed) this.#config.channelClosed(channel)
    }
  }

  /** Sends what may be sent now, and tells which channels may be written again. */
  flush(nowUs: number): void {
    this.#nowUs = nowUs
    this.#association.flush(nowUs)
    for (let channel = 0; channel < this.#channels.length; channel++) {
      const state = this.#channels[channel]
      const { waitingBytes } = state.stream
      if (!state.isBlocked || waitingBytes > CHANNEL_CREDIT_BYTES) continue
      state.isBlocked = false
      this.#config.credit(channel, CHANNEL_BLOCKED_BYTES - waitingBytes)
    }
  }

  nextWakeUs(): number {
    return this.#association.nextWakeUs()
  }
  wake(nowUs: number): void {
    this.#nowUs = nowUs
    this.#association.wake(nowUs)
  }

  /** What is queued leaves as far as the window allows, then the code: an ABORT carries it, for nothing else in WebRTC can. */
  close(code: number, nowUs: number): void {
    this.flush(nowUs)
    this.#association.abort(code)
  }

  /** All that was written is delivered, then the end, which has no code. */
  shutdown(nowUs: number): void {
    this.#association.shutdown(nowUs)
  }

  get channelStandings(): readonly ChannelStanding[] {
    return this.#channels.map(({ spec, stream, isBlocked }) => ({
      label: spec.label, unsentBytes: stream.waitingBytes, unansweredBytes: stream.unansweredBytes,
      keptBytes: this.#association.inbound?.keptBytesOf(stream.stream) ?? 0, isBlocked,
    }))
  }

  /** What of a connection's standing is known here. */
  get standing(): Pick<
    ConnectionStanding, 'rttUs' | 'rttVariationUs' | 'windowBytes' | 'inFlightBytes' | 'backoff' | 'lost' | 'unanswered' | 'oldestSentUs'
  > {
    const { rto, outbound } = this.#association
    return {
      rttUs: rto.srttUs, rttVariationUs: rto.variationUs,
      windowBytes: outbound?.congestion.windowBytes ?? 0, inFlightBytes: outbound?.congestion.inFlightBytes ?? 0,
      backoff: outbound?.errors ?? 0, lost: outbound?.lostCount ?? 0,
      unanswered: outbound?.unansweredChunks ?? 0, oldestSentUs: outbound?.oldestSentUs,
    }
  }
}

function closedBy(end: AssociationEnd): [ClosedBy, number] {
  switch (end.kind) {
    case 'aborted': return [end.by, end.code === undefined ? codeOf(end.cause) : heardCode(end.code)]
    case 'shut down': return [end.by, 0]
    case 'timeout': return ['timeout', end.wasEstablished ? TransportCode.idleTimeout : TransportCode.handshakeTimeout]
    case 'restarted': return ['remote', TransportCode.reset]
  }
}

/** What an abort without a code of the application comes to. */
const codeOf = (cause: number): number =>
  cause === AbortCause.outOfResource ? TransportCode.flowControl : cause === 0 ? TransportCode.reset : TransportCode.protocolViolation
