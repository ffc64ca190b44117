/** Data channels over SCTP: RFC 8831 and RFC 8832, at the top of it. */
import { describe, expect, test } from 'vitest'
import { TransportCode } from '../../../sim/transport/codes.ts'
import { CHANNEL_QUEUE_BYTES_MAX } from '../../../sim/transport/channel.ts'
import { losing, numbered, numberOf, Pair, RELIABLE, retransmits, UNORDERED, lifetime } from './pair.ts'

const SPECS = [RELIABLE, UNORDERED, retransmits(0), retransmits(1, true), lifetime(100_000, true)]

describe('RFC 8832', () => {
  test('both ends open together, and messages go either way on every channel', () => {
    const pair = new Pair({ specs: SPECS }).open()
    // INIT, INIT ACK, COOKIE ECHO: one and a half round trips of 20 ms to the later COOKIE ECHO.
    expect(pair.a.openedUs).toBe(30_000)
    expect(pair.b.openedUs).toBe(30_000)
    for (const side of [0, 1] as const) {
      for (let channel = 0; channel < SPECS.length; channel++) pair.write(side, channel, numbered(channel, 100))
    }
    pair.run(100_000)
    for (const end of pair.ends) expect(end.received.map(({ channel }) => channel).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
  })

  test('section 6: what is written before anything is open arrives, after its OPEN', () => {
    const pair = new Pair({ specs: SPECS })
    for (const side of [0, 1] as const) {
      for (let channel = 0; channel < SPECS.length; channel++) pair.write(side, channel, numbered(channel, 10))
    }
    pair.run(200_000)
    for (const end of pair.ends) expect(end.received.map(({ channel }) => channel).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
  })

  test('an empty message is one of no bytes', () => {
    const pair = new Pair({ specs: SPECS }).open()
    pair.write(0, 0, new Uint8Array(0))
    pair.run(100_000)
    expect(pair.b.messages(0)).toEqual([new Uint8Array(0)])
  })

  test('a message of 65,536 bytes arrives whole, with the ids of all its datagrams', () => {
    const pair = new Pair({ specs: SPECS }).open()
    const bytes = numbered(1, 65_536)
    pair.write(1, 1, bytes)
    pair.run(2_000_000)
    expect(pair.a.messages(1)).toEqual([bytes])
    // 65,536 bytes are 60 fragments of 1,092 bytes and one of 16, which may share a packet.
    const { datagrams } = pair.a.received[0]
    expect(new Set(datagrams).size).toBe(datagrams.length)
    expect(datagrams.length - 60).toBeOneOf([0, 1])
  })
})

test('reliable channels deliver everything once and in order through 10% loss', () => {
  const pair = new Pair({ specs: SPECS })
  pair.fate = losing(100, 5)
  for (let i = 0; i < 300; i++) {
    pair.write(0, 0, numbered(i, 400))
    pair.write(0, 1, numbered(i, 3_000))
    pair.run(10_000)
  }
  pair.run(20_000_000)
  expect(pair.b.messages(0).map(numberOf)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  expect(pair.b.messages(1).map(numberOf).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  expect(pair.a.count('declaredLost')).toBeGreaterThan(50)
})

test('RFC 9260, 3.3.10.12: a close carries its code, after what was queued', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.write(0, 0, numbered(1, 100))
  pair.a.channels.close(4_711, pair.nowUs)
  pair.run(100_000)
  expect(pair.b.messages(0)).toHaveLength(1)
  expect(pair.a.closed).toMatchObject({ by: 'local', code: 4_711 })
  expect(pair.b.closed).toMatchObject({ by: 'remote', code: 4_711 })
})

// Found by mutated datagrams: any 32 bits in the cause were handed on as a code of the application.
test('RFC 9260, 3.3.10.12: a code that no application may use is heard as a violation', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.a.channels.close(2 ** 32 - 1, pair.nowUs)
  pair.run(100_000)
  expect(pair.b.closed).toMatchObject({ by: 'remote', code: TransportCode.protocolViolation })
})

test('a close that was lost is said again to whoever goes on', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.fate = ({ identity }) => (identity.contents === 'abort' && identity.attempt === 0 ? [] : [0])
  pair.a.channels.close(9, pair.nowUs)
  pair.write(1, 0, numbered(1, 100))
  pair.run(100_000)
  expect(pair.b.closed).toMatchObject({ by: 'remote', code: 9 })
})

test('a reliable channel that overflows closes the connection, a lossy one loses its oldest', () => {
  const pair = new Pair({ specs: SPECS }).open()
  for (let i = 0; i < 20; i++) pair.write(0, 2, numbered(i, 60_000))
  expect(pair.a.count('overflow')).toBe(20 - Math.floor(CHANNEL_QUEUE_BYTES_MAX / 60_000))
  expect(pair.a.closed).toBeUndefined()
  for (let i = 0; i < 20; i++) pair.write(0, 0, numbered(i, 60_000))
  expect(pair.a.closed).toMatchObject({ by: 'local', code: TransportCode.queueOverflow })
})

test('a blocked channel is told when it may be written again', () => {
  const pair = new Pair({ specs: SPECS }).open()
  for (let i = 0; i < 6; i++) pair.write(0, 1, numbered(i, 60_000))
  expect(pair.a.channels.channelStandings[1].isBlocked).toBe(true)
  pair.run(5_000_000)
  expect(pair.a.credits).toEqual([1])
  expect(pair.a.channels.channelStandings[1]).toEqual({ label: 'bulk', unsentBytes: 0, unansweredBytes: 0, keptBytes: 0, isBlocked: false })
})

test('RFC 8831, 6.7: a channel closes on both sides, and its neighbours stay', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.fate = losing(200, 3)
  pair.write(0, 0, numbered(1, 5_000))
  pair.a.channels.closeChannel(0, pair.nowUs)
  pair.run(5_000_000)
  expect(pair.b.messages(0)).toHaveLength(1)
  expect(pair.a.closedChannels).toEqual([0])
  expect(pair.b.closedChannels).toEqual([0])
  expect(pair.write(0, 0, numbered(2, 10))).toBe(0)
  pair.write(0, 1, numbered(3, 10))
  pair.run(5_000_000)
  expect(pair.b.messages(1)).toHaveLength(1)
})

