/** The beginning and the end of connections, and what happens to them between: RFC 9000, sections 5 to 10; RFC 9001, sections 4 and 6. */
import { describe, expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX, Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { TransportError } from '../../../sim/quic/errors.ts'
import { readHeader } from '../../../sim/quic/packet.ts'
import { SESSION_SETTINGS } from '../../../sim/quic/session.ts'
import { CLIENT, pattern, type Program, SECOND_US, SERVER, World } from './world.ts'

const QUIET = { latencyUsMin: 10_000, latencyUsMax: 10_000 }
const ROUND_TRIP_US = 20_000

/** Sends so many bytes on a new stream and waits until they are there. */
function transfer(world: World, from: Program, to: Program, length: number): void {
  const id = from.act((connection) => connection.openStream('uni'))!
  from.act((connection) => connection.write(id, pattern(length), true))
  expect(world.until(() => to.finished.has(id), 20 * SECOND_US)).toBe(true)
  expect(Buffer.compare(to.bytes(id), pattern(length))).toBe(0)
}

describe('before the connection', () => {
  test('section 14.1: datagrams with Initial packets that ask for an answer fill 1200 bytes', () => {
    const world = new World({ links: QUIET })
    world.open()
    const initials = world.sent.filter(({ bytes }) => readHeader(bytes, 0)?.kind === 'initial')
    expect(initials.length).toBeGreaterThan(1)
    for (const { bytes, label } of initials) expect(bytes.length === DATAGRAM_BYTES_MAX || label.contents === 'ack').toBe(true)
  })

  test.each(['tag', 'aead'] as const)('section 8.1.2: a Retry costs a round trip and the connection opens (%s)', (protection) => {
    const world = new World({ settings: { protection }, links: QUIET, isRetryWanted: true })
    const client = world.connect()
    expect(world.until(() => client.has('handshakeComplete'), SECOND_US)).toBe(true)
    expect(world.nowUs).toBe(2 * ROUND_TRIP_US)
    expect(world.sent.filter(({ label }) => label.contents === 'retry').length).toBe(1)
    transfer(world, client, world.serverOf(client)!, 5_000)
  })

  test('section 8.1.3: a token of an earlier connection spares the Retry', () => {
    const world = new World({ links: QUIET, isRetryWanted: true })
    const { client } = world.open()
    world.run(SECOND_US)
    const [{ token }] = client.all('token')
    const startUs = world.nowUs
    const again = world.connect({ token })
    expect(world.until(() => again.has('handshakeComplete'), SECOND_US)).toBe(true)
    expect(world.nowUs - startUs).toBe(ROUND_TRIP_US)
  })

  test('section 6: a server answers a version that it does not speak with those that it does, and only to a full datagram', () => {
    const world = new World({ links: QUIET })
    const first = world.connect() && world.sent[0]
    const bytes = first.bytes.slice()
    bytes[4] = 0x99
    const { label } = first
    const datagram = { id: 9_999, from: CLIENT, to: SERVER, fromPort: 5_000, toPort: 443, ecn: Ecn.notCapable, keyHi: 1, keyLo: 1, label }
    world.deliver({ ...datagram, bytes: bytes.subarray(0, 1_000) })
    expect(world.sent.length).toBe(1)
    world.deliver({ ...datagram, bytes })
    const answer = readHeader(world.sent[1].bytes, 0)
    expect(answer).toMatchObject({ kind: 'versionNegotiation', versions: [0x1a2a_3a4a, 1] })
  })

  test('section 6.2: a client ends where its version is not offered, and ignores a list that has it', () => {
    for (const [version, isEnd] of [[1, false], [0xff, true]] as const) {
      const world = new World({ links: { ...QUIET, down: true } })
      const client = world.connect()
      const header = readHeader(world.sent[0].bytes, 0)
      if (header?.kind !== 'initial') throw new Error('no Initial')
      const writer = new Writer()
      writer.begin(100)
      writer.u8(0xc0)
      writer.u32(0)
      for (const id of [header.source, header.destination]) {
        writer.u8(id.length)
        writer.raw(id)
      }
      writer.u32(version)
      world.deliver({
        id: 1, from: SERVER, to: CLIENT, fromPort: 443, toPort: 5_000, ecn: Ecn.notCapable, keyHi: 0, keyLo: 0, bytes: writer.finish(),
        label: world.sent[0].label,
      })
      expect(client.all('closed').map(({ by }) => by)).toEqual(isEnd ? ['version'] : [])
    }
  })

  test('section 5.2.2: a server that takes no connection refuses it and keeps nothing', () => {
    const world = new World({ links: QUIET, accepts: () => false })
    const client = world.connect()
    world.run(SECOND_US)
    expect(client.all('closed')).toMatchObject([{ by: 'remote', code: TransportError.connectionRefused }])
    expect(world.programs.length).toBe(1)
  })

  test('section 8.1: a server sends at most three times what it received before the address is proven', () => {
    for (const dropPpm of [0, 300_000]) {
      for (let seed = 1; seed <= 10; seed++) {
        const world = new World({ seed, links: { ...QUIET, dropPpm }, serverTls: { certificateBytes: 12_000 } })
        let received = 0
        let sent = 0
        const { fabric } = world
        const send = fabric.send.bind(fabric)
        fabric.send = (datagram, nowUs) => {
          if (datagram.from === SERVER) sent += datagram.bytes.length
          const client = world.programs[0]
          if (client !== undefined && !world.serverOf(client)?.connection.path.isValidated) expect(sent).toBeLessThanOrEqual(3 * received)
          send(datagram, nowUs)
        }
        const { listener } = world
        const receive = listener.receive.bind(listener)
        listener.receive = (datagram, nowUs) => {
          received += datagram.bytes.length
          return receive(datagram, nowUs)
        }
        const client = world.connect()
        expect(world.until(() => client.has('confirmed'), 10 * SECOND_US), `seed ${seed}`).toBe(true)
        expect(sent).toBeGreaterThan(3_600)
      }
    }
  })

  test('RFC 9002 section 6.2.2.1: the client breaks the deadlock of a server that may not send', () => {
    const world = new World({ links: QUIET, serverTls: { certificateBytes: 6_000 } })
    const client = world.connect()
    // All of the server's first flight is lost, and nothing of the client is in flight once its Initial is acknowledged.
    world.fabric.link(SERVER, CLIENT).set({ down: true })
    world.run(15_000)
    world.fabric.heal()
    expect(world.until(() => client.has('confirmed'), 5 * SECOND_US)).toBe(true)
  })
})

describe('0-RTT', () => {
  const ticketOf = (world: World) => {
    const { client } = world.open()
    world.run(SECOND_US)
    return client.all('ticket')[0].ticket
  }

  test('RFC 9001 section 4.6: early data arrives with the first flight', () => {
    const world = new World({ links: QUIET, serverTls: { acceptZeroRtt: true } })
    const ticket = ticketOf(world)
    const startUs = world.nowUs
    const client = world.connect({ tls: { ticket, requestZeroRtt: true } })
    const id = client.act((connection) => connection.openStream('bidi'))!
    client.act((connection) => connection.write(id, pattern(3_000), true))
    world.until(() => world.serverOf(client)?.finished.has(id) === true, SECOND_US)
    const server = world.serverOf(client)!
    expect(world.nowUs - startUs).toBeLessThanOrEqual(ROUND_TRIP_US / 2 + ROUND_TRIP_US)
    expect(Buffer.compare(server.bytes(id), pattern(3_000))).toBe(0)
    world.run(SECOND_US)
    expect(client.all('handshakeComplete')).toMatchObject([{ isResumed: true, earlyData: 'accepted' }])
    const ours = world.sent.filter(({ label }) => label.connection === client.connection.number)
    expect(ours.map(({ bytes }) => readHeader(bytes, 0)?.kind)).toContain('zeroRtt')
  })

  test('RFC 9001 section 4.6.2: what is rejected goes again as 1-RTT', () => {
    const world = new World({ links: QUIET, serverTls: { acceptZeroRtt: true } })
    const ticket = ticketOf(world)
    const other = new World({ links: QUIET, serverTls: { acceptZeroRtt: false } })
    const client = other.connect({ tls: { ticket, requestZeroRtt: true } })
    const id = client.act((connection) => connection.openStream('bidi'))!
    client.act((connection) => connection.write(id, pattern(3_000), true))
    expect(other.until(() => other.serverOf(client)?.finished.has(id) === true, SECOND_US)).toBe(true)
    // As soon as the server's answer says so, not when loss detection finds out.
    expect(other.nowUs).toBe(ROUND_TRIP_US + ROUND_TRIP_US / 2)
    expect(client.all('handshakeComplete')).toMatchObject([{ earlyData: 'rejected' }])
    expect(Buffer.compare(other.serverOf(client)!.bytes(id), pattern(3_000))).toBe(0)
  })

  test('section 17.2.5.3: a Retry does not lose early data', () => {
    const world = new World({ links: QUIET, isRetryWanted: true, serverTls: { acceptZeroRtt: true } })
    const ticket = ticketOf(world)
    const client = world.connect({ tls: { ticket, requestZeroRtt: true } })
    const id = client.act((connection) => connection.openStream('uni'))!
    client.act((connection) => connection.write(id, pattern(2_000), true))
    expect(world.until(() => world.serverOf(client)?.finished.has(id) === true, SECOND_US)).toBe(true)
    world.run(SECOND_US)
    expect(client.all('handshakeComplete')).toMatchObject([{ earlyData: 'accepted' }])
  })
})

describe('keys', () => {
  test.each(['tag', 'aead'] as const)('RFC 9001 section 6: keys are updated by either end, over loss (%s)', (protection) => {
    const world = new World({ seed: 5, settings: { protection }, links: { ...QUIET, dropPpm: 100_000, latencyUsMax: 25_000 } })
    const { client, server } = world.open()
    for (let round = 0; round < 6; round++) {
      transfer(world, client, server, 20_000)
      transfer(world, server, client, 20_000)
      world.run(SECOND_US)
      expect((round % 2 === 0 ? client : server).act((connection) => connection.updateKeys())).toBe(true)
    }
    transfer(world, server, client, 20_000)
    expect(client.all('keyUpdated').map(({ by }) => by)).toEqual(['local', 'remote', 'local', 'remote', 'local', 'remote'])
    expect(server.all('keyUpdated').map(({ keyPhase }) => keyPhase)).toEqual([1, 2, 3, 4, 5, 6])
    expect(client.has('closed') || server.has('closed')).toBe(false)
  })

  test('RFC 9001 section 6.1: no second update before the first is acknowledged', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    transfer(world, client, server, 2_000)
    world.run(SECOND_US)
    const update = (): boolean => client.act((connection) => connection.updateKeys())
    expect(update()).toBe(true)
    expect(update()).toBe(false)
    client.act((connection) => connection.ping())
    expect(update()).toBe(false)
    world.run(SECOND_US)
    expect(update()).toBe(true)
  })
})

