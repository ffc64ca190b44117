/** What reaches the other side through a lossy path: order, partial reliability, memory, and never an exception. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../../sim/bytes.ts'
import { mix32 } from '../../../../sim/choice.ts'
import { TransportCode } from '../../../../sim/transport/codes.ts'
import { beginChunk, ChunkType, DataFlag, endChunk, readChunk, readData, readSack } from '../../../../sim/webrtc/sctp/chunks.ts'
import { Inbound } from '../../../../sim/webrtc/sctp/inbound.ts'
import { KEPT_BYTES_MAX, RECEIVE_WINDOW_BYTES, TIMINGS } from '../../../../sim/webrtc/sctp/limits.ts'
import { Outbound } from '../../../../sim/webrtc/sctp/outbound.ts'
import { PacketBuilder, readPacket } from '../../../../sim/webrtc/sctp/packet.ts'
import { SendQueue } from '../../../../sim/webrtc/sctp/queue.ts'
import { RetransmissionTimeout } from '../../../../sim/webrtc/sctp/rto.ts'
import { chunksOf, isNumbered, lifetime, losing, numbered, numberOf, type Packet, Pair, RELIABLE, retransmits, UNORDERED } from '../pair.ts'

/** Loses what carries data one time in five, by its identity; everything else arrives. */
const losingData = (seed: number) => (packet: Packet): readonly number[] =>
  packet.identity.contents === 'message' && mix32(mix32(packet.keyHi, packet.keyLo), seed) % 5 === 0 ? [] : [0]

describe('partial reliability counts (RFC 3758, RFC 8831, 6.6)', () => {
  /**
   * n messages of one chunk, each alone in its packet, each packet lost with p = 1/5, independently. What arrives of them is binomial; the
   * bound is 4 standard deviations, which chance exceeds once in 16,000. n = 4,000: sd = sqrt(n p' (1 - p')).
   */
  test.each([
    // p' = 4/5: 3,200, sd 25.3; p' = 24/25: 3,840, sd 12.4; p' = 124/125: 3,968, sd 5.6.
    { max: 0, expected: 3_200, deviation: 25.3 },
    { max: 1, expected: 3_840, deviation: 12.4 },
    { max: 2, expected: 3_968, deviation: 5.6 },
  ])('at 20% loss maxRetransmits $max delivers $expected of 4,000', ({ max, expected, deviation }) => {
    const pair = new Pair({ specs: [retransmits(max)], latencyUs: 5_000 }).open()
    pair.fate = losingData(max + 1)
    for (let i = 0; i < 4_000; i++) {
      pair.write(0, 0, numbered(i, 200))
      pair.run(4_000)
    }
    pair.run(10_000_000)
    const delivered = pair.b.messages(0).map(numberOf)
    expect(new Set(delivered).size).toBe(delivered.length)
    expect(Math.abs(delivered.length - expected)).toBeLessThan(4 * deviation)
    // Nothing is transmitted more often than it may be.
    for (const { identity } of pair.sent) {
      if (identity.contents === 'message') expect(identity.attempt).toBeLessThanOrEqual(max)
    }
    // Whatever did not arrive was given up; what was given up has not arrived.
    const abandoned = pair.a.records.flatMap((record) => (record.kind === 'abandoned' ? [record.message] : []))
    expect(new Set([...delivered, ...abandoned]).size).toBe(4_000)
    expect(delivered.length + abandoned.length).toBe(4_000)
  })

  test('ordered channels keep their order around what was given up', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair({ specs: [retransmits(0, true), retransmits(1, true)] }).open()
      pair.fate = losing(200, seed)
      for (let i = 0; i < 150; i++) {
        for (const channel of [0, 1]) pair.write(0, channel, numbered(i, i % 7 === 0 ? 4_000 : 100))
        pair.run(9_000)
      }
      pair.run(10_000_000)
      for (const channel of [0, 1]) {
        const numbers = pair.b.messages(channel).map(numberOf)
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        expect(new Set(numbers).size).toBe(numbers.length)
        // Of 150 messages four in five, and of every seventh, which has four fragments, two in five: 111 with one transmission.
        expect(numbers.length).toBeGreaterThan(70)
        expect(pair.b.messages(channel).every(isNumbered)).toBe(true)
      }
      expect(pair.b.channels.channelStandings.map(({ keptBytes }) => keptBytes)).toEqual([0, 0])
    }
  })

  test('a lifetime ends on time: what is lost is given up with the next sign of it, at the latest with T3-rtx', () => {
    const pair = new Pair({ specs: [lifetime(150_000, true)], latencyUs: 10_000 }).open()
    pair.fate = losing(300, 4)
    const writtenUs: number[] = []
    for (let i = 0; i < 400; i++) {
      writtenUs.push(pair.nowUs)
      pair.write(0, 0, numbered(i, 100))
      pair.run(11_111)
    }
    pair.run(20_000_000)
    for (const { bytes, atUs } of pair.b.received) {
      // Sent within its lifetime, and on its way; an ordered message may wait for the one before it, until that one is given up.
      expect(atUs - writtenUs[numberOf(bytes)]).toBeLessThan(150_000 + 10_000 + TIMINGS.rtoUsMin * 4)
    }
    let onTime = 0
    const abandoned = pair.a.records.flatMap((record) => (record.kind === 'abandoned' ? [record] : []))
    for (const { message, atUs } of abandoned) {
      const ageUs = atUs - writtenUs[message - 1]
      expect(ageUs).toBeGreaterThanOrEqual(150_000)
      if (ageUs < 150_000 + 11_111 + 20_000) onTime++
    }
    expect(abandoned.length).toBeGreaterThan(10)
    // Nearly all are known to be lost when their time is over.
    expect(onTime).toBeGreaterThan(abandoned.length / 2)
  })
})

