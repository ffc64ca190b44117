/** A sealed log: members read it, and nobody whom it passes on its way. */
import { beforeAll, describe, expect, it } from 'vitest'
import { signingBytes } from '../../../system/commands/signing.ts'
import { Entity, ToolState } from '../../../system/ecs/components.ts'
import { memberEntity, toolActivate } from '../../../system/commands/registry.ts'
import { KEY_GENERATIONS_MAX } from '../../../system/limits.ts'
import { SEALED_LOG } from '../../../system/protocol/features.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { exchangeKeyOf, GroupKeys, KeyChain, sharedSecret, unwrapKey, wrapKey } from '../../../system/security/groupkeys.ts'
import { type Actor, disagreement, EPOCH, Loopback, prepare, publicKeyOf, SESSION_ID, tagSigner } from '../../support/loopback.ts'
import { entryOf } from '../commands/entries.ts'

beforeAll(prepare)

const secretOf = (first: number) => Uint8Array.from({ length: 32 }, (_, i) => (first * 31 + i * 7) & 0xff)
const CHAIN = new KeyChain(secretOf(1))
const keysAt = (...generations: number[]) => {
  const keys = new GroupKeys(SESSION_ID)
  for (const generation of generations) expect(keys.adopt(generation, CHAIN.at(generation))).toBe(true)
  return keys
}
const ENTRY = entryOf(1, 12, toolActivate, { tool: 3 })

describe('group keys', () => {
  it('R-SEC-9 what one member seals the others open, as it was', () => {
    const sealed = keysAt(2).seal(ENTRY)
    expect(sealed.payload).toHaveLength(ENTRY.payload.length + 20)
    expect(keysAt(2).open(sealed)).toEqual(ENTRY)
    expect(keysAt(1, 2).seal(ENTRY)).toEqual(sealed)
  })

  it('R-SEC-9 who has a generation has those before it, and none after it', () => {
    const sealed = [1, 2, 5].map((generation) => keysAt(generation).seal(ENTRY))
    const opened = (keys: GroupKeys) => sealed.map((entry) => keys.open(entry) !== undefined)
    expect(opened(keysAt(5))).toEqual([true, true, true])
    expect(opened(keysAt(2))).toEqual([true, true, false])
    expect(sealed.map(({ payload }) => keysAt(2).knows(payload))).toEqual([true, true, false])
    expect(opened(keysAt(KEY_GENERATIONS_MAX))).toEqual([true, true, true])
  })

  it('R-SEC-9 a key that is not of the chain, not newer or beyond its end is not taken', () => {
    const keys = keysAt(3)
    expect(keys.adopt(3, CHAIN.at(3))).toBe(false)
    expect(keys.adopt(2, CHAIN.at(2))).toBe(false)
    expect(keys.adopt(4, CHAIN.at(5))).toBe(false)
    expect(keys.adopt(5, new KeyChain(secretOf(2)).at(5))).toBe(false)
    expect(keys.adopt(KEY_GENERATIONS_MAX + 1, secretOf(3))).toBe(false)
    expect(keys.generation).toBe(3)
  })

  const others: readonly [string, Partial<CommandEntry>][] = [
    ['author', { author: 2 }], ['nonce', { nonce: 13n }], ['lamport', { lamport: 13 }], ['command', { command: 17 }],
    ['scope', { scope: 4 }], ['epoch', { epoch: 8 }], ['base', { baseLamport: 1 }],
  ]
  it.each(others)('R-SEC-9 a payload that was sealed for another %s does not open', (_, other) => {
    expect(keysAt(1).open({ ...keysAt(1).seal(ENTRY), ...other })).toBeUndefined()
  })

  it('R-SEC-9 a payload with a bit flipped, or none at all, does not open, and nobody throws', () => {
    const sealed = keysAt(1).seal(ENTRY)
    for (let bit = 0; bit < sealed.payload.length * 8; bit += 3) {
      const payload = sealed.payload.with(bit >> 3, sealed.payload[bit >> 3] ^ (1 << (bit & 7)))
      expect(keysAt(1).open({ ...sealed, payload })).toBeUndefined()
    }
    for (let length = 0; length < sealed.payload.length; length++) {
      expect(keysAt(1).open({ ...sealed, payload: sealed.payload.subarray(0, length) })).toBeUndefined()
    }
  })

  it('R-SEC-9 a key is wrapped for one member, one generation and one epoch', () => {
    const [ana, ben, eve] = [4, 5, 6].map(secretOf)
    const shared = sharedSecret(ana, exchangeKeyOf(ben))!
    expect(sharedSecret(ben, exchangeKeyOf(ana))).toEqual(shared)
    const context = { sessionId: SESSION_ID, epoch: EPOCH, generation: 1, author: 1 }
    const wrapped = wrapKey(shared, CHAIN.at(1), context)
    expect(unwrapKey(shared, wrapped, context)).toEqual(CHAIN.at(1))
    for (const other of [{ epoch: 1 }, { generation: 2 }, { author: 2 }, { sessionId: SESSION_ID.with(0, 0) }]) {
      expect(unwrapKey(shared, wrapped, { ...context, ...other })).toBeUndefined()
    }
    expect(unwrapKey(sharedSecret(eve, exchangeKeyOf(ana))!, wrapped, context)).toBeUndefined()
    expect(unwrapKey(shared, new Uint8Array(0), context)).toBeUndefined()
    // No key, and one of small order.
    for (const key of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32)]) expect(sharedSecret(ana, key)).toBeUndefined()
  })
})

