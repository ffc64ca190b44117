/**
 * The sending half of an association: TSNs under way, what SACKs say of them, when they are sent again, and when a message is
 * given up: RFC 9260, sections 6.1 to 6.3 and 7.2; RFC 3758, section 3.5.
 *
 * A message is given up as a whole: when a chunk of it was lost that had its last transmission, or when its lifetime is over and any
 * of it is unsent or reported missing. What is merely under way then may have arrived: the next SACK or T3-rtx decides.
 */
import { FRAGMENT_SPACE } from '../../net/datagram.ts'
import { Ppid } from '../dcep.ts'
import { beginChunk, ChunkType, DataFlag, endChunk, padded, type Sack, writeForward } from './chunks.ts'
import { Congestion } from './congestion.ts'
import { DATA_HEADER_BYTES, FRAGMENT_BYTES_MAX, MAX_BURST_PACKETS, MISSING_REPORTS, SKIPPED_STREAMS_MAX } from './limits.ts'
import type { PacketBuilder } from './packet.ts'
import type { OutgoingChunk, OutgoingMessage, SendQueue } from './queue.ts'
import type { RetransmissionTimeout } from './rto.ts'

export interface OutboundEvents {
  /** Of the chunk's datagram: it is given up, and what it carried is sent again or abandoned. */
  declaredLost(datagram: number): void
  abandoned(channel: number, message: number): void
  /** T3-rtx expired for the `errors`-th time in a row. */
  probe(errors: number): void
}

export interface OutboundConfig {
  readonly queue: SendQueue
  readonly rto: RetransmissionTimeout
  readonly events: OutboundEvents
  readonly initialTsn: number
  readonly peerWindowBytes: number
  /** Whether the peer understands FORWARD TSN; nothing sent is given up where it does not. */
  readonly isPartiallyReliable: boolean
}

const wireBytes = ({ start, end }: OutgoingChunk): number => DATA_HEADER_BYTES + padded(end - start)

export class Outbound {
  readonly congestion: Congestion
  /** Timeouts in a row, of T3-rtx and of heartbeats: RFC 9260, section 8.1. */
  errors = 0
  /** Chunks declared lost since the beginning. */
  lostCount = 0
  readonly #config: OutboundConfig
  /** From the first that is not acknowledged cumulatively, by TSN. */
  #chunks: OutgoingChunk[] = []
  #first: number
  #next: number
  /** Those that wait to be sent again; some may have been settled meanwhile. */
  #lost: OutgoingChunk[] = []
  /** One packet goes out whatever the window says: sections 6.3.3 and 7.2.4. */
  #isUrgent = false
  /** That this opportunity to send leaves: section 6.1, rule D. */
  #packetsLeft = 0
  #peerWindowBytes: number
  /** User data under way. */
  #outstandingBytes = 0
  #t3AtUs = Infinity
  readonly #forward = { isDue: false, tsn: -1, toldTsn: -1, toldUs: 0, attempt: 0 }

  constructor(config: OutboundConfig) {
    this.#config = config
    this.#first = config.initialTsn
    this.#next = config.initialTsn
    this.#peerWindowBytes = config.peerWindowBytes
    this.congestion = new Congestion(config.peerWindowBytes)
  }

