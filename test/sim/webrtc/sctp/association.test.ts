/** How an association begins, lives and ends: RFC 9260, sections 5, 8 and 9. */
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../../sim/bytes.ts'
import { TransportCode } from '../../../../sim/transport/codes.ts'
import {
  ChunkType, DataFlag, readChunk, writeCause, writeChunk, Cause,
} from '../../../../sim/webrtc/sctp/chunks.ts'
import { COOKIE_LIFE_US, HEARTBEAT_INTERVAL_US } from '../../../../sim/webrtc/sctp/limits.ts'
import { PacketBuilder, readPacket } from '../../../../sim/webrtc/sctp/packet.ts'
import { chunksOf, numbered, type Packet, Pair, RELIABLE } from '../pair.ts'

const SPECS = [RELIABLE]
const tagOf = (packet: Packet): number => readPacket(packet.bytes)!.tag
const names = (pair: Pair): string[] => pair.sent.map(({ identity: { contents } }) => contents)

/** A packet of one chunk as if from the other side. */
function forge(pair: Pair, to: 0 | 1, type: number, flags: number, value: Uint8Array, tag?: number): void {
  const packet = new PacketBuilder(new Writer())
  packet.begin(tag ?? tagOf(pair.sent.filter(({ from, identity }) => from !== to && identity.contents !== 'init').at(-1)!))
  writeChunk(packet.writer, type, flags, value)
  pair.ends[to].channels.receive(packet.finish(), { id: 0, keyHi: 1, keyLo: 2 }, pair.nowUs)
  pair.ends[to].channels.flush(pair.nowUs)
}

describe('section 5.1: one end begins', () => {
  test('INIT, INIT ACK, COOKIE ECHO, COOKIE ACK; the one who answers keeps nothing before the cookie', () => {
    const pair = new Pair({ specs: SPECS, oneSided: true })
    pair.run(20_000)
    expect(names(pair).slice(0, 3)).toEqual(['init', 'init ack', 'cookie echo'])
    expect(pair.b.channels.isOpen).toBe(false)
    pair.run(10_000)
    expect(pair.b.channels.isOpen).toBe(true)
    pair.run(100_000)
    expect(pair.a.channels.isOpen).toBe(true)
  })

  test.each(['init', 'init ack', 'cookie echo', 'cookie ack'])('the loss of the first %s is made good by T1, one second', (lost) => {
    const pair = new Pair({ specs: SPECS, oneSided: true })
    let isLost = false
    pair.fate = ({ identity }) => {
      if (isLost || identity.contents !== lost) return [0]
      isLost = true
      return []
    }
    pair.run(1_060_000)
    expect(isLost).toBe(true)
    expect(pair.a.channels.isOpen).toBe(true)
    expect(pair.b.channels.isOpen).toBe(true)
    expect(Math.max(pair.a.openedUs!, pair.b.openedUs!)).toBeGreaterThan(1_000_000)
  })

  test('section 5.1, T1: doubled up to RTO.Max, then nobody is there', () => {
    const pair = new Pair({ specs: SPECS, oneSided: true })
    pair.fate = () => []
    pair.run(100_000_000)
    expect(pair.sent.map(({ atUs }) => atUs / 1_000_000)).toEqual([0, 1, 3, 7, 15, 25, 35, 45, 55])
    expect(pair.a.closed).toEqual({ by: 'timeout', code: TransportCode.handshakeTimeout, atUs: 65_000_000 })
  })

  test('section 5.2.6: a cookie that is too old is reported, not taken', () => {
    const pair = new Pair({ specs: SPECS, oneSided: true })
    let isLate = true
    pair.fate = ({ identity, atUs }) => {
      if (identity.contents !== 'cookie echo') return [0]
      // The first comes too late, those that repeat it not at all; the next cookie comes in time.
      const wasLate = isLate
      isLate = false
      return wasLate ? [COOKIE_LIFE_US] : atUs < COOKIE_LIFE_US ? [] : [0]
    }
    pair.run(COOKIE_LIFE_US + 200_000)
    expect(names(pair)).toContain('stale cookie')
    expect(pair.a.channels.isOpen).toBe(true)
    expect(pair.b.channels.isOpen).toBe(true)
  })
})

