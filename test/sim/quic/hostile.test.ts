/** What no honest peer sends: each closes the connection with its code (RFC 9000, section 20.1), and nothing throws. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { DatagramBuilder } from '../../../sim/quic/builder.ts'
import { TransportError } from '../../../sim/quic/errors.ts'
import { type Frame, writeFrame } from '../../../sim/quic/frames.ts'
import { connectionIdOf } from '../../../sim/quic/names.ts'
import { type Level, packetKeys } from '../../../sim/quic/protection.ts'
import { CLIENT, pattern, type Program, SECOND_US, SERVER, World } from './world.ts'

const NOTHING = new Uint8Array(0)
const LABELS: Readonly<Record<string, string>> = { oneRtt: 'CLIENT_TRAFFIC_SECRET_0', handshake: 'CLIENT_HANDSHAKE_TRAFFIC_SECRET' }

/** Packets in the name of a client, with its keys. */
class Forger {
  readonly world: World
  readonly server: Program
  readonly #client: Program
  #number = 1_000

  constructor(options: ConstructorParameters<typeof World>[0] = {}) {
    this.world = new World(options)
    const { client, server } = this.world.open()
    this.world.run(SECOND_US)
    this.#client = client
    this.server = server
  }

  /** Delivers a packet with these bytes as its frames. */
  send(write: (writer: Writer) => void, number = this.#number++, level: Level = 'oneRtt'): void {
    const secret = this.#client.connection.keyLog.find((line) => line.startsWith(LABELS[level]))!.split(' ')[2]
    const builder = new DatagramBuilder(new Writer(), false)
    builder.begin(1_200, 0)
    builder.open({
      level, keys: packetKeys('tag', Uint8Array.from(Buffer.from(secret, 'hex'))), destination: connectionIdOf(this.number, 'server', 0),
      source: NOTHING, token: NOTHING, number, largestAcked: -1, keyPhase: 0,
    })
    write(builder.writer)
    builder.close(true)
    const { world } = this
    world.deliver({
      id: 1, from: CLIENT, to: SERVER, fromPort: 5_000, toPort: 443, ecn: Ecn.notCapable, keyHi: 0, keyLo: 0, bytes: builder.finish(0),
      label: world.sent[0].label,
    })
  }
  frames(...frames: readonly Frame[]): this {
    this.send((writer) => {
      for (const frame of frames) writeFrame(writer, frame)
    })
    return this
  }
  get number(): number {
    return this.#client.connection.number
  }
  get closed(): number | undefined {
    return this.server.all('closed')[0]?.code
  }
}

const stream = (id: number, offset: number, length: number, fin = false): Frame =>
  ({ kind: 'stream', id, offset, bytes: pattern(length), fin })
const newId = (sequence: number, retirePriorTo = 0, fill = sequence): Frame => ({
  kind: 'newConnectionId', sequence, retirePriorTo, id: new Uint8Array(8).fill(fill), resetToken: new Uint8Array(16).fill(fill),
})