describe('paths', () => {
  test('section 9.3: a NAT that forgets is followed, the path validated, and little is sent before', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    const send = world.fabric.send.bind(world.fabric)
    let rebound = 0
    world.fabric.send = (datagram, nowUs) => {
      if (datagram.toPort === 6_000) rebound++
      const isRebound = nowUs >= SECOND_US
      if (datagram.from === CLIENT) send({ ...datagram, fromPort: isRebound ? 6_000 : 5_000 }, nowUs)
      else if (datagram.toPort === (isRebound ? 6_000 : 5_000)) send({ ...datagram, toPort: 5_000 }, nowUs)
    }
    world.run(SECOND_US)
    transfer(world, client, server, 30_000)
    transfer(world, server, client, 30_000)
    expect(rebound).toBeGreaterThan(20)
    expect(server.connection.path.remote.port).toBe(6_000)
    expect(server.all('pathChanged').map(({ isValidated }) => isValidated)).toEqual([false, true])
  })

  test('section 9: a client moves to another address with another connection id, and goes on', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    transfer(world, client, server, 5_000)
    world.run(SECOND_US)
    world.alsoAt(3, client)
    const before = server.connection.path.remoteId
    const idOf = (bytes: Uint8Array): string => Buffer.from(readHeader(bytes, 0)!.destination).toString('hex')
    const oldIds = new Set(world.sent.map(({ bytes }) => idOf(bytes)))
    expect(client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))).toBe(true)
    const moved = world.sent.length
    transfer(world, client, server, 50_000)
    transfer(world, server, client, 50_000)
    expect(server.connection.path.remote).toEqual({ address: 3, port: 7_000 })
    expect(client.all('pathChanged').at(-1)).toMatchObject({ isValidated: true })
    expect(server.connection.path.remoteId).not.toBe(before)
    // Section 9.5: nothing that an onlooker could tie to the old path.
    const onNewPath = world.sent.slice(moved).filter(({ local, remote }) => local.address === 3 || remote.address === 3)
    expect(onNewPath.filter(({ bytes }) => oldIds.has(idOf(bytes)))).toEqual([])
  })

  test.each([false, true])('section 5.1.2: a client moves again and again: ids that are left are replaced (for good: %s)', (hasLeft) => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    for (let address = 3; address < 11; address++) {
      world.run(SECOND_US)
      world.alsoAt(address, client)
      expect(client.act((connection, nowUs) => connection.migrate({ address, port: 7_000 }, nowUs, hasLeft))).toBe(true)
      transfer(world, client, server, 5_000)
      expect(server.connection.path.remote.address).toBe(address)
    }
  })

  test('section 9.3.2: a path that leads nowhere is given up', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    world.run(SECOND_US)
    world.alsoAt(3, client)
    world.fabric.link(SERVER, 3).set({ down: true })
    world.fabric.link(3, SERVER).set({ down: true })
    client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))
    world.run(2 * SECOND_US)
    expect(client.connection.path.local.address).toBe(CLIENT)
    transfer(world, client, server, 5_000)
  })

  test('section 9.3.2: who has left its address for good waits where it is', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    world.run(SECOND_US)
    world.alsoAt(3, client)
    world.fabric.link(SERVER, 3).set({ down: true })
    world.fabric.link(3, SERVER).set({ down: true })
    client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs, true))
    world.run(2 * SECOND_US)
    expect(client.connection.path.local.address).toBe(3)
    world.fabric.heal()
    transfer(world, client, server, 5_000)
    world.run(SECOND_US)
    transfer(world, server, client, 5_000)
    expect(server.all('pathChanged').at(-1)).toMatchObject({ isValidated: true })
  })

  test('section 8.2.4: the validation of a path outlives the loss of its first response, however short the round trip was before', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    transfer(world, server, client, 50_000)
    world.run(SECOND_US)
    world.alsoAt(3, client)
    const send = world.fabric.send.bind(world.fabric)
    let isFirst = true
    world.fabric.send = (datagram, nowUs) => {
      const isLost = isFirst && datagram.from === 3 && datagram.label.contents === 'path response'
      if (isLost) isFirst = false
      else send(datagram, nowUs)
    }
    client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))
    for (let i = 0; i < 30; i++) {
      transfer(world, client, server, 2_000)
      world.run(50_000)
    }
    expect(isFirst).toBe(false)
    // No more often than an Initial packet to somebody unknown: RFC 9002, section 6.2.1, with half of the round trip as its variation.
    const challengedUs = world.sent.filter(({ remote, label }) => remote.address === 3 && / challenge|response/.test(label.contents))
    expect(challengedUs.length).toBe(2)
    expect(challengedUs[1].atUs - challengedUs[0].atUs).toBe(3 * SESSION_SETTINGS.initialRttUs)
    // Not once back to the old path and forth again.
    expect(server.all('pathChanged').map(({ isValidated }) => isValidated)).toEqual([false, true])
  })

  test('section 9.5: who comes back to a path that was left is met there under another connection id', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    world.run(SECOND_US)
    world.alsoAt(3, client)
    // The client never hears that the new path works, while the server has no doubt and lets go of the old one's id.
    const send = world.fabric.send.bind(world.fabric)
    world.fabric.send = (datagram, nowUs) => {
      if (datagram.from !== SERVER || datagram.label.contents !== 'path response') send(datagram, nowUs)
    }
    client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))
    transfer(world, client, server, 5_000)
    world.run(SECOND_US)
    expect(server.all('pathChanged').at(-1)).toMatchObject({ isValidated: true })
    expect(client.connection.path.local.address).toBe(CLIENT)
    transfer(world, client, server, 5_000)
    transfer(world, server, client, 5_000)
  })

  // Found by the fuzz (quic programs, case 1994689): a program that updated keys behind the close heard of that.
  test('whatever a program asks for after the end, nothing follows \'closed\'', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    transfer(world, client, server, 5_000)
    world.run(SECOND_US)
    client.act((connection, nowUs) => connection.close(3, '', nowUs))
    expect(client.connection.updateKeys()).toBe(false)
    for (let i = 0; i < 5_000; i++) client.act((connection) => connection.datagram(new Uint8Array(1_000)))
    client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))
    world.run(SECOND_US)
    expect(client.events.at(-1)).toMatchObject({ kind: 'closed', by: 'local', code: 3 })
  })

  test('section 18.2: disable_active_migration forbids to move', () => {
    const world = new World({ links: QUIET, serverSettings: { disableActiveMigration: true } })
    const { client } = world.open()
    world.run(SECOND_US)
    expect(client.connection.migrate({ address: 3, port: 7_000 }, world.nowUs)).toBe(false)
  })
})

