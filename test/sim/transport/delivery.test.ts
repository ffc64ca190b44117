/** What arrives, how often, in which order: the promises of channels over a network that breaks its own. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LinkSettings } from '../../../sim/net/link.ts'
import { CHANNEL_QUEUE_BYTES_MAX, MESSAGE_BYTES_MAX } from '../../../sim/transport/channel.ts'
import { TransportCode } from '../../../sim/transport/codes.ts'
import {
  ASSETS, CHANNEL_COUNT, CONTROL, FRESH, LOSSY, NEWEST, type Node, numbered, numberOf, ONCE_MORE, ORDERED_ONCE_MORE, UNORDERED, World,
} from './world.ts'

const SECOND_US = 1_000_000
const send = (node: Node, channel: number, bytes: Uint8Array): void => node.send({ kind: 'message', on: node.on, channel, bytes })
const numbers = (node: Node, channel: number): number[] => node.messages(channel).map(numberOf)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

describe.each(['quic', 'webrtc'] as const)('%s', (protocol) => {
  test('under any loss up to 30%, every reliable message arrives exactly once, whole, on an ordered channel in order', () => {
    const links = fc.record({
      dropPpm: fc.nat(300_000), duplicatePpm: fc.nat(50_000), reorderPpm: fc.nat(100_000), corruptPpm: fc.nat(20_000),
      latencyUsMin: fc.integer({ min: 1_000, max: 30_000 }), spreadUs: fc.nat(40_000),
    })
    const size = fc.oneof({ weight: 6, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.nat(6_000) })
    const sizes = fc.array(size, { minLength: 5, maxLength: 60 })
    fc.assert(
      fc.property(fc.nat(), links, sizes, (seed, { spreadUs, ...faults }, lengths) => {
        const world = new World({ seed, protocol, links: { ...faults, latencyUsMax: faults.latencyUsMin + spreadUs } })
        expect(world.connect()).toBe(true)
        lengths.forEach((length, i) => {
          send(world.client, CONTROL, numbered(i, length))
          send(world.host, UNORDERED, numbered(i, length))
          world.run(4_000)
        })
        const count = lengths.length
        const isThere = (): boolean => world.host.messages(CONTROL).length >= count && world.client.messages(UNORDERED).length >= count
        expect(world.until(isThere, 60 * SECOND_US)).toBe(true)
        world.run(SECOND_US)
        expect(numbers(world.host, CONTROL)).toEqual(upTo(count))
        expect(ascending(numbers(world.client, UNORDERED))).toEqual(upTo(count))
        for (const bytes of [...world.host.messages(CONTROL), ...world.client.messages(UNORDERED)]) {
          expect(Buffer.compare(bytes, numbered(numberOf(bytes), lengths[numberOf(bytes)]))).toBe(0)
        }
        // At the least 1 / 0.7 transmissions of each message and an acknowledgement for each; four times that is generous,
        // and a storm is not.
        const datagramsMin = lengths.reduce((sum, length) => sum + 2 * Math.ceil((length + 1) / 1_100), 0)
        expect(world.count('sent')).toBeLessThan(60 + datagramsMin * 2 * 4)
      }),
      { seed: 11, numRuns: 25 },
    )
  })

  test('under any loss: no message of any channel twice or in pieces, and none after a later one where order is asked for', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const faults = { dropPpm: seed * 25_000, duplicatePpm: 50_000, reorderPpm: 100_000, corruptPpm: 20_000 }
      const world = new World({ seed, protocol, links: { ...faults, latencyUsMin: 5_000, latencyUsMax: 30_000 } })
      expect(world.connect(30 * SECOND_US), `seed ${seed}`).toBe(true)
      const lengths = Array.from({ length: 30 }, (_, i) => (i % 6 === 0 ? 4_000 + i * 60 : i * 13))
      lengths.forEach((length, i) => {
        for (let channel = 0; channel < CHANNEL_COUNT; channel++) send(world.client, channel, numbered(i, length))
        world.run(4_000)
      })
      const isThere = (): boolean => [CONTROL, ASSETS, UNORDERED].every((channel) => world.host.messages(channel).length >= lengths.length)
      expect(world.until(isThere, 120 * SECOND_US), `seed ${seed}`).toBe(true)
      world.run(5 * SECOND_US)
      for (const channel of [CONTROL, ASSETS]) expect(numbers(world.host, channel)).toEqual(upTo(lengths.length))
      for (let channel = 0; channel < CHANNEL_COUNT; channel++) {
        const got = numbers(world.host, channel)
        expect(new Set(got).size).toBe(got.length)
        if ([ORDERED_ONCE_MORE, FRESH, NEWEST].includes(channel)) expect(got).toEqual(ascending(got))
        for (const bytes of world.host.messages(channel)) {
          expect(Buffer.compare(bytes, numbered(numberOf(bytes), lengths[numberOf(bytes)]))).toBe(0)
        }
      }
    }
  })

  test('without faults every channel delivers everything, with the latency of the link', () => {
    const world = new World({ protocol, links: { latencyUsMin: 20_000, latencyUsMax: 20_000 } })
    expect(world.connect()).toBe(true)
    // The responder of data channels may write once it has heard of each: RFC 8832, section 6.
    world.run(SECOND_US)
    for (let channel = 0; channel < CHANNEL_COUNT; channel++) send(world.host, channel, numbered(channel, 100))
    const sentUs = world.nowUs
    world.run(20_000)
    const arrived = world.client.seen.filter((input) => input.kind === 'message')
    expect(arrived.map(({ atUs }) => atUs)).toEqual(Array.from({ length: CHANNEL_COUNT }, () => sentUs + 20_000))
  })

  test('partial reliability: 20% loss leaves 1 - 0.2 of max 0 and 1 - 0.2 * 0.2 of max 1', () => {
    const delivered = (channel: number): number => {
      let count = 0
      for (let seed = 1; seed <= 4; seed++) {
        const world = new World({ seed, protocol, links: { latencyUsMin: 15_000, latencyUsMax: 15_000 } })
        expect(world.connect()).toBe(true)
        world.fabric.link(0, 1).set({ dropPpm: 200_000 })
        for (let i = 0; i < 500; i++) {
          send(world.host, channel, numbered(i, 60))
          world.run(10_000)
        }
        world.run(2 * SECOND_US)
        const got = numbers(world.client, channel)
        expect(new Set(got).size).toBe(got.length)
        expect(world.count('abandoned')).toBe(500 - got.length)
        count += got.length
      }
      return count
    }
    // 2000 messages at 0.80: 1600, standard deviation sqrt(2000 * 0.8 * 0.2) = 18; at 0.96: 1920, standard deviation 9. Four of each.
    for (const channel of [LOSSY, NEWEST]) expect(Math.abs(delivered(channel) - 1_600)).toBeLessThan(72)
    for (const channel of [ONCE_MORE, ORDERED_ONCE_MORE]) expect(Math.abs(delivered(channel) - 1_920)).toBeLessThan(36)
  })

  test('an ordered channel that gives up skips what is missing and does not stall', () => {
    const world = new World({ seed: 9, protocol, links: { latencyUsMin: 15_000, latencyUsMax: 15_000, dropPpm: 250_000 } })
    expect(world.connect(30 * SECOND_US)).toBe(true)
    for (let i = 0; i < 300; i++) {
      send(world.host, ORDERED_ONCE_MORE, numbered(i, 80))
      world.run(10_000)
    }
    world.run(5 * SECOND_US)
    const got = numbers(world.client, ORDERED_ONCE_MORE)
    expect(got).toEqual(ascending([...new Set(got)]))
    // 1 - 0.25^2 = 94%: 281 of 300, standard deviation 4.
    expect(got.length).toBeGreaterThan(260)
    expect(got.length).toBeLessThan(300)
    expect(world.count('abandoned')).toBeGreaterThanOrEqual(300 - got.length)
  })

  test('a message that outlives its lifetime is not sent any more', () => {
    const world = new World({ protocol, links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
    expect(world.connect()).toBe(true)
    world.fabric.link(0, 1).set({ down: true })
    send(world.host, FRESH, numbered(1, 50))
    world.run(2 * SECOND_US)
    world.fabric.heal()
    send(world.host, FRESH, numbered(2, 50))
    world.run(5 * SECOND_US)
    expect(numbers(world.client, FRESH)).toEqual([2])
    expect(world.count('abandoned')).toBe(1)
  })

  test('a big message crosses loss whole, and one too big is the caller\'s mistake', () => {
    const world = new World({ seed: 4, protocol, links: { latencyUsMin: 5_000, latencyUsMax: 25_000, dropPpm: 50_000 } })
    expect(world.connect()).toBe(true)
    for (const [i, channel] of [CONTROL, UNORDERED].entries()) {
      send(world.client, channel, numbered(i, MESSAGE_BYTES_MAX))
      expect(world.until(() => world.host.messages(channel).length === 1, 30 * SECOND_US)).toBe(true)
      expect(Buffer.compare(world.host.messages(channel)[0], numbered(i, MESSAGE_BYTES_MAX))).toBe(0)
    }
    expect(() => send(world.client, CONTROL, new Uint8Array(MESSAGE_BYTES_MAX + 1))).toThrow(RangeError)
    expect(() => send(world.client, 99, new Uint8Array(1))).toThrow(RangeError)
  })

  test('an empty message is a message', () => {
    const world = new World({ protocol })
    expect(world.connect()).toBe(true)
    world.run(SECOND_US)
    for (let channel = 0; channel < CHANNEL_COUNT; channel++) for (let i = 0; i < 3; i++) send(world.client, channel, new Uint8Array(i % 2))
    world.run(SECOND_US)
    for (let channel = 0; channel < CHANNEL_COUNT; channel++) {
      expect(world.host.messages(channel).map(({ length }) => length)).toEqual([0, 1, 0])
    }
  })

  test('loss on one channel does not delay another', () => {
    const links: Partial<LinkSettings> = { latencyUsMin: 20_000, latencyUsMax: 20_000 }
    const world = new World({ protocol, links })
    expect(world.connect()).toBe(true)
    world.fabric.link(1, 0).set({ down: true })
    send(world.client, ASSETS, numbered(0, 500))
    world.run(1_000)
    world.fabric.heal()
    send(world.client, ASSETS, numbered(1, 500))
    send(world.client, CONTROL, numbered(2, 100))
    const sentUs = world.nowUs
    world.run(2 * SECOND_US)
    const atUs = (channel: number): number => world.host.seen.find((input) => input.kind === 'message' && input.channel === channel)!.atUs
    expect(atUs(CONTROL)).toBe(sentUs + 20_000)
    expect(numbers(world.host, ASSETS)).toEqual([0, 1])
    // The lost one needs a round trip more.
    expect(atUs(ASSETS)).toBeGreaterThanOrEqual(sentUs + 60_000)
  })

  test('the most urgent channel goes first when the window is short', () => {
    const world = new World({ protocol, links: { latencyUsMin: 20_000, latencyUsMax: 20_000 } })
    expect(world.connect()).toBe(true)
    for (let i = 0; i < 4; i++) send(world.client, ASSETS, numbered(i, 60_000))
    send(world.client, CONTROL, numbered(9, 100))
    expect(world.until(() => world.host.messages(CONTROL).length === 1, 10 * SECOND_US)).toBe(true)
    expect(world.host.messages(ASSETS).length).toBeLessThan(2)
  })

  test('several small messages share a datagram, and a message names the datagrams that carried it', () => {
    const world = new World({ protocol })
    expect(world.connect()).toBe(true)
    world.run(SECOND_US)
    let count = 0
    world.client.onInput = (input) => {
      if (input.kind !== 'message' || numberOf(input.bytes) !== 0) return
      // What a handler sends while inputs are drained leaves together.
      const { endpoint, on } = world.client
      for (let i = 1; i <= 10; i++) endpoint.send({ kind: 'message', on, channel: i % 4, bytes: numbered(i, 50) }, world.nowUs)
      count = world.count('sent')
    }
    send(world.host, CONTROL, numbered(0, 10))
    world.run(6_000)
    world.run(6_000)
    expect(world.host.seen.filter((input) => input.kind === 'message').length).toBe(10)
    expect(world.count('sent') - count).toBeLessThanOrEqual(2)
    const sent = new Set(world.records.flatMap((record) => (record.kind === 'sent' && record.from === 1 ? [record.datagram] : [])))
    for (const input of world.host.seen) {
      if (input.kind !== 'message') continue
      expect(input.datagrams!.length).toBe(1)
      expect(sent.has(input.datagrams![0])).toBe(true)
    }
  })

  test.each([CONTROL, UNORDERED])('a reliable queue (%d) past its bound ends the connection; a lossy one loses its oldest', (reliable) => {
    const world = new World({ protocol })
    expect(world.connect()).toBe(true)
    world.fabric.link(1, 0).set({ down: true })
    world.fabric.link(0, 1).set({ down: true })
    for (let sent = 0; sent <= CHANNEL_QUEUE_BYTES_MAX + 200_000; sent += 60_000) send(world.client, LOSSY, numbered(sent, 60_000))
    expect(world.count('overflow')).toBeGreaterThan(0)
    expect(world.client.closed).toBeUndefined()
    for (let sent = 0; sent <= CHANNEL_QUEUE_BYTES_MAX + 400_000; sent += 60_000) send(world.client, reliable, numbered(sent, 60_000))
    expect(world.client.closed).toMatchObject({ by: 'local', code: TransportCode.queueOverflow, ticket: 7 })
  })

  test('more than every window flows through, and a channel that was blocked is told its credit', () => {
    const world = new World({ protocol, links: { latencyUsMin: 2_000, latencyUsMax: 2_000 } })
    expect(world.connect()).toBe(true)
    for (let i = 0; i < 15; i++) send(world.client, CONTROL, numbered(i, 60_000))
    for (let i = 0; i < 15; i++) send(world.client, UNORDERED, numbered(i, 60_000))
    world.run(10 * SECOND_US)
    for (let i = 15; i < 30; i++) send(world.client, CONTROL, numbered(i, 60_000))
    world.run(10 * SECOND_US)
    expect(numbers(world.host, CONTROL)).toEqual(upTo(30))
    expect(ascending(numbers(world.host, UNORDERED))).toEqual(upTo(15))
    expect(world.client.seen.filter((input) => input.kind === 'credit' && input.channel === CONTROL).length).toBe(2)
    const path = world.client.seen.filter((input) => input.kind === 'path')
    expect(path.length).toBeGreaterThan(1)
    for (let i = 1; i < path.length; i++) expect(path[i].atUs - path[i - 1].atUs).toBeGreaterThanOrEqual(100_000)
  })

  test('two runs of a seed are the same, datagram for datagram', () => {
    const run = (seed: number): string => {
      const links = { latencyUsMin: 5_000, latencyUsMax: 30_000, dropPpm: 100_000, duplicatePpm: 20_000, corruptPpm: 10_000 }
      const world = new World({ seed, protocol, links })
      world.connect()
      for (let i = 0; i < 50; i++) {
        send(world.host, i % CHANNEL_COUNT, numbered(i, 20 * i))
        world.run(9_000)
      }
      return JSON.stringify([world.records, world.client.seen])
    }
    expect(run(1)).toBe(run(1))
    expect(run(1)).not.toBe(run(2))
  })
})
