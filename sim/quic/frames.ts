/**
 * Every frame of RFC 9000, section 19, and DATAGRAM of RFC 9221: what it says, and its bytes. Numbers of the wire beyond 2^53 - 1
 * count as malformed. Reading never throws; byte fields are views into what is read.
 */
import { type Reader, varintBytes, type Writer } from '../bytes.ts'

export type Direction = 'bidi' | 'uni'

export interface AckFrame {
  readonly kind: 'ack'
  readonly largest: number
  /** As on the wire: microseconds >> the sender's ack_delay_exponent. */
  readonly delay: number
  /** Descending pairs: largest and smallest packet number of each range. */
  readonly ranges: readonly number[]
  readonly ecn: EcnCounts | undefined
}
export interface EcnCounts {
  readonly ect0: number
  readonly ect1: number
  readonly ce: number
}
export interface StreamFrame {
  readonly kind: 'stream'
  readonly id: number
  readonly offset: number
  readonly bytes: Uint8Array
  readonly fin: boolean
}
export interface NewConnectionIdFrame {
  readonly kind: 'newConnectionId'
  readonly sequence: number
  readonly retirePriorTo: number
  readonly id: Uint8Array
  readonly resetToken: Uint8Array
}
export interface CloseFrame {
  readonly kind: 'close'
  readonly isApplication: boolean
  readonly code: number
  /** The type of the frame that was wrong; 0 where unknown, and for an application. */
  readonly frameType: number
  readonly reason: Uint8Array
}
export type Frame =
  | AckFrame | StreamFrame | NewConnectionIdFrame | CloseFrame
  | { readonly kind: 'padding'; readonly length: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'resetStream'; readonly id: number; readonly code: number; readonly finalSize: number }
  | { readonly kind: 'stopSending'; readonly id: number; readonly code: number }
  | { readonly kind: 'crypto'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'newToken'; readonly token: Uint8Array }
  | { readonly kind: 'maxData'; readonly limit: number }
  | { readonly kind: 'maxStreamData'; readonly id: number; readonly limit: number }
  | { readonly kind: 'maxStreams'; readonly direction: Direction; readonly limit: number }
  | { readonly kind: 'dataBlocked'; readonly limit: number }
  | { readonly kind: 'streamDataBlocked'; readonly id: number; readonly limit: number }
  | { readonly kind: 'streamsBlocked'; readonly direction: Direction; readonly limit: number }
  | { readonly kind: 'retireConnectionId'; readonly sequence: number }
  | { readonly kind: 'pathChallenge'; readonly data: Uint8Array }
  | { readonly kind: 'pathResponse'; readonly data: Uint8Array }
  | { readonly kind: 'handshakeDone' }
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array }

export const FrameType = {
  padding: 0x00, ping: 0x01, ack: 0x02, ackEcn: 0x03, resetStream: 0x04, stopSending: 0x05, crypto: 0x06, newToken: 0x07, stream: 0x08,
  maxData: 0x10, maxStreamData: 0x11, maxStreamsBidi: 0x12, maxStreamsUni: 0x13, dataBlocked: 0x14, streamDataBlocked: 0x15,
  streamsBlockedBidi: 0x16, streamsBlockedUni: 0x17, newConnectionId: 0x18, retireConnectionId: 0x19, pathChallenge: 0x1a,
  pathResponse: 0x1b, closeTransport: 0x1c, closeApplication: 0x1d, handshakeDone: 0x1e, datagram: 0x30, datagramLength: 0x31,
} as const
/** Bits of a STREAM frame's type (section 19.8). */
const STREAM_FIN = 0x01
const STREAM_LENGTH = 0x02
const STREAM_OFFSET = 0x04

/** Section 4.6: a larger count could not be said as a stream id. */
const STREAMS_MAX = 2 ** 60
/** Sections 19.15 and 19.17. */
const CONNECTION_ID_BYTES_MAX = 20
const RESET_TOKEN_BYTES = 16
const PATH_DATA_BYTES = 8
/** Ranges that an ACK frame is read for; more are no acknowledgement of ours (we keep no more packets apart). */
const ACK_RANGES_READ_MAX = 600

/** Reads one frame; undefined where it makes no sense (FRAME_ENCODING_ERROR). */
export function readFrame(reader: Reader): Frame | undefined {
  const type = reader.u8()
  const frame = readBody(type, reader)
  return reader.failed ? undefined : frame
}

