import { describe, expect, it } from 'vitest'
import type { LinkSettings } from '../../../../sim/net/link.ts'
import { MAILBOX_MAX } from '../../../../sim/webrtc/signalling/limits.ts'
import type { SignallingMessage } from '../../../../sim/webrtc/signalling/messages.ts'
import { SignallingServer, UNAVAILABLE } from '../../../../sim/webrtc/signalling/server.ts'
import { description, SignallingWorld } from './world.ts'

const refusal = (code: number): SignallingMessage => ({ type: 'refusal', connection: 1, code })
const offer: SignallingMessage = { type: 'offer', connection: 4_096, description: description(20) }
const codes = (world: SignallingWorld, index: number): number[] =>
  world.heard[index].flatMap(({ message }) => (message.type === 'refusal' ? [message.code] : []))
const open = (names: readonly string[], links: Partial<LinkSettings> = {}, seed = 1): SignallingWorld => {
  const world = new SignallingWorld(names, links, seed)
  for (const client of world.clients) client.connect(0)
  return world
}

describe('the signalling relay', () => {
  it('carries an offer of several segments and its answer, each under its sender\'s name', () => {
    const world = open(['ana', 'ben'])
    world.clients[0].send('ben', offer, 0)
    expect(world.run(1_000_000, () => world.heard[1].length === 1)).toBe(true)
    expect(world.heard[1][0]).toMatchObject({ from: 'ana', message: offer })
    // Connecting takes two ways, the hello and its welcome two, the offer two: 5 ms each.
    expect(world.nowUs).toBe(30_000)
    world.clients[1].send('ana', { ...offer, type: 'answer' }, world.nowUs)
    world.run(1_000_000)
    expect(world.heard[0]).toMatchObject([{ from: 'ben', message: { type: 'answer' } }])
  })

  it('keeps what is for a client that has never been there', () => {
    const world = new SignallingWorld(['ana', 'ben'])
    world.clients[0].connect(0)
    world.clients[0].send('ben', refusal(1), 0)
    world.run(5_000_000)
    world.clients[1].connect(world.nowUs)
    world.run(1_000_000)
    expect(codes(world, 1)).toEqual([1])
  })

  it('delivers all, once and in order, at 30% loss, duplicates and reordering', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = open(['ana', 'ben'], { dropPpm: 300_000, duplicatePpm: 100_000, reorderPpm: 200_000, latencyUsMax: 40_000 }, seed)
      for (let i = 0; i < 40; i++) world.clients[0].send('ben', i % 8 === 7 ? offer : refusal(i), 0)
      expect(world.run(120_000_000, () => world.heard[1].length >= 40)).toBe(true)
      world.run(5_000_000)
      expect(world.heard[1]).toHaveLength(40)
      expect(codes(world, 1)).toEqual(Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 8 !== 7))
    }
  })

  it('sees damage: what was corrupted is sent again', () => {
    const world = open(['ana', 'ben'], { corruptPpm: 200_000 })
    for (let i = 0; i < 20; i++) world.clients[0].send('ben', refusal(i), 0)
    expect(world.run(60_000_000, () => world.heard[1].length >= 20)).toBe(true)
    expect(codes(world, 1)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  it('resets a connection that is cut for long, connects anew, and neither loses nor repeats a message', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = open(['ana', 'ben'], { latencyUsMax: 30_000 }, seed)
      world.run(1_000_000)
      let count = 0
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 5; i++) world.clients[0].send('ben', refusal(count++), world.nowUs)
        // Cut while they are on their way, here or there.
        world.run(seed * 7_000)
        world.cut(true)
        world.run(round % 2 === 0 ? 25_000_000 : 3_000_000)
        for (let i = 0; i < 5; i++) world.clients[0].send('ben', refusal(count++), world.nowUs)
        world.cut(false)
        world.run(15_000_000)
      }
      expect(codes(world, 1)).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(world.events[0].filter((kind) => kind === 'disconnected').length).toBeGreaterThan(0)
    }
  })

  it('notices that the relay was restarted, and is there again', () => {
    const world = open(['ana', 'ben'])
    world.clients[0].send('ben', refusal(1), 0)
    world.run(1_000_000)
    world.server = new SignallingServer(0)
    world.clients[0].send('ben', refusal(2), world.nowUs)
    world.run(20_000_000)
    world.clients[0].send('ben', refusal(3), world.nowUs)
    world.clients[1].send('ana', refusal(4), world.nowUs)
    world.run(1_000_000)
    expect([codes(world, 0), codes(world, 1)]).toEqual([[4], [1, 2, 3]])
  })

  it('knows a client in another life, which gets what the one before has not had', () => {
    const world = open(['ana', 'ben'])
    world.run(1_000_000)
    world.fabric.link(0, 2).set({ down: true })
    world.clients[0].send('ben', refusal(1), world.nowUs)
    world.run(100_000)
    world.clients[1] = world.client('ben', 1, 77)
    world.fabric.heal()
    world.clients[1].connect(world.nowUs)
    world.clients[0].send('ben', refusal(2), world.nowUs + 1)
    world.run(5_000_000)
    expect(codes(world, 1)).toEqual([1, 2])
    expect(world.server.connected.sort()).toEqual(['ana', 'ben'])
  })

  it('refuses in the receiver\'s name what it cannot keep', () => {
    const world = open(['ana'])
    for (let i = 0; i < MAILBOX_MAX + 3; i++) {
      world.clients[0].send('nobody', { type: 'endOfCandidates', connection: i, ufrag: 'abcd' }, world.nowUs)
      world.run(100_000)
    }
    world.run(1_000_000)
    expect(world.heard[0]).toEqual([0, 1, 2].map((i) => expect.objectContaining({
      from: 'nobody', message: { type: 'refusal', connection: MAILBOX_MAX + i, code: UNAVAILABLE },
    })))
  })

  it('names every datagram by what it is: attempts of one message differ, and a repeated run is the same to the byte', () => {
    const run = (): SignallingWorld => {
      const world = open(['ana', 'ben'], { dropPpm: 300_000 }, 5)
      for (let i = 0; i < 10; i++) world.clients[0].send('ben', refusal(i), 0)
      world.run(30_000_000)
      return world
    }
    const [first, second] = [run(), run()]
    expect(second.sent).toEqual(first.sent)
    const asked = first.sent.filter(({ label }) => label.contents !== 'signalling ack')
    expect(new Set(asked.map(({ from, to, keyHi, keyLo }) => [from, to, keyHi, keyLo].join())).size).toBe(asked.length)
  })
})
