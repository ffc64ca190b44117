/** The port's channels over QUIC: what arrives, how often, in which order, and under which names. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Choice, type Chooser, type Odds, SeededChooser } from '../../../sim/choice.ts'
import { RecordingChooser } from '../../../sim/steer.ts'
import { CHANNEL_QUEUE_BYTES_MAX, MESSAGE_BYTES_MAX } from '../../../sim/transport/channel.ts'
import { TransportCode } from '../../../sim/transport/codes.ts'
import {
  ASSETS, CONTROL, FRESH, LOSSY, NEWEST, type Node, numbered, numberOf, ONCE_MORE, ORDERED_ONCE_MORE, UNORDERED, World,
} from './sessions.ts'

const SECOND_US = 1_000_000
const send = (node: Node, channel: number, bytes: Uint8Array): void => node.send({ kind: 'message', on: node.on, channel, bytes })
const numbers = (node: Node, channel: number): number[] => node.messages(channel).map(numberOf)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

describe('what arrives', () => {
  test('under any loss: reliable messages exactly once and whole, any other at most once, and order where it is asked for', () => {
    const links = fc.record({
      dropPpm: fc.nat(300_000), duplicatePpm: fc.nat(50_000), reorderPpm: fc.nat(100_000), corruptPpm: fc.nat(20_000),
      latencyUsMin: fc.integer({ min: 1_000, max: 30_000 }), spreadUs: fc.nat(40_000),
    })
    const size = fc.oneof({ weight: 6, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.nat(6_000) })
    fc.assert(fc.property(fc.nat(), links, fc.array(size, { minLength: 5, maxLength: 40 }), (seed, { spreadUs, ...faults }, lengths) => {
      const world = new World({ seed, links: { ...faults, latencyUsMax: faults.latencyUsMin + spreadUs } })
      expect(world.connect()).toBe(true)
      lengths.forEach((length, i) => {
        for (let channel = 0; channel <= NEWEST; channel++) send(world.client, channel, numbered(i, length))
        world.run(4_000)
      })
      const count = lengths.length
      const isThere = (): boolean => [CONTROL, ASSETS, UNORDERED].every((channel) => world.host.messages(channel).length >= count)
      expect(world.until(isThere, 60 * SECOND_US)).toBe(true)
      world.run(5 * SECOND_US)
      for (const channel of [CONTROL, ASSETS]) expect(numbers(world.host, channel)).toEqual(upTo(count))
      expect(ascending(numbers(world.host, UNORDERED))).toEqual(upTo(count))
      for (let channel = 0; channel <= NEWEST; channel++) {
        const got = numbers(world.host, channel)
        expect(new Set(got).size).toBe(got.length)
        if (channel === ORDERED_ONCE_MORE || channel === FRESH || channel === NEWEST) expect(got).toEqual(ascending(got))
        for (const bytes of world.host.messages(channel)) {
          expect(Buffer.compare(bytes, numbered(numberOf(bytes), lengths[numberOf(bytes)]))).toBe(0)
        }
      }
    }), { seed: 11, numRuns: 25 })
  })

  test('partial reliability: 20% loss leaves 1 - 0.2 of max 0 and 1 - 0.2 * 0.2 of max 1', () => {
    const delivered = (channel: number): number => {
      let count = 0
      for (let seed = 1; seed <= 4; seed++) {
        const world = new World({ seed, links: { latencyUsMin: 15_000, latencyUsMax: 15_000 } })
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

  test('a message that outlives its lifetime is not sent any more, and what comes after it does not wait', () => {
    const world = new World({ links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
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

  test('RFC 9000 section 4.6: few streams at once stall nothing', () => {
    const links = { latencyUsMin: 5_000, latencyUsMax: 15_000, dropPpm: 50_000 }
    const world = new World({ seed: 3, settings: { streamsUniMax: 3 }, links })
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

  test('the largest message crosses loss on every kind of channel', () => {
    const world = new World({ seed: 4, links: { latencyUsMin: 5_000, latencyUsMax: 25_000, dropPpm: 20_000 } })
    expect(world.connect()).toBe(true)
    for (const channel of [CONTROL, UNORDERED]) {
      send(world.client, channel, numbered(channel, MESSAGE_BYTES_MAX))
      expect(world.until(() => world.host.messages(channel).length === 1, 30 * SECOND_US)).toBe(true)
      expect(Buffer.compare(world.host.messages(channel)[0], numbered(channel, MESSAGE_BYTES_MAX))).toBe(0)
    }
  })

  test('an empty message is a message on every channel', () => {
    const world = new World()
    expect(world.connect()).toBe(true)
    for (let channel = 0; channel <= NEWEST; channel++) for (let i = 0; i < 3; i++) send(world.client, channel, new Uint8Array(i % 2))
    world.run(SECOND_US)
    for (let channel = 0; channel <= NEWEST; channel++) expect(world.host.messages(channel).map(({ length }) => length)).toEqual([0, 1, 0])
  })
})

describe('when', () => {
  test('the most urgent channel goes first when the window is short, and loss on one delays no other', () => {
    const world = new World({ links: { latencyUsMin: 20_000, latencyUsMax: 20_000 } })
    expect(world.connect()).toBe(true)
    for (let i = 0; i < 4; i++) send(world.client, ASSETS, numbered(i, 60_000))
    send(world.client, CONTROL, numbered(9, 100))
    expect(world.until(() => world.host.messages(CONTROL).length === 1, 10 * SECOND_US)).toBe(true)
    expect(world.host.messages(ASSETS).length).toBeLessThan(2)
    world.run(5 * SECOND_US)
    world.fabric.link(1, 0).set({ down: true })
    send(world.client, ASSETS, numbered(5, 500))
    world.run(1_000)
    world.fabric.heal()
    const sentUs = world.nowUs
    send(world.client, CONTROL, numbered(10, 100))
    world.run(2 * SECOND_US)
    expect(world.host.seen.filter((input) => input.kind === 'message' && input.channel === CONTROL).at(-1)!.atUs).toBe(sentUs + 20_000)
    expect(numbers(world.host, ASSETS)).toEqual([0, 1, 2, 3, 5])
  })

  test('a reliable queue that outgrows its bound closes the connection; a lossy one loses its oldest; credit follows a full one', () => {
    const world = new World({ links: { latencyUsMin: 2_000, latencyUsMax: 2_000 } })
    expect(world.connect()).toBe(true)
    for (let i = 0; i < 15; i++) send(world.client, CONTROL, numbered(i, 60_000))
    world.run(10 * SECOND_US)
    expect(world.client.seen.filter((input) => input.kind === 'credit' && input.channel === CONTROL).length).toBe(1)
    world.fabric.link(1, 0).set({ down: true })
    world.fabric.link(0, 1).set({ down: true })
    for (let sent = 0; sent <= CHANNEL_QUEUE_BYTES_MAX + 200_000; sent += 60_000) send(world.client, LOSSY, numbered(sent, 60_000))
    expect(world.count('overflow')).toBeGreaterThan(0)
    expect(world.client.closed).toBeUndefined()
    for (let sent = 0; sent <= CHANNEL_QUEUE_BYTES_MAX + 400_000; sent += 60_000) send(world.client, UNORDERED, numbered(sent, 60_000))
    expect(world.client.closed).toMatchObject({ by: 'local', code: TransportCode.queueOverflow, ticket: 7 })
  })

  test('a node that crashed answers with a reset, and what was refused says so', () => {
    const world = new World({ links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
    world.connect()
    world.client.endpoint.reset()
    const { on } = world.host
    send(world.host, CONTROL, numbered(1, 10))
    world.run(SECOND_US)
    expect(world.host.closed).toMatchObject({ on, by: 'remote', code: TransportCode.reset })
    world.accepts = false
    world.client.send({ kind: 'open', ticket: 8, endpoint: '0' })
    world.run(SECOND_US)
    expect(world.client.closed).toMatchObject({ ticket: 8, by: 'refused', code: TransportCode.refused })
    world.accepts = true
    expect(world.connect()).toBe(true)
    expect(world.client.opened!.binding).toEqual(world.host.opened!.binding)
  })

  // Found by mutated datagrams: CONNECTION_CLOSE brought 4294967295, and the port handed it on as a code.
  test('a code that no application may use is heard as a violation, and one of the transport as what it is', () => {
    for (const [code, heard] of [[2 ** 32 - 1, TransportCode.protocolViolation], [2 ** 16, TransportCode.protocolViolation],
      [TransportCode.queueOverflow, TransportCode.queueOverflow], [2 ** 16 - 1, 2 ** 16 - 1]]) {
      const world = new World()
      world.connect()
      world.client.send({ kind: 'close', on: world.client.on, code })
      world.run(SECOND_US)
      expect(world.host.closed).toMatchObject({ by: 'remote', code: heard })
    }
  })
})

const name = ({ site, keyHi, keyLo, alternative }: Choice): string => `${site} ${keyHi} ${keyLo} ${alternative}`

/** The seed's choices, but one of them benign. */
class Suppressing implements Chooser {
  readonly seeded: RecordingChooser
  readonly #without: Choice | undefined
  constructor(seed: number, without: Choice | undefined) {
    this.seeded = new RecordingChooser(new SeededChooser(seed), () => 0)
    this.#without = without
  }
  choose(odds: Odds, keyHi: number, keyLo: number): number {
    const { site, keyHi: hi, keyLo: lo } = this.#without ?? { site: '', keyHi: 0, keyLo: 0 }
    return odds.site === site && keyHi === hi && keyLo === lo ? 0 : this.seeded.choose(odds, keyHi, keyLo)
  }
}