describe('violations', () => {
  const E = TransportError
  const cases: readonly (readonly [string, number, readonly Frame[]])[] = [
    ['section 4.5: bytes beyond the end', E.finalSizeError, [stream(2, 5, 5, true), stream(2, 5, 10)]],
    ['section 4.5: another end', E.finalSizeError, [stream(2, 5, 5, true), { kind: 'resetStream', id: 2, code: 0, finalSize: 11 }]],
    ['section 4.5: an end before what was seen', E.finalSizeError, [stream(2, 10, 10), stream(2, 0, 10, true)]],
    ['section 4.1: beyond the credit of a stream', E.flowControlError, [stream(2, 262_144, 1)]],
    ['section 4.1: a reset beyond the credit', E.flowControlError, [{ kind: 'resetStream', id: 2, code: 0, finalSize: 262_145 }]],
    ['section 4.1: beyond the credit of the connection', E.flowControlError,
      [2, 6, 10, 14, 18].map((id): Frame => ({ kind: 'resetStream', id, code: 0, finalSize: 262_000 })).slice(0, 3)
        .concat([22, 26, 30, 34, 38].map((id) => stream(id, 262_000, 1)))],
    ['section 4.6: more streams than allowed', E.streamLimitError, [stream(2 + 4 * 1_024, 0, 1)]],
    ['section 19.8: bytes on a stream that only we send on', E.streamStateError, [stream(3, 0, 1)]],
    ['section 19.8: a stream of ours that was never opened', E.streamStateError, [stream(1, 0, 1)]],
    ['section 19.5: no sending wanted where only the peer sends', E.streamStateError, [{ kind: 'stopSending', id: 2, code: 0 }]],
    ['section 19.10: credit for a stream that only the peer sends on', E.streamStateError, [{ kind: 'maxStreamData', id: 2, limit: 9 }]],
    ['section 19.20: HANDSHAKE_DONE from a client', E.protocolViolation, [{ kind: 'handshakeDone' }]],
    ['section 19.7: NEW_TOKEN from a client', E.protocolViolation, [{ kind: 'newToken', token: pattern(5) }]],
    ['section 13.1: an acknowledgement of what was never sent', E.protocolViolation,
      [{ kind: 'ack', largest: 5_000, delay: 0, ranges: [5_000, 5_000], ecn: undefined }]],
    ['section 19.15: a connection id that changes', E.protocolViolation, [newId(1, 0, 77)]],
    ['section 5.1.1: more connection ids than allowed', E.connectionIdLimitError, [newId(5), newId(6), newId(7)]],
    ['section 5.1.2: ids retired without end', E.connectionIdLimitError, Array.from({ length: 12 }, (_, i) => newId(20 + i, 20 + i))],
    ['section 19.16: a connection id retired that was never given', E.protocolViolation, [{ kind: 'retireConnectionId', sequence: 99 }]],
    ['section 7.5: handshake bytes far ahead', E.cryptoBufferExceeded, [{ kind: 'crypto', offset: 70_000, bytes: pattern(10) }]],
    ['RFC 9221 section 3: a DATAGRAM frame where none is taken', E.protocolViolation, [{ kind: 'datagram', bytes: pattern(10) }]],
  ]
  test.each(cases)('%s', (name, code, frames) => {
    const forger = new Forger(name.startsWith('RFC 9221') ? { serverSettings: { datagramFrameBytesMax: 0 } } : {})
    for (const frame of frames) forger.frames(frame)
    expect(forger.closed).toBe(code)
    expect(forger.server.all('closed')[0].by).toBe('local')
  })

  test.each([
    ['section 12.4: an unknown frame', TransportError.frameEncodingError, [0x1f]],
    ['section 19: a frame cut short', TransportError.frameEncodingError, [0x10, 0xc0, 0, 0]],
  ])('%s', (_name, code, bytes) => {
    const forger = new Forger()
    forger.send((writer) => writer.raw(Uint8Array.from(bytes)))
    expect(forger.closed).toBe(code)
  })

  test('section 12.3: a packet number counts once', () => {
    const forger = new Forger()
    for (let i = 0; i < 3; i++) forger.send((writer) => writeFrame(writer, { kind: 'datagram', bytes: pattern(9) }), 2_000)
    expect(forger.server.all('datagram').length).toBe(1)
    expect(forger.world.discarded.filter((why) => why === 'repeated').length).toBe(2)
  })

  test('section 3.5: STOP_SENDING is answered with a reset, and streams of one peer open all below', () => {
    const forger = new Forger()
    forger.frames(stream(8, 0, 5, true))
    expect(forger.server.all('streamOpened').map(({ id }) => id)).toEqual([0, 4, 8])
    forger.server.act((connection) => connection.write(8, pattern(3_000)))
    forger.frames({ kind: 'stopSending', id: 8, code: 77 })
    expect(forger.server.all('stopSendingReceived')).toMatchObject([{ id: 8, code: 77 }])
    expect(forger.server.connection.write(8, pattern(1))).toBe(false)
    expect(forger.closed).toBeUndefined()
  })

  test('section 10.2.1: stragglers after a close get few answers', () => {
    const forger = new Forger()
    forger.frames({ kind: 'handshakeDone' })
    for (let i = 0; i < 50; i++) forger.frames({ kind: 'ping' })
    expect(forger.world.sent.filter(({ label }) => label.contents === 'close').length).toBeLessThanOrEqual(4)
  })

  test('section 8.2.2: a flood of challenges is answered in part', () => {
    const forger = new Forger()
    const before = forger.world.sent.length
    forger.frames(...Array.from({ length: 100 }, (_, i): Frame => ({ kind: 'pathChallenge', data: new Uint8Array(8).fill(i) })))
    expect(forger.world.sent.slice(before).filter(({ label }) => label.contents === 'path response').length).toBe(4)
  })
})