function readBody(type: number, reader: Reader): Frame | undefined {
  if (type >= FrameType.stream && type < FrameType.maxData) return readStream(type, reader)
  switch (type) {
    case FrameType.padding:
      return readPadding(reader)
    case FrameType.ping:
      return { kind: 'ping' }
    case FrameType.ack:
    case FrameType.ackEcn:
      return readAck(type, reader)
    case FrameType.resetStream:
      return { kind: 'resetStream', id: reader.varint(), code: reader.varint(), finalSize: reader.varint() }
    case FrameType.stopSending:
      return { kind: 'stopSending', id: reader.varint(), code: reader.varint() }
    case FrameType.crypto: {
      const offset = reader.varint()
      const bytes = reader.raw(reader.varint())
      return offset + bytes.length > Number.MAX_SAFE_INTEGER ? undefined : { kind: 'crypto', offset, bytes }
    }
    case FrameType.newToken: {
      const token = reader.raw(reader.varint())
      return token.length === 0 ? undefined : { kind: 'newToken', token }
    }
    case FrameType.maxData:
      return { kind: 'maxData', limit: reader.varint() }
    case FrameType.maxStreamData:
      return { kind: 'maxStreamData', id: reader.varint(), limit: reader.varint() }
    case FrameType.maxStreamsBidi:
    case FrameType.maxStreamsUni: {
      const limit = reader.varint()
      return limit > STREAMS_MAX ? undefined : { kind: 'maxStreams', direction: type === FrameType.maxStreamsBidi ? 'bidi' : 'uni', limit }
    }
    case FrameType.dataBlocked:
      return { kind: 'dataBlocked', limit: reader.varint() }
    case FrameType.streamDataBlocked:
      return { kind: 'streamDataBlocked', id: reader.varint(), limit: reader.varint() }
    case FrameType.streamsBlockedBidi:
    case FrameType.streamsBlockedUni: {
      const limit = reader.varint()
      if (limit > STREAMS_MAX) return undefined
      return { kind: 'streamsBlocked', direction: type === FrameType.streamsBlockedBidi ? 'bidi' : 'uni', limit }
    }
    case FrameType.newConnectionId:
      return readNewConnectionId(reader)
    case FrameType.retireConnectionId:
      return { kind: 'retireConnectionId', sequence: reader.varint() }
    case FrameType.pathChallenge:
      return { kind: 'pathChallenge', data: reader.raw(PATH_DATA_BYTES) }
    case FrameType.pathResponse:
      return { kind: 'pathResponse', data: reader.raw(PATH_DATA_BYTES) }
    case FrameType.closeTransport:
    case FrameType.closeApplication: {
      const isApplication = type === FrameType.closeApplication
      const code = reader.varint()
      const frameType = isApplication ? 0 : reader.varint()
      return { kind: 'close', isApplication, code, frameType, reason: reader.raw(reader.varint()) }
    }
    case FrameType.handshakeDone:
      return { kind: 'handshakeDone' }
    case FrameType.datagram:
      return { kind: 'datagram', bytes: reader.raw(reader.remaining) }
    case FrameType.datagramLength:
      return { kind: 'datagram', bytes: reader.raw(reader.varint()) }
    default:
      return undefined
  }
}

function readPadding(reader: Reader): Frame {
  const from = reader.offset
  const { view, end } = reader
  let at = from
  while (at < end && view.getUint8(at) === FrameType.padding) at++
  reader.offset = at
  return { kind: 'padding', length: at - from + 1 }
}

function readStream(type: number, reader: Reader): Frame | undefined {
  const id = reader.varint()
  const offset = (type & STREAM_OFFSET) !== 0 ? reader.varint() : 0
  const bytes = reader.raw((type & STREAM_LENGTH) !== 0 ? reader.varint() : reader.remaining)
  if (offset + bytes.length > Number.MAX_SAFE_INTEGER) return undefined
  return { kind: 'stream', id, offset, bytes, fin: (type & STREAM_FIN) !== 0 }
}

function readAck(type: number, reader: Reader): Frame | undefined {
  const largest = reader.varint()
  const delay = reader.varint()
  const more = reader.varint()
  if (more > ACK_RANGES_READ_MAX) return undefined
  const ranges = [largest, largest - reader.varint()]
  for (let i = 0; i < more && !reader.failed; i++) {
    const top = ranges[ranges.length - 1] - reader.varint() - 2
    ranges.push(top, top - reader.varint())
  }
  if (ranges[ranges.length - 1] < 0) return undefined
  const ecn = type === FrameType.ackEcn ? { ect0: reader.varint(), ect1: reader.varint(), ce: reader.varint() } : undefined
  return { kind: 'ack', largest, delay, ranges, ecn }
}

function readNewConnectionId(reader: Reader): Frame | undefined {
  const sequence = reader.varint()
  const retirePriorTo = reader.varint()
  const length = reader.u8()
  if (length < 1 || length > CONNECTION_ID_BYTES_MAX || retirePriorTo > sequence) return undefined
  return { kind: 'newConnectionId', sequence, retirePriorTo, id: reader.raw(length), resetToken: reader.raw(RESET_TOKEN_BYTES) }
}

