/** What SCTP is on the wire: checksum, chunks, cookies. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reader, Writer } from '../../../../sim/bytes.ts'
import {
  ChunkType, padded, readChunk, readForward, readInit, readReconfig, readSack, writeForward, writeInit, writeResetRequest,
  writeResetResponse,
} from '../../../../sim/webrtc/sctp/chunks.ts'
import { isStale, readCookie, writeCookie } from '../../../../sim/webrtc/sctp/cookie.ts'
import { CRC_BEGIN, crcEnd, crcUpdate } from '../../../../sim/webrtc/sctp/crc32c.ts'
import { COOKIE_LIFE_US } from '../../../../sim/webrtc/sctp/limits.ts'
import { PacketBuilder, readPacket } from '../../../../sim/webrtc/sctp/packet.ts'

const crc = (bytes: readonly number[]): number => {
  const view = new DataView(Uint8Array.from(bytes).buffer)
  return crcEnd(crcUpdate(CRC_BEGIN, view, 0, bytes.length))
}
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const u16 = fc.integer({ min: 0, max: 0xffff })

/** One chunk as it is read back. */
function reread(write: (writer: Writer) => void): NonNullable<ReturnType<typeof readChunk>> {
  const writer = new Writer()
  writer.begin(1_200)
  write(writer)
  expect(writer.length % 4).toBe(0)
  const bytes = writer.finish()
  const reader = new Reader(bytes, bytes.length)
  const chunk = readChunk(reader)
  expect(reader.remaining).toBe(0)
  return chunk!
}

describe('RFC 9260, appendix A: CRC32c', () => {
  test.each([
    ['"123456789"', Array.from('123456789', (one) => one.charCodeAt(0)), 0xe306_9283],
    // RFC 3720, appendix B.4.
    ['32 bytes of zeros', Array.from({ length: 32 }, () => 0), 0x8a91_36aa],
    ['32 bytes of ones', Array.from({ length: 32 }, () => 0xff), 0x62a8_ab43],
    ['0 to 31', Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
    ['31 to 0', Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
  ])('%s', (_, bytes, expected) => {
    expect(crc(bytes)).toBe(expected)
  })

  test('any byte of a packet that changes makes it none', () => {
    const packet = new PacketBuilder(new Writer())
    packet.begin(0x1234_5678)
    packet.writer.raw(new Uint8Array(50).fill(3))
    const bytes = packet.finish()
    expect(readPacket(bytes)?.tag).toBe(0x1234_5678)
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice()
      changed[i] ^= 1
      expect(readPacket(changed), `byte ${i}`).toBeUndefined()
    }
  })
})

describe('chunks', () => {
  test('RFC 9260, 3.3.2 and 3.3.3: INIT and INIT ACK come back as they were written', () => {
    fc.assert(fc.property(u32, u32, u32, fc.uint8Array({ maxLength: 200 }), (tag, windowBytes, initialTsn, cookie) => {
      const init = readInit(reread((writer) => writeInit(writer, { tag: tag || 1, windowBytes, initialTsn })))
      expect(init).toMatchObject({ tag: tag || 1, windowBytes, initialTsn, isPartiallyReliable: true, canReset: true, cookie: undefined })
      const ack = readInit(reread((writer) => writeInit(writer, { tag: tag || 1, windowBytes, initialTsn }, cookie)))
      expect(ack?.cookie).toEqual(cookie)
    }))
  })

  test('3.2.1: what an INIT has that nobody knows is reported or not, and read over or not, as its type says', () => {
    const withParameter = (type: number): ReturnType<typeof readInit> => readInit(reread((writer) => {
      writer.raw(Uint8Array.of(ChunkType.init, 0, 0, 28, 0, 0, 0, 9, 0, 0, 4, 0, 0, 1, 0, 1, 0, 0, 0, 5))
      writer.u16(type)
      writer.u16(4)
      writer.raw(Uint8Array.of(0xc0, 0, 0, 4))
    }))
    expect(withParameter(0x3fff)).toMatchObject({ unrecognized: [], isPartiallyReliable: false })
    expect(withParameter(0x7fff)).toMatchObject({ unrecognized: [Uint8Array.of(0x7f, 0xff, 0, 4)], isPartiallyReliable: false })
    expect(withParameter(0xbfff)).toMatchObject({ unrecognized: [], isPartiallyReliable: true })
    expect(withParameter(0xffff)).toMatchObject({ unrecognized: [Uint8Array.of(0xff, 0xff, 0, 4)], isPartiallyReliable: true })
  })

  test('RFC 3758, 3.2: FORWARD TSN', () => {
    fc.assert(fc.property(u32, fc.array(fc.record({ stream: u16, ssn: u16 }), { maxLength: 100 }), (cumulativeTsn, skipped) => {
      expect(readForward(reread((writer) => writeForward(writer, { cumulativeTsn, skipped })))).toEqual({ cumulativeTsn, skipped })
    }))
  })

  test('RFC 6525, 4.1 and 4.4: a request to reset and its answer', () => {
    fc.assert(fc.property(u32, u32, u32, fc.array(u16, { maxLength: 50 }), (request, response, lastTsn, streams) => {
      const said = { kind: 'request', request, response, lastTsn, streams } as const
      expect(readReconfig(reread((writer) => writeResetRequest(writer, said)))).toEqual([said])
      expect(readReconfig(reread((writer) => writeResetResponse(writer, response, 1)))).toEqual([{ kind: 'response', response, result: 1 }])
    }))
  })

  test('3.3.4: gap ack blocks that are not in order make no SACK', () => {
    const sack = (...gaps: readonly number[]): ReturnType<typeof readSack> => readSack(reread((writer) => {
      writer.raw(Uint8Array.of(ChunkType.sack, 0, 0, 16 + gaps.length * 2, 0, 0, 0, 1, 0, 0, 0, 9, 0, gaps.length / 2, 0, 0))
      for (const gap of gaps) writer.u16(gap)
    }))
    expect(sack(2, 3, 5, 5)).toEqual({ cumulativeTsn: 1, windowBytes: 9, gaps: [2, 3, 5, 5] })
    for (const gaps of [[0, 1], [3, 2], [2, 4, 4, 5], [5, 6, 2, 3]]) expect(sack(...gaps)).toBeUndefined()
  })

  test('arbitrary bytes never throw', () => {
    const readers = [readInit, readSack, readForward, readReconfig]
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      const reader = new Reader(bytes, bytes.length)
      for (let chunk; reader.remaining > 0 && (chunk = readChunk(reader)) !== undefined; ) {
        expect(chunk.bytes.length).toBeLessThanOrEqual(padded(bytes.length))
        for (const read of readers) read({ ...chunk, value: new Reader(chunk.bytes, chunk.bytes.length) })
      }
    }))
  })
})

