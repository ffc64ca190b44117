/**
 * An association of SCTP, sans-I/O: RFC 9260, with partial reliability (RFC 3758) and stream reset (RFC 6525), as data channels run it
 * over DTLS (RFC 8261). One path, so no failover; messages are not interleaved (RFC 8260), as libwebrtc has it by default.
 *
 *     setup.ts     INIT, cookies             outbound.ts  TSNs under way, retransmission, giving up
 *     inbound.ts   TSNs received, SACKs      queue.ts     messages that wait, priorities
 *     reset.ts     stream reset              reassembly.ts  fragments, order
 *     shutdown.ts  the orderly end           heartbeat.ts   whether the peer is there
 *     chunks.ts, packet.ts, cookie.ts  the bytes
 *
 * After any call, {@link Association.flush} sends what may be sent.
 */
import type { Writer } from '../../bytes.ts'
import { answerTo, type Cause as Datagram, type PacketIdentity } from '../packetidentity.ts'
import { deriveFrom, sumKey } from '../secret.ts'
import {
  Cause, type Chunk, ChunkType, readCause, readChunk, readData, readForward, readInit, readReconfig, readSack, REFLECTED_TAG,
  writeCause, writeChunk, writeResetResponse,
} from './chunks.ts'
import { Heartbeat } from './heartbeat.ts'
import { Inbound } from './inbound.ts'
import {
  ASSOCIATION_RETRANSMISSIONS_MAX, CHUNKS_MAX, RECEIVE_WINDOW_BYTES, type SctpTimings,
} from './limits.ts'
import { Outbound } from './outbound.ts'
import { PacketBuilder, readPacket } from './packet.ts'
import { type OutgoingStream, SendQueue } from './queue.ts'
import type { ReceivedMessage } from './reassembly.ts'
import { StreamReset } from './reset.ts'
import { RetransmissionTimeout } from './rto.ts'
import { type SendPacket, Setup, type Terms } from './setup.ts'
import { Shutdown } from './shutdown.ts'

/** RFC 9260, section 4; setup.ts and shutdown.ts tell more of 'opening' and of what comes before 'over'. */
export type AssociationState = 'closed' | 'opening' | 'established' | 'over'

/** How it ended: the application's code, where the peer gave one; what the transport itself has to say otherwise. */
export type AssociationEnd =
  | { readonly kind: 'aborted'; readonly by: 'local' | 'remote'; readonly code: number | undefined; readonly cause: number }
  | { readonly kind: 'shut down'; readonly by: 'local' | 'remote' }
  /** Nobody answers any more, or ever did. */
  | { readonly kind: 'timeout'; readonly wasEstablished: boolean }
  /** The peer has begun anew. */
  | { readonly kind: 'restarted' }

/** Why a packet or a chunk of it was thrown away. */
export type SctpDiscard = 'malformed' | 'unknown' | 'full' | 'repeated' | 'tag'

export interface AssociationEvents {
  /** Takes a packet; returns the id of the datagram that carries it. */
  send(bytes: Uint8Array, identity: PacketIdentity): number
  established(): void
  message(message: ReceivedMessage): void
  /** The peer closed its side of these streams. */
  incomingReset(streams: readonly number[]): void
  /** Our side of them is closed. */
  outgoingReset(streams: readonly number[]): void
  ended(end: AssociationEnd): void
  discarded(why: SctpDiscard, datagram: number): void
  declaredLost(datagram: number): void
  abandoned(channel: number, message: number): void
  probe(errors: number): void
}

export interface AssociationConfig {
  readonly writer: Writer
  /** Of this association at this end: tag, first TSN and the cookie's key follow from it. */
  readonly secret: Uint8Array
  readonly timings: SctpTimings
  readonly events: AssociationEvents
}

/** What there is once the peer is known. */
interface Peer {
  readonly terms: Terms
  readonly inbound: Inbound
  readonly outbound: Outbound
  readonly reset: StreamReset
  readonly shutdown: Shutdown
  readonly heartbeat: Heartbeat
}

export class Association {
  readonly queue = new SendQueue()
  readonly rto: RetransmissionTimeout
  readonly #config: AssociationConfig
  readonly #packet: PacketBuilder
  readonly #ownTag: number
  readonly #ownInitialTsn: number
  readonly #setup: Setup
  #state: AssociationState = 'closed'
  #peer: Peer | undefined
  /** What stragglers are told once the association was aborted from here. */
  #abort: { readonly cause: number; readonly value: Uint8Array } | undefined