describe('section 5.2.1: both ends begin', () => {
  test('makes one association, whichever of the packets is lost', () => {
    for (let lost = -1; lost < 8; lost++) {
      const pair = new Pair({ specs: SPECS })
      let order = 0
      pair.fate = () => (order++ === lost ? [] : [0])
      pair.write(0, 0, numbered(1, 10))
      pair.write(1, 0, numbered(2, 10))
      pair.run(5_000_000)
      expect(pair.b.messages(0), `lost ${lost}`).toEqual([numbered(1, 10)])
      expect(pair.a.messages(0), `lost ${lost}`).toEqual([numbered(2, 10)])
      // One tag for each direction.
      const tags = pair.sent.filter(({ from, identity }) => from === 0 && identity.contents !== 'init').map(tagOf)
      expect(new Set(tags).size).toBe(1)
    }
  })

  test('section 5.2.4: a peer that begins anew has lost the channels', () => {
    const old = new Pair({ specs: SPECS }).open()
    const anew = new Pair({ specs: SPECS, oneSided: true, seed: 2 })
    // The new end's packets go to the old one, and back.
    let exchanged = 0
    const relay = (): void => {
      for (let moved = true; moved; ) {
        moved = false
        for (; exchanged < anew.sent.length; exchanged++) {
          const packet = anew.sent[exchanged]
          if (packet.from !== 0) continue
          const before = old.sent.length
          old.b.channels.receive(packet.bytes, packet, 1_000_000)
          for (const answer of old.sent.slice(before)) anew.a.channels.receive(answer.bytes, answer, 1_000_000)
          moved = true
        }
      }
    }
    anew.fate = () => []
    anew.run(0)
    relay()
    expect(old.b.closed).toMatchObject({ by: 'remote', code: TransportCode.reset })
  })
})

test('data that overtakes COOKIE ACK, or outlives it, says as much', () => {
  const pair = new Pair({ specs: SPECS, oneSided: true })
  pair.fate = ({ identity }) => (identity.contents === 'cookie ack' ? [] : [0])
  pair.run(30_000)
  expect([pair.a.channels.isOpen, pair.b.channels.isOpen]).toEqual([false, true])
  // A heartbeat would do as well; the responder has nothing to say before it has heard the OPEN.
  forge(pair, 0, ChunkType.heartbeat, 0, new Uint8Array(8), tagOf(pair.sent.find(({ identity }) => identity.contents === 'init ack')!))
  expect(pair.a.channels.isOpen).toBe(true)
})

test('whoever closes while it opens tells the other when it asks', () => {
  const pair = new Pair({ specs: SPECS })
  pair.run(5_000)
  pair.a.channels.close(33, pair.nowUs)
  expect(pair.a.closed).toMatchObject({ by: 'local', code: 33 })
  pair.run(100_000)
  expect(pair.b.closed).toMatchObject({ by: 'remote', code: 33 })
})

test('section 5.1.5: a cookie that nobody here made, and data before there is anything, are discarded', () => {
  const pair = new Pair({ specs: SPECS, oneSided: true })
  forge(pair, 1, ChunkType.cookieEcho, 0, new Uint8Array(60), 1)
  expect(pair.b.records.at(-1)).toMatchObject({ kind: 'discarded', why: 'tag' })
  pair.fate = ({ identity }) => (identity.contents === 'cookie echo' ? [] : [0])
  pair.run(25_000)
  const own = tagOf(pair.sent.find(({ identity }) => identity.contents === 'cookie echo')!)
  forge(pair, 1, ChunkType.data, DataFlag.begin | DataFlag.end, new Uint8Array(13), own)
  expect(pair.b.records.at(-1)).toMatchObject({ kind: 'discarded', why: 'unknown' })
  expect(pair.b.channels.isOpen).toBe(false)
})

test('section 9.2: whoever waits for SHUTDOWN COMPLETE says SHUTDOWN ACK again, also to an INIT', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.fate = ({ identity }) => (identity.contents === 'shutdown complete' ? [] : [0])
  pair.a.channels.shutdown(pair.nowUs)
  pair.run(40_000)
  const init = pair.sent.find(({ from, identity }) => from === 0 && identity.contents === 'init')!
  const before = pair.sent.length
  pair.b.channels.receive(init.bytes, init, pair.nowUs)
  expect(pair.sent.slice(before).map(({ bytes }) => chunksOf(bytes))).toEqual([[ChunkType.shutdownAck]])
})

describe('section 8.5: the verification tag', () => {
  test('a packet with another tag does nothing', () => {
    const pair = new Pair({ specs: SPECS }).open()
    forge(pair, 0, ChunkType.abort, 0, new Uint8Array(0), 12_345)
    expect(pair.a.closed).toBeUndefined()
    expect(pair.a.records.at(-1)).toMatchObject({ kind: 'discarded', why: 'tag' })
    forge(pair, 0, ChunkType.abort, 0, new Uint8Array(0))
    expect(pair.a.closed).toMatchObject({ by: 'remote', code: TransportCode.reset })
  })

  test('section 8.5.1: an ABORT may carry the receiver\'s own tag back, with the T bit', () => {
    const pair = new Pair({ specs: SPECS }).open()
    const ownOfB = tagOf(pair.sent.filter(({ from, identity }) => from === 0 && identity.contents !== 'init').at(-1)!)
    forge(pair, 0, ChunkType.abort, 0, new Uint8Array(0), ownOfB)
    expect(pair.a.closed).toBeUndefined()
    forge(pair, 0, ChunkType.abort, 1, new Uint8Array(0), ownOfB)
    expect(pair.a.closed).toMatchObject({ by: 'remote' })
  })

  test('section 8.4: a SHUTDOWN ACK out of the blue is completed, whose ever it was', () => {
    const pair = new Pair({ specs: SPECS, oneSided: true })
    forge(pair, 1, ChunkType.shutdownAck, 0, new Uint8Array(0), 77)
    const answer = pair.sent.at(-1)!
    expect(chunksOf(answer.bytes)).toEqual([ChunkType.shutdownComplete])
    expect(tagOf(answer)).toBe(77)
  })
})

