/**
 * Messages that wait to be sent: a queue a stream, and whose turn it is. Lower priorities go first; streams of equal
 * priority take turns by message. A message is cut to the end before the next begins (RFC 9260, section 6.9).
 */
import { assert } from '../../assert.ts'
import type { Delivery } from '../../port.ts'
import { Ppid } from '../dcep.ts'
import { MESSAGE_BYTES_MAX } from './limits.ts'

/** Whether a chunk is under way, has arrived, waits to be sent again, or is given up with its message. */
export type ChunkState = 'flying' | 'acked' | 'lost' | 'abandoned'

/** A DATA chunk that has a TSN. */
export interface OutgoingChunk {
  /** Unwrapped. */
  readonly tsn: number
  readonly message: OutgoingMessage
  /** Bytes [start, end) of the message; none where the chunk only stands for what will never be sent. */
  readonly start: number
  readonly end: number
  state: ChunkState
  /** 0 for the first transmission. */
  attempt: number
  sentUs: number
  /** The datagram of the last transmission. */
  datagram: number
  /** Missing reports since the last transmission: RFC 9260, section 7.2.4. */
  missing: number
  wasFastRetransmitted: boolean
}

export interface OutgoingMessage {
  readonly stream: OutgoingStream
  readonly ppid: number
  readonly bytes: Uint8Array
  /** How many of its kind, of DCEP or of the application, the stream had before: its name, whatever becomes of the others. */
  readonly ordinal: number
  /** Transmissions of any of its chunks beyond the first. */
  readonly retransmissionsMax: number
  readonly expiresUs: number
  readonly mustBeOrdered: boolean
  /** Decided when the first chunk is cut, like its SSN. */
  isOrdered: boolean
  ssn: number
  /** Cut into chunks up to here. */
  cutBytes: number
  readonly chunks: OutgoingChunk[]
  unackedChunks: number
  isAbandoned: boolean
  /** Its lifetime is over: the first sign of a loss ends it. */
  isExpired: boolean
}

export interface StreamSettings {
  readonly stream: number
  /** For names. */
  readonly channel: number
  readonly priority: number
}

export interface OutgoingStream extends StreamSettings {
  /** What is written is ordered from now on, or not. */
  isOrdered: boolean
  /** Nothing is cut: the peer has not opened it yet. */
  isPaused: boolean
  readonly waiting: OutgoingMessage[]
  waitingBytes: number
  /** Sent and neither acknowledged nor given up. */
  unansweredBytes: number
  nextSsn: number
  writtenMessages: number
  writtenControls: number
  /** Messages with a lifetime, the oldest first; settled ones leave from the front. */
  readonly expiring: OutgoingMessage[]
  lastTurn: number
}

export class SendQueue {
  readonly streams: OutgoingStream[] = []
  /** The message that is being cut. */
  #current: OutgoingMessage | undefined
  #turns = 0

  addStream(settings: StreamSettings): OutgoingStream {
    const stream: OutgoingStream = {
      ...settings, isOrdered: true, isPaused: false, waiting: [], waitingBytes: 0, unansweredBytes: 0, nextSsn: 0,
      writtenMessages: 0, writtenControls: 0, expiring: [], lastTurn: 0,
    }
    this.streams.push(stream)
    return stream
  }

  write(stream: OutgoingStream, ppid: number, bytes: Uint8Array, delivery: Delivery, mustBeOrdered: boolean, nowUs: number): void {
    assert(bytes.length > 0 && bytes.length <= MESSAGE_BYTES_MAX, 'a message of SCTP has bytes, and not too many')
    const message: OutgoingMessage = {
      stream, ppid, bytes, ordinal: ppid === Ppid.control ? stream.writtenControls++ : stream.writtenMessages++,
      retransmissionsMax: delivery.kind === 'retransmits' ? delivery.max : Infinity,
      expiresUs: delivery.kind === 'lifetime' ? nowUs + delivery.maxUs : Infinity,
      mustBeOrdered, isOrdered: true, ssn: 0, cutBytes: 0, chunks: [], unackedChunks: 0, isAbandoned: false, isExpired: false,
    }
    stream.waiting.push(message)
    stream.waitingBytes += bytes.length
    if (message.expiresUs < Infinity) stream.expiring.push(message)
  }

  get isEmpty(): boolean {
    return this.next() === undefined
  }

  /** The message whose next chunk is due. */
  next(): OutgoingMessage | undefined {
    if (this.#current !== undefined) return this.#current
    let best: OutgoingStream | undefined
    for (const stream of this.streams) {
      if (stream.waiting.length === 0 || stream.isPaused) continue
      if (best === undefined || stream.priority < best.priority || (stream.priority === best.priority && stream.lastTurn < best.lastTurn)) {
        best = stream
      }
    }
    return best?.waiting[0]
  }

  /** The first `bytes` that were not cut yet are cut off {@link next}'s message. */
  cut(message: OutgoingMessage, bytes: number): void {
    const { stream } = message
    if (message !== this.#current) {
      this.#current = message
      stream.waiting.shift()
      stream.lastTurn = ++this.#turns
      message.isOrdered = message.mustBeOrdered || stream.isOrdered
      if (message.isOrdered) {
        message.ssn = stream.nextSsn
        stream.nextSsn = (stream.nextSsn + 1) & 0xffff
      }
    }
    message.cutBytes += bytes
    stream.waitingBytes -= bytes
    if (message.cutBytes === message.bytes.length) this.#current = undefined
  }

  /** Forgets what was not cut of a message. */
  drop(message: OutgoingMessage): void {
    const { stream } = message
    message.isAbandoned = true
    if (message === this.#current) this.#current = undefined
    else stream.waiting.splice(stream.waiting.indexOf(message), 1)
    stream.waitingBytes -= message.bytes.length - message.cutBytes
  }
}
