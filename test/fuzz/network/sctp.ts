/** Mutated SCTP packets whose checksum is right: chunks left out, said again, changed in a field, or added, each kind of them. */
import { Reader, Writer } from '../../../sim/bytes.ts'
import { Ppid, writeAck, writeOpen } from '../../../sim/webrtc/dcep.ts'
import {
  beginChunk, ChunkType, DataFlag, endChunk, readChunk, writeCause, writeChunk, writeForward, writeInit, writeResetRequest,
  writeResetResponse,
} from '../../../sim/webrtc/sctp/chunks.ts'
import { CRC_BEGIN, crcEnd, crcUpdate } from '../../../sim/webrtc/sctp/crc32c.ts'
import { COMMON_HEADER_BYTES, PACKET_BYTES_MAX } from '../../../sim/webrtc/sctp/limits.ts'
import type { Draws } from '../mutation.ts'
import { mutatedOctets, numberNear, randomOctets, rearrange } from './octets.ts'

const CHECKSUM_OFFSET = 8
const ADDED_CHUNKS_MAX = 8
const CHUNKS_READ_MAX = 64
const STREAMS_KEPT = 16
/** The widest chunk that is made: what is longer than a packet is left out of it. */
const CHUNK_BYTES_MAX = 4_096
/** RFC 6525, section 4: those that nobody here sends (incoming streams, all TSNs, more streams), and one that is none of them. */
const OTHER_REQUESTS = [14, 15, 17, 18, 99] as const

export class SctpMutator {
  readonly #writer = new Writer()
  /** The TSNs that were seen last, by node. */
  readonly #tsns = [0, 0]
  /** Their initial TSNs, with which the numbers of their requests begin (RFC 6525, section 4.1). */
  readonly #initialTsns: (number | undefined)[] = [undefined, undefined]
  /** Of both directions: channels have the same stream in each. */
  readonly #streams = Array.from({ length: STREAMS_KEPT }, () => 0)
  #from = 0

  /** `from` is the node that sends, 0 or 1. */
  mutated(packet: Uint8Array, from: number, other: Uint8Array, isPlausible: boolean, draws: Draws): Uint8Array {
    if (packet.length < COMMON_HEADER_BYTES || (!isPlausible && draws.below(4) === 0)) {
      return summed(mutatedOctets(packet, other, PACKET_BYTES_MAX, draws))
    }
    this.#from = from
    const head = packet.slice(0, COMMON_HEADER_BYTES)
    const chunks = this.#chunks(packet)
    for (let left = 1 + draws.below(3); left > 0; left--) {
      const kind = draws.below(isPlausible ? 2 : 4)
      if (kind === 0) rearrange(chunks, draws)
      else if (kind === 3 && chunks.length > 0) {
        const at = draws.below(chunks.length)
        chunks[at] = edited(chunks[at], draws)
      } else {
        for (let count = 1 + draws.below(ADDED_CHUNKS_MAX); count > 0; count--) chunks.push(this.#newChunk(isPlausible, draws))
      }
    }
    if (!isPlausible && draws.below(16) === 0) head[draws.below(CHECKSUM_OFFSET)] ^= 1 << draws.below(8)
    const writer = this.#writer
    writer.begin(PACKET_BYTES_MAX)
    writer.raw(head)
    for (const chunk of chunks) if (chunk.length <= writer.room) writer.raw(chunk)
    return summed(writer.finish())
  }

  #chunks(packet: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = []
    const reader = new Reader(packet, packet.length)
    reader.offset = COMMON_HEADER_BYTES
    while (reader.remaining > 0 && chunks.length < CHUNKS_READ_MAX) {
      const start = reader.offset
      const chunk = readChunk(reader)
      if (chunk === undefined) break
      if (chunk.type === ChunkType.data) {
        this.#tsns[this.#from] = chunk.value.u32()
        this.#initialTsns[this.#from] ??= this.#tsns[this.#from]
        this.#streams[this.#tsns[this.#from] % STREAMS_KEPT] = chunk.value.u16()
      }
      chunks.push(packet.slice(start, reader.offset))
    }
    return chunks
  }