test('with 40 interleaved streams and 5% loss every message arrives, once, whole, in order', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const specs = Array.from({ length: 40 }, (_, i) => ({ ...(i % 2 === 0 ? RELIABLE : UNORDERED), label: `${i}`, priority: i % 3 }))
    const pair = new Pair({ specs, seed })
    pair.fate = losing(50, seed)
    for (let i = 0; i < 3; i++) {
      for (let channel = 0; channel < 40; channel++) pair.write(0, channel, numbered(i, 1_000 + (mix32(channel * 3 + i, seed) % 19_001)))
      pair.run(50_000)
    }
    pair.until(() => pair.b.received.length === 120, 60_000_000)
    pair.run(1_000_000)
    for (let channel = 0; channel < 40; channel++) {
      const messages = pair.b.messages(channel)
      const numbers = messages.map(numberOf)
      if (channel % 2 === 1) numbers.sort((a, b) => a - b)
      expect(numbers, `seed ${seed} channel ${channel}`).toEqual([0, 1, 2])
      expect(messages.every(isNumbered)).toBe(true)
    }
    expect(pair.a.channels.standing).toMatchObject({ unanswered: 0, inFlightBytes: 0 })
  }
})

test('reordering and duplication change nothing', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const pair = new Pair({ specs: [RELIABLE, UNORDERED, retransmits(0, true)] })
    pair.fate = ({ keyHi, keyLo }) => {
      const draw = mix32(mix32(keyHi, keyLo), seed) % 10
      return draw === 0 ? [] : draw < 3 ? [0, 25_000] : draw < 6 ? [30_000] : [0]
    }
    for (let i = 0; i < 60; i++) {
      for (const channel of [0, 1, 2]) pair.write(0, channel, numbered(i, 700 * (1 + (i % 5))))
      pair.run(10_000)
    }
    pair.run(30_000_000)
    expect(pair.b.messages(0).map(numberOf)).toEqual(Array.from({ length: 60 }, (_, i) => i))
    expect(pair.b.messages(1).map(numberOf).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i))
    const lossy = pair.b.messages(2).map(numberOf)
    expect(lossy).toEqual([...new Set(lossy)].sort((a, b) => a - b))
  }
})

