/** Packet numbers, headers and frames on the wire. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reader, Writer } from '../../../sim/bytes.ts'
import { type Frame, frameBytesMax, readFrame, writeFrame } from '../../../sim/quic/frames.ts'
import {
  patchLength, readHeader, writeLongHeader, writePacketNumber, writeRetry, writeShortHeader, writeVersionNegotiation,
} from '../../../sim/quic/packet.ts'
import { decodePacketNumber, packetNumberBytes } from '../../../sim/quic/packetnumber.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const written = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer()
  writer.begin(4_000)
  write(writer)
  return writer.finish()
}

describe('RFC 9000 appendix A', () => {
  test.each([
    ['c2197c5eff14e88c', 151_288_809_941_952_652n], ['9d7f3e7d', 494_878_333n], ['7bbd', 15_293n], ['25', 37n], ['4025', 37n],
  ])('A.1: %s is a variable-length integer', (text, value) => {
    const bytes = hex(text)
    const reader = new Reader(bytes, bytes.length)
    const read = reader.varint()
    // The first is beyond 2^53, which this implementation takes for malformed.
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) expect(reader.failed).toBe(true)
    else expect(BigInt(read)).toBe(value)
  })

  test('A.2: the packet number takes 16 bits after 0xabe8b3 for 0xac5c02, 24 for 0xace8fe', () => {
    expect(packetNumberBytes(0xac5c02, 0xabe8b3)).toBe(2)
    expect(packetNumberBytes(0xace8fe, 0xabe8b3)).toBe(3)
    expect(packetNumberBytes(0, -1)).toBe(1)
    // A window of twice what is unacknowledged, section 17.1.
    for (const [unacked, bytes] of [[0x80, 1], [0x81, 2], [0x8000, 2], [0x8001, 3], [0x80_0000, 3], [0x80_0001, 4]]) {
      expect(packetNumberBytes(999 + unacked, 999)).toBe(bytes)
    }
  })

  test('A.3: 0x9b32 after 0xa82f30ea is 0xa82f9b32', () => {
    expect(decodePacketNumber(0xa82f30ea, 0x9b32, 2)).toBe(0xa82f9b32)
    // Half a window behind and ahead of what is expected, over the edge of one.
    expect(decodePacketNumber(300, 0xff, 1)).toBe(255)
    expect(decodePacketNumber(250, 0x05, 1)).toBe(261)
  })

  test('A.2 and A.3: what the one cuts short the other finds again', () => {
    const ahead = fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(2 ** 22))
    fc.assert(fc.property(fc.nat(2 ** 48), ahead, fc.nat(2 ** 20), (acked, ahead, reordered) => {
      const number = acked + 1 + ahead
      const bytes = packetNumberBytes(number, acked)
      // The receiver has seen at least what was acknowledged, and at most a little less or more than half of the window.
      const largest = Math.max(acked, number - (reordered % 2 ** (8 * bytes - 1)))
      expect(decodePacketNumber(largest, number % 2 ** (8 * bytes), bytes)).toBe(number)
    }))
  })
})

const varint = fc.oneof(fc.nat(63), fc.nat(16_383), fc.nat(2 ** 30 - 1), fc.maxSafeNat())
const small = fc.nat(2 ** 40)
const octets = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength, maxLength })
const direction = fc.constantFrom('bidi' as const, 'uni' as const)
const ack = fc.tuple(fc.array(fc.tuple(fc.nat(5_000), fc.nat(5_000)), { minLength: 1, maxLength: 64 }), varint, fc.boolean(), small).map(
  ([steps, delay, hasEcn, count]): Frame => {
    const ranges: number[] = []
    let at = 1_000_000
    for (const [gap, length] of steps) {
      ranges.push(at, at - length)
      at -= length + gap + 2
    }
    return { kind: 'ack', largest: ranges[0], delay, ranges, ecn: hasEcn ? { ect0: count, ect1: 0, ce: count >>> 1 } : undefined }
  })
const FRAMES: Readonly<Record<Frame['kind'], fc.Arbitrary<Frame>>> = {
  padding: fc.integer({ min: 1, max: 50 }).map((length) => ({ kind: 'padding', length })),
  ping: fc.constant({ kind: 'ping' }),
  ack,
  resetStream: fc.record({ kind: fc.constant('resetStream'), id: varint, code: varint, finalSize: varint }),
  stopSending: fc.record({ kind: fc.constant('stopSending'), id: varint, code: varint }),
  crypto: fc.record({ kind: fc.constant('crypto'), offset: small, bytes: octets(0, 300) }),
  newToken: fc.record({ kind: fc.constant('newToken'), token: octets(1, 100) }),
  stream: fc.record({ kind: fc.constant('stream'), id: varint, offset: small, bytes: octets(0, 300), fin: fc.boolean() }),
  maxData: fc.record({ kind: fc.constant('maxData'), limit: varint }),
  maxStreamData: fc.record({ kind: fc.constant('maxStreamData'), id: varint, limit: varint }),
  maxStreams: fc.record({ kind: fc.constant('maxStreams'), direction, limit: small }),
  dataBlocked: fc.record({ kind: fc.constant('dataBlocked'), limit: varint }),
  streamDataBlocked: fc.record({ kind: fc.constant('streamDataBlocked'), id: varint, limit: varint }),
  streamsBlocked: fc.record({ kind: fc.constant('streamsBlocked'), direction, limit: small }),
  newConnectionId: fc.record({
    kind: fc.constant('newConnectionId'), sequence: fc.integer({ min: 5, max: 2 ** 40 }), retirePriorTo: fc.nat(5), id: octets(1, 20),
    resetToken: octets(16, 16),
  }),
  retireConnectionId: fc.record({ kind: fc.constant('retireConnectionId'), sequence: varint }),
  pathChallenge: fc.record({ kind: fc.constant('pathChallenge'), data: octets(8, 8) }),
  pathResponse: fc.record({ kind: fc.constant('pathResponse'), data: octets(8, 8) }),
  close: fc.oneof(
    fc.record({
      kind: fc.constant('close'), isApplication: fc.constant(true), code: varint, frameType: fc.constant(0), reason: octets(0, 60),
    }),
    fc.record({ kind: fc.constant('close'), isApplication: fc.constant(false), code: varint, frameType: varint, reason: octets(0, 60) }),
  ),
  handshakeDone: fc.constant({ kind: 'handshakeDone' }),
  datagram: fc.record({ kind: fc.constant('datagram'), bytes: octets(0, 300) }),
}

/** Views become plain bytes, so that they compare by content. */
const plain = (frame: Frame | undefined): unknown => {
  const text = (_key: string, value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)
  return JSON.parse(JSON.stringify(frame ?? null, text))
}

