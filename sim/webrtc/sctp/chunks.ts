/**
 * Chunks of SCTP, written and read: RFC 9260, section 3.3; FORWARD TSN of RFC 3758, section 3.2; RE-CONFIG of RFC 6525, sections 3 and 4.
 * Readers return undefined for what is malformed; a reader's views borrow from the packet.
 */
import { Reader, type Writer } from '../../bytes.ts'
import { COOKIE_BYTES_MAX, STREAMS_MAX } from './limits.ts'

export const ChunkType = {
  data: 0, init: 1, initAck: 2, sack: 3, heartbeat: 4, heartbeatAck: 5, abort: 6, shutdown: 7, shutdownAck: 8, error: 9,
  cookieEcho: 10, cookieAck: 11, shutdownComplete: 14, reconfig: 130, forwardTsn: 192,
} as const

/** Section 3.3.1: immediate SACK, unordered, beginning and ending fragment. */
export const DataFlag = { end: 1, begin: 2, unordered: 4, immediate: 8 } as const
/** Of ABORT and SHUTDOWN COMPLETE: the verification tag is the receiver's own, reflected. */
export const REFLECTED_TAG = 1

/** Section 3.3.10. */
export const Cause = {
  invalidStream: 1, staleCookie: 3, outOfResource: 4, unrecognizedChunk: 6, noUserData: 9, userInitiatedAbort: 12, protocolViolation: 13,
} as const

const ParameterType = {
  stateCookie: 7, unrecognized: 8, outgoingReset: 13, reconfigResponse: 16, supportedExtensions: 0x8008, forwardTsnSupported: 0xc000,
} as const

const HEADER_BYTES = 4

/** Pads a chunk or parameter of that length to a multiple of 4. */
export const padded = (bytes: number): number => (bytes + 3) & ~3

export interface Chunk {
  readonly type: number
  readonly flags: number
  /** Stands at the value; its end is the chunk's, without padding. */
  readonly value: Reader
  /** All of it, for whoever reports it. */
  readonly bytes: Uint8Array
}

/** The next chunk or undefined where none is whole; `reader` stands behind its padding then. */
export function readChunk(reader: Reader): Chunk | undefined {
  const start = reader.offset
  const type = reader.u8()
  const flags = reader.u8()
  const length = reader.u16()
  reader.offset = start
  // A chunk whose last padding is missing is taken (section 3.2).
  const bytes = reader.raw(length)
  if (reader.failed || length < HEADER_BYTES) return undefined
  reader.raw(Math.min(padded(length) - length, reader.remaining))
  const value = new Reader(bytes, length)
  value.offset = HEADER_BYTES
  return { type, flags, value, bytes }
}

/** Begins a chunk whose value has `valueBytes`; {@link endChunk} pads it. */
export function beginChunk(writer: Writer, type: number, flags: number, valueBytes: number): void {
  writer.u8(type)
  writer.u8(flags)
  writer.u16(HEADER_BYTES + valueBytes)
}
export function endChunk(writer: Writer, valueBytes: number): void {
  writer.zeros(padded(valueBytes) - valueBytes)
}

/** A chunk of bytes as they are. */
export function writeChunk(writer: Writer, type: number, flags: number, value: Uint8Array): void {
  beginChunk(writer, type, flags, value.length)
  writer.raw(value)
  endChunk(writer, value.length)
}

export interface DataChunk {
  readonly flags: number
  readonly tsn: number
  readonly stream: number
  readonly ssn: number
  readonly ppid: number
  readonly bytes: Uint8Array
}
export function readData({ flags, value }: Chunk): DataChunk | undefined {
  const tsn = value.u32()
  const stream = value.u16()
  const ssn = value.u16()
  const ppid = value.u32()
  const bytes = value.raw(value.remaining)
  return value.failed ? undefined : { flags, tsn, stream, ssn, ppid, bytes }
}

/** Of INIT and INIT ACK. */
export interface Init {
  readonly tag: number
  readonly windowBytes: number
  readonly outgoingStreams: number
  readonly incomingStreams: number
  readonly initialTsn: number
  /** Whether the peer understands FORWARD TSN and RE-CONFIG. */
  readonly isPartiallyReliable: boolean
  readonly canReset: boolean
  /** Of an INIT ACK. */
  readonly cookie: Uint8Array | undefined
  /** Parameters to be reported as unrecognised. */
  readonly unrecognized: readonly Uint8Array[]
}

