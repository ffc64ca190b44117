/** How QUIC connections come about, carry streams and end. */
import { describe, expect, test } from 'vitest'
import { pattern, SECOND_US, World } from './world.ts'

describe.each(['tag', 'aead'] as const)('protected by %s', (protection) => {
  test('RFC 9000 section 7: the handshake is complete after one round trip at the client and confirmed at both', () => {
    const world = new World({ settings: { protection }, links: { latencyUsMin: 10_000, latencyUsMax: 10_000 } })
    const client = world.connect()
    expect(world.until(() => client.has('handshakeComplete'), SECOND_US)).toBe(true)
    expect(world.nowUs).toBe(20_000)
    expect(world.until(() => client.has('confirmed'), SECOND_US)).toBe(true)
    const server = world.serverOf(client)!
    expect(server.has('confirmed')).toBe(true)
    expect(client.connection.exporter.length).toBe(32)
    expect(client.connection.exporter).toEqual(server.connection.exporter)
  })

  test('streams both ways carry their bytes', () => {
    const world = new World({ settings: { protection } })
    const { client, server } = world.open()
    const request = pattern(50_000)
    const id = client.act((connection) => connection.openStream('bidi'))!
    client.act((connection) => connection.write(id, request.slice(), true))
    expect(world.until(() => server.finished.has(id), 10 * SECOND_US)).toBe(true)
    expect(Buffer.compare(server.bytes(id), request)).toBe(0)
    const answer = pattern(200_000, 2)
    server.act((connection) => connection.write(id, answer.slice(), true))
    expect(world.until(() => client.finished.has(id), 10 * SECOND_US)).toBe(true)
    expect(Buffer.compare(client.bytes(id), answer)).toBe(0)
  })
})
