/** All streams of a connection: their ids and limits (RFC 9000, sections 2 and 4.6), whose turn it is, and what frames do to them. */
import type { ControlFrames } from './control.ts'
import { TransportError, type Violation, violation } from './errors.ts'
import type { QuicEvent } from './events.ts'
import { Credit, Grant } from './flow.ts'
import type { Direction, Frame, StreamFrame } from './frames.ts'
import { ReceiveStream, type StreamListener } from './receivestream.ts'
import { SendStream, type StreamOptions, type StreamOwner } from './sendstream.ts'
import type { PacketSink } from './sentframe.ts'
import type { QuicSettings } from './settings.ts'
import type { TransportParameters } from './transportparameters.ts'

/** Section 2.1: the two least bits of a stream id. */
const UNI = 0x02
const BY_SERVER = 0x01
const isUni = (id: number): boolean => (id & UNI) !== 0
const isByServer = (id: number): boolean => (id & BY_SERVER) !== 0
/** `&` reads the low word: ids beyond 2^31 keep these two bits, too. */
const directionOf = (id: number): Direction => (isUni(id) ? 'uni' : 'bidi')

interface Stream {
  send: SendStream | undefined
  receive: ReceiveStream | undefined
}
/** Streams of one direction: how many were opened by us and by the peer, and how many may be. */
interface Count {
  opened: number
  limit: number
  /** The limit at which the peer was told that it holds us up. */
  told: number
  peerOpened: number
  peerLimit: number
  /** Of the peer's, those that are over. */
  peerClosed: number
  readonly peerMax: number
}
export type StreamsEmit = (event: QuicEvent) => void

/** What the peer's transport parameters say about streams. */
export type StreamLimits = Pick<TransportParameters, 'initialMaxData' | 'initialMaxStreamDataBidiLocal' | 'initialMaxStreamDataBidiRemote'
  | 'initialMaxStreamDataUni' | 'initialMaxStreamsBidi' | 'initialMaxStreamsUni'>

export class Streams implements StreamOwner, StreamListener {
  readonly credit = new Credit(0)
  readonly grant: Grant
  readonly #isClient: boolean
  readonly #settings: QuicSettings
  readonly #control: ControlFrames
  readonly #emit: StreamsEmit
  readonly #streams = new Map<number, Stream>()
  readonly #counts: Readonly<Record<Direction, Count>>
  /** Those with something to send, most urgent first, and of one urgency the oldest. */
  readonly #queue: SendStream[] = []
  #limits: StreamLimits | undefined

  constructor(isClient: boolean, settings: QuicSettings, control: ControlFrames, emit: StreamsEmit) {
    this.#isClient = isClient
    this.#settings = settings
    this.#control = control
    this.#emit = emit
    this.grant = new Grant(settings.connectionWindowBytes)
    const count = (peerMax: number): Count =>
      ({ opened: 0, limit: 0, told: -1, peerOpened: 0, peerLimit: peerMax, peerClosed: 0, peerMax })
    this.#counts = { bidi: count(settings.streamsBidiMax), uni: count(settings.streamsUniMax) }
  }

  /** The peer's limits: those remembered for 0-RTT first, the real ones (never less, section 7.4.1) later. */
  setLimits(limits: StreamLimits): void {
    this.#limits = limits
    this.credit.raise(limits.initialMaxData)
    this.#raiseCount('bidi', limits.initialMaxStreamsBidi)
    this.#raiseCount('uni', limits.initialMaxStreamsUni)
    for (const { send } of this.#streams.values()) {
      if (send === undefined) continue
      send.credit.raise(this.#initialCredit(send.id))
      this.stirred(send)
    }
  }

  #initialCredit(id: number): number {
    const limits = this.#limits
    if (limits === undefined) return 0
    if (isUni(id)) return limits.initialMaxStreamDataUni
    return this.#isOwn(id) ? limits.initialMaxStreamDataBidiRemote : limits.initialMaxStreamDataBidiLocal
  }