describe('congestion that is told', () => {
  test('section 13.4: packets are marked, a mark of congestion halves the window once, and loses nothing', () => {
    const world = new World({ links: QUIET })
    const { client, server } = world.open()
    transfer(world, client, server, 100_000)
    expect(client.connection.path.recovery.ecn.state).toBe('capable')
    const before = client.connection.path.recovery.congestion.windowBytes
    const send = world.fabric.send.bind(world.fabric)
    world.fabric.send = (datagram, nowUs) => {
      send({ ...datagram, ecn: datagram.from === CLIENT ? Ecn.congestionExperienced : datagram.ecn }, nowUs)
    }
    transfer(world, client, server, 1_000)
    world.run(SECOND_US)
    expect(client.connection.path.recovery.congestion.windowBytes).toBe(before >>> 1)
    expect(client.lostCount).toBe(0)
  })

  test('section 13.4.2: a path that wipes the mark out is used without', () => {
    const world = new World({ links: QUIET })
    const send = world.fabric.send.bind(world.fabric)
    world.fabric.send = (datagram, nowUs) => send({ ...datagram, ecn: Ecn.notCapable }, nowUs)
    const { client, server } = world.open()
    transfer(world, client, server, 50_000)
    expect(client.connection.path.recovery.ecn.state).toBe('failed')
    expect(world.sent.at(-1)!.ecn).toBe(Ecn.notCapable)
  })
})

