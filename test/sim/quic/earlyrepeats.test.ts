/** Handshakes that lose some of their datagrams go on before a probe timeout: RFC 9002, sections 6.2.3 and 6.2.4. */
import { describe, expect, test } from 'vitest'
import type { Datagram } from '../../../sim/net/datagram.ts'
import { EarlyRepeats } from '../../../sim/quic/earlyrepeats.ts'
import { readHeader } from '../../../sim/quic/packet.ts'
import { Recovery, RecoveryPath, Space } from '../../../sim/quic/recovery.ts'
import { PING } from '../../../sim/quic/sentframe.ts'
import { CLIENT, type Program, SECOND_US, SERVER, World } from './world.ts'

const MS = 1_000
const LATENCY_US = 10 * MS
const QUIET = { latencyUsMin: LATENCY_US, latencyUsMax: LATENCY_US }
/** Of a client that has measured nothing: 100 + 4 * 50 ms. */
const CLIENT_PROBE_US = 300 * MS
/** Of a server that is not what the test is about. */
const PATIENT = { initialRttUs: 10 * SECOND_US }

type Fate = (place: number, datagram: Datagram) => boolean

/** A client that connects while the server's datagrams that `isLost` says are lost, by their place from 0 on. */
function connected(isLost: Fate): { readonly world: World; readonly client: Program } {
  const world = new World({ links: QUIET, serverSettings: PATIENT })
  const send = world.fabric.send.bind(world.fabric)
  let place = 0
  world.fabric.send = (datagram, nowUs) => {
    if (datagram.from !== SERVER || !isLost(place++, datagram)) send(datagram, nowUs)
  }
  const client = world.connect()
  return { world, client }
}
const contentsOf = (world: World, from: number, sinceUs = 0): string[] =>
  world.sent.filter(({ local, atUs }) => local.address === from && atUs >= sinceUs).map(({ label }) => label.contents)

describe('section 6.2.3: a handshake is sent again before its probe timeout', () => {
  test('by a server whose client asks again', () => {
    const { world, client } = connected((place) => place < 3)
    expect(world.until(() => client.has('handshakeComplete'), 10 * SECOND_US)).toBe(true)
    expect(world.nowUs).toBeLessThan(CLIENT_PROBE_US + 2 * LATENCY_US + 5 * MS)
    expect(contentsOf(world, SERVER, CLIENT_PROBE_US).filter((contents) => contents === 'crypto').length).toBeGreaterThanOrEqual(3)
  })

  test('by a client that hears what it has no keys for, an eighth of a round trip later', () => {
    const { world, client } = connected((place) => place === 0)
    world.until(() => contentsOf(world, CLIENT).length > 1, SECOND_US)
    expect(world.nowUs).toBe(2 * LATENCY_US + (2 * LATENCY_US >>> 3))
    expect(world.until(() => client.has('handshakeComplete'), 10 * SECOND_US)).toBe(true)
    expect(world.nowUs).toBeLessThan(5 * LATENCY_US)
  })

  test('not by a client whose datagrams overtake each other by less', () => {
    const world = new World({ links: QUIET, serverSettings: PATIENT })
    const send = world.fabric.send.bind(world.fabric)
    let late: Datagram | undefined
    world.fabric.send = (datagram, nowUs) => {
      if (datagram.from !== SERVER || late !== undefined) return send(datagram, nowUs)
      late = datagram
    }
    const client = world.connect()
    world.run(2 * LATENCY_US + 2 * MS)
    expect(world.discarded).toEqual([])
    world.deliver(late!)
    expect(client.has('handshakeComplete')).toBe(true)
    world.run(SECOND_US)
    const hellos = world.sent.filter(({ local, bytes }) => local.address === CLIENT && readHeader(bytes, 0)?.kind === 'initial')
    expect(hellos.map(({ label }) => label.contents)).toEqual(['crypto', 'ack'])
  })

  test('not by a server for the second of two datagrams that ask', () => {
    const { world } = connected((place) => place < 3)
    world.run(CLIENT_PROBE_US + 3 * MS)
    const asked = world.sent.filter(({ local, atUs }) => local.address === CLIENT && atUs === CLIENT_PROBE_US)
    expect(asked.length).toBe(2)
    world.run(LATENCY_US)
    const repeated = world.sent.filter(({ local, label, bytes, atUs }) =>
      local.address === SERVER && atUs > CLIENT_PROBE_US && label.contents === 'crypto' && readHeader(bytes, 0)?.kind === 'initial')
    expect(repeated.length).toBeLessThanOrEqual(2)
  })

  test('eight times, however often the peer asks', () => {
    const path = new RecoveryPath(100 * MS, false)
    const observer = { lost: () => {}, congestionChanged: () => {} }
    const recovery = new Recovery({ isClient: false, probeTimeoutUsMax: Infinity }, path, observer)
    const repeats = new EarlyRepeats(recovery)
    let count = 0
    const owner = { ...PING, probe: () => ++count > 0 }
    const send = (sentUs: number): void => recovery.sent({
      space: Space.initial, number: recovery.nextNumber(Space.initial), sentUs, bytes: 1_200, isEliciting: true, isInFlight: true,
      isMarked: false, isEarly: false, path, datagram: 0, keyLo: 0,
      frames: [{ owner, id: 0, start: 0, end: 1, attempt: 0, fin: false, probed: false }],
    })
    for (let round = 0; round < 20; round++) {
      send(round * SECOND_US)
      repeats.asked(round * SECOND_US + MS)
      expect(count).toBe(Math.min(round, 8))
      repeats.asked(round * SECOND_US + 500 * MS)
      expect(count).toBe(Math.min(round + 1, 8))
    }
  })
})

describe('section 6.2.4: who has nothing to repeat sends two pings, each with an identity of its own', () => {
  const expectPairs = (world: World): void => {
    const pings = world.sent.filter(({ local, label }) => local.address === CLIENT && label.contents === 'ping')
    expect(pings.length).toBeGreaterThanOrEqual(4)
    expect(pings.filter(({ atUs }) => atUs === pings[0].atUs).length).toBe(2)
    expect(new Set(pings.map(({ keyHi, keyLo }) => `${keyHi}.${keyLo}`)).size).toBe(pings.length)
  }

  test('a client whose hello is acknowledged, but not answered', () => {
    const { world } = connected((_place, { label }) => label.contents !== 'ack')
    world.run(3 * SECOND_US)
    expectPairs(world)
  })

  test('a client whose datagram is lost', () => {
    const world = new World({ links: QUIET })
    const { client } = world.open()
    world.run(SECOND_US)
    world.fabric.link(CLIENT, SERVER).set({ down: true })
    client.act((connection) => connection.datagram(new Uint8Array(10)))
    world.run(SECOND_US)
    expectPairs(world)
  })
})