  #isOwn(id: number): boolean {
    return isByServer(id) !== this.#isClient
  }

  // --- what the program does -----------------------------------------------------------------------------------------

  mayOpen(direction: Direction): boolean {
    const count = this.#counts[direction]
    return count.opened < count.limit
  }

  /** The new stream's id; undefined where the peer allows no more for now ('streamsAvailable' follows). */
  open(direction: Direction, options: StreamOptions): number | undefined {
    const count = this.#counts[direction]
    if (count.opened >= count.limit) {
      if (this.#limits !== undefined && count.told !== count.limit) {
        count.told = count.limit
        const { limit } = count
        const isWanted = (): boolean => count.limit === limit
        const channel = direction === 'uni' ? 1 : 0
        this.#control.enqueue({ kind: 'streamsBlocked', direction, limit }, 'streams blocked', channel, limit, { isWanted })
      }
      return undefined
    }
    const id = count.opened++ * 4 + (direction === 'uni' ? UNI : 0) + (this.#isClient ? 0 : BY_SERVER)
    this.#streams.set(id, { send: this.#sendStream(id, options), receive: direction === 'uni' ? undefined : this.#receiveStream(id) })
    return id
  }

  /** The sending part, where the program may (still) use it. */
  sending(id: number): SendStream | undefined {
    return this.#streams.get(id)?.send
  }
  receiving(id: number): ReceiveStream | undefined {
    return this.#streams.get(id)?.receive
  }

  reset(id: number, code: number): void {
    const stream = this.sending(id)
    if (stream?.reset() !== true) return
    const settled = (): void => stream.resetAcked()
    this.#control.enqueue({ kind: 'resetStream', id, code, finalSize: stream.finalSize }, 'reset stream', id, 0, { settled })
  }

  stopSending(id: number, code: number): void {
    const stream = this.receiving(id)
    if (stream === undefined || stream.isDone || stream.isStopped) return
    stream.isStopped = true
    if (stream.isSized) return
    this.#control.enqueue({ kind: 'stopSending', id, code }, 'stop sending', id, 0, { isWanted: () => !stream.isSized })
  }

  // --- what leaves ---------------------------------------------------------------------------------------------------

  /** The most urgent stream that may send now. */
  first(): SendStream | undefined {
    for (let i = 0; i < this.#queue.length; ) {
      const stream = this.#queue[i]
      if (stream.isReady) return stream
      if (stream.unsentBytes > 0 && !stream.isBlocked && stream.state === 'open') {
        // The connection's credit is what it waits for.
        i++
        continue
      }
      if (stream.isBlocked && stream.credit.mayTellBlocked()) this.blocked(stream)
      stream.isQueued = false
      // Mostly there is one alone, and splice would make an array of it.
      if (i === this.#queue.length - 1) this.#queue.pop()
      else this.#queue.splice(i, 1)
    }
    this.#tellBlocked()
    return undefined
  }

  #tellBlocked(): void {
    if (this.#queue.length === 0 || this.#limits === undefined || !this.credit.mayTellBlocked()) return
    const { limitBytes: limit } = this.credit
    const isWanted = (): boolean => this.credit.limitBytes === limit
    this.#control.enqueue({ kind: 'dataBlocked', limit }, 'data blocked', 0, limit, { isWanted })
  }

  stirred(stream: SendStream): void {
    if (stream.isQueued || !(stream.isReady || stream.unsentBytes > 0)) return
    stream.isQueued = true
    let index = this.#queue.length
    while (index > 0 && isAfter(this.#queue[index - 1], stream)) index--
    if (index === this.#queue.length) this.#queue.push(stream)
    else this.#queue.splice(index, 0, stream)
  }

  blocked({ id, credit }: SendStream): void {
    const { limitBytes: limit } = credit
    const isWanted = (): boolean => credit.limitBytes === limit
    this.#control.enqueue({ kind: 'streamDataBlocked', id, limit }, 'stream data blocked', id, limit, { isWanted })
  }

  gaveUp(stream: SendStream): void {
    this.reset(stream.id, stream.giveUp.code)
    this.#emit({ kind: 'streamAbandoned', id: stream.id })
  }

  finished(stream: SendStream): void {
    const entry = this.#streams.get(stream.id)
    if (entry?.send !== stream) return
    entry.send = undefined
    this.#emit({ kind: 'streamFinished', id: stream.id })
    this.#settle(stream.id, entry)
  }

  /** Lets go of a stream that is over in both directions, and lets the peer open another for one of its own. */
  #settle(id: number, { send, receive }: Stream): void {
    if (send !== undefined || receive !== undefined) return
    this.#streams.delete(id)
    if (this.#isOwn(id)) return
    const direction = directionOf(id)
    this.#counts[direction].peerClosed++
    this.#allowMore(direction)
  }

  /** Raises the peer's limit once half of what it may still open is used up, as far as streams that are over make room. */
  #allowMore(direction: Direction): void {
    const count = this.#counts[direction]
    const limit = count.peerClosed + count.peerMax
    if (limit === count.peerLimit || count.peerLimit - count.peerOpened > count.peerMax >>> 1) return
    count.peerLimit = limit
    const isWanted = (): boolean => count.peerLimit === limit
    this.#control.enqueue({ kind: 'maxStreams', direction, limit }, 'max streams', direction === 'uni' ? 1 : 0, limit, { isWanted })
  }

  // --- what arrives --------------------------------------------------------------------------------------------------

  data(id: number, bytes: Uint8Array, fin: boolean, datagram: number): void {
    this.#emit({ kind: 'data', id, bytes, fin, datagram })
  }

  consumed(id: number, bytes: number, limitBytes: number | undefined): void {
    if (limitBytes !== undefined) {
      const grant = this.receiving(id)?.grant
      const isWanted = (): boolean => grant?.limitBytes === limitBytes && this.receiving(id)?.isSized === false
      this.#control.enqueue({ kind: 'maxStreamData', id, limit: limitBytes }, 'credit', id + 1, limitBytes, { isWanted })
    }
    const limit = this.grant.consume(bytes)
    if (limit === undefined) return
    this.#control.enqueue({ kind: 'maxData', limit }, 'credit', 0, limit, { isWanted: () => this.grant.limitBytes === limit })
  }

  receive(frame: StreamFrame, datagram: number): Violation | 'full' | undefined {
    const found = this.#find(frame.id, 'receive')
    if (found === undefined || 'code' in found) return found
    const { receive } = found
    if (receive === undefined) return undefined
    const receipt = receive.receive(frame, datagram)
    if (receipt === undefined) this.#endReceive(frame.id, found, receive)
    return receipt
  }

  #endReceive(id: number, stream: Stream, receive: ReceiveStream): void {
    if (!receive.isDone) return
    stream.receive = undefined
    this.#settle(id, stream)
  }

  /** Every other frame about streams and their credit. */
  receiveControl(frame: Frame): Violation | undefined {
    switch (frame.kind) {
      case 'resetStream': {
        const found = this.#find(frame.id, 'receive')
        if (found === undefined || 'code' in found) return found
        const { receive } = found
        if (receive === undefined) return undefined
        const receipt = receive.reset(frame.finalSize)
        if ('code' in receipt) return receipt
        if (receipt.isNews && !receive.isStopped) this.#emit({ kind: 'resetReceived', id: frame.id, code: frame.code })
        this.#endReceive(frame.id, found, receive)
        return undefined
      }
      case 'stopSending': {
        const found = this.#find(frame.id, 'send')
        if (found === undefined || 'code' in found) return found
        if (found.send === undefined || found.send.state !== 'open') return undefined
        this.#emit({ kind: 'stopSendingReceived', id: frame.id, code: frame.code })
        // Section 3.5: the answer is a RESET_STREAM, of the same code.
        this.reset(frame.id, frame.code)
        return undefined
      }
      case 'maxData':
        if (this.credit.raise(frame.limit)) this.#stirAll()
        return undefined
      case 'maxStreamData': {
        const found = this.#find(frame.id, 'send')
        if (found === undefined || 'code' in found) return found
        if (found.send?.credit.raise(frame.limit) === true) this.stirred(found.send)
        return undefined
      }
      case 'maxStreams':
        this.#raiseCount(frame.direction, frame.limit)
        return undefined
      case 'streamDataBlocked': {
        const found = this.#find(frame.id, 'receive')
        return found !== undefined && 'code' in found ? found : undefined
      }
      default:
        return undefined
    }
  }

  #stirAll(): void {
    for (const { send } of this.#streams.values()) if (send !== undefined) this.stirred(send)
  }

  #raiseCount(direction: Direction, limit: number): void {
    const count = this.#counts[direction]
    if (limit <= count.limit) return
    const wasExhausted = count.opened >= count.limit
    count.limit = limit
    if (wasExhausted) this.#emit({ kind: 'streamsAvailable', direction })
  }

  /** The stream that a frame is about, opened if it is the peer's to open; undefined where it is over. */
  #find(id: number, part: 'send' | 'receive'): Stream | Violation | undefined {
    const isOwn = this.#isOwn(id)
    // Sections 19.4, 19.5, 19.8, 19.10 and 19.13: a unidirectional stream has one sender.
    if (isUni(id) && isOwn === (part === 'receive')) {
      return violation(TransportError.streamStateError, `stream ${id} has no such part`)
    }
    const stream = this.#streams.get(id)
    if (stream !== undefined) return stream
    const direction = directionOf(id)
    const count = this.#counts[direction]
    const ordinal = Math.floor(id / 4)
    if (isOwn) return ordinal < count.opened ? undefined : violation(TransportError.streamStateError, `stream ${id} was never opened`)
    if (ordinal < count.peerOpened) return undefined
    if (ordinal >= count.peerLimit) return violation(TransportError.streamLimitError, `stream ${id} is beyond the limit`)
    // Section 3.2: a stream opens all of its kind below it.
    for (; count.peerOpened <= ordinal; count.peerOpened++) this.#accept(count.peerOpened * 4 + (id % 4))
    this.#allowMore(direction)
    return this.#streams.get(id)
  }

  #accept(id: number): void {
    this.#streams.set(id, { send: isUni(id) ? undefined : this.#sendStream(id, {}), receive: this.#receiveStream(id) })
    this.#emit({ kind: 'streamOpened', id })
  }

  #sendStream(id: number, options: StreamOptions): SendStream {
    return new SendStream(id, new Credit(this.#initialCredit(id)), this.credit, this, options)
  }
  #receiveStream(id: number): ReceiveStream {
    return new ReceiveStream(id, new Grant(this.#settings.streamWindowBytes), this.grant, this)
  }

  /** Packs frames of the most urgent stream; true if one was written. */
  pack(packet: PacketSink): boolean {
    return this.first()?.pack(packet) ?? false
  }
}

const isAfter = (a: SendStream, b: SendStream): boolean => a.priority > b.priority || (a.priority === b.priority && a.id > b.id)
