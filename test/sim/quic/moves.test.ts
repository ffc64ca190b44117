/** RFC 9000, section 9: moves that lead nowhere, and what they leave behind. */
import { describe, expect, test } from 'vitest'
import { CLIENT, SECOND_US, SERVER, World } from './world.ts'

describe('moves that lead nowhere', () => {
  test('section 9.5: ids of paths that failed are retired and replaced, so that a client may try as often as it likes', () => {
    const world = new World({ links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
    const { client, server } = world.open()
    for (let address = 3; address < 11; address++) {
      world.run(SECOND_US)
      world.alsoAt(address, client)
      for (const [from, to] of [[SERVER, address], [address, SERVER]]) world.fabric.link(from, to).set({ down: true })
      expect(client.act((connection, nowUs) => connection.migrate({ address, port: 7_000 }, nowUs)), `${address}`).toBe(true)
      world.run(2 * SECOND_US)
      expect(client.connection.path.local.address).toBe(CLIENT)
    }
    world.alsoAt(12, client)
    expect(client.act((connection, nowUs) => connection.migrate({ address: 12, port: 7_000 }, nowUs))).toBe(true)
    world.run(SECOND_US)
    expect(server.connection.path.remote.address).toBe(12)
  })
})