test('RFC 9260, 9.2: an orderly end delivers everything first', () => {
  for (let seed = 0; seed < 20; seed++) {
    const pair = new Pair({ specs: SPECS }).open()
    pair.fate = losing(150, seed)
    for (let i = 0; i < 20; i++) pair.write((i & 1) as 0 | 1, 0, numbered(i, 2_000))
    pair.a.channels.shutdown(pair.nowUs)
    pair.run(60_000_000)
    expect(pair.b.messages(0).map(numberOf)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    expect(pair.a.messages(0).map(numberOf)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
    expect(pair.a.closed?.code).toBe(0)
  }
})

test('section 8.1: whoever hears nothing any more gives up', () => {
  const pair = new Pair({ specs: SPECS }).open()
  pair.fate = () => []
  pair.write(0, 0, numbered(1, 100))
  pair.run(300_000_000)
  expect(pair.a.closed).toMatchObject({ by: 'timeout', code: TransportCode.idleTimeout })
})

test('a run that is repeated has the same bytes', () => {
  const run = (): readonly string[] => {
    const pair = new Pair({ specs: SPECS })
    pair.fate = losing(100, 9)
    for (let i = 0; i < 50; i++) {
      for (let channel = 0; channel < SPECS.length; channel++) pair.write(0, channel, numbered(i, 300 + 40 * i))
      pair.run(11_111)
    }
    pair.run(5_000_000)
    return pair.sent.map(({ atUs, bytes }) => `${atUs} ${bytes.join(' ')}`)
  }
  expect(run()).toEqual(run())
})