describe('RFC 9000 section 19 and RFC 9221 section 4: frames', () => {
  test.each(Object.keys(FRAMES) as Frame['kind'][])('%s comes back as it was written, within its bound', (kind) => {
    fc.assert(fc.property(FRAMES[kind], (frame) => {
      const bytes = written((writer) => writeFrame(writer, frame))
      expect(bytes.length).toBeLessThanOrEqual(frameBytesMax(frame))
      const reader = new Reader(bytes, bytes.length)
      expect(plain(readFrame(reader))).toEqual(plain(frame))
      expect(reader.remaining).toBe(0)
      // Whatever is cut off of it, it is no longer that frame.
      const cut = bytes.subarray(0, bytes.length - 1)
      if (kind !== 'padding' && cut.length > 0) expect(readFrame(new Reader(cut, cut.length))).toBeUndefined()
    }), { numRuns: 100 })
  })

  test('a STREAM frame without a length, and a DATAGRAM without one, go to the end of the packet', () => {
    const stream = hex('0804aabb')
    expect(readFrame(new Reader(stream, 4))).toMatchObject({ kind: 'stream', id: 4, offset: 0, bytes: hex('aabb'), fin: false })
    const datagram = hex('30aabbcc')
    expect(readFrame(new Reader(datagram, 4))).toMatchObject({ kind: 'datagram', bytes: hex('aabbcc') })
  })

  test.each([
    ['02050001000505', 'section 19.3: an ACK range below 0'], ['0700', 'section 19.7: an empty token'],
    ['18010204aabbccdd' + '00'.repeat(16), 'section 19.15: to be retired before it was given'],
    ['180100' + '00' + '00'.repeat(16), 'section 19.15: an empty connection id'],
    ['12d000000000000001', 'section 19.11: more than 2^60 streams'],
    ['1f', 'an unknown type'], ['4001', 'a type that is longer than it has to be'],
  ])('%s makes no sense: %s', (text) => {
    const bytes = hex(text)
    expect(readFrame(new Reader(bytes, bytes.length))).toBeUndefined()
  })

  test('arbitrary bytes never throw, and are always used up', () => {
    fc.assert(fc.property(octets(1, 200), (bytes) => {
      const reader = new Reader(bytes, bytes.length)
      let before = -1
      while (reader.remaining > 0 && readFrame(reader) !== undefined) {
        expect(reader.offset).toBeGreaterThan(before)
        before = reader.offset
      }
    }), { numRuns: 2_000 })
  })
})