describe('anything at all', () => {
  test('frames of any bytes under the right keys never throw, and end in a named code or in nothing', () => {
    const codes = new Set<number>(Object.values(TransportError))
    let violations = 0
    fc.assert(fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 5 }), (payloads) => {
      const forger = new Forger()
      for (const bytes of payloads) forger.send((writer) => writer.raw(bytes))
      forger.world.run(100_000)
      const closed = forger.server.all('closed')
      if (closed.some(({ by }) => by === 'local')) violations++
      for (const { by, code } of closed) expect(by !== 'local' || codes.has(code) || (code >= 0x100 && code < 0x200)).toBe(true)
    }), { seed: 3, numRuns: 150 })
    expect(violations).toBeGreaterThan(100)
  })

  test('well-formed frames with hostile numbers never throw', () => {
    const number = fc.oneof(fc.nat(8), fc.nat(2 ** 20), fc.maxSafeNat())
    const bytes = fc.uint8Array({ maxLength: 50 })
    const frame: fc.Arbitrary<Frame> = fc.oneof(
      fc.record({ kind: fc.constant('stream'), id: number, offset: fc.nat(2 ** 40), bytes, fin: fc.boolean() }),
      fc.record({ kind: fc.constant('resetStream'), id: number, code: number, finalSize: number }),
      fc.record({ kind: fc.constant('stopSending'), id: number, code: number }),
      fc.record({ kind: fc.constant('maxStreamData'), id: number, limit: number }),
      fc.record({ kind: fc.constant('maxStreams'), direction: fc.constantFrom('bidi' as const, 'uni' as const), limit: fc.nat(2 ** 40) }),
      fc.record({ kind: fc.constant('maxData'), limit: number }),
      fc.record({ kind: fc.constant('crypto'), offset: number.map((value) => Math.min(value, 2 ** 52)), bytes }),
      fc.record({ kind: fc.constant('retireConnectionId'), sequence: number }),
      fc.tuple(fc.nat(2 ** 30), fc.nat(2 ** 30)).map(([a, b]): Frame => newId(Math.max(a, b), Math.min(a, b), a & 0xff)),
      fc.nat(3_000).map((largest): Frame => ({ kind: 'ack', largest, delay: largest * 2 ** 20, ranges: [largest, 0], ecn: undefined })),
    )
    fc.assert(fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), (frames) => {
      const forger = new Forger()
      for (const one of frames) forger.frames(one)
      forger.world.run(100_000)
      expect(forger.server.connection.state).toMatch(/open|closing|draining|forgotten/)
    }), { seed: 4, numRuns: 150 })
  })

  test('altered and repeated datagrams of a connection do it no harm', () => {
    const world = new World({ seed: 3 })
    const { client, server } = world.open()
    const id = client.act((connection) => connection.openStream('uni'))!
    for (let i = 0; i < 20; i++) {
      client.act((connection) => connection.write(id, pattern(500, i)))
      world.run(5_000)
    }
    const captured = world.sent.filter(({ local }) => local.address === CLIENT)
    // Cut by just the tag, a packet ends with what it says: a stateless reset token that 'tag' protection does not hide.
    const altered = fc.record({ index: fc.nat(), offset: fc.nat(), flip: fc.integer({ min: 1, max: 255 }), cut: fc.nat(15) })
    fc.assert(fc.property(altered, ({ index, offset, flip, cut }) => {
      const { local, remote, ...original } = captured[index % captured.length]
      const bytes = original.bytes.slice(0, Math.max(1, original.bytes.length - cut))
      bytes[offset % bytes.length] ^= flip
      const datagram = { ...original, from: local.address, to: remote.address, fromPort: local.port, toPort: remote.port }
      world.deliver({ ...datagram, bytes })
      world.deliver(datagram)
      world.deliver({ ...datagram, from: 9, fromPort: 99 })
    }), { seed: 4, numRuns: 300 })
    client.act((connection) => connection.write(id, pattern(500, 20), true))
    expect(world.until(() => server.finished.has(id), SECOND_US)).toBe(true)
    expect(Buffer.compare(server.bytes(id), Buffer.concat(Array.from({ length: 21 }, (_, i) => pattern(500, i))))).toBe(0)
    expect(client.has('closed') || server.has('closed')).toBe(false)
  })
})

describe('flow control', () => {
  test.each([
    [1_000, 4_000], [5_000, 5_000], [262_144, 2_000],
  ])('section 4: windows of %i and %i bytes slow down and stall nothing', (streamWindowBytes, connectionWindowBytes) => {
    const settings = { streamWindowBytes, connectionWindowBytes }
    const world = new World({ seed: 2, settings, links: { latencyUsMin: 2_000, latencyUsMax: 6_000, dropPpm: 50_000 } })
    const { client, server } = world.open()
    const ids = [1, 2, 3].map(() => client.act((one) => one.openStream('uni'))!)
    ids.forEach((id, i) => client.act((one) => one.write(id, pattern(30_000, i), true)))
    let inFlightMax = 0
    const isThere = (): boolean => {
      const { recovery } = client.connection
      inFlightMax = Math.max(inFlightMax, recovery.path.congestion.inFlightBytes)
      return ids.every((id) => server.finished.has(id))
    }
    expect(world.until(isThere, 60 * SECOND_US)).toBe(true)
    ids.forEach((id, i) => expect(Buffer.compare(server.bytes(id), pattern(30_000, i))).toBe(0))
    expect(client.has('closed') || server.has('closed')).toBe(false)
  })

  test('section 4.6: the peer\'s limit on streams is kept to, told, and raised as they end', () => {
    const world = new World({ settings: { streamsBidiMax: 4 }, isQlogged: true })
    const { client, server } = world.open()
    const open = (): number | undefined => client.act((connection) => connection.openStream('bidi'))
    const ids = [open(), open(), open(), open()]
    expect(ids).toEqual([0, 4, 8, 12])
    expect(open()).toBeUndefined()
    for (const id of ids) client.act((connection) => connection.write(id!, pattern(10), true))
    world.run(100_000)
    expect(client.all('streamsAvailable').length).toBe(2)
    for (const id of ids) server.act((connection) => connection.write(id!, pattern(10), true))
    world.run(100_000)
    expect(client.all('streamsAvailable').slice(2)).toMatchObject([{ direction: 'bidi' }])
    expect(open()).toBe(16)
    const sent = client.qlog.flatMap(({ name, data }) => (name === 'packet_sent' ? data.frames.map(({ frame_type }) => frame_type) : []))
    expect(sent).toContain('streams_blocked')
  })
})