describe('SACKs (RFC 9260, 6.2 and 6.7)', () => {
  test('every second packet at once, a lone one after 20 ms, a gap at once', () => {
    const pair = new Pair({ specs: [UNORDERED] }).open()
    const sacks = (): number[] =>
      pair.sent.filter(({ from, identity }) => from === 1 && identity.contents === 'sack').map(({ atUs }) => atUs)
    const begunUs = pair.nowUs
    const before = sacks().length
    pair.write(0, 0, numbered(1, 1_000))
    pair.run(100_000)
    expect(sacks().slice(before)).toEqual([begunUs + 10_000 + 20_000])
    pair.write(0, 0, numbered(1, 2_000))
    const secondUs = pair.nowUs
    pair.run(100_000)
    expect(sacks().slice(before + 1)).toEqual([secondUs + 10_000])
    pair.fate = ({ identity }) => (identity.contents === 'message' && identity.start === 2 && identity.attempt === 0 ? [] : [0])
    pair.write(0, 0, numbered(1, 1_000))
    pair.run(5_000)
    pair.write(0, 0, numbered(1, 1_000))
    const gapUs = pair.nowUs
    pair.run(11_000)
    expect(sacks().slice(before + 2)).toEqual([gapUs + 10_000])
  })

  test('6.2: the window that is advertised is what is left of it, and opens again', () => {
    const pair = new Pair({ specs: [RELIABLE] }).open()
    let held = true
    // The first message is lost until further notice: everything behind it has to wait.
    pair.fate = ({ identity }) => (held && identity.contents === 'message' && identity.start === 0 ? [] : [0])
    pair.write(0, 0, numbered(0, 500))
    let queued = 0
    for (let i = 1; i < 40 && queued < 900_000; i++) queued = pair.write(0, 0, numbered(i, 60_000))
    pair.run(8_000_000)
    const [{ keptBytes }] = pair.b.channels.channelStandings
    expect(keptBytes).toBeGreaterThan(400_000)
    expect(keptBytes).toBeLessThanOrEqual(RECEIVE_WINDOW_BYTES + 2_000)
    expect(pair.b.messages(0)).toHaveLength(0)
    held = false
    pair.run(30_000_000)
    expect(pair.b.messages(0).map(numberOf)).toEqual(pair.b.messages(0).map((_, i) => i))
    expect(pair.b.messages(0).length).toBeGreaterThan(10)
    expect(pair.b.channels.channelStandings[0].keptBytes).toBe(0)
  })
})

test('serial numbers go round: TSNs at 2^32, SSNs at 2^16', () => {
  const delivered: number[] = []
  const inbound = new Inbound(0xffff_fff0, 0, ({ bytes }) => delivered.push(numberOf(bytes)))
  const queue = new SendQueue()
  const stream = queue.addStream({ stream: 0, channel: 0, priority: 0 })
  const outbound = new Outbound({
    queue, rto: new RetransmissionTimeout(TIMINGS), initialTsn: 0xffff_fff0, peerWindowBytes: RECEIVE_WINDOW_BYTES,
    isPartiallyReliable: true,
    events: { declaredLost: () => {}, abandoned: () => {}, probe: () => {} },
  })
  const packet = new PacketBuilder(new Writer())
  for (let i = 0; i < 66_000; i++) {
    queue.write(stream, 53, numbered(i, 4), { kind: 'reliable' }, true, i)
    outbound.open(i)
    packet.begin(1)
    outbound.pack(packet, i)
    const { reader } = readPacket(packet.finish())!
    expect(inbound.data(readData(readChunk(reader)!)!, { id: i, keyHi: 0, keyLo: 0 }, i)).toBe('taken')
    packet.begin(1)
    inbound.packSack(packet)
    expect(outbound.sack(readSack(readChunk(readPacket(packet.finish())!.reader)!)!, i)).toBe(true)
  }
  expect(delivered).toEqual(Array.from({ length: 66_000 }, (_, i) => i))
  expect(outbound.isSettled).toBe(true)
})

test('what an overflow threw away is gone, also when its lifetime ends', () => {
  const pair = new Pair({ specs: [lifetime(50_000)] }).open()
  for (let i = 0; i < 30; i++) pair.write(0, 0, numbered(i, 60_000))
  const overflows = pair.a.count('overflow')
  expect(overflows).toBeGreaterThan(0)
  pair.run(1_000_000)
  const last = pair.nowUs
  pair.write(0, 0, numbered(99, 10))
  pair.run(100_000)
  expect(pair.b.received.filter(({ atUs }) => atUs >= last).map(({ bytes }) => numberOf(bytes))).toEqual([99])
  expect(pair.b.received.length - 1 + overflows + pair.a.count('abandoned')).toBe(30)
})