describe('RFC 9260, 5.1.3: the state cookie', () => {
  const init = {
    tag: 5, windowBytes: 6, outgoingStreams: 7, incomingStreams: 8, initialTsn: 9, isPartiallyReliable: true, canReset: false,
    cookie: undefined, unrecognized: [],
  }
  const terms = { createdUs: 2 ** 33 + 5, ownTag: 1, ownInitialTsn: 2, ownTieTag: 3, peerTieTag: 4 }
  const key = { hi: 11, lo: 12 }

  test('comes back whole, for as long as it lives', () => {
    const cookie = writeCookie(terms, init, key)
    const read = readCookie(cookie, key)!
    expect(read).toEqual({
      ...terms, peerTag: 5, peerWindowBytes: 6, peerInitialTsn: 9, isPartiallyReliable: true, canReset: false,
    })
    const other = readCookie(writeCookie(terms, { ...init, isPartiallyReliable: false, canReset: true }, key), key)
    expect(other).toEqual({ ...read, isPartiallyReliable: false, canReset: true })
    expect(isStale(read, terms.createdUs + COOKIE_LIFE_US)).toBe(false)
    expect(isStale(read, terms.createdUs + COOKIE_LIFE_US + 1)).toBe(true)
  })

  test('is forged where any byte differs, or the key', () => {
    const cookie = writeCookie(terms, init, key)
    expect(readCookie(cookie, { hi: 11, lo: 13 })).toBeUndefined()
    const others = [cookie.subarray(0, -1), Uint8Array.of(...cookie, 0), new Uint8Array(0)]
    for (const other of others) expect(readCookie(other, key)).toBeUndefined()
    for (let i = 0; i < cookie.length; i++) {
      const changed = cookie.slice()
      changed[i] ^= 0x10
      expect(readCookie(changed, key), `byte ${i}`).toBeUndefined()
    }
  })
})
