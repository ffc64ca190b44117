/** What of the port's channels is QUIC's alone; what both transports promise stands in test/sim/transport. */
import { expect, test, vi } from 'vitest'
import { Connection } from '../../../sim/quic/connection.ts'
import { TransportCode } from '../../../sim/transport/codes.ts'
import { ASSETS, CONTROL, FRESH, type Node, numbered, numberOf, ORDERED_ONCE_MORE, UNORDERED, World } from '../transport/world.ts'

const SECOND_US = 1_000_000
const send = (node: Node, channel: number, bytes: Uint8Array): void => node.send({ kind: 'message', on: node.on, channel, bytes })
const numbers = (node: Node, channel: number): number[] => node.messages(channel).map(numberOf)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

test('RFC 9000 section 4.6: few streams at once stall nothing', () => {
  const links = { latencyUsMin: 5_000, latencyUsMax: 15_000, dropPpm: 50_000 }
  const world = new World({ seed: 3, quic: { streamsUniMax: 3 }, links })
  expect(world.connect()).toBe(true)
  for (let i = 0; i < 200; i++) {
    for (const channel of [CONTROL, ASSETS, UNORDERED, ORDERED_ONCE_MORE, FRESH]) send(world.client, channel, numbered(i, 300))
  }
  world.run(20 * SECOND_US)
  expect(numbers(world.host, CONTROL)).toEqual(upTo(200))
  expect(ascending(numbers(world.host, UNORDERED))).toEqual(upTo(200))
  const got = numbers(world.host, ORDERED_ONCE_MORE)
  expect(got).toEqual(ascending(got))
  expect(got.length).toBeGreaterThan(180)
})

test('a client that crashed answers with a reset, and connects anew', () => {
  const world = new World({ links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
  world.connect()
  world.client.endpoint.reset()
  const { on } = world.host
  send(world.host, CONTROL, numbered(1, 10))
  world.run(SECOND_US)
  expect(world.host.closed).toMatchObject({ on, by: 'remote', code: TransportCode.reset })
  expect(world.connect()).toBe(true)
  expect(world.client.opened!.binding).toEqual(world.host.opened!.binding)
})

// Found by mutated datagrams: CONNECTION_CLOSE brought 4294967295, and the port handed it on as a code.
test('a code that no application may use is heard as a violation, and one of the transport as what it is', () => {
  for (const [code, heard] of [[2 ** 32 - 1, TransportCode.protocolViolation], [2 ** 16, TransportCode.protocolViolation],
    [TransportCode.queueOverflow, TransportCode.queueOverflow], [2 ** 16 - 1, 2 ** 16 - 1]]) {
    const world = new World()
    world.connect()
    // No program may say it; a peer's may.
    vi.spyOn(Connection.prototype, 'close').mockImplementationOnce(function (this: Connection, _code, reason, nowUs) {
      this.close(code, reason, nowUs)
    })
    world.client.send({ kind: 'close', on: world.client.on, code: 0 })
    world.run(SECOND_US)
    expect(world.host.closed).toMatchObject({ by: 'remote', code: heard })
    vi.restoreAllMocks()
  }
})
