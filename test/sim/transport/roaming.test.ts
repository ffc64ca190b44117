/** A node goes from one network to another, and its connections go with it: QUIC migrates, WebRTC begins ICE anew. */
import { describe, expect, test } from 'vitest'
import type { LinkSettings } from '../../../sim/net/link.ts'
import type { NatKind } from '../../../sim/net/nat.ts'
import type { Protocol } from '../../../sim/transport/session.ts'
import { ASSETS, CONTROL, numbered, numberOf, World, type WorldOptions } from './world.ts'

const SECOND_US = 1_000_000
const HOST = 0
const CLIENT = 1
const PATH: Partial<LinkSettings> = { latencyUsMin: 10_000, latencyUsMax: 20_000 }

/** The client leaves its interface, which goes dark, for a new one. */
class Travels extends World {
  #at = CLIENT

  constructor(protocol: Protocol, options: WorldOptions = {}) {
    super({ protocol, links: PATH, acceptors: [HOST], ...options })
  }
  leave(behind?: NatKind): void {
    const address = this.internet.addInterface(CLIENT)
    if (behind !== undefined) this.internet.addNat(behind, [address])
    this.internet.switch(this.#at, false)
    this.#at = address
    this.client.endpoint.move(address, this.nowUs)
    this.stir(this.client)
  }
  /** What the two have told each other, in the order in which it came. */
  heard(): number[][] {
    return this.nodes.flatMap((node) => [CONTROL, ASSETS].map((channel) => node.messages(channel).map(numberOf)))
  }
}

describe.each(['quic', 'webrtc'] as const)('%s', (protocol) => {
  test.each<NatKind | undefined>([undefined, 'fullCone', 'symmetric'])(
    'one connection goes from network to network, and what is reliable comes once and in order (behind %s)', (behind) => {
      for (let seed = 1; seed <= 5; seed++) {
        const world = new Travels(protocol, { seed, links: { ...PATH, dropPpm: 50_000 } })
        expect(world.connect()).toBe(true)
        world.run(SECOND_US)
        for (let i = 0; i < 120; i++) {
          if (i % 40 === 20) world.leave(behind)
          for (const node of world.nodes) {
            for (const channel of [CONTROL, ASSETS]) {
              node.send({ kind: 'message', on: node.on, channel, bytes: numbered(i, channel === ASSETS ? 3_000 : 40) })
            }
          }
          world.run(50_000)
        }
        world.run(5 * SECOND_US)
        const all = Array.from({ length: 120 }, (_, i) => i)
        expect(world.heard(), `seed ${seed}`).toEqual([all, all, all, all])
        for (const { seen } of world.nodes) expect(seen.filter(({ kind }) => kind === 'opened' || kind === 'closed').length).toBe(1)
        // Both ends notice each of the three.
        for (const at of [HOST, CLIENT]) {
          expect(world.records.filter((record) => record.kind === 'pathChanged' && record.at === at).length).toBeGreaterThanOrEqual(3)
        }
      }
    })

  test('whoever leaves in the middle of a handshake has a connection in the end', () => {
    for (let atUs = 0; atUs < 400_000; atUs += 7_000) {
      const world = new Travels(protocol)
      world.client.send({ kind: 'open', ticket: 7, endpoint: '0' })
      world.run(atUs)
      world.leave()
      // A handshake of QUIC cannot go along (RFC 9000, section 9): it is over at once, and not after half a minute.
      const { closed } = world.client
      if (closed !== undefined) {
        expect([protocol, closed.by, closed.atUs]).toEqual(['quic', 'timeout', atUs])
        world.client.send({ kind: 'open', ticket: 8, endpoint: '0' })
      }
      world.run(3 * SECOND_US)
      for (const [i, node] of world.nodes.entries()) node.send({ kind: 'message', on: node.on, channel: CONTROL, bytes: numbered(i, 20) })
      world.run(SECOND_US)
      expect(world.heard(), `left after ${atUs} us`).toEqual([[1], [], [0], []])
    }
  })

  test('whoever leaves again before the way is found goes on from where it is last', () => {
    for (let pauseUs = 0; pauseUs < 300_000; pauseUs += 11_000) {
      const world = new Travels(protocol)
      expect(world.connect()).toBe(true)
      world.run(SECOND_US)
      world.leave()
      world.run(pauseUs)
      world.leave('portRestricted')
      world.run(pauseUs)
      world.leave('fullCone')
      world.run(3 * SECOND_US)
      for (const [i, node] of world.nodes.entries()) node.send({ kind: 'message', on: node.on, channel: CONTROL, bytes: numbered(i, 20) })
      world.run(SECOND_US)
      expect(world.heard(), `every ${pauseUs} us`).toEqual([[1], [], [0], []])
      expect(world.client.closed).toBeUndefined()
    }
  })

  test('a node that others look for stays where it is', () => {
    const world = new World({ protocol })
    expect(() => world.host.endpoint.move(3_000, 0)).toThrow(TypeError)
  })
})