/** A host that streams a delta a frame, a client that answers with input and now and then a command. */
function story(seed: number, without?: Choice): readonly Choice[] {
  const chooser = new Suppressing(seed, without)
  const faults = { dropPpm: 50_000, duplicatePpm: 10_000, reorderPpm: 10_000, corruptPpm: 2_000 }
  const world = new World({ chooser, links: { latencyUsMin: 10_000, latencyUsMax: 40_000, ...faults } })
  expect(world.connect()).toBe(true)
  world.run(2 * SECOND_US - world.nowUs)
  for (let frame = 0; frame < 120; frame++) {
    send(world.host, ORDERED_ONCE_MORE, numbered(frame, 300))
    if (frame % 3 === 0) send(world.client, LOSSY, numbered(frame, 80))
    if (frame % 10 === 0) send(world.client, CONTROL, numbered(frame, 200))
    if (frame % 10 === 2) send(world.host, CONTROL, numbered(frame, 200))
    world.run(11_111)
  }
  world.run(500_000)
  return chooser.seeded.recorded
}

describe('names', () => {
  test('a suppressed drop leaves at least 95% of the other choices at their keys', () => {
    let others = 0
    let kept = 0
    for (let seed = 1; seed <= 4; seed++) {
      const choices = story(seed)
      const drops = choices.filter(({ site }) => site === 'net.drop')
      expect(drops.length).toBeGreaterThan(5)
      for (const dropped of drops.filter((_, index) => index % 3 === 0)) {
        const without = new Set(story(seed, dropped).map(name))
        expect(without.has(name(dropped))).toBe(false)
        for (const choice of choices) {
          if (choice === dropped) continue
          others++
          if (without.has(name(choice))) kept++
        }
      }
    }
    expect(others).toBeGreaterThan(1_000)
    expect(kept / others).toBeGreaterThan(0.95)
  })

  test('no two datagrams of a run share a key, and a message names the datagrams that carried it', () => {
    const seen = new Map<string, string>()
    const world = new World({ seed: 5, links: { latencyUsMin: 5_000, latencyUsMax: 30_000, dropPpm: 100_000 } })
    const { fabric } = world
    const carry = fabric.send.bind(fabric)
    const repeated: string[] = []
    const ids = new Set<number>()
    fabric.send = (datagram, nowUs) => {
      const key = `${datagram.from} ${datagram.keyHi} ${datagram.keyLo}`
      if (seen.has(key)) repeated.push(`${seen.get(key)} and ${JSON.stringify(datagram.label)}`)
      seen.set(key, JSON.stringify(datagram.label))
      ids.add(datagram.id)
      carry(datagram, nowUs)
    }
    world.connect()
    for (let i = 0; i < 100; i++) {
      send(world.host, i % 8, numbered(i, 100 + i * 40))
      send(world.client, (i * 3) % 8, numbered(i, 100))
      world.run(7_000)
    }
    world.run(2 * SECOND_US)
    expect(seen.size).toBeGreaterThan(200)
    expect(repeated).toEqual([])
    const carried = world.host.seen.flatMap((input) => (input.kind === 'message' ? [input.datagrams ?? []] : []))
    expect(carried.every((datagrams) => datagrams.length > 0 && datagrams.every((id) => ids.has(id)))).toBe(true)
  })

  test('two runs of a seed are the same, datagram for datagram', () => {
    const run = (seed: number): string => {
      const links = { latencyUsMin: 5_000, latencyUsMax: 30_000, dropPpm: 100_000, duplicatePpm: 20_000, corruptPpm: 10_000 }
      const world = new World({ seed, links })
      world.connect()
      for (let i = 0; i < 50; i++) {
        send(world.host, i % 8, numbered(i, 20 * i))
        world.run(9_000)
      }
      return JSON.stringify([world.records, world.client.seen])
    }
    expect(run(1)).toBe(run(1))
    expect(run(1)).not.toBe(run(2))
  })
})