  /** The last TSN that was given to anything; unwrapped. */
  get lastTsn(): number {
    return this.#next - 1
  }
  /** Whether nothing waits, neither to be sent nor for an answer. */
  get isSettled(): boolean {
    return this.#chunks.length === 0 && this.#config.queue.isEmpty
  }
  get unansweredChunks(): number {
    let count = 0
    for (const { state } of this.#chunks) if (state === 'flying' || state === 'lost') count++
    return count
  }
  get oldestSentUs(): number | undefined {
    return this.#chunks.find(({ state }) => state === 'flying' || state === 'lost')?.sentUs
  }

  /** Before packets are filled: what has run out goes, and the burst is bounded. */
  open(nowUs: number): void {
    this.#expire(nowUs)
    this.#advance(nowUs, false)
    this.#packetsLeft = MAX_BURST_PACKETS
  }

  /** Whether {@link pack} would write anything into an empty packet. */
  get isReady(): boolean {
    if (this.#forward.isDue) return true
    this.#skipSettled()
    if (this.#lost.length > 0) return this.#isUrgent || this.#hasWindow()
    const message = this.#config.queue.next()
    return message !== undefined && this.#hasWindow() && this.#hasPeerWindow(nextBytes(message))
  }

  #hasWindow(): boolean {
    return this.#packetsLeft > 0 && this.congestion.inFlightBytes < this.congestion.windowBytes
  }
  /** Section 6.1, rule A: into a closed window goes one chunk at a time, to hear when it opens. */
  #hasPeerWindow(bytes: number): boolean {
    return this.#outstandingBytes + bytes <= this.#peerWindowBytes || this.#outstandingBytes === 0
  }
  #skipSettled(): void {
    while (this.#lost.length > 0 && this.#lost[0].state !== 'lost') this.#lost.shift()
  }

  /** Fills the packet: what the peer is to skip, what was lost, what is new. */
  pack(packet: PacketBuilder, nowUs: number): void {
    if (this.#forward.isDue) this.#packForward(packet, nowUs)
    for (;;) {
      this.#skipSettled()
      const chunk = this.#lost[0]
      if (chunk === undefined) break
      if (packet.room < wireBytes(chunk) || (!this.#isUrgent && !this.#hasWindow())) break
      this.#lost.shift()
      chunk.attempt++
      this.#send(packet, chunk, nowUs)
    }
    this.#isUrgent = false
    if (this.#lost.length === 0) this.#packNew(packet, nowUs)
    if (packet.carried.length > 0) this.#packetsLeft--
  }

  #packNew(packet: PacketBuilder, nowUs: number): void {
    const { queue } = this.#config
    for (let message; (message = queue.next()) !== undefined; ) {
      const bytes = nextBytes(message)
      if (packet.room < DATA_HEADER_BYTES + padded(bytes) || !this.#hasWindow() || !this.#hasPeerWindow(bytes)) break
      const chunk = this.#append(message, message.cutBytes + bytes, 'flying')
      queue.cut(message, bytes)
      message.stream.unansweredBytes += bytes
      this.#send(packet, chunk, nowUs)
    }
  }

  #append(message: OutgoingMessage, end: number, state: 'flying' | 'abandoned'): OutgoingChunk {
    const chunk: OutgoingChunk = {
      tsn: this.#next++, message, start: message.cutBytes, end, state, attempt: 0, sentUs: 0, datagram: 0, missing: 0,
      wasFastRetransmitted: false,
    }
    this.#chunks.push(chunk)
    message.chunks.push(chunk)
    message.unackedChunks++
    return chunk
  }

  #send(packet: PacketBuilder, chunk: OutgoingChunk, nowUs: number): void {
    const { message, start, end, tsn, attempt } = chunk
    const { writer } = packet
    const { stream, bytes, isOrdered } = message
    const isWhole = start === 0 && end === bytes.length
    const flags = (isOrdered ? 0 : DataFlag.unordered) | (start === 0 ? DataFlag.begin : 0) | (end === bytes.length ? DataFlag.end : 0)
    beginChunk(writer, ChunkType.data, flags, DATA_HEADER_BYTES - 4 + end - start)
    writer.u32(tsn)
    writer.u16(stream.stream)
    writer.u16(message.ssn)
    writer.u32(message.ppid)
    writer.raw(isWhole ? bytes : bytes.subarray(start, end))
    endChunk(writer, end - start)
    const { channel } = stream
    const { ordinal } = message
    const space = ordinal * FRAGMENT_SPACE
    if (message.ppid === Ppid.control) packet.identify({ contents: 'dcep', channel, start: ordinal, end: ordinal + 1, attempt })
    else if (isWhole) packet.identify({ contents: 'message', channel, start: ordinal, end: ordinal + 1, attempt })
    else packet.identify({ contents: 'fragment', channel, start: space + start, end: space + end, attempt })
    packet.carried.push(chunk)
    chunk.state = 'flying'
    chunk.sentUs = nowUs
    chunk.missing = 0
    this.congestion.inFlightBytes += wireBytes(chunk)
    this.#outstandingBytes += end - start
    this.#startTimer(nowUs)
  }

  #packForward(packet: PacketBuilder, nowUs: number): void {
    const forward = this.#forward
    const skipped = new Map<number, number>()
    let tsn = this.#first - 1
    let last: OutgoingMessage | undefined
    while (tsn < forward.tsn) {
      const { message } = this.#chunks[tsn + 1 - this.#first]
      const { stream } = message.stream
      if (message.isOrdered && message.isAbandoned) {
        if (skipped.size === SKIPPED_STREAMS_MAX && !skipped.has(stream)) break
        skipped.set(stream, message.ssn)
      }
      if (message.isAbandoned) last = message
      tsn++
    }
    if (last === undefined || packet.room < 8 + 4 * skipped.size) return
    forward.isDue = false
    forward.attempt = tsn === forward.toldTsn ? forward.attempt + 1 : 0
    forward.toldTsn = tsn
    forward.toldUs = nowUs
    writeForward(packet.writer, { cumulativeTsn: tsn, skipped: [...skipped].map(([stream, ssn]) => ({ stream, ssn })) })
    const { stream, ordinal } = last
    packet.identify({ contents: 'forward', channel: stream.channel, start: ordinal, end: ordinal + 1, attempt: forward.attempt })
    this.#startTimer(nowUs)
  }

  /**
   * RFC 3758, section 3.5, C1 to C3. `mayRepeat` is for an answer that shows that the peer has not moved. What was acknowledged between
   * two that are abandoned is passed over too, which the RFC leaves to the next FORWARD TSN: no peer of WebRTC takes an acknowledgement
   * back, and a loss here and there would cost a round trip each.
   */
  #advance(nowUs: number, mayRepeat: boolean): void {
    const forward = this.#forward
    forward.tsn = Math.max(forward.tsn, this.#first - 1)
    for (let tsn = forward.tsn + 1; ; tsn++) {
      const state = this.#chunks[tsn - this.#first]?.state
      if (state === 'abandoned') forward.tsn = tsn
      else if (state !== 'acked') break
    }
    if (forward.tsn < this.#first) forward.isDue = false
    else if (forward.tsn > forward.toldTsn) forward.isDue = true
    else if (mayRepeat && nowUs - forward.toldUs >= this.#config.rto.srttUs) forward.isDue = true
  }

  #startTimer(nowUs: number): void {
    if (this.#t3AtUs === Infinity) this.#t3AtUs = nowUs + this.#config.rto.rtoUs
  }

  /** False where no honest peer sends that. */
  sack({ cumulativeTsn, windowBytes, gaps }: Sack, nowUs: number): boolean {
    const acknowledged = this.#first - 1
    const tsn = acknowledged + ((cumulativeTsn - acknowledged) | 0)
    // Section 6.2.1: overtaken by a newer one.
    if (tsn < acknowledged) return true
    const highestTsn = gaps.length > 0 ? tsn + gaps[gaps.length - 1] : tsn
    if (highestTsn >= this.#next) return false
    const { congestion } = this
    const flightBytes = congestion.inFlightBytes
    const news: News = { bytes: 0, highestTsn: -1, sentUs: -1, measurableUs: -1 }
    const advance = tsn - acknowledged
    for (let i = 0; i < advance; i++) this.#acknowledge(this.#chunks[i], news)
    this.#chunks.splice(0, advance)
    this.#first += advance
    for (let i = 0; i < gaps.length; i += 2) {
      for (let offset = gaps[i]; offset <= gaps[i + 1]; offset++) this.#acknowledge(this.#chunks[offset - 1], news)
    }
    // Karn: what was sent twice measures nothing (section 6.3.1, C5).
    if (news.measurableUs >= 0) this.#config.rto.measured(nowUs - news.measurableUs)
    // A closed window that still answers is no failure (section 6.1, rule A).
    if (news.bytes > 0 || windowBytes === 0) this.errors = 0
    if (gaps.length > 0) this.#countMissing(congestion.isRecovering && advance > 0 ? highestTsn : news.highestTsn, news.sentUs)
    if (advance > 0) {
      this.#config.rto.progressed()
      congestion.acked(tsn, news.bytes, flightBytes)
      this.#t3AtUs = Infinity
    }
    this.#peerWindowBytes = windowBytes
    if (this.#chunks.length === 0) congestion.emptied()
    this.#advance(nowUs, true)
    this.#settleTimer(nowUs)
    return true
  }

  /** The cumulative TSN of a SHUTDOWN says no more than that. */
  acknowledge(cumulativeTsn: number, nowUs: number): boolean {
    return this.sack({ cumulativeTsn, windowBytes: this.#peerWindowBytes, gaps: [] }, nowUs)
  }

  #acknowledge(chunk: OutgoingChunk, news: News): void {
    if (chunk.state !== 'flying' && chunk.state !== 'lost') return
    const bytes = chunk.end - chunk.start
    if (chunk.state === 'flying') this.#land(chunk)
    chunk.state = 'acked'
    chunk.message.unackedChunks--
    chunk.message.stream.unansweredBytes -= bytes
    news.bytes += wireBytes(chunk)
    news.highestTsn = Math.max(news.highestTsn, chunk.tsn)
    news.sentUs = Math.max(news.sentUs, chunk.sentUs)
    if (chunk.attempt === 0) news.measurableUs = Math.max(news.measurableUs, chunk.sentUs)
  }

  #land(chunk: OutgoingChunk): void {
    this.congestion.inFlightBytes -= wireBytes(chunk)
    this.#outstandingBytes -= chunk.end - chunk.start
  }

  /** Section 7.2.4: chunks below `tsn` are reported missing, as far as they were sent before what is acknowledged now. */
  #countMissing(tsn: number, sentUs: number): void {
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]
      if (chunk.tsn >= tsn) return
      if (chunk.state !== 'flying' || chunk.sentUs > sentUs) continue
      chunk.missing++
      if (chunk.missing >= MISSING_REPORTS && !chunk.wasFastRetransmitted) {
        this.congestion.missed(this.#next - 1)
        chunk.wasFastRetransmitted = true
        this.#isUrgent = true
        if (i === 0) this.#t3AtUs = Infinity
        this.#lose(chunk)
      } else if (chunk.message.isExpired) {
        this.#abandon(chunk.message)
      }
    }
  }

  #lose(chunk: OutgoingChunk): void {
    this.#land(chunk)
    chunk.state = 'lost'
    this.lostCount++
    this.#config.events.declaredLost(chunk.datagram)
    const { message } = chunk
    if (message.isExpired || chunk.attempt >= message.retransmissionsMax) this.#abandon(message)
    if (chunk.state === 'lost') this.#lost.push(chunk)
  }

  /** RFC 3758, section 3.5, A3 and the note to it: all of the message, also what was not sent. */
  #abandon(message: OutgoingMessage): void {
    if (message.isAbandoned || (!this.#config.isPartiallyReliable && message.chunks.length > 0)) return
    message.isAbandoned = true
    for (const chunk of message.chunks) {
      if (chunk.state === 'flying') this.#land(chunk)
      if (chunk.state !== 'acked') message.stream.unansweredBytes -= chunk.end - chunk.start
      chunk.state = 'abandoned'
    }
    if (message.cutBytes < message.bytes.length) {
      this.#config.queue.drop(message)
      // Were all chunks sent so far acknowledged, no TSN would be left to tell the peer by that the rest is not coming.
      if (message.chunks.length > 0) this.#append(message, message.cutBytes, 'abandoned')
    }
    this.#config.events.abandoned(message.stream.channel, message.ordinal)
  }

  #expire(nowUs: number): void {
    for (const { expiring } of this.#config.queue.streams) {
      while (expiring.length > 0 && (isSettled(expiring[0]) || expiring[0].expiresUs <= nowUs)) {
        const message = expiring.shift()!
        if (isSettled(message)) continue
        message.isExpired = true
        const isUnsent = message.cutBytes < message.bytes.length
        if (isUnsent || message.chunks.some(({ state, missing }) => state === 'lost' || (state === 'flying' && missing > 0))) {
          this.#abandon(message)
        }
      }
    }
  }

  /** T3-rtx runs while anything waits for an answer. */
  #settleTimer(nowUs: number): void {
    const forward = this.#forward
    if (this.#outstandingBytes > 0 || (forward.toldTsn >= this.#first && !forward.isDue)) this.#startTimer(nowUs)
    else this.#t3AtUs = Infinity
  }

  /** After packets were filled. */
  close(nowUs: number): void {
    this.#settleTimer(nowUs)
  }

  nextWakeUs(): number {
    let atUs = this.#t3AtUs
    for (const { expiring } of this.#config.queue.streams) {
      if (expiring.length > 0) atUs = Math.min(atUs, expiring[0].expiresUs)
    }
    return atUs
  }

  wake(nowUs: number): void {
    this.#expire(nowUs)
    if (nowUs < this.#t3AtUs) return
    const { rto, events } = this.#config
    const { rtoUs } = rto
    this.#t3AtUs = Infinity
    const late = this.#chunks.filter(({ state, sentUs }) => state === 'flying' && nowUs - sentUs >= rtoUs)
    const isForwardLate = this.#forward.toldTsn >= this.#first && nowUs - this.#forward.toldUs >= rtoUs
    if (late.length === 0 && !isForwardLate) {
      // The oldest was sent again, or the timeout has grown, since the timer was set.
      let sentUs = Infinity
      for (const chunk of this.#chunks) if (chunk.state === 'flying') sentUs = Math.min(sentUs, chunk.sentUs)
      if (this.#forward.toldTsn >= this.#first) sentUs = Math.min(sentUs, this.#forward.toldUs)
      this.#t3AtUs = sentUs + rtoUs
      return
    }
    // Section 6.3.3. Chunks that were sent less than a timeout ago stay under way: a message with one transmission
    // is not to be given up while it may still arrive.
    this.errors++
    events.probe(this.errors)
    rto.backOff()
    this.congestion.timedOut()
    this.#isUrgent = true
    for (const chunk of late) if (chunk.state === 'flying') this.#lose(chunk)
    this.#lost.sort((a, b) => a.tsn - b.tsn)
    if (isForwardLate) this.#forward.isDue = true
    this.#advance(nowUs, false)
  }
}

/** What a SACK said for the first time. */
interface News {
  bytes: number
  highestTsn: number
  sentUs: number
  measurableUs: number
}

const nextBytes = ({ bytes, cutBytes }: OutgoingMessage): number => Math.min(FRAGMENT_BYTES_MAX, bytes.length - cutBytes)
const isSettled = ({ isAbandoned, cutBytes, bytes, unackedChunks }: OutgoingMessage): boolean =>
  isAbandoned || (cutBytes === bytes.length && unackedChunks === 0)