const sealedSession = () => new Loopback({ host: { sealed: true } })
const SPAWN = { kind: 'spawn', x: 111, y: 222, z: 333, hx: 9, hy: 9, hz: 9 } as const
const tools = (actor: Actor<never> | Loopback['host'], author: number) => actor.peer.world.get(memberEntity(author), ToolState)?.tool
const payloads = (loopback: Loopback) => loopback.all('CommandLogEntry').flatMap(({ message }) => message.entries)
const generation = (loopback: Loopback) => loopback.all('KeyRoster').at(-1)!.message.keyGeneration

describe('a sealed session', () => {
  const joined = (loopback: Loopback, ...names: string[]) => {
    const clients = names.map((name) => loopback.join(name, { sealed: true }))
    loopback.run(20)
    return clients
  }

  it('R-SEC-9 members work as ever, and no payload is seen on its way', () => {
    const loopback = sealedSession()
    loopback.host.intend(SPAWN)
    const [ana, ben] = joined(loopback, 'ana', 'ben')
    ana.intend(SPAWN)
    ben.intend({ kind: 'toolActivate', tool: 5 })
    ana.intend({ kind: 'openPlacements', region: 1 })
    ana.intend({ kind: 'draftAdd', state: { asset: 1, region: 1, x: 1, y: 2, z: 3, qx: 0, qy: 0, qz: 0, qw: 32767, scale: 256, tags: 0 } })
    ana.intend({ kind: 'commitPlacements' })
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
    expect(loopback.host.peer.world.entities(Entity)).toHaveLength(3)
    expect(tools(loopback.host, 2)).toBe(5)
    const outsider = new GroupKeys(SESSION_ID)
    const seen = payloads(loopback)
    expect(seen.length).toBeGreaterThan(5)
    for (const entry of seen) {
      expect(outsider.open(entry)).toBeUndefined()
      expect(Buffer.from(entry.payload).includes(Buffer.from([111, 0, 0, 0, 222, 0, 0, 0]))).toBe(false)
    }
  })

  it('R-SEC-9 whoever leaves has no key to what comes after', () => {
    const loopback = sealedSession()
    const [ana, , cleo] = joined(loopback, 'ana', 'ben', 'cleo')
    expect(generation(loopback)).toBe(1)
    cleo.intend({ kind: 'leave' })
    loopback.run(20)
    expect(generation(loopback)).toBe(2)
    const roster = loopback.all('KeyRoster').at(-1)!.message
    expect(roster.members.map(({ wrappedKey }) => wrappedKey.length)).toEqual([0, 48, 48, 0])
    const before = loopback.sent.length
    ana.intend({ kind: 'toolActivate', tool: 4 })
    loopback.settle()
    const [entry] = loopback.sent.slice(before).flatMap((carried) => carried.as('CommandLogEntry')?.entries ?? [])
    expect(new DataView(entry.payload.buffer, entry.payload.byteOffset).getUint32(0, true)).toBe(2)
    expect(cleo.peer.log!.opened(entry)).toBeUndefined()
    expect(ana.peer.log!.opened(entry)).toBeDefined()
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SEC-9 a late joiner and one that resumes read what is open and what comes', () => {
    const loopback = sealedSession()
    const [ana, ben] = joined(loopback, 'ana', 'ben')
    ben.intend({ kind: 'toolActivate', tool: 2 })
    loopback.sever(ben)
    ana.intend({ kind: 'toolActivate', tool: 3 })
    const [cleo] = joined(loopback, 'cleo')
    loopback.until(() => ben.peer.state === 'live')
    cleo.intend({ kind: 'toolActivate', tool: 4 })
    loopback.settle()
    expect([1, 2, 3].map((author) => tools(loopback.host, author))).toEqual([3, 2, 4])
    expect(generation(loopback)).toBe(2)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SEC-9 a command that came late is sealed anew', () => {
    const loopback = sealedSession()
    const [ana, ben] = joined(loopback, 'ana', 'ben')
    loopback.carry = (carried) => [{ delayUs: carried.from === 'ana' ? 400_000 : 2_000 }]
    ana.intend({ kind: 'toolActivate', tool: 6 })
    ben.intend({ kind: 'toolActivate', tool: 1 })
    loopback.run(20)
    loopback.carry = () => [{ delayUs: 2_000 }]
    loopback.run(90)
    loopback.settle()
    expect(ana.heard('commandSigned').map(({ resignedFrom }) => resignedFrom > 0)).toContain(true)
    expect(tools(loopback.host, 1)).toBe(6)
  })

  it('R-SEC-9 one side alone does not make a session: nobody is talked out of it', () => {
    const sealed = sealedSession()
    const ana = sealed.join('ana')
    const open = new Loopback()
    const ben = open.join('ben', { sealed: true })
    for (const loopback of [sealed, open]) loopback.run(20)
    expect([ana, ben].map(({ peer }) => peer.state)).toEqual(['closed', 'closed'])
    expect(ana.last('sessionRefused')).toMatchObject({ code: 'authentication', hint: expect.stringMatching(/sealed/) })
    expect(open.all('SessionHello')[0].message.features & SEALED_LOG).toBe(SEALED_LOG)
    expect(ben.last('sessionClosed')).toMatchObject({ code: 'authentication', by: 'local' })
  })

  it('R-SEC-9 an entry that is sealed by no generation is refused, and one that does not open does nothing', () => {
    const loopback = sealedSession()
    const [ana, ben] = joined(loopback, 'ana', 'ben')
    loopback.settle()
    const { clock } = loopback.host.peer.log
    const lastNonce = () => loopback.host.heard('commandAdmitted').findLast(({ entry }) => entry.author === 1)?.entry.nonce ?? 0n
    const say = (i: number, payload: Uint8Array) => {
      const over = { nonce: 90n + BigInt(i), previousNonce: lastNonce(), payload }
      const entry = entryOf(1, clock + i, toolActivate, { tool: 1 }, over)
      const signature = tagSigner(publicKeyOf('ana')).sign(signingBytes(SESSION_ID, entry))
      loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries: [{ ...entry, signature }] })
    }
    say(1, Uint8Array.of(1, 0))
    say(2, Uint8Array.of(9, 0, 0, 0, 1, 2, 3))
    say(3, Uint8Array.of(1, 0, 0, 0, 1, 2, 3))
    say(4, new Uint8Array(24).fill(1, 0, 1))
    loopback.settle()
    expect(loopback.host.heard('commandRefused').map(({ reason }) => reason)).toEqual(['malformed', 'malformed'])
    expect(ben.heard('commandFolded').filter(({ author }) => author === 1).map(({ outcome, why }) => `${outcome}: ${why}`))
      .toEqual(['void: not sealed for this entry', 'void: not sealed for this entry'])
    expect(disagreement(loopback)).toBeUndefined()
  })
})