/** Undefined where a mandatory field is out of range too: section 3.3.2. */
export function readInit({ value }: Chunk): Init | undefined {
  const tag = value.u32()
  const windowBytes = value.u32()
  const outgoingStreams = value.u16()
  const incomingStreams = value.u16()
  const initialTsn = value.u32()
  if (value.failed || tag === 0 || outgoingStreams === 0 || incomingStreams === 0) return undefined
  let isPartiallyReliable = false
  let canReset = false
  let cookie: Uint8Array | undefined
  const unrecognized: Uint8Array[] = []
  for (let parameter; value.remaining >= HEADER_BYTES && (parameter = readParameter(value)) !== undefined; ) {
    if (parameter.type === ParameterType.stateCookie) {
      cookie = parameter.value
      if (cookie.length > COOKIE_BYTES_MAX) return undefined
    } else if (parameter.type === ParameterType.forwardTsnSupported) {
      isPartiallyReliable = true
    } else if (parameter.type === ParameterType.supportedExtensions) {
      isPartiallyReliable ||= parameter.value.includes(ChunkType.forwardTsn)
      canReset = parameter.value.includes(ChunkType.reconfig)
    } else {
      // Section 3.2.1: the two highest bits say whether to report it, and whether to go on.
      if (parameter.type & 0x4000) unrecognized.push(parameter.bytes)
      if ((parameter.type & 0x8000) === 0) break
    }
  }
  if (value.failed) return undefined
  return { tag, windowBytes, outgoingStreams, incomingStreams, initialTsn, isPartiallyReliable, canReset, cookie, unrecognized }
}

interface Parameter {
  readonly type: number
  readonly value: Uint8Array
  readonly bytes: Uint8Array
}
function readParameter(reader: Reader): Parameter | undefined {
  const start = reader.offset
  const type = reader.u16()
  const length = reader.u16()
  reader.offset = start
  const bytes = reader.raw(length)
  if (length < HEADER_BYTES) reader.failed = true
  if (reader.failed) return undefined
  reader.raw(Math.min(padded(length) - length, reader.remaining))
  return { type, value: bytes.subarray(HEADER_BYTES), bytes }
}

/** Ours: what we speak, in the forms that old and new peers look for (RFC 5061, section 4.2.7, and RFC 3758, section 3.1). */
const EXTENSIONS = Uint8Array.of(ChunkType.reconfig, ChunkType.forwardTsn)

export interface OwnInit {
  readonly tag: number
  readonly windowBytes: number
  readonly initialTsn: number
}
export function writeInit(writer: Writer, own: OwnInit, cookie?: Uint8Array, unrecognized: readonly Uint8Array[] = []): void {
  // Not larger than what an honest INIT could hold of them.
  const reported = unrecognized.filter(({ length }) => length <= 64).slice(0, 4)
  let valueBytes = 16 + 4 + 8
  if (cookie !== undefined) valueBytes += HEADER_BYTES + padded(cookie.length)
  for (const one of reported) valueBytes += HEADER_BYTES + padded(one.length)
  // The padding of the last parameter is the chunk's (section 3.2.1).
  const last = reported.at(-1)
  if (last !== undefined) valueBytes -= padded(last.length) - last.length
  beginChunk(writer, cookie === undefined ? ChunkType.init : ChunkType.initAck, 0, valueBytes)
  writer.u32(own.tag)
  writer.u32(own.windowBytes)
  writer.u16(STREAMS_MAX)
  writer.u16(STREAMS_MAX)
  writer.u32(own.initialTsn)
  writeParameter(writer, ParameterType.supportedExtensions, EXTENSIONS)
  writeParameter(writer, ParameterType.forwardTsnSupported, new Uint8Array(0))
  if (cookie !== undefined) writeParameter(writer, ParameterType.stateCookie, cookie)
  for (const one of reported) writeParameter(writer, ParameterType.unrecognized, one)
}
function writeParameter(writer: Writer, type: number, value: Uint8Array): void {
  writer.u16(type)
  writer.u16(HEADER_BYTES + value.length)
  writer.raw(value)
  endChunk(writer, value.length)
}

export interface Sack {
  readonly cumulativeTsn: number
  readonly windowBytes: number
  /** start, end (inclusive), start, end...: offsets from the cumulative TSN. */
  readonly gaps: readonly number[]
}
export function readSack({ value }: Chunk): Sack | undefined {
  const cumulativeTsn = value.u32()
  const windowBytes = value.u32()
  const gapCount = value.u16()
  const duplicates = value.u16()
  if (value.failed || value.remaining < 4 * (gapCount + duplicates)) return undefined
  const gaps: number[] = []
  let previous = 0
  for (let i = 0; i < gapCount; i++) {
    const start = value.u16()
    const end = value.u16()
    if (start <= previous || end < start) return undefined
    gaps.push(start, end)
    previous = end
  }
  return { cumulativeTsn, windowBytes, gaps }
}