describe('chunks of a peer', () => {
  test('section 3.2: an unknown chunk is reported and read over as its type says', () => {
    for (const [type, isReported] of [[0x3f, false], [0x7f, true], [0xbf, false], [0xff, true]] as const) {
      const pair = new Pair({ specs: SPECS }).open()
      const before = pair.sent.length
      forge(pair, 0, type, 0, new Uint8Array(4))
      expect(pair.sent.slice(before).map(({ bytes }) => chunksOf(bytes)), `type ${type}`).toEqual(isReported ? [[ChunkType.error]] : [])
    }
  })

  test('section 6.2: a DATA chunk without data ends it, with cause 9', () => {
    const pair = new Pair({ specs: SPECS }).open()
    forge(pair, 0, ChunkType.data, DataFlag.begin | DataFlag.end, new Uint8Array(12))
    const { reader } = readPacket(pair.sent.at(-1)!.bytes)!
    const chunk = readChunk(reader)!
    expect([chunk.type, chunk.value.u16()]).toEqual([ChunkType.abort, Cause.noUserData])
    expect(pair.a.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
  })

  test('section 6.5: data on a stream that cannot be is acknowledged and reported', () => {
    const pair = new Pair({ specs: SPECS }).open()
    const value = new Uint8Array(13)
    const view = new DataView(value.buffer)
    const data = pair.sent.filter(({ from, bytes }) => from === 1 && chunksOf(bytes).includes(ChunkType.data)).at(-1)!
    const { reader } = readPacket(data.bytes)!
    let chunk = readChunk(reader)!
    while (chunk.type !== ChunkType.data) chunk = readChunk(reader)!
    view.setUint32(0, chunk.value.u32() + 1)
    view.setUint16(4, 60_000)
    const before = pair.sent.length
    forge(pair, 0, ChunkType.data, DataFlag.begin | DataFlag.end | DataFlag.immediate, value)
    expect(pair.sent.slice(before).flatMap(({ bytes }) => chunksOf(bytes))).toEqual([ChunkType.error, ChunkType.sack])
  })

  test('a SACK of what was never sent ends it', () => {
    const pair = new Pair({ specs: SPECS }).open()
    const value = new Uint8Array(12)
    new DataView(value.buffer).setUint32(0, 0x1234_5678)
    forge(pair, 0, ChunkType.sack, 0, value)
    const tsn = pair.a.closed
    // By the distance in serial numbers it is either long past, or never sent.
    if (tsn !== undefined) expect(tsn).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
    new DataView(value.buffer).setUint32(0, 0x9234_5678)
    forge(pair, 0, ChunkType.sack, 0, value)
    expect(pair.a.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
  })

  test('an ABORT tells the code of whoever asked for it', () => {
    const pair = new Pair({ specs: SPECS }).open()
    const packet = new PacketBuilder(new Writer())
    packet.begin(tagOf(pair.sent.filter(({ from, identity }) => from === 1 && identity.contents !== 'init').at(-1)!))
    writeCause(packet.writer, ChunkType.abort, 0, Cause.userInitiatedAbort, Uint8Array.of(0, 0, 1, 2))
    pair.a.channels.receive(packet.finish(), { id: 0, keyHi: 0, keyLo: 0 }, pair.nowUs)
    expect(pair.a.closed).toMatchObject({ by: 'remote', code: 258 })
  })
})

describe('section 8.3: heartbeats', () => {
  test('on an idle path every 30 s and one RTO, answered, measuring the round trip', () => {
    const pair = new Pair({ specs: SPECS, latencyUs: 40_000 }).open()
    pair.run(2 * HEARTBEAT_INTERVAL_US + 5_000_000)
    const beats = pair.sent.filter(({ from, identity }) => from === 0 && identity.contents === 'heartbeat')
    expect(beats).toHaveLength(2)
    expect(beats[1].atUs - beats[0].atUs).toBeGreaterThanOrEqual(HEARTBEAT_INTERVAL_US)
    expect(names(pair)).toContain('heartbeat ack')
    expect(pair.a.channels.standing.rttUs).toBeGreaterThanOrEqual(80_000)
    expect(pair.a.channels.standing.rttUs).toBeLessThan(110_000)
  })

  test('section 8.1: unanswered ones end it in the end', () => {
    const pair = new Pair({ specs: SPECS }).open()
    pair.fate = () => []
    pair.run(500_000_000)
    expect(pair.a.closed).toMatchObject({ by: 'timeout', code: TransportCode.idleTimeout })
  })
})