/** Writes a frame; the caller has seen to the room ({@link frameBytes}). */
export function writeFrame(writer: Writer, frame: Frame): void {
  switch (frame.kind) {
    case 'padding':
      return writer.zeros(frame.length)
    case 'ping':
      return writer.u8(FrameType.ping)
    case 'ack':
      return writeAck(writer, frame)
    case 'resetStream':
      return fields(writer, FrameType.resetStream, frame.id, frame.code, frame.finalSize)
    case 'stopSending':
      return fields(writer, FrameType.stopSending, frame.id, frame.code)
    case 'crypto':
      writeCryptoHeader(writer, frame.offset, frame.bytes.length)
      return writer.raw(frame.bytes)
    case 'newToken':
      fields(writer, FrameType.newToken, frame.token.length)
      return writer.raw(frame.token)
    case 'stream':
      writeStreamHeader(writer, frame.id, frame.offset, frame.bytes.length, frame.fin)
      return writer.raw(frame.bytes)
    case 'maxData':
      return fields(writer, FrameType.maxData, frame.limit)
    case 'maxStreamData':
      return fields(writer, FrameType.maxStreamData, frame.id, frame.limit)
    case 'maxStreams':
      return fields(writer, frame.direction === 'bidi' ? FrameType.maxStreamsBidi : FrameType.maxStreamsUni, frame.limit)
    case 'dataBlocked':
      return fields(writer, FrameType.dataBlocked, frame.limit)
    case 'streamDataBlocked':
      return fields(writer, FrameType.streamDataBlocked, frame.id, frame.limit)
    case 'streamsBlocked':
      return fields(writer, frame.direction === 'bidi' ? FrameType.streamsBlockedBidi : FrameType.streamsBlockedUni, frame.limit)
    case 'newConnectionId':
      fields(writer, FrameType.newConnectionId, frame.sequence, frame.retirePriorTo)
      writer.u8(frame.id.length)
      writer.raw(frame.id)
      return writer.raw(frame.resetToken)
    case 'retireConnectionId':
      return fields(writer, FrameType.retireConnectionId, frame.sequence)
    case 'pathChallenge':
    case 'pathResponse':
      writer.u8(frame.kind === 'pathChallenge' ? FrameType.pathChallenge : FrameType.pathResponse)
      return writer.raw(frame.data)
    case 'close':
      fields(writer, frame.isApplication ? FrameType.closeApplication : FrameType.closeTransport, frame.code)
      if (!frame.isApplication) writer.varint(frame.frameType)
      writer.varint(frame.reason.length)
      return writer.raw(frame.reason)
    case 'handshakeDone':
      return writer.u8(FrameType.handshakeDone)
    case 'datagram':
      fields(writer, FrameType.datagramLength, frame.bytes.length)
      return writer.raw(frame.bytes)
  }
}

function fields(writer: Writer, type: number, ...values: readonly number[]): void {
  writer.u8(type)
  for (const value of values) writer.varint(value)
}

function writeAck(writer: Writer, { largest, delay, ranges, ecn }: AckFrame): void {
  fields(writer, ecn === undefined ? FrameType.ack : FrameType.ackEcn, largest, delay, ranges.length / 2 - 1, largest - ranges[1])
  for (let i = 2; i < ranges.length; i += 2) {
    writer.varint(ranges[i - 1] - ranges[i] - 2)
    writer.varint(ranges[i] - ranges[i + 1])
  }
  if (ecn === undefined) return
  writer.varint(ecn.ect0)
  writer.varint(ecn.ect1)
  writer.varint(ecn.ce)
}

/** The header of a STREAM frame, always with a length: other frames may follow. */
export function writeStreamHeader(writer: Writer, id: number, offset: number, length: number, fin: boolean): void {
  writer.u8(FrameType.stream | STREAM_LENGTH | (offset > 0 ? STREAM_OFFSET : 0) | (fin ? STREAM_FIN : 0))
  writer.varint(id)
  if (offset > 0) writer.varint(offset)
  writer.varint(length)
}

export function writeCryptoHeader(writer: Writer, offset: number, length: number): void {
  fields(writer, FrameType.crypto, offset, length)
}

/** The most bytes that a frame takes when written: exact for its byte fields, 8 for each number. */
export function frameBytesMax(frame: Frame): number {
  switch (frame.kind) {
    case 'padding':
      return frame.length
    case 'ack':
      return 1 + 8 * (6 + frame.ranges.length)
    case 'crypto':
    case 'stream':
    case 'datagram':
      return 25 + frame.bytes.length
    case 'newToken':
      return 9 + frame.token.length
    case 'newConnectionId':
      return 18 + frame.id.length + RESET_TOKEN_BYTES
    case 'close':
      return 25 + frame.reason.length
    default:
      return 25
  }
}

/** Section 13.2.1: everything but ACK, PADDING and CONNECTION_CLOSE asks for an acknowledgement. */
export const isAckEliciting = ({ kind }: Frame): boolean => kind !== 'ack' && kind !== 'padding' && kind !== 'close'

/** The header of a STREAM frame takes that much at the most: type, id, offset, length. */
export const streamHeaderBytes = (id: number, offset: number): number => 1 + varintBytes(id) + (offset > 0 ? varintBytes(offset) : 0) + 2