/** RFC 3758, section 3.2: up to where, and the last SSN of each ordered stream that was skipped. */
export interface Forward {
  readonly cumulativeTsn: number
  readonly skipped: readonly { readonly stream: number; readonly ssn: number }[]
}
export function readForward({ value }: Chunk): Forward | undefined {
  const cumulativeTsn = value.u32()
  if (value.failed || value.remaining % 4 !== 0) return undefined
  const skipped: { stream: number; ssn: number }[] = []
  while (value.remaining > 0) skipped.push({ stream: value.u16(), ssn: value.u16() })
  return { cumulativeTsn, skipped }
}
export function writeForward(writer: Writer, { cumulativeTsn, skipped }: Forward): void {
  beginChunk(writer, ChunkType.forwardTsn, 0, 4 + 4 * skipped.length)
  writer.u32(cumulativeTsn)
  for (const { stream, ssn } of skipped) {
    writer.u16(stream)
    writer.u16(ssn)
  }
}

/** RFC 6525, section 4.1. */
export interface ResetRequest {
  readonly kind: 'request'
  readonly request: number
  readonly response: number
  readonly lastTsn: number
  /** None stands for all. */
  readonly streams: readonly number[]
}
/** Section 4.4. */
export interface ResetResponse {
  readonly kind: 'response'
  readonly response: number
  readonly result: number
}
export const ResetResult = { nothingToDo: 0, performed: 1, denied: 2, wrongSsn: 3, badSequence: 5, inProgress: 6 } as const

/** One or two parameters; those that nobody here sends are left out. */
export function readReconfig({ value }: Chunk): readonly (ResetRequest | ResetResponse)[] | undefined {
  const parts: (ResetRequest | ResetResponse)[] = []
  for (let parameter; parts.length < 2 && value.remaining >= HEADER_BYTES && (parameter = readParameter(value)) !== undefined; ) {
    const reader = new Reader(parameter.value, parameter.value.length)
    if (parameter.type === ParameterType.outgoingReset) {
      const [request, response, lastTsn] = [reader.u32(), reader.u32(), reader.u32()]
      const streams: number[] = []
      while (reader.remaining >= 2) streams.push(reader.u16())
      if (reader.failed) return undefined
      parts.push({ kind: 'request', request, response, lastTsn, streams })
    } else if (parameter.type === ParameterType.reconfigResponse) {
      const [response, result] = [reader.u32(), reader.u32()]
      if (reader.failed) return undefined
      parts.push({ kind: 'response', response, result })
    }
  }
  return value.failed ? undefined : parts
}
export function writeResetRequest(writer: Writer, { request, response, lastTsn, streams }: ResetRequest): void {
  const parameterBytes = HEADER_BYTES + 12 + 2 * streams.length
  beginChunk(writer, ChunkType.reconfig, 0, parameterBytes)
  writer.u16(ParameterType.outgoingReset)
  writer.u16(parameterBytes)
  writer.u32(request)
  writer.u32(response)
  writer.u32(lastTsn)
  for (const stream of streams) writer.u16(stream)
  endChunk(writer, parameterBytes)
}
export function writeResetResponse(writer: Writer, response: number, result: number): void {
  beginChunk(writer, ChunkType.reconfig, 0, HEADER_BYTES + 8)
  writer.u16(ParameterType.reconfigResponse)
  writer.u16(HEADER_BYTES + 8)
  writer.u32(response)
  writer.u32(result)
}

/** ABORT or ERROR with one cause (section 3.3.7 and 3.3.10). */
export function writeCause(writer: Writer, type: number, flags: number, cause: number, value: Uint8Array): void {
  beginChunk(writer, type, flags, HEADER_BYTES + value.length)
  writer.u16(cause)
  writer.u16(HEADER_BYTES + value.length)
  writer.raw(value)
  endChunk(writer, value.length)
}

/** The first cause of an ABORT or ERROR: its code, 0 where there is none, and what it says. */
export function readCause({ value }: Chunk): { readonly cause: number; readonly value: Reader } {
  const parameter = value.remaining >= HEADER_BYTES ? readParameter(value) : undefined
  const bytes = parameter?.value ?? new Uint8Array(0)
  return { cause: parameter?.type ?? 0, value: new Reader(bytes, bytes.length) }
}