describe('RFC 9000 section 17: headers', () => {
  test.each(['initial', 'zeroRtt', 'handshake'] as const)('a long header of type %s', (kind) => {
    const numberLength = fc.integer({ min: 1, max: 4 })
    fc.assert(fc.property(octets(0, 20), octets(0, 20), octets(0, 80), numberLength, (destination, source, token, numberBytes) => {
      const bytes = written((writer) => {
        const length = writeLongHeader(writer, kind, destination, source, token, numberBytes)
        const from = writer.length
        writePacketNumber(writer, 0xaabbccdd, numberBytes)
        writer.zeros(30)
        patchLength(writer, length, writer.length - from)
        writer.zeros(7)
      })
      const header = readHeader(bytes, 0)
      expect(header).toMatchObject({ kind, end: bytes.length - 7, numberOffset: bytes.length - 7 - 30 - numberBytes })
      if (header?.kind !== kind) return
      expect(Buffer.compare(header.destination, destination) + Buffer.compare(header.source, source)).toBe(0)
      if (kind === 'initial') expect(Buffer.compare(header.token, token)).toBe(0)
    }))
  })

  test('a short header, Version Negotiation and Retry', () => {
    const id = hex('0102030405060708')
    const short = written((writer) => {
      writeShortHeader(writer, id, 1, 2)
      writePacketNumber(writer, 0x1234, 2)
    })
    expect(Buffer.from(short).toString('hex')).toBe('4501020304050607081234')
    expect(readHeader(short, 0)).toMatchObject({ kind: 'oneRtt', destination: id, numberOffset: 9, end: 11 })
    expect(readHeader(written((writer) => writeVersionNegotiation(writer, id, hex('09'), [1, 2])), 0))
      .toMatchObject({ kind: 'versionNegotiation', destination: id, source: hex('09'), versions: [1, 2] })
    const retry = written((writer) => {
      writeRetry(writer, id, hex('09'), hex('aabb'))
      writer.zeros(16)
    })
    expect(readHeader(retry, 0)).toMatchObject({ kind: 'retry', destination: id, source: hex('09'), token: hex('aabb') })
  })

  test('arbitrary bytes never throw', () => {
    fc.assert(fc.property(octets(0, 100), (bytes) => {
      const header = readHeader(bytes, 0)
      expect(header === undefined || header.end <= bytes.length).toBe(true)
    }), { numRuns: 2_000 })
  })
})
