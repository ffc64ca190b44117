/**
 * Mutated STUN and TURN reaches agents, clients and servers in the middle of their work, its integrity and fingerprint made good again
 * so that it gets past them: nothing throws, and nothing grows without a bound.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { iceCredentials } from '../../../sim/webrtc/ice/credentials.ts'
import { StunClass } from '../../../sim/webrtc/stun/constants.ts'
import { longTermKey, shortTermKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, isStun } from '../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import { Draws } from '../../fuzz/mutation.ts'
import { mutatedStun } from '../../fuzz/network/stun.ts'
import { IceWorld, SERVER } from './ice/world.ts'
import { SignallingWorld } from './signalling/world.ts'

const writer = new StunWriter()
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('mutated STUN and TURN', () => {
  const longTerm = longTermKey(utf8('theta'), utf8('example.org'), 'secret')

  it('never throws, and makes nothing grow', () => {
    const nats = ['portRestricted', 'symmetric', 'fullCone'] as const
    let count = 0
    for (let seed = 1; seed <= 20; seed++) {
      const draws = new Draws(seed)
      const world = new IceWorld({ seed, nats: [nats[seed % 3], nats[(seed + 1) % 3]], turn: true })
      const keys = [0, 1].map((index) => shortTermKey(iceCredentials(seed * 2 + index, 0).password))
      // A mutated copy of everything arrives just before the real one.
      world.before = (node, datagram) => {
        const isAsked = decodeStun(datagram.bytes)?.class === StunClass.request
        const key = datagram.from === SERVER || node === SERVER ? longTerm : keys[isAsked ? node : 1 - node]
        const copy = { ...datagram, bytes: mutatedStun(datagram.bytes, draws, key, writer) }
        if (node === SERVER) world.server.receive(copy, world.nowUs)
        else world.peers[node].agent.receive(copy, world.nowUs)
        count++
      }
      world.begin()
      world.run(45_000_000)
      for (const { agent } of world.peers) expect(agent.pairs.length).toBeLessThanOrEqual(100)
      expect(world.server.allocations).toBeLessThanOrEqual(8)
      expect(world.sent.length).toBeLessThan(10_000)
    }
    expect(count).toBeGreaterThan(1_000)
  })

  it('arbitrary bytes to every port throw nothing and change nothing', () => {
    const world = new IceWorld({ nats: ['fullCone', undefined], turn: true }).begin()
    world.connect()
    const stunLike = fc.uint8Array({ maxLength: 80 })
      .map((bytes) => Uint8Array.of(0, 1, 0, bytes.length & ~3, 0x21, 0x12, 0xa4, 0x42, ...bytes))
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), stunLike), fc.constantFrom(0, 1, SERVER), (bytes, to) => {
      const datagram = { ...world.sent[0], from: 1, fromPort: 5_000, to, toPort: to === SERVER ? 3_478 : 5_000, bytes }
      if (to === SERVER) world.server.receive(datagram, world.nowUs)
      else world.peers[to].agent.receive(datagram, world.nowUs)
      expect(isStun(bytes) && decodeStun(bytes)?.hasFingerprint === true).toBe(false)
    }), { numRuns: 2_000 })
    world.settle()
    expect(world.peers.map(({ kinds }) => kinds)).toEqual([['selected'], ['selected']])
  })
})

describe('mutated signalling', () => {
  it('never throws: what is damaged is discarded, whatever its checksum says of it', () => {
    const world = new SignallingWorld(['ana', 'ben'])
    for (const client of world.clients) client.connect(0)
    for (let i = 0; i < 5; i++) world.clients[0].send('ben', { type: 'refusal', connection: 1, code: i }, 0)
    world.run(1_000_000)
    const { sent } = world
    fc.assert(fc.property(fc.nat(sent.length - 1), fc.nat(), fc.nat(255), (which, at, value) => {
      const bytes = sent[which].bytes.slice()
      bytes[at % bytes.length] = value
      if (sent[which].to === 0) world.server.receive({ ...sent[which], bytes }, world.nowUs)
      else world.clients[sent[which].to - 1].receive({ ...sent[which], bytes }, world.nowUs)
    }), { numRuns: 1_000 })
    world.run(30_000_000)
    world.clients[1].send('ana', { type: 'refusal', connection: 1, code: 9 }, world.nowUs)
    world.run(1_000_000)
    expect(world.heard[0].at(-1)?.message).toMatchObject({ code: 9 })
  })
})
