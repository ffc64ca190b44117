/** Resetting streams: RFC 6525, sections 5.1 and 5.2, as data channels use it (RFC 8831, section 6.7): outgoing streams alone. */
import { type ResetRequest, type ResetResponse, ResetResult, writeResetRequest } from './chunks.ts'
import { RESET_STREAMS_MAX } from './limits.ts'
import type { Inbound } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import type { PacketBuilder } from './packet.ts'
import type { OutgoingStream, SendQueue } from './queue.ts'
import type { RetransmissionTimeout } from './rto.ts'

export interface ResetConfig {
  readonly queue: SendQueue
  readonly inbound: Inbound
  readonly outbound: Outbound
  readonly rto: RetransmissionTimeout
  readonly ownInitialTsn: number
  readonly peerInitialTsn: number
  /** The peer numbers messages of these streams anew: it closed its side. */
  readonly incomingReset: (streams: readonly number[]) => void
  /** Ours did the same, or the peer does not want it. */
  readonly outgoingReset: (streams: readonly number[]) => void
}

interface Request {
  readonly streams: readonly OutgoingStream[]
  readonly lastTsn: number
  attempt: number
}

export class StreamReset {
  readonly #config: ResetConfig
  /** Requests that were answered: section 4.1 counts from the first TSN. */
  #answered = 0
  #wanted: OutgoingStream[] = []
  #request: Request | undefined
  #isDue = false
  #retryAtUs = Infinity
  /** The peer's. */
  #peerAnswered = 0
  #peerResult: number = ResetResult.nothingToDo

  constructor(config: ResetConfig) {
    this.#config = config
  }

  /** Once what was written on the stream has been sent. Nothing may be written on it until it is reset. */
  request(stream: OutgoingStream): void {
    this.#wanted.push(stream)
  }

  /** Whether {@link pack} would write anything. */
  get isReady(): boolean {
    return this.#isDue || (this.#request === undefined && this.#wanted.some(isSent))
  }
  nextWakeUs(): number {
    return this.#retryAtUs
  }
  wake(nowUs: number): void {
    if (nowUs < this.#retryAtUs || this.#request === undefined) return
    this.#request.attempt++
    this.#retryAtUs = Infinity
    this.#isDue = true
    this.#config.outbound.errors++
  }

  pack(packet: PacketBuilder, nowUs: number): void {
    const { outbound, rto, ownInitialTsn, peerInitialTsn } = this.#config
    if (this.#request === undefined) {
      const streams = this.#wanted.filter(isSent).slice(0, RESET_STREAMS_MAX)
      if (streams.length === 0) return
      this.#wanted = this.#wanted.filter((stream) => !streams.includes(stream))
      this.#request = { streams, lastTsn: outbound.lastTsn, attempt: 0 }
      this.#isDue = true
    }
    const { streams, lastTsn, attempt } = this.#request
    if (!this.#isDue || packet.room < 24 + 2 * streams.length) return
    this.#isDue = false
    this.#retryAtUs = nowUs + rto.rtoUs
    const response = (peerInitialTsn + this.#peerAnswered - 1) >>> 0
    const request = (ownInitialTsn + this.#answered) >>> 0
    writeResetRequest(packet.writer, { kind: 'request', request, response, lastTsn, streams: streams.map(({ stream }) => stream) })
    const start = streams[0].writtenMessages
    packet.identify({ contents: 'reset', channel: streams[0].channel, start, end: start, attempt })
  }

  /** The result to answer with. */
  requested({ request, lastTsn, streams }: ResetRequest): number {
    const { inbound, queue, peerInitialTsn, incomingReset } = this.#config
    const ahead = (request - peerInitialTsn - this.#peerAnswered) | 0
    // Section 5.2.1: said once more, answered once more.
    if (ahead === -1) return this.#peerResult
    if (ahead !== 0) return ResetResult.badSequence
    // Section 5.2.2, E2: not before everything that was sent on it has arrived.
    if (inbound.unwrap(lastTsn) > inbound.cumulativeTsn) return ResetResult.inProgress
    this.#peerAnswered++
    this.#peerResult = ResetResult.performed
    const all = streams.length > 0 ? streams : queue.streams.map(({ stream }) => stream)
    for (const stream of all) inbound.reset(stream)
    incomingReset(all)
    return this.#peerResult
  }

  answered({ response, result }: ResetResponse, nowUs: number): void {
    const request = this.#request
    if (request === undefined || response !== (this.#config.ownInitialTsn + this.#answered) >>> 0) return
    this.#config.outbound.errors = 0
    if (result === ResetResult.inProgress) {
      this.#retryAtUs = nowUs + this.#config.rto.rtoUs
      return
    }
    this.#answered++
    this.#request = undefined
    this.#isDue = false
    this.#retryAtUs = Infinity
    for (const stream of request.streams) stream.nextSsn = 0
    this.#config.outgoingReset(request.streams.map(({ stream }) => stream))
  }
}

const isSent = (stream: OutgoingStream): boolean => stream.waitingBytes === 0