describe('the end', () => {
  test('section 10.2: a close brings its code, ends both ends, and is told again where it was lost', () => {
    for (const isLost of [false, true]) {
      const world = new World({ links: QUIET })
      const { client, server } = world.open()
      world.run(SECOND_US)
      world.fabric.link(CLIENT, SERVER).set({ down: isLost })
      client.act((connection, nowUs) => connection.close(42, 'enough', nowUs))
      world.run(1_000)
      world.fabric.heal()
      world.run(SECOND_US)
      expect(client.all('closed')).toMatchObject([{ by: 'local', code: 42 }])
      expect(server.all('closed')).toMatchObject([{ by: 'remote', code: 42, isApplication: true, reason: 'enough' }])
      for (const { connection } of [client, server]) expect([connection.isForgotten, connection.nextWakeUs()]).toEqual([true, Infinity])
    }
  })

  test('section 10.2.3: a close during the handshake says nothing of the application', () => {
    const world = new World({ links: QUIET })
    const client = world.connect()
    client.act((connection, nowUs) => connection.close(42, 'secret', nowUs))
    world.run(SECOND_US)
    const [closed] = world.serverOf(client)!.all('closed')
    expect(closed).toMatchObject({ by: 'remote', isApplication: false, code: TransportError.applicationError, reason: '' })
  })

  test('section 10.1: the lesser idle timeout of both ends it', () => {
    const world = new World({ links: QUIET, serverSettings: { idleTimeoutUs: 3_000_000 } })
    const { client, server } = world.open()
    world.run(2 * SECOND_US)
    expect(client.has('closed')).toBe(false)
    world.run(2 * SECOND_US)
    for (const program of [client, server]) expect(program.all('closed')).toMatchObject([{ by: 'idle' }])
  })

  test.each([1, 10, 100])('section 10.3: a server that forgot answers %i bytes with a stateless reset', (length) => {
    const world = new World({ links: QUIET })
    const { client } = world.open()
    world.run(SECOND_US)
    world.listener.clear()
    const id = client.act((connection) => connection.openStream('uni'))!
    client.act((connection) => connection.write(id, pattern(length)))
    world.run(ROUND_TRIP_US)
    expect(client.all('closed')).toMatchObject([{ by: 'reset' }])
  })

  test('RFC 8446 section 6.2: a bad certificate ends the handshake with its alert', () => {
    const world = new World({ links: QUIET, serverTls: { certificate: 'expired' } })
    const client = world.connect()
    world.run(SECOND_US)
    expect(client.all('closed')).toMatchObject([{ by: 'local', isApplication: false, code: 0x100 + 45 }])
    expect(world.serverOf(client)!.all('closed')).toMatchObject([{ by: 'remote', code: 0x100 + 45 }])
  })
})