  constructor(config: AssociationConfig) {
    const { secret, timings, writer } = config
    this.#config = config
    this.#packet = new PacketBuilder(writer)
    const own = new DataView(deriveFrom('sctp', secret).buffer)
    this.#ownTag = own.getUint32(0) || 1
    this.#ownInitialTsn = own.getUint32(4)
    this.rto = new RetransmissionTimeout(timings)
    const init = { tag: this.#ownTag, windowBytes: RECEIVE_WINDOW_BYTES, initialTsn: this.#ownInitialTsn }
    this.#setup = new Setup(init, sumKey(deriveFrom('cookie', secret), 0xc00c), timings, this.rto, (tag, identity, write) => {
      this.#reply(tag, identity, write)
    })
  }

  get state(): AssociationState {
    return this.#state
  }
  /** The halves; undefined before it was established. */
  get inbound(): Inbound | undefined {
    return this.#peer?.inbound
  }
  get outbound(): Outbound | undefined {
    return this.#peer?.outbound
  }
  /** Whether what is written will go out. */
  get isClosing(): boolean {
    return this.#state === 'over' || this.#peer?.shutdown.isNone === false
  }

  start(nowUs: number): void {
    if (this.#state !== 'closed') return
    this.#state = 'opening'
    this.#setup.start(nowUs)
  }

  /** One packet with what is written into it, at once. */
  #reply(tag: number, identity: PacketIdentity, write: (packet: PacketBuilder) => void): void {
    this.#packet.begin(tag)
    write(this.#packet)
    this.#config.events.send(this.#packet.finish(), identity)
  }

  receive(bytes: Uint8Array, cause: Datagram, nowUs: number): void {
    const packet = readPacket(bytes)
    if (packet === undefined) return this.#config.events.discarded('malformed', cause.id)
    const { tag, reader } = packet
    let chunk = readChunk(reader)
    if (chunk === undefined) return this.#config.events.discarded('malformed', cause.id)
    if (this.#state === 'over') return this.#straggler(chunk, cause)
    if (!this.#isTagged(chunk, tag)) return this.#outOfTheBlue(chunk, tag, cause)
    let hadData = false
    for (let count = 0; chunk !== undefined && count < CHUNKS_MAX; count++) {
      if (chunk.type === ChunkType.data) hadData = true
      if (!this.#receiveChunk(chunk, tag, cause, nowUs) || reader.remaining === 0) break
      chunk = readChunk(reader)
      if (chunk === undefined) this.#config.events.discarded('malformed', cause.id)
    }
    if (hadData) this.#peer?.inbound.packetEnded(nowUs)
  }

  /** Section 8.5 and its exceptions, 8.5.1. A cookie is its own proof. */
  #isTagged({ type, flags }: Chunk, tag: number): boolean {
    if (type === ChunkType.init) return tag === 0
    if (type === ChunkType.cookieEcho) return true
    const mayReflect = type === ChunkType.abort || type === ChunkType.shutdownComplete
    if (mayReflect && (flags & REFLECTED_TAG) !== 0) return this.#peer !== undefined && tag === this.#peer.terms.peerTag
    return tag === this.#ownTag
  }

  /** Section 8.4: a packet for no association of ours. Under DTLS it can only be a leftover, so that it ends with a word at most. */
  #outOfTheBlue({ type }: Chunk, tag: number, cause: Datagram): void {
    this.#config.events.discarded('tag', cause.id)
    if (this.#state !== 'closed' && this.#state !== 'opening') return
    if (type === ChunkType.shutdownAck) {
      this.#reply(tag, answerTo('shutdown complete', cause), ({ writer }) => {
        writeChunk(writer, ChunkType.shutdownComplete, REFLECTED_TAG, new Uint8Array(0))
      })
    }
  }

  /** After an abort from here the peer may not have heard of it. */
  #straggler(chunk: Chunk, cause: Datagram): void {
    const abort = this.#abort
    this.#config.events.discarded('unknown', cause.id)
    const tag = this.#peer?.terms.peerTag ?? (chunk.type === ChunkType.init ? readInit(chunk)?.tag : undefined)
    if (abort === undefined || tag === undefined || chunk.type === ChunkType.abort) return
    this.#reply(tag, answerTo('abort', cause), ({ writer }) => {
      writeCause(writer, ChunkType.abort, 0, abort.cause, abort.value)
    })
  }

  /** False where the rest of the packet does not count. */
  #receiveChunk(chunk: Chunk, tag: number, cause: Datagram, nowUs: number): boolean {
    switch (chunk.type) {
      case ChunkType.init:
        return this.#init(chunk, cause, nowUs)
      case ChunkType.initAck:
        return this.#initAck(chunk, cause, nowUs)
      case ChunkType.cookieEcho:
        return this.#cookieEcho(chunk, tag, cause, nowUs)
      case ChunkType.cookieAck:
        if (this.#state === 'opening') this.#establish(this.#setup.cookieAck(nowUs), nowUs)
        return true
      case ChunkType.abort: {
        const { cause: code, value } = readCause(chunk)
        const given = code === Cause.userInitiatedAbort && value.remaining === 4 ? value.u32() : undefined
        this.#end({ kind: 'aborted', by: 'remote', code: given, cause: code })
        return false
      }
      case ChunkType.error:
        if (this.#state === 'opening' && readCause(chunk).cause === Cause.staleCookie) this.#setup.staleCookie(nowUs)
        return true
      case ChunkType.shutdownComplete:
        this.#peer?.shutdown.completed()
        return false
      default:
        // Whoever sends such a chunk has had our cookie: a COOKIE ACK that was lost or comes late is not waited for.
        if (this.#state === 'opening') this.#establish(this.#setup.cookieAck(nowUs), nowUs)
        return this.#peer === undefined ? this.#early(cause) : this.#receiveOpen(this.#peer, chunk, cause, nowUs)
    }
  }

  /** Section 6: data counts once the association is there. What is sent before that is sent again. */
  #early(cause: Datagram): boolean {
    this.#config.events.discarded('unknown', cause.id)
    return false
  }

  #malformed(cause: Datagram): boolean {
    this.#config.events.discarded('malformed', cause.id)
    return false
  }

  #init(chunk: Chunk, cause: Datagram, nowUs: number): boolean {
    const init = readInit(chunk)
    if (init === undefined) return this.#malformed(cause)
    if (this.#peer?.shutdown.initCame(nowUs) !== true) this.#setup.init(init, this.#peer?.terms, cause, nowUs)
    return false
  }

  #initAck(chunk: Chunk, cause: Datagram, nowUs: number): boolean {
    const init = readInit(chunk)
    if (init === undefined) return this.#malformed(cause)
    if (this.#state !== 'opening' || !this.#setup.initAck(init, nowUs)) this.#config.events.discarded('repeated', cause.id)
    return false
  }

  #cookieEcho({ value }: Chunk, tag: number, cause: Datagram, nowUs: number): boolean {
    const verdict = this.#setup.cookieEcho(value.raw(value.remaining), tag, this.#peer?.terms, nowUs)
    switch (verdict.kind) {
      case 'good':
        this.#establish(verdict.terms, nowUs)
        this.#reply(verdict.terms.peerTag, answerTo('cookie ack', cause), ({ writer }) => {
          writeChunk(writer, ChunkType.cookieAck, 0, new Uint8Array(0))
        })
        return true
      case 'stale':
        this.#reply(verdict.terms.peerTag, answerTo('stale cookie', cause), ({ writer }) => {
          writeCause(writer, ChunkType.error, 0, Cause.staleCookie, new Uint8Array(4))
        })
        return false
      case 'restart':
        this.#end({ kind: 'restarted' })
        return false
      default:
        this.#config.events.discarded(verdict.kind === 'forged' ? 'tag' : 'repeated', cause.id)
        return false
    }
  }

  #establish(terms: Terms | undefined, nowUs: number): void {
    if (terms === undefined || (this.#state !== 'opening' && this.#state !== 'closed')) return
    const { queue, rto } = this
    const { events, timings } = this.#config
    this.#state = 'established'
    this.#setup.stop()
    const inbound = new Inbound(terms.peerInitialTsn, timings.sackDelayUs, (message) => events.message(message))
    const outbound = new Outbound({
      queue, rto, events, initialTsn: this.#ownInitialTsn,
      peerWindowBytes: terms.peerWindowBytes, isPartiallyReliable: terms.isPartiallyReliable,
    })
    const reset = new StreamReset({
      queue, inbound, outbound, rto, ownInitialTsn: this.#ownInitialTsn, peerInitialTsn: terms.peerInitialTsn,
      incomingReset: (streams) => events.incomingReset(streams), outgoingReset: (streams) => events.outgoingReset(streams),
    })
    const send: SendPacket = (tag, identity, write) => this.#reply(tag, identity, write)
    const { peerTag } = terms
    const shutdown = new Shutdown({ inbound, outbound, rto, peerTag, send, ended: (by) => this.#end({ kind: 'shut down', by }) })
    const heartbeat = new Heartbeat({ outbound, rto, peerTag, send }, nowUs)
    this.#peer = { terms, inbound, outbound, reset, shutdown, heartbeat }
    events.established()
  }

  #receiveOpen(peer: Peer, chunk: Chunk, cause: Datagram, nowUs: number): boolean {
    switch (chunk.type) {
      case ChunkType.data:
        return this.#data(peer, chunk, cause, nowUs)
      case ChunkType.sack: {
        const sack = readSack(chunk)
        if (sack === undefined) return this.#malformed(cause)
        return peer.outbound.sack(sack, nowUs) || this.#violation()
      }
      case ChunkType.forwardTsn: {
        const forward = readForward(chunk)
        if (forward === undefined) return this.#malformed(cause)
        return peer.inbound.forward(forward, cause, nowUs) || this.#violation()
      }
      case ChunkType.heartbeat:
        this.#reply(peer.terms.peerTag, answerTo('heartbeat ack', cause), ({ writer }) => {
          writeChunk(writer, ChunkType.heartbeatAck, 0, chunk.bytes.subarray(4))
        })
        return true
      case ChunkType.heartbeatAck:
        peer.heartbeat.acknowledged(chunk.value, nowUs)
        return true
      case ChunkType.reconfig:
        return this.#reconfig(peer, chunk, cause, nowUs)
      case ChunkType.shutdown: {
        const cumulativeTsn = chunk.value.u32()
        if (chunk.value.failed) return this.#malformed(cause)
        if (!peer.outbound.acknowledge(cumulativeTsn, nowUs)) return this.#violation()
        peer.shutdown.receive(nowUs)
        return true
      }
      case ChunkType.shutdownAck:
        peer.shutdown.acknowledged(cause)
        return this.#state === 'established'
      default:
        return this.#unrecognized(peer, chunk, cause)
    }
  }

  #data(peer: Peer, chunk: Chunk, cause: Datagram, nowUs: number): boolean {
    const data = readData(chunk)
    if (data === undefined) return this.#malformed(cause)
    // Section 6.2: there is no such thing as an empty DATA chunk.
    if (data.bytes.length === 0) return this.#abortWith(Cause.noUserData, chunk.bytes.subarray(4, 8))
    if (!peer.shutdown.mayReceive) return true
    const receipt = peer.inbound.data(data, cause, nowUs)
    if (receipt === 'violation') return this.#violation()
    if (receipt === 'invalid stream') {
      this.#reply(peer.terms.peerTag, answerTo('error', cause), ({ writer }) => {
        writeCause(writer, ChunkType.error, 0, Cause.invalidStream, Uint8Array.of(data.stream >>> 8, data.stream & 0xff, 0, 0))
      })
    } else if (receipt !== 'taken') {
      this.#config.events.discarded(receipt, cause.id)
    }
    peer.shutdown.dataCame(nowUs)
    return this.#state === 'established'
  }

  #reconfig(peer: Peer, chunk: Chunk, cause: Datagram, nowUs: number): boolean {
    const parts = readReconfig(chunk)
    if (parts === undefined) return this.#malformed(cause)
    for (const part of parts) {
      if (part.kind === 'response') {
        peer.reset.answered(part, nowUs)
      } else {
        const result = peer.reset.requested(part)
        this.#reply(peer.terms.peerTag, answerTo('reset answer', cause), ({ writer }) => writeResetResponse(writer, part.request, result))
      }
    }
    return this.#state === 'established'
  }

  /** Section 3.2: the two highest bits of the type say whether to report it, and whether to go on. */
  #unrecognized(peer: Peer, { type, bytes }: Chunk, cause: Datagram): boolean {
    if (type & 0x40) {
      this.#reply(peer.terms.peerTag, answerTo('error', cause), ({ writer }) => {
        writeCause(writer, ChunkType.error, 0, Cause.unrecognizedChunk, bytes.subarray(0, 64))
      })
    }
    return (type & 0x80) !== 0
  }

  /** No more is written; what was is delivered first. */
  shutdown(nowUs: number): void {
    this.#peer?.shutdown.start(nowUs)
  }

  // ---- The end at once.

  /** Ends it with a code of the application (4 bytes in the User-Initiated Abort cause, section 3.3.10.12). */
  abort(code: number): void {
    if (this.#state === 'over') return
    const value = new Uint8Array(4)
    new DataView(value.buffer).setUint32(0, code)
    this.#abortWith(Cause.userInitiatedAbort, value, code)
  }

  #violation(): false {
    return this.#abortWith(Cause.protocolViolation, new Uint8Array(0))
  }

  #abortWith(cause: number, value: Uint8Array, code?: number): false {
    this.#abort = { cause, value }
    const tag = this.#peer?.terms.peerTag
    if (tag !== undefined) {
      this.#reply(tag, { contents: 'abort', channel: 0, start: 0, end: 0, attempt: 0 }, ({ writer }) => {
        writeCause(writer, ChunkType.abort, 0, cause, value)
      })
    }
    this.#end({ kind: 'aborted', by: 'local', code, cause })
    return false
  }

  #end(end: AssociationEnd): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#setup.stop()
    this.#config.events.ended(end)
  }

  /** Closes our side of a stream once what was written on it has been sent; the peer answers with its own. */
  resetStream(stream: OutgoingStream): void {
    if (this.#peer?.terms.canReset === true) this.#peer.reset.request(stream)
  }

  // ---- Time.

  nextWakeUs(): number {
    if (this.#state === 'over') return Infinity
    const peer = this.#peer
    if (peer === undefined) return this.#setup.nextWakeUs()
    return Math.min(
      peer.outbound.nextWakeUs(), peer.inbound.sackAtUs, peer.reset.nextWakeUs(), peer.shutdown.nextWakeUs(), peer.heartbeat.nextWakeUs(),
    )
  }

  wake(nowUs: number): void {
    if (this.#state === 'over') return
    const peer = this.#peer
    if (peer === undefined) {
      if (!this.#setup.wake(nowUs)) this.#end({ kind: 'timeout', wasEstablished: false })
      return
    }
    const { outbound, reset, shutdown, heartbeat } = peer
    outbound.wake(nowUs)
    reset.wake(nowUs)
    shutdown.wake(nowUs)
    heartbeat.wake(nowUs)
    if (outbound.errors > ASSOCIATION_RETRANSMISSIONS_MAX) this.#end({ kind: 'timeout', wasEstablished: true })
  }

  /** Sends what may be sent: a SACK that is due or has company, what is to be skipped, what was lost, what is new. */
  flush(nowUs: number): void {
    const peer = this.#peer
    if (peer === undefined || this.#state === 'over') return
    const { inbound, outbound, reset, shutdown, heartbeat, terms } = peer
    const packet = this.#packet
    const { maySend } = shutdown
    if (maySend) outbound.open(nowUs)
    for (;;) {
      const hasData = maySend && (outbound.isReady || reset.isReady)
      if (!hasData && inbound.sackAtUs > nowUs) break
      packet.begin(terms.peerTag)
      const { sackIdentity } = inbound
      const hasSack = inbound.sackAtUs < Infinity && inbound.packSack(packet)
      if (hasData) {
        reset.pack(packet, nowUs)
        outbound.pack(packet, nowUs)
        if (packet.carried.length > 0) heartbeat.rest(nowUs)
      }
      if (packet.isEmpty) break
      if (hasSack) packet.identify(sackIdentity)
      const datagram = this.#config.events.send(packet.finish(), packet.identity!)
      for (const chunk of packet.carried) chunk.datagram = datagram
    }
    if (maySend) outbound.close(nowUs)
    shutdown.settle(nowUs)
  }
}
