/** Transfers over networks that lose, repeat, reorder and damage. */
import { describe, expect, test } from 'vitest'
import { pattern, type Program, SECOND_US, World } from './world.ts'

const FAULTS = { latencyUsMin: 10_000, latencyUsMax: 25_000, duplicatePpm: 20_000, reorderPpm: 20_000, corruptPpm: 5_000 }

describe('transfers complete', () => {
  test.each([0, 50_000, 150_000, 300_000])('RFC 9002 section 6: both ways under %i ppm of loss, over seeds', (dropPpm) => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = new World({ seed, links: { ...FAULTS, dropPpm } })
      const client = world.connect()
      expect(world.until(() => client.has('handshakeComplete'), 10 * SECOND_US), `seed ${seed}`).toBe(true)
      const request = pattern(30_000, seed)
      const id = client.act((connection) => connection.openStream('bidi'))!
      client.act((connection) => connection.write(id, request.slice(), true))
      const isAnswered = (): boolean => {
        const server = world.serverOf(client)
        if (server?.finished.has(id) === true && !client.finished.has(id)) {
          server.act((connection) => connection.write(id, server.bytes(id), true))
        }
        return client.finished.has(id)
      }
      expect(world.until(isAnswered, 60 * SECOND_US), `seed ${seed}`).toBe(true)
      expect(Buffer.compare(client.bytes(id), request)).toBe(0)
      expect(client.has('closed')).toBe(false)
    }
  })
})

test('RFC 9000 section 9, RFC 9001 section 6: moves and key updates in any order, under faults, lose nothing', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const draws = new Random(seed)
    const draw = (below: number): number => draws.below(below)
    const protection = seed % 5 === 0 ? 'aead' : 'tag'
    const faults = { dropPpm: draw(150_000), duplicatePpm: draw(50_000), corruptPpm: draw(20_000) }
    const links = { latencyUsMin: 5_000, latencyUsMax: 5_000 + draw(40_000), ...faults }
    const world = new World({ seed, isRetryWanted: seed % 2 === 0, settings: { protection }, links })
    const { client, server } = world.open()
    const sent: { readonly id: number; readonly to: Program; readonly bytes: Uint8Array }[] = []
    for (let i = 0; i < 25; i++) {
      const what = draw(6)
      if (what === 0) (draw(2) === 0 ? client : server).act((connection) => connection.updateKeys())
      if (what === 1) {
        const address = 3 + draw(20)
        world.alsoAt(address, client)
        client.act((connection, nowUs) => connection.migrate({ address, port: 1_000 + i }, nowUs))
      }
      const [from, to] = draw(2) === 0 ? [client, server] : [server, client]
      const id = from.act((connection) => connection.openStream('uni'))!
      const bytes = pattern(draw(8_000), i)
      from.act((connection) => connection.write(id, bytes.slice(), true))
      sent.push({ id, to, bytes })
      world.run(draw(120_000))
    }
    expect(world.until(() => sent.every(({ id, to }) => to.finished.has(id)), 60 * SECOND_US), `seed ${seed}`).toBe(true)
    for (const { id, to, bytes } of sent) expect(Buffer.compare(to.bytes(id), bytes)).toBe(0)
    expect(client.has('closed') || server.has('closed')).toBe(false)
  }
})

/** Draws that differ by seed; a multiplicative congruential generator is enough for that. */
class Random {
  #state: number
  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) >>> 0
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * limit)
  }
}