  #newChunk(isPlausible: boolean, draws: Draws): Uint8Array {
    const writer = this.#writer
    writer.begin(CHUNK_BYTES_MAX)
    const [tsn, theirTsn] = [this.#tsns[this.#from], this.#tsns[1 - this.#from]]
    const number = (near: number): number => (isPlausible ? near + draws.below(64) - 16 : numberNear(near, draws)) >>> 0
    const stream = (): number => (isPlausible ? draws.pick(this.#streams) : number(draws.below(1_024))) & 0xffff
    const { data, init, initAck, sack, heartbeat, heartbeatAck, abort, shutdown, shutdownAck, error, cookieEcho, cookieAck } = ChunkType
    const { shutdownComplete, reconfig, forwardTsn } = ChunkType
    const harmless = [data, data, data, sack, heartbeat, forwardTsn, reconfig, error] as const
    const others = [
      init, initAck, heartbeatAck, abort, shutdown, shutdownAck, cookieEcho, cookieAck, shutdownComplete, 0x3f, 0x7f, 0xbf, 0xff,
    ]
    const type = draws.pick<number>(isPlausible || draws.below(2) === 0 ? harmless : others)
    switch (type) {
      case data: {
        const ppid = isPlausible ? Ppid.binary : draws.pick([...Object.values(Ppid), Ppid.binary, draws.below(100)])
        const bytes = ppid === Ppid.control ? this.#control(draws) : randomOctets(draws.below(80), draws)
        const { begin, end } = DataFlag
        beginChunk(writer, data, isPlausible ? begin | end | (draws.below(4) << 2) : draws.below(16), 12 + bytes.length)
        // What lies ahead would be acknowledged to whoever never sent it.
        writer.u32(isPlausible ? (tsn - draws.below(8)) >>> 0 : number(tsn))
        writer.u16(stream())
        writer.u16(number(4) & 0xffff)
        writer.u32(ppid)
        writer.raw(bytes)
        endChunk(writer, bytes.length)
        break
      }
      case init:
      case initAck: {
        const own = { tag: number(1), windowBytes: number(2 ** 20), initialTsn: number(tsn) }
        if (type === init) writeInit(writer, own)
        else writeInit(writer, own, randomOctets(draws.below(100), draws), [randomOctets(draws.below(64), draws)])
        break
      }
      case sack: {
        const gaps = draws.below(isPlausible ? 4 : 100)
        const duplicates = draws.below(4)
        beginChunk(writer, sack, 0, 12 + 4 * (gaps + duplicates))
        writer.u32(isPlausible ? (theirTsn - draws.below(8)) >>> 0 : number(theirTsn))
        writer.u32(isPlausible ? 2 ** 20 - draws.below(2 ** 18) : number(2 ** 18))
        writer.u16(gaps)
        writer.u16(duplicates)
        for (let i = 0, at = 1; i < gaps; i++) {
          writer.u16((at += 1 + draws.below(8)) & 0xffff)
          writer.u16((at += draws.below(isPlausible ? 3 : 900)) & 0xffff)
        }
        for (let i = 0; i < duplicates; i++) writer.u32(number(tsn))
        break
      }
      case forwardTsn: {
        const skipped = Array.from({ length: draws.below(isPlausible ? 4 : 100) }, () => ({ stream: stream(), ssn: number(4) & 0xffff }))
        writeForward(writer, { cumulativeTsn: isPlausible ? (tsn - draws.below(4)) >>> 0 : number(tsn), skipped })
        break
      }
      case reconfig: {
        const way = isPlausible ? 0 : draws.below(5)
        if (way < 2) writeResetResponse(writer, way === 0 ? number(tsn) : (this.#initialTsns[1 - this.#from] ?? tsn), draws.below(8))
        else if (way === 2) {
          const bytes = randomOctets(4 * draws.below(6), draws)
          writeCause(writer, reconfig, 0, draws.pick(OTHER_REQUESTS), bytes)
        } else {
          const streams = Array.from({ length: draws.below(4) }, stream)
          const first = (this.#initialTsns[this.#from] ?? tsn) + draws.below(3)
          const request = { request: first >>> 0, response: number(theirTsn), lastTsn: draws.below(2) === 0 ? tsn : number(tsn) }
          writeResetRequest(writer, { kind: 'request', ...request, streams })
        }
        break
      }
      case shutdown:
        beginChunk(writer, shutdown, 0, 4)
        writer.u32(draws.below(2) === 0 ? theirTsn : number(theirTsn))
        break
      case error:
      case abort:
        writeCause(writer, type, draws.below(2), draws.below(14), randomOctets(draws.below(20), draws))
        break
      default:
        writeChunk(writer, type, draws.below(4), randomOctets(draws.below(60), draws))
    }
    return writer.finish().slice()
  }

  #control(draws: Draws): Uint8Array {
    if (draws.below(3) === 0) return writeAck()
    const [label, ordered] = ['x'.repeat(draws.below(60)), draws.below(2) === 0]
    return writeOpen({ label, ordered, delivery: { kind: 'retransmits', max: draws.below(4) }, priority: draws.below(4) })
  }
}

/** Type, flags or length, or an aligned field of 16 or 32 bits. */
function edited(chunk: Uint8Array, draws: Draws): Uint8Array {
  const copy = chunk.slice()
  const view = new DataView(copy.buffer)
  const at = draws.below(copy.length >> 1) * 2
  if (draws.below(2) === 0 || at + 4 > copy.length) view.setUint16(at, numberNear(view.getUint16(at), draws) & 0xffff)
  else view.setUint32(at, numberNear(view.getUint32(at), draws) >>> 0)
  return copy
}

/** With its CRC32c, in place. */
function summed(packet: Uint8Array): Uint8Array {
  if (packet.length < COMMON_HEADER_BYTES) return packet
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  view.setUint32(CHECKSUM_OFFSET, 0)
  view.setUint32(CHECKSUM_OFFSET, crcEnd(crcUpdate(CRC_BEGIN, view, 0, packet.length)), true)
  return packet
}
