/** Compression between a host and its members: what they agree on, and what travels. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Compressor } from '../../../system/ports.ts'
import { sealEnvelope } from '../../../system/protocol/envelope.ts'
import { MessageType } from '../../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../../system/protocol/version.ts'
import { acknowledgeBytes } from '../../../system/session/handshake.ts'
import { compressorOfThisBuild, DICTIONARY } from '../../support/compressor.ts'
import { disagreement, LATENCY_US, Loopback, ONCE, prepare, sealed } from '../../support/loopback.ts'

let compressor: Compressor
beforeAll(async () => {
  await prepare()
  compressor = await compressorOfThisBuild()
})

const FLAGS_AT = 2
const without = (compressor: Compressor): Compressor => ({ ...compressor, dictionaries: [] })
const spawn = { kind: 'spawn', x: 0, y: 512, z: 0, hx: 64, hy: 64, hz: 64 } as const
const typed = (type: number) => (bytes: Uint8Array) => bytes[1] === type

describe('a session', () => {
  it('R-COMP-1 is held in each member\'s own way, with the same world for all', () => {
    const loopback = new Loopback({
      compressorOf: (name) => ({ host: compressor, ana: compressor, ben: without(compressor) })[name],
    })
    const [ana, ben, cleo] = loopback.joined('ana', 'ben', 'cleo')
    for (let i = 0; i < 12; i++) [ana, ben, cleo][i % 3].intend({ ...spawn, x: 100 * i })
    loopback.run(30)
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
    const acknowledged = loopback.all('SessionAcknowledge').map(({ message: { compression, dictionary } }) => [compression, dictionary])
    expect(acknowledged).toEqual([['zstd', DICTIONARY], ['zstd', 0], ['none', 0]])
    const told = loopback.host.heard('messageSent')
    const packings = (author: number) => new Set(told.filter(({ peer }) => peer === author).map(({ packing }) => packing))
    expect(packings(1)).toContain('compressed')
    expect(packings(2)).toContain('compressed')
    expect([...packings(3)]).toEqual([undefined])
    for (const { bytes, plainBytes } of told) expect(bytes).toBeLessThanOrEqual(plainBytes ?? bytes)
  })

  it('R-COMP-2 compresses nothing before the acknowledgement, and no goodbye', () => {
    const loopback = new Loopback({ compressorOf: () => compressor })
    loopback.joined('ana')
    loopback.host.intend({ kind: 'kick', author: 1 })
    loopback.run(3)
    const never = [MessageType.SessionHello, MessageType.SessionAcknowledge, MessageType.SessionControl].map(typed)
    const found = never.map((is) => loopback.sent.filter(({ bytes }) => is(bytes)).map(({ bytes }) => bytes[FLAGS_AT]))
    expect(found).toEqual([[0], [0], [0]])
    const goodbyes = loopback.host.heard('messageSent').filter(({ message }) => message === 'SessionControl')
    expect(goodbyes.map(({ packing }) => packing)).toEqual([undefined])
    expect(loopback.sent.some(({ bytes }) => bytes[FLAGS_AT] === 1)).toBe(true)
    const first = loopback.sent.findIndex(({ bytes }) => bytes[FLAGS_AT] === 1)
    expect(first).toBeGreaterThan(loopback.sent.findIndex(({ bytes }) => bytes[1] === MessageType.SessionAcknowledge))
  })

  it('R-COMP-1 a dictionary of another version is not used: both go on without one', () => {
    const other: Compressor = { ...compressor, dictionaries: [7] }
    const loopback = new Loopback({ compressorOf: (name) => (name === 'ana' ? other : compressor) })
    const [ana] = loopback.joined('ana')
    expect(loopback.all('SessionHello')[0].message).toMatchObject({ compression: ['zstd', 'none'], dictionaries: [7] })
    expect(loopback.all('SessionAcknowledge')[0].message).toMatchObject({ compression: 'zstd', dictionary: 0 })
    expect(ana.peer.state).toBe('live')
  })

  it('R-COMP-1 a client leaves a host that names what it did not offer', () => {
    const loopback = new Loopback({ compressorOf: () => compressor })
    const ana = loopback.join('ana')
    const hello = () => loopback.all('SessionHello')[0].message
    const binding = () => Uint8Array.from({ length: 32 }, (_, k) => loopback.all('SessionHello')[0].carried.on + k)
    loopback.carry = (carried) => {
      const honest = carried.as('SessionAcknowledge')
      if (honest === undefined) return ONCE
      // Signed by the host, all the same.
      const { signature: _, ...unsigned } = { ...honest, dictionary: 5 }
      const signature = loopback.signerOf('host').sign(acknowledgeBytes(unsigned, hello().clientNonce, binding()))
      return [{ delayUs: LATENCY_US, bytes: sealed({ ...unsigned, signature }) }]
    }
    loopback.run(10)
    expect(ana.heard('sessionClosed')[0]).toMatchObject({ code: 'protocolError', by: 'local' })
    expect(ana.peer.author).toBeUndefined()
  })

  it('R-COMP-3 what is damaged behind a checksum that holds is refused by name, and repaired', () => {
    let left = 0
    const broken: Compressor = {
      ...compressor,
      compress: (bytes, dictionary) => compressor.compress(left-- > 0 ? bytes.with(60, bytes[60] ^ 1) : bytes, dictionary),
    }
    const loopback = new Loopback({ compressorOf: (name) => (name === 'host' ? broken : compressor) })
    const [ana] = loopback.joined('ana')
    loopback.settle()
    // Deltas alone are sent now, and they may be lost.
    left = 3
    for (let prop = 1; prop <= 6; prop++) loopback.host.intend({ kind: 'propSpawn', prop, x: 100 * prop, y: 0, z: 0 })
    loopback.run(150)
    loopback.settle()
    expect(ana.heard('messageRefused').map(({ reason }) => reason)).toContain('compression: checksum')
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-COMP-4 a member\'s bomb is refused by name and told, and the session goes on', () => {
    const loopback = new Loopback({ compressorOf: () => compressor })
    const [ana] = loopback.joined('ana')
    const claims64MiB = Uint8Array.of(0, 0, 0, 0, 0xa0, 0, 0, 0, 4, 1, 0, 0)
    const bomb = sealEnvelope(MessageType.Heartbeat, 'control', 1000, claims64MiB, SCHEMA_HASH, 'zstd')
    loopback.inject(ana, loopback.host, bomb)
    loopback.settle()
    expect(loopback.host.heard('messageRefused')).toMatchObject([{ reason: 'compression: inflated', peer: 1 }])
    expect(ana.peer.state).toBe('live')
  })
})
