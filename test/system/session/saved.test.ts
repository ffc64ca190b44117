/** Saved sessions: what goes on in a new one, what an earlier version saved, and what is refused. */
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memberEntity } from '../../../system/commands/registry.ts'
import {
  BodyPose, Entity, HeadPose, Member, Motion, Placement, RigidBody, ScopeVersion, Transform,
} from '../../../system/ecs/components.ts'
import type { AnyComponent } from '../../../system/ecs/component.ts'
import { loadSession, saveSession } from '../../../system/session/saved.ts'
import { Loopback, prepare, publicKeyOf, SESSION_ID } from '../../support/loopback.ts'

await prepare()

const OTHER_SESSION = SESSION_ID.map((byte) => byte ^ 0xff)
const savedBy = (version: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${version}/session.bin`, import.meta.url)))
const FIRST = savedBy('1.0.0')
const sessionOf = (bytes: Uint8Array) => {
  const loaded = loadSession(bytes)
  if (loaded.kind === 'refused') throw new Error(loaded.why)
  return loaded.session
}
const whyOf = (bytes: Uint8Array): string => {
  const loaded = loadSession(bytes)
  return loaded.kind === 'refused' ? loaded.why : 'loaded'
}
const goOn = (bytes: Uint8Array) => new Loopback({ host: { saved: sessionOf(bytes), sessionId: OTHER_SESSION } })
const box = { x: 512, y: 512, z: -1024, hx: 9, hy: 9, hz: 9 }
/** The header in front of a body, with its digest right. */
const resealed = (bytes: Uint8Array, change: (body: Uint8Array) => Uint8Array): Uint8Array => {
  const body = change(bytes.slice(56))
  const file = new Uint8Array(56 + body.length)
  file.set(bytes.subarray(0, 56))
  new DataView(file.buffer).setUint32(20, body.length, true)
  file.set(sha256(body), 24)
  file.set(body, 56)
  return file
}

describe('a saved session', () => {
  it('R-SESSION-8 goes on in a new one: the same world, the same members, and no number twice', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    ana.intend({ kind: 'spawn', ...box })
    ben.intend({ kind: 'spawn', ...box, x: 4096, body: { shape: 'ball', massGrams: 100, restitution: 0 } })
    ana.intend({ kind: 'toolActivate', tool: 2 })
    loopback.host.intend({ kind: 'spawn', ...box, y: 2048 })
    loopback.host.intend({ kind: 'propSpawn', prop: 1, x: 1, y: 2, z: 3 })
    loopback.settle()
    const saved = loopback.host.peer.save()
    const entities = loopback.host.peer.world.entities(Entity)

    const later = goOn(saved)
    const { world } = later.host.peer
    expect(world.entities(Entity)).toEqual(entities)
    expect(world.entities(Motion)).toHaveLength(1)
    for (const fleeting of [HeadPose, BodyPose]) expect(world.entities(fleeting)).toEqual([])
    // Nobody is there before they come; then they are who they were, from whatever order they come in.
    later.run(1)
    for (const author of [1, 2]) expect(world.get(memberEntity(author), Member)).toMatchObject({ present: 0 })
    const again = later.joined('ben', 'cat', 'ana')
    expect(again.map(({ peer }) => peer.author)).toEqual([2, 3, 1])
    for (const client of again) client.intend({ kind: 'spawn', ...box, z: 4096 })
    later.host.intend({ kind: 'spawn', ...box, y: -2048 })
    later.settle()
    expect(world.entities(Entity)).toHaveLength(entities.length + 4)
    expect(later.host.heard('commandFolded').filter(({ outcome }) => outcome === 'void' || outcome === 'denied')).toEqual([])
    for (const { peer } of again) expect(peer.world.canonicalBytes()).toEqual(world.canonicalBytes())
  })

  it('R-SESSION-8 survives its bytes, and is the same when nothing has happened', () => {
    const loopback = new Loopback()
    loopback.joined('ana')
    const saved = loopback.host.peer.save()
    expect(saveSession(sessionOf(saved))).toEqual(saved)
  })

  it('R-SESSION-8 a command of the old session is worth nothing in the new one', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    ana.intend({ kind: 'spawn', ...box })
    loopback.settle()
    const [{ message }] = loopback.all('CommandLogEntry').filter(({ carried }) => carried.from === 'ana')
    const later = goOn(loopback.host.peer.save())
    const [back] = later.joined('ana')
    later.inject(back, later.host, message)
    expect(later.host.last('commandRefused')).toMatchObject({ reason: 'signature' })
  })

  it('R-SESSION-8 one of version 1.0.0 is migrated: its world, its members, and numbers above all that it used', () => {
    const session = sessionOf(FIRST)
    expect(session).toMatchObject({ closedLamport: 6, admittedCount: 7, nextAuthor: 3 })
    expect(session.members.map(({ author, displayName, nonceHighWater }) => [author, displayName, nonceHighWater])).toEqual([
      [0, 'host', 0n], [1, 'ana', 3n], [2, 'ben', 2n],
    ])
    expect(session.members[1].publicKey).toEqual(publicKeyOf('ana'))
    const loopback = goOn(FIRST)
    const [ana, ben] = loopback.joined('ana', 'ben')
    const { world } = loopback.host.peer
    expect([Transform, RigidBody, Placement, Motion].map((component) => world.entities(component).length)).toEqual([2, 1, 1, 1])
    ana.intend({ kind: 'spawn', ...box, z: 4096 })
    ben.intend({ kind: 'openPlacements', region: 1 })
    loopback.settle()
    expect(world.entities(Transform)).toHaveLength(3)
    expect(ana.peer.world.canonicalBytes()).toEqual(world.canonicalBytes())
    // What it became is of this version: saved and loaded again, it is the same.
    expect(sessionOf(saveSession(session))).toEqual(session)
  })

  it('R-SESSION-8 one of version 2.0.0 is read as it is: its world, its members, their numbers, and who was banned', () => {
    const session = sessionOf(savedBy('2.0.0'))
    const known = session.members.map(({ author, displayName, nonceHighWater, banned }) => [author, displayName, nonceHighWater, banned])
    expect(known).toEqual([
      [0, 'host', 260n, false], [1, 'ana', 3n, false], [2, 'ben', 2n, false], [3, 'cat', 0n, true],
    ])
    const loopback = goOn(savedBy('2.0.0'))
    const [ana] = loopback.joined('ana')
    const { world } = loopback.host.peer
    expect([Transform, RigidBody, Motion].map((component) => world.entities(component).length)).toEqual([2, 1, 1])
    ana.intend({ kind: 'spawn', ...box, z: 4096 })
    loopback.settle()
    expect(world.entities(Transform)).toHaveLength(3)
    expect(ana.peer.world.canonicalBytes()).toEqual(world.canonicalBytes())
    expect(sessionOf(saveSession(session))).toEqual(session)
  })
})

describe('what is refused', () => {
  const rowsOf = ({ name }: AnyComponent, change: (rows: Uint8Array) => Uint8Array) => {
    const { tables, ...session } = sessionOf(savedBy('2.0.0'))
    return saveSession({ ...session, tables: tables.map((one) => (one.component === name ? { ...one, rows: change(one.rows) } : one)) })
  }
  const saved = new Loopback().host.peer.save()
  const spent = sessionOf(saved).members.map((member) => ({ ...member, nonceHighWater: 2n ** 20n }))
  it.each<[what: string, bytes: Uint8Array, why: string | RegExp]>([
    ['nothing', new Uint8Array(0), 'not a saved session of Theta'],
    ['another file', new Uint8Array(100), 'not a saved session of Theta'],
    ['a newer major version', saved.with(14, 9), /saved by version 9\.0\.0.*install a newer build/],
    ['a newer patch', saved.with(18, 9), /saved by version \d+\.0\.9.*install a newer build/],
    ['a version that there never was', saved.with(14, 0), 'there is no way from version 0.0.0 to this build'],
    ['half of it', saved.subarray(0, 100), /cut off or damaged/],
    ['a flipped bit', saved.with(80, saved[80] ^ 1), 'damaged: its digest does not hold'],
    ['a body that is none', resealed(saved, () => Uint8Array.of(0xff)), /SavedSession|CBOR/],
    ['one without Lamport times', saveSession({ ...sessionOf(saved), closedLamport: 2 ** 52 + 1 }), 'no Lamport times are left'],
    ['one whose host has no numbers', saveSession({ ...sessionOf(saved), members: spent }), 'a member has no numbers left'],
    ['a member of a number to come', saveSession({ ...sessionOf(saved), nextAuthor: 0 }), /given twice, or to come/],
    ['an old body that is none', resealed(FIRST, (body) => body.subarray(0, 9)), 'version 1.0.0: the snapshot is cut off'],
    ['an old body without its roster', resealed(FIRST, (body) => body.subarray(0, 4 + 566)), 'version 1.0.0: the roster cannot be read'],
    ['a row that is cut off', rowsOf(Member, (rows) => rows.subarray(1)), `a row of ${Member.name} is cut off`],
    ['rows out of order', rowsOf(Member, (rows) => rows.with(3, 0x7f)), `rows of ${Member.name} are not in order`],
    ['a row that no world has', rowsOf(ScopeVersion, (rows) => rows.with(11 + ScopeVersion.field.lamport.offset, 255)),
      `a row of ${ScopeVersion.name} is out of its range`],
  ])('R-SESSION-8 %s', (_what, bytes, why) => {
    if (typeof why === 'string') expect(whyOf(bytes)).toBe(why)
    else expect(whyOf(bytes)).toMatch(why)
  })

  it('R-SESSION-8 whatever a body holds, loading throws nothing, and what is loaded can be gone on from', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(fc.property(fc.constantFrom(saved, FIRST), edits, (bytes, changes) => {
      const changed = resealed(bytes, (body) => changes.reduce((now, [at, value]) => now.with(at % now.length, value), body))
      const loaded = loadSession(changed)
      if (loaded.kind === 'session') expect(sessionOf(saveSession(loaded.session))).toEqual(loaded.session)
    }), { seed: 5, numRuns: 1500 })
  })
})
