/** What a connection bears of its peer, of others and of its paths: RFC 9000, sections 5.1, 7.2, 8.2.4, 14.1, 17.2.2 and 19.15. */
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { DatagramBuilder } from '../../../sim/quic/builder.ts'
import { RemoteIds } from '../../../sim/quic/connectionids.ts'
import { ControlFrames } from '../../../sim/quic/control.ts'
import { type NewConnectionIdFrame, writeFrame } from '../../../sim/quic/frames.ts'
import { connectionIdOf, firstDestination } from '../../../sim/quic/names.ts'
import { initialKeys } from '../../../sim/quic/protection.ts'
import { CLIENT, type Program, SECOND_US, SERVER, World } from './world.ts'

const QUIET = { latencyUsMin: 10_000, latencyUsMax: 10_000 }
const NO_BYTES = new Uint8Array(0)
const newId = (sequence: number, retirePriorTo = 0): NewConnectionIdFrame => ({
  kind: 'newConnectionId', sequence, retirePriorTo, id: new Uint8Array(8).fill(sequence), resetToken: new Uint8Array(16).fill(sequence),
})

describe('section 19.15: an id that is told again after it was retired stays retired', () => {
  test('where its path was left', () => {
    const ids = new RemoteIds(2, new ControlFrames())
    const first = ids.setFirst(new Uint8Array(8))
    expect(ids.receive(newId(1))).toBeUndefined()
    const second = ids.fresh()!
    ids.retire(first)
    expect(ids.receive(newId(2))).toBeUndefined()
    ids.retire(second)
    expect(ids.receive(newId(3))).toBeUndefined()
    // Active are 2 and 3: one more would be more than allowed.
    expect(ids.receive(newId(1))).toBeUndefined()
    expect([ids.fresh()?.sequence, ids.fresh()?.sequence, ids.fresh()?.sequence]).toEqual([2, 3, undefined])
  })

  test('where the peer wanted it back', () => {
    const ids = new RemoteIds(2, new ControlFrames())
    ids.setFirst(new Uint8Array(8))
    for (const frame of [newId(1), newId(3, 2), newId(1), newId(2, 2)]) expect(ids.receive(frame)).toBeUndefined()
    expect([ids.fresh()?.sequence, ids.fresh()?.sequence, ids.fresh()?.sequence]).toEqual([2, 3, undefined])
  })
})

interface Forged {
  readonly by: 'client' | 'server'
  readonly source?: Uint8Array
  readonly token?: Uint8Array
  readonly bytesMin?: number
}

/** What becomes of an Initial packet of anybody who saw the first, at the end that it is meant for. */
function forge(options: Forged): { readonly discarded: readonly string[]; readonly closed: boolean } {
  const { by, token = NO_BYTES, bytesMin = 1_200 } = options
  const world = new World({ links: QUIET })
  const client = world.connect()
  const { number } = client.connection
  // The server has answered, the client has not heard it yet.
  world.run(15_000)
  const [own, peer] = by === 'client' ? ['client', 'server'] as const : ['server', 'client'] as const
  const builder = new DatagramBuilder(new Writer(), false)
  builder.begin(1_200, 0)
  builder.open({
    level: 'initial', keys: initialKeys('tag', firstDestination(number), own), destination: connectionIdOf(number, peer, 0),
    source: options.source ?? connectionIdOf(number, own, 0), token, number: 9, largestAcked: -1, keyPhase: 0,
  })
  writeFrame(builder.writer, { kind: 'close', isApplication: false, code: 1, frameType: 0, reason: NO_BYTES })
  builder.close(true)
  const [from, to] = by === 'client' ? [CLIENT, SERVER] : [SERVER, CLIENT]
  const [fromPort, toPort] = by === 'client' ? [5_000, 443] : [443, 5_000]
  world.deliver({
    id: 1, from, to, fromPort, toPort, ecn: Ecn.notCapable, keyHi: 0, keyLo: 0, bytes: builder.finish(bytesMin), label: world.sent[0].label,
  })
  const target: Program = by === 'client' ? world.serverOf(client)! : client
  return { discarded: world.discarded, closed: target.has('closed') }
}

describe('Initial packets of others', () => {
  const OTHER = new Uint8Array(8).fill(0xee)
  const GONE = { discarded: ['unknown'], closed: false }
  const HEARD = { discarded: [], closed: true }

  test.each<[string, Forged, typeof GONE | typeof HEARD]>([
    ['section 7.2: the peer\'s own id is heard', { by: 'client' }, HEARD],
    ['section 7.2: another id is not', { by: 'client', source: OTHER }, GONE],
    ['section 14.1: a datagram that is not full is not', { by: 'client', bytesMin: 0 }, GONE],
    ['section 7.2: a client learns the server\'s id from the first', { by: 'server', source: OTHER }, HEARD],
    ['section 17.2.2: a server has no token', { by: 'server', token: OTHER }, GONE],
  ])('%s', (_, forged, expected) => {
    expect(forge(forged)).toEqual(expected)
  })
})

test('section 8.2.4: a path that is slower by far than the last has time to answer', () => {
  const world = new World({ links: QUIET })
  const { client, server } = world.open()
  world.run(SECOND_US)
  world.alsoAt(3, client)
  for (const [from, to] of [[3, SERVER], [SERVER, 3]]) world.fabric.link(from, to).set({ latencyUsMin: 200_000, latencyUsMax: 200_000 })
  expect(client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))).toBe(true)
  world.run(2 * SECOND_US)
  for (const { connection } of [client, server]) expect(connection.path.isValidated && connection.path.failsUs === Infinity).toBe(true)
  expect([client.connection.path.local.address, server.connection.path.remote.address]).toEqual([3, 3])
})

describe('a Retry', () => {
  test('RFC 9002 section 6.3: makes an end of the backoff', () => {
    const world = new World({ links: { ...QUIET, down: true }, isRetryWanted: true })
    const client = world.connect()
    world.run(400_000)
    expect(client.connection.recovery.backoff).toBe(1)
    for (const [from, to] of [[CLIENT, SERVER], [SERVER, CLIENT]]) world.fabric.link(from, to).set({ down: false })
    world.until(() => world.sent.some(({ label }) => label.contents === 'retry'), SECOND_US)
    expect(client.connection.recovery.backoff).toBe(2)
    world.run(10_000)
    expect([client.connection.recovery.backoff, client.has('handshakeComplete')]).toEqual([0, false])
  })

  test('RFC 9001 section 4.9.1: a server lets go of Initial keys with the first Handshake packet, after a Retry, too', () => {
    const world = new World({ links: QUIET, isRetryWanted: true, isQlogged: true })
    const { server } = world.open()
    const said = server.qlog.map((event) => (event.name === 'key_discarded' ? event.data.key_type
      : event.name === 'connection_state_updated' ? event.data.new : ''))
    expect(said.indexOf('client_initial_secret')).toBeGreaterThan(0)
    expect(said.indexOf('client_initial_secret')).toBeLessThan(said.indexOf('handshake_complete'))
  })
})