describe('bytes of a peer', () => {
  /** Changes a byte of a packet behind its header and makes tag and checksum right again. */
  function mutated(bytes: Uint8Array, at: number, value: number, length: number): Uint8Array {
    const { tag } = readPacket(bytes)!
    const packet = new PacketBuilder(new Writer())
    packet.begin(tag)
    const body = bytes.slice(12, 12 + Math.max(4, length % (bytes.length - 11)))
    body[at % body.length] = value
    packet.writer.raw(body)
    return packet.finish().slice()
  }

  test('packets that were changed never throw, and the association lives on or ends with a code', () => {
    const change = fc.record({ order: fc.nat(60), at: fc.nat(1_200), value: fc.nat(255), length: fc.nat(5_000) })
    let ended = 0
    let survived = 0
    fc.assert(fc.property(
      fc.nat(1_000), fc.array(change, { minLength: 1, maxLength: 8 }),
      (seed, changes) => {
        const pair = new Pair({ specs: [RELIABLE, UNORDERED, retransmits(0, true), lifetime(30_000)], seed }).run(100_000)
        pair.fate = losing(100, seed)
        for (let i = 0; i < 20; i++) {
          for (let channel = 0; channel < 4; channel++) pair.write((i & 1) as 0 | 1, channel, numbered(i, 900 * (1 + (i % 4))))
          pair.run(10_000)
          for (const { order, at, value, length } of changes) {
            const original = pair.sent[pair.sent.length - 1 - order]
            if (original === undefined || order % 20 !== i) continue
            const end = pair.ends[1 - original.from]
            end.channels.receive(mutated(original.bytes, at, value, length), original, pair.nowUs)
            end.channels.flush(pair.nowUs)
          }
        }
        pair.run(5_000_000)
        for (const end of pair.ends) {
          for (const { keptBytes } of end.channels.channelStandings) expect(keptBytes).toBeLessThanOrEqual(KEPT_BYTES_MAX)
          if (end.closed === undefined) survived++
          else ended++
        }
      },
    ), { numRuns: 150, seed: 42 })
    expect(survived).toBeGreaterThan(0)
    expect(ended).toBeGreaterThan(0)
  })

  test('arbitrary packets never throw', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (packets) => {
      const pair = new Pair({ specs: [RELIABLE] }).open()
      for (const bytes of packets) pair.a.channels.receive(bytes, { id: 0, keyHi: 0, keyLo: 0 }, pair.nowUs)
      expect(pair.a.channels.isOpen).toBe(true)
    }), { numRuns: 100 })
  })

  /** Chunks of data after the last that came, each in its own packet, as `describe` has them. */
  function flood(pair: Pair, count: number, describe: (i: number) => { stream: number; ssn: number; flags: number; skip: number }): void {
    const last = pair.sent.filter(({ from, bytes }) => from === 0 && chunksOf(bytes).includes(ChunkType.data)).at(-1)!
    const { tag, reader } = readPacket(last.bytes)!
    let chunk = readChunk(reader)!
    while (chunk.type !== ChunkType.data) chunk = readChunk(reader)!
    const tsn = chunk.value.u32()
    const packet = new PacketBuilder(new Writer())
    for (let i = 0; i < count && pair.b.closed === undefined; i++) {
      const { stream, ssn, flags, skip } = describe(i)
      packet.begin(tag)
      beginChunk(packet.writer, ChunkType.data, flags, 12 + 1_000)
      packet.writer.u32(tsn + 1 + i + skip)
      packet.writer.u16(stream)
      packet.writer.u16(ssn)
      packet.writer.u32(53)
      packet.writer.zeros(1_000)
      endChunk(packet.writer, 1_000)
      pair.b.channels.receive(packet.finish(), { id: 0, keyHi: i, keyLo: 0 }, pair.nowUs)
    }
  }

  test('what waits for an order that never comes is bounded', () => {
    const pair = new Pair({ specs: [RELIABLE] }).open()
    // DATA with TSNs in sequence, but an SSN that is never the next one.
    flood(pair, 5_000, (i) => ({ stream: 1, ssn: (i + 100) & 0x7fff, flags: DataFlag.begin | DataFlag.end, skip: 0 }))
    expect(pair.b.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
  })

  test('what lies behind a gap is bounded by the window', () => {
    const pair = new Pair({ specs: [RELIABLE] }).open()
    // Beginnings of messages without an end.
    flood(pair, 5_000, (i) => ({ stream: 1, ssn: i, flags: DataFlag.begin, skip: 1 }))
    expect(pair.b.closed).toBeUndefined()
    expect(pair.b.count('discarded')).toBeGreaterThan(3_000)
    const [{ keptBytes }] = pair.b.channels.channelStandings
    expect(RECEIVE_WINDOW_BYTES - keptBytes).toBeGreaterThanOrEqual(-100)
    expect(RECEIVE_WINDOW_BYTES - keptBytes).toBeLessThan(2_100)
  })

  test('a message that never ends is no message', () => {
    const pair = new Pair({ specs: [RELIABLE] }).open()
    flood(pair, 100, (i) => ({ stream: 1, ssn: 1, flags: i === 0 ? DataFlag.begin : 0, skip: 0 }))
    expect(pair.b.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
  })
})
