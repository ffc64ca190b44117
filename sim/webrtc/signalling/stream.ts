/**
 * One end of a connection as TCP has them, in small: bytes in order, segments with sequence numbers, cumulative acknowledgements,
 * retransmission with a doubling timeout, reset when nothing gets through. It stands under WebSocket frames and has no congestion
 * control: signalling is a few kilobytes.
 *
 *     flags u8 | token u32 | sequence u32 | acknowledgement u32 | checksum u32 | bytes
 *
 * The token names the connection; each attempt to connect has its own.
 */
import { hashText, mix32 } from '../../choice.ts'
import { Reader, Writer } from '../../bytes.ts'
import { type Address, Ecn, type SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { type DatagramIdentity, following, identityOf } from '../identity.ts'
import { fingerprintOf } from '../stun/fingerprint.ts'
import {
  RESET_US, SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES, SEGMENT_RTO_US, SEGMENT_RTO_US_MAX, SEGMENTS_MAX, STREAM_BYTES_MAX,
} from './limits.ts'

const Flag = { synchronise: 1, acknowledge: 2, reset: 4 } as const

export interface Segment {
  readonly flags: number
  readonly token: number
  readonly sequence: number
  readonly acknowledgement: number
  readonly bytes: Uint8Array
}

/** Undefined where the datagram is none. */
export function readSegment(datagram: Uint8Array): Segment | undefined {
  const reader = new Reader(datagram, datagram.length)
  const [flags, token, sequence, acknowledgement] = [reader.u8(), reader.u32(), reader.u32(), reader.u32()]
  const checksum = reader.u32()
  const bytes = reader.raw(reader.remaining)
  if (reader.failed || checksum !== checksumOf(flags, token, sequence, acknowledgement, bytes)) return undefined
  return { flags, token, sequence, acknowledgement, bytes }
}

const checksumOf = (flags: number, token: number, sequence: number, acknowledgement: number, bytes: Uint8Array): number =>
  mix32(mix32(mix32(flags, token), mix32(sequence, acknowledgement)), fingerprintOf(bytes, bytes.length))

export const isFirst = ({ flags }: Segment): boolean => (flags & Flag.synchronise) !== 0 && (flags & Flag.acknowledge) === 0
export const isReset = ({ flags }: Segment): boolean => (flags & Flag.reset) !== 0

/** Answers a segment of a connection that nobody knows (RFC 9293, section 3.10.7.1). */
export function resetFor(segment: Segment, local: SocketAddress, remote: SocketAddress, identity: DatagramIdentity): OutgoingDatagram {
  const bytes = writeSegment(new Writer(), Flag.reset, segment.token, segment.acknowledgement, 0, new Uint8Array(0))
  return { local, remote, ecn: Ecn.notCapable, bytes, ...following(identity, 'signalling reset') }
}

function writeSegment(
  writer: Writer, flags: number, token: number, sequence: number, acknowledgement: number, bytes: Uint8Array,
): Uint8Array {
  writer.begin(SEGMENT_HEADER_BYTES + bytes.length)
  writer.u8(flags)
  writer.u32(token)
  writer.u32(sequence)
  writer.u32(acknowledgement)
  writer.u32(checksumOf(flags, token, sequence, acknowledgement, bytes))
  writer.raw(bytes)
  return writer.finish()
}

/** What a segment carries, and what it is called. */
interface Piece {
  readonly bytes: Uint8Array
  readonly contents: string
  /** Which connection it is about; 0 for none. */
  readonly connection: number
  /** Its first byte is of this message, at this offset in it. */
  readonly message: number
  readonly offset: number
}
/** What was sent and is not acknowledged yet. */
interface Sent extends Piece {
  readonly sequence: number
  readonly flags: number
  readonly firstUs: number
  attempt: number
  deadlineUs: number
}

export interface StreamConfig {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly token: number
  /** The name of the client, whose connection it is; and this end's node. */
  readonly name: string
  readonly node: Address
  /** The client's end begins. */
  readonly isClient: boolean
  readonly transmit: (datagram: OutgoingDatagram) => void
  /** Bytes in order. A view, valid during the call. */
  readonly received: (bytes: Uint8Array) => void
}

export class SignallingStream {
  readonly #config: StreamConfig
  readonly #writer: Writer
  readonly #subject: number
  state: 'connecting' | 'open' | 'reset' = 'connecting'
  /** Waiting to be sent: pieces of messages. */
  readonly #queue: Piece[] = []
  #queuedBytes = 0
  #sent: Sent[] = []
  #messages = 0
  /** The next byte to be sent, and the next one expected. The synchronising segment counts as one byte (RFC 9293, section 3.4). */
  #sequence = 0
  #expected = 0
  /** What came early, by sequence number. */
  readonly #early = new Map<number, Uint8Array>()

  constructor(config: StreamConfig, writer: Writer, nowUs: number) {
    this.#config = config
    this.#writer = writer
    // A server's end begins with what the client's first segment was.
    this.#expected = config.isClient ? 0 : 1
    this.#subject = mix32(hashText(config.name, Number(config.isClient)), config.token)
    const first: Piece = { bytes: new Uint8Array(0), contents: 'signalling connect', connection: 0, message: 0, offset: 0 }
    this.#put(first, Flag.synchronise | (config.isClient ? 0 : Flag.acknowledge), nowUs)
  }

  /** Whether nothing is under way, and so nothing waits. */
  get isIdle(): boolean {
    return this.#sent.length === 0
  }

  /** `connection` is what it is about, 0 for none. False where more waits than may; the message is not sent then. */
  send(bytes: Uint8Array, contents: string, connection: number, nowUs: number): boolean {
    if (this.state === 'reset' || this.#queuedBytes + bytes.length > STREAM_BYTES_MAX) return false
    const message = this.#messages++
    for (let offset = 0; offset < bytes.length; offset += SEGMENT_BYTES_MAX) {
      this.#queue.push({ bytes: bytes.subarray(offset, offset + SEGMENT_BYTES_MAX), contents, connection, message, offset })
    }
    this.#queuedBytes += bytes.length
    this.#flush(nowUs)
    return true
  }

  receive(segment: Segment, identity: DatagramIdentity, nowUs: number): void {
    if (this.state === 'reset') return
    if (isReset(segment)) {
      this.state = 'reset'
      return
    }
    const { flags, sequence, acknowledgement, bytes } = segment
    if ((flags & Flag.acknowledge) !== 0) this.#acknowledged(acknowledgement)
    if ((flags & Flag.synchronise) !== 0 && this.#expected === 0) this.#expected = 1
    // Until then nothing is under way but the synchronising segment.
    if (this.#expected > 0 && this.#sent.length === 0) this.state = 'open'
    if (bytes.length > 0) this.#take(sequence, bytes)
    // What takes up numbers is answered, at once and every time.
    if (bytes.length > 0 || (flags & Flag.synchronise) !== 0) this.#acknowledge(identity)
    this.#flush(nowUs)
  }

  wake(nowUs: number): void {
    if (this.state === 'reset') return
    for (const sent of this.#sent) {
      if (sent.deadlineUs > nowUs) continue
      if (nowUs - sent.firstUs >= RESET_US) {
        this.state = 'reset'
        return
      }
      sent.attempt++
      this.#transmit(sent, nowUs)
    }
  }

  nextWakeUs(): number {
    let nextUs = Infinity
    if (this.state !== 'reset') for (const { deadlineUs } of this.#sent) nextUs = Math.min(nextUs, deadlineUs)
    return nextUs
  }

  #take(sequence: number, bytes: Uint8Array): void {
    if (sequence < this.#expected || this.#expected === 0) return
    if (sequence > this.#expected) {
      if (this.#early.size < SEGMENTS_MAX) this.#early.set(sequence, bytes.slice())
      return
    }
    for (let next: Uint8Array | undefined = bytes; next !== undefined; next = this.#early.get(this.#expected)) {
      this.#early.delete(this.#expected)
      this.#expected += next.length
      this.#config.received(next)
    }
  }

  #acknowledged(acknowledgement: number): void {
    if (acknowledgement > this.#sequence) return
    this.#sent = this.#sent.filter(({ sequence, bytes }) => sequence + Math.max(bytes.length, 1) > acknowledgement)
  }

  #flush(nowUs: number): void {
    while (this.state === 'open' && this.#sent.length < SEGMENTS_MAX) {
      const piece = this.#queue.shift()
      if (piece === undefined) return
      this.#queuedBytes -= piece.bytes.length
      this.#put(piece, Flag.acknowledge, nowUs)
    }
  }

  #put(piece: Piece, flags: number, nowUs: number): void {
    const sent = { ...piece, sequence: this.#sequence, flags, firstUs: nowUs, attempt: 0, deadlineUs: 0 }
    this.#sequence += Math.max(piece.bytes.length, 1)
    this.#sent.push(sent)
    this.#transmit(sent, nowUs)
  }

  #transmit(sent: Sent, nowUs: number): void {
    const { token, node, local, remote, transmit } = this.#config
    const { sequence, bytes, flags, contents, connection, message, offset, attempt } = sent
    sent.deadlineUs = nowUs + Math.min(SEGMENT_RTO_US * 2 ** attempt, SEGMENT_RTO_US_MAX)
    const identity = identityOf(contents, connection, node, mix32(this.#subject, offset), message, attempt)
    const segment = writeSegment(this.#writer, flags, token, sequence, this.#expected, bytes)
    transmit({ local, remote, ecn: Ecn.notCapable, bytes: segment, ...identity })
  }

  /** Named after what it answers. */
  #acknowledge(identity: DatagramIdentity): void {
    const { token, local, remote, transmit } = this.#config
    const bytes = writeSegment(this.#writer, Flag.acknowledge, token, this.#sequence, this.#expected, new Uint8Array(0))
    transmit({ local, remote, ecn: Ecn.notCapable, bytes, ...following(identity, 'signalling ack') })
  }
}
