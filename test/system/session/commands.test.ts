/** Commands between a host and its members: admission, lateness, forgery, and who catches up with what. */
import { beforeAll, describe, expect, it } from 'vitest'
import { entityScale, entitySpawn, toolActivate } from '../../../system/commands/registry.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { Entity, Member, Placement, RigidBody, ToolState, Transform } from '../../../system/ecs/components.ts'
import { COMMAND_BURST, LATE_WINDOW_FRAMES, RESIGN_MAX } from '../../../system/limits.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { memberEntity } from '../../../system/commands/registry.ts'
import {
  type Actor, type Carriage, type Carried, disagreement, LATENCY_US, Loopback, ONCE, prepare, publicKeyOf, sealed, SESSION_ID, tagSigner,
} from '../../support/loopback.ts'
import { REGION, stateAt } from '../../support/placements.ts'
import { entryOf } from '../commands/entries.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const
const WINDOW_US = (LATE_WINDOW_FRAMES * 1e6) / 90
const tool = (id: number) => ({ kind: 'toolActivate', tool: id }) as const
const entriesFrom = (loopback: Loopback, name: string) =>
  loopback.all('CommandLogEntry').flatMap(({ carried, message }) => (carried.from === name ? message.entries : []))
const foldedAt = (actor: Actor) =>
  actor.heard('commandFolded').map(({ lamport, author, command, outcome }) => `${lamport}.${author} ${command} ${outcome}`)
const signedBy = (name: string, entry: CommandEntry): CommandEntry =>
  ({ ...entry, signature: tagSigner(publicKeyOf(name)).sign(signingBytes(SESSION_ID, entry)) })
/** What this member signs takes so long to the host. */
const slow = (name: string, delayUs: number) => (carried: Carried): Carriage =>
  (carried.from === name && carried.as('CommandLogEntry') !== undefined ? [{ delayUs }] : ONCE)

describe('lateness', () => {
  /** Ana's commands take long, while Ben keeps the clock going. */
  const slowly = (delayUs: number, frames: number) => {
    const loopback = new Loopback()
    loopback.host.intend(SPAWN)
    const [ana, ben] = loopback.joined('ana', 'ben')
    const [crate] = ana.peer.world.entities(Entity)
    loopback.carry = slow('ana', delayUs)
    ana.intend({ kind: 'scale', entity: crate, numerator: 512, denominator: 256 })
    for (let i = 0; i < frames; i++) {
      if (i % 10 === 0) ben.intend(tool(i % 50))
      if (i === 60) loopback.carry = () => ONCE
      loopback.run(1)
    }
    return { loopback, ana, crate }
  }

  it('R-LOG-2 an entry within the window is admitted, however the clock went on', () => {
    const { loopback } = slowly(WINDOW_US - 25_000, 60)
    loopback.settle()
    expect(loopback.host.heard('commandRefused')).toEqual([])
  })

  it('R-LOG-2 one that comes later is refused as late, and signed anew on its former base, and applied once', () => {
    const { loopback, ana, crate } = slowly(2 * WINDOW_US, 70)
    loopback.settle()
    const refused = loopback.host.heard('commandRefused')
    expect(refused.length).toBeGreaterThan(0)
    expect(new Set(refused.map(({ reason, author }) => `${reason} ${author}`))).toEqual(new Set(['late 1']))
    const sent = entriesFrom(loopback, 'ana').filter(({ command }) => command === entityScale.code)
    expect(sent).toHaveLength(refused.length + 1)
    expect(new Set(sent.map(({ baseLamport, baseAuthor }) => `${baseLamport}.${baseAuthor}`)).size).toBe(1)
    expect(sent.map(({ nonce }) => nonce)).toEqual([...new Set(sent.map(({ nonce }) => nonce))])
    const signed = ana.heard('commandSigned').map(({ lamport, resignedFrom }) => [lamport, resignedFrom])
    expect(signed.slice(1).map(([, from]) => from)).toEqual(signed.slice(0, -1).map(([lamport]) => lamport))
    expect(ana.peer.world.get(crate, Transform)?.sx).toBe(512)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-2 an author gives up in the end, and its view forgets the command', () => {
    const loopback = new Loopback()
    loopback.host.intend(SPAWN)
    const [ana, ben] = loopback.joined('ana', 'ben')
    loopback.carry = slow('ana', 2 * WINDOW_US)
    ana.intend(tool(3))
    for (let i = 0; i < (RESIGN_MAX + 2) * 40; i++) {
      if (i % 9 === 0) ben.intend(tool(i % 50))
      loopback.run(1)
    }
    loopback.settle()
    expect(ana.heard('commandSigned')).toHaveLength(RESIGN_MAX + 1)
    expect(ana.peer.world.get(memberEntity(1), ToolState)).toBeUndefined()
    expect(ana.peer.log!.view.get(memberEntity(1), ToolState)).toBeUndefined()
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-2 what is given before the author knows of its own membership is late, not lost', () => {
    const loopback = new Loopback()
    const [ben] = loopback.joined('ben')
    // Between the closed mark and the entry that makes Ana a member lie others.
    for (let i = 0; i < 9; i++) ben.intend(tool(i))
    loopback.run(3)
    // The snapshot comes well before the entry that makes Ana a member.
    loopback.carry = (carried) => (carried.to === 'ana' && carried.as('CommandLogEntry') !== undefined ? [{ delayUs: 60_000 }] : ONCE)
    const ana = loopback.join('ana')
    loopback.until(() => ana.peer.state === 'joining', 5)
    ana.intend(tool(1))
    loopback.until(() => ana.peer.state === 'live', 5)
    ana.intend(tool(2))
    loopback.run(10)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(loopback.host.heard('commandFolded').filter(({ outcome }) => outcome === 'denied')).toEqual([])
    expect(foldedAt(ana).filter((line) => /^\d+\.2 tool/.test(line))).toEqual([1, 2].map(() => expect.stringMatching(/applied$/) as string))
  })
})

describe('admission', () => {
  it('R-LOG-9 beyond a hundred at once, a member\'s commands are refused by rate, and told so', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    for (let i = 0; i < COMMAND_BURST + 5; i++) ana.intend(tool(i))
    loopback.settle()
    expect(loopback.host.heard('commandRefused').map(({ reason }) => reason)).toEqual(Array.from({ length: 5 }, () => 'rate'))
    expect(loopback.all('CommandReceipt').map(({ message }) => message.refusal)).toEqual(Array.from({ length: 5 }, () => 'rate'))
    expect(ana.peer.world.get(memberEntity(1), ToolState)?.tool).toBe(COMMAND_BURST - 1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-3 an entry in another\'s name is refused at the gate, and nothing of it is relayed', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    const lamport = loopback.host.peer.log.clock + 1
    const forged = signedBy('ana', entryOf(2, lamport, toolActivate, { tool: 9 }, { nonce: 99n }))
    loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries: [forged] })
    loopback.settle()
    expect(loopback.host.heard('commandRefused')).toMatchObject([{ author: 2, reason: 'signature', at: 'host' }])
    expect(ben.heard('commandRefused')).toEqual([])
    expect(ben.peer.world.get(memberEntity(2), ToolState)).toBeUndefined()
  })

  it('R-LOG-3 a replayed entry is refused, and the world stays', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    ana.intend(SPAWN)
    loopback.settle()
    const bytes = loopback.host.peer.world.canonicalBytes()
    const entries = entriesFrom(loopback, 'ana')
    loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries })
    loopback.settle()
    expect(loopback.host.heard('commandRefused')).toMatchObject([{ reason: 'nonce' }])
    expect(loopback.host.peer.world.canonicalBytes()).toEqual(bytes)
  })
})

describe('members', () => {
  const forgeries: readonly [string, (entry: CommandEntry) => Partial<CommandEntry>][] = [
    ['payload', ({ payload }) => ({ payload: payload.with(payload.length - 1, payload[payload.length - 1] ^ 1) })],
    ['author', () => ({ author: 1 })],
    ['Lamport time', ({ lamport }) => ({ lamport: lamport + 1 })],
    ['base', () => ({ baseLamport: 1 })],
    ['epoch', () => ({ epoch: 8 })],
    ['signature', ({ signature }) => ({ signature: signature.with(63, signature[63] ^ 1) })],
  ]
  it.each(forgeries)('R-LOG-4 a member refuses an entry that is relayed with another %s, before anything of it is applied', (_, change) => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    let forged = 0
    loopback.carry = (carried) => {
      const log = carried.to === 'ana' && carried.from === 'host' && forged === 0 ? carried.as('CommandLogEntry') : undefined
      if (log === undefined) return ONCE
      forged++
      return [{ delayUs: LATENCY_US, bytes: sealed({ ...log, entries: log.entries.map((entry) => ({ ...entry, ...change(entry) })) }) }]
    }
    ben.intend(tool(1))
    loopback.run(3)
    expect(ana.heard('commandRefused')).toMatchObject([{ reason: 'signature', at: 'peer' }])
    expect(ana.peer.log!.view.get(memberEntity(2), ToolState)).toBeUndefined()
    expect(ana.peer.log!.depth).toBe(0)
    // The genuine one is asked for, and all is well.
    loopback.settle()
    expect(ana.heard('rangeRequested').length).toBeGreaterThan(0)
    expect(ana.peer.world.get(memberEntity(2), ToolState)?.tool).toBe(1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-4 an entry of an author that the roster does not know is refused', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    loopback.inject(loopback.host, ana, { kind: 'CommandLogEntry', entries: [signedBy('eve', entryOf(9, 50, toolActivate, { tool: 1 }))] })
    expect(ana.heard('commandRefused')).toMatchObject([{ author: 9, reason: 'author' }])
    expect(ana.peer.log!.entryAt(50, 9)).toBeUndefined()
  })

  it('R-LOG-7 what a member signs after it was demoted, not knowing of it, is admitted and denied everywhere', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    loopback.settle()
    loopback.host.intend({ kind: 'role', author: 1, role: 'viewer' })
    loopback.run(2)
    ana.intend(SPAWN)
    loopback.settle()
    for (const actor of [loopback.host, ana, ben]) expect(foldedAt(actor)).toContainEqual(expect.stringMatching(/entity\.spawn denied/))
    expect(ben.peer.world.entities(Entity)).toEqual([])
  })

  it('R-LOG-8 two editors on one thing: what each sees last is the same', () => {
    const loopback = new Loopback()
    loopback.host.intend(SPAWN)
    const [ana, ben] = loopback.joined('ana', 'ben')
    const [entity] = ana.peer.world.entities(Entity)
    for (const [actor, dx] of [[ana, 100], [ben, 7]] as const) {
      actor.intend({ kind: 'translate', entity, dx, dy: 0, dz: 0 })
      actor.intend({ kind: 'scale', entity, numerator: 512, denominator: 256 })
      actor.intend({ kind: 'select', entity })
    }
    expect(ana.peer.log!.view.get(entity, Transform)).toMatchObject({ x: 100, sx: 512 })
    loopback.settle()
    expect(loopback.host.peer.world.get(entity, Transform)).toMatchObject({ x: 107, sx: 512 })
    expect(foldedAt(ana).slice(-6)).toEqual(foldedAt(ben).slice(-6))
    const disputed = foldedAt(ana).filter((line) => /rejected|merged/.test(line)).map((line) => line.split(' ').slice(1).join(' '))
    expect(disputed).toEqual(['entity.translate merged', 'entity.scale rejected'])
    expect(disagreement(loopback)).toBeUndefined()
  })
})

describe('catching up', () => {
  it('R-LOG-10 a late joiner has the snapshot\'s fold and the entries since: together the whole log', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    for (let i = 0; i < 20; i++) {
      ana.intend(SPAWN)
      loopback.run(3)
    }
    const ben = loopback.join('ben')
    for (let i = 0; i < 10; i++) {
      ana.intend(SPAWN)
      loopback.run(3)
    }
    loopback.settle()
    const whole = foldedAt(loopback.host)
    const since = foldedAt(ben)
    expect(since.length).toBeGreaterThan(10)
    expect(since.length).toBeLessThan(whole.length)
    expect(whole.slice(-since.length)).toEqual(since)
    expect(ben.peer.log!.position).toEqual(loopback.host.peer.log.position)
    expect(ben.peer.log!.position.count).toBe(whole.length)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-10 entries too large for one message reach a late joiner in several', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const clock = loopback.host.peer.log.clock
    for (let i = 1; i <= 5; i++) {
      const over = { nonce: BigInt(i), previousNonce: BigInt(i - 1), payload: new Uint8Array(50_000) }
      const entry = entryOf(1, clock + i, toolActivate, { tool: 1 }, over)
      loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries: [signedBy('ana', entry)] })
    }
    const cleo = loopback.join('cleo')
    loopback.settle()
    expect(cleo.heard('commandIntegrated').filter(({ author }) => author === 1)).toHaveLength(5)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-10 a commit of many drafts that are more than a message is sent in several', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    for (let commit = 0; commit < 6; commit++) {
      ana.intend({ kind: 'openPlacements', region: REGION })
      for (let i = 0; i < 250; i++) ana.intend({ kind: 'draftAdd', state: stateAt(100_000 * i) })
      ana.intend({ kind: 'commitPlacements' })
    }
    loopback.settle()
    expect(entriesFrom(loopback, 'ana').reduce((bytes, { payload }) => bytes + payload.length, 0)).toBeGreaterThan(64 * 1024)
    // The first commit takes the places that the others want.
    expect(ben.heard('commitFolded').map(({ status }) => status)).toEqual(['APPLIED', ...Array.from({ length: 5 }, () => 'REJECTED')])
    expect(ben.peer.world.entities(Placement)).toHaveLength(250)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-1 members that hear of everything at different times end alike', () => {
    const loopback = new Loopback()
    loopback.host.intend(SPAWN)
    const clients = loopback.joined('ana', 'ben', 'cleo')
    const [entity] = clients[0].peer.world.entities(Entity)
    // Control is ordered: each connection has a latency of its own, a changing one.
    const freeAtUs = new Map<string, number>()
    let draw = 7
    loopback.carry = ({ from, to, channel, atUs }) => {
      draw = (Math.imul(draw, 1103515245) + 12345) >>> 0
      const name = `${from} ${to} ${channel}`
      const arrivesUs = Math.max(atUs + 5_000 + (draw >>> 8) % 90_000, freeAtUs.get(name) ?? 0)
      freeAtUs.set(name, arrivesUs)
      return [{ delayUs: arrivesUs - atUs }]
    }
    for (let i = 0; i < 60; i++) {
      const client = clients[(draw >>> 10) % 3]
      if (i % 3 === 0) client.intend(SPAWN)
      if (i % 3 === 1) client.intend({ kind: 'translate', entity, dx: i, dy: 1, dz: 0 })
      if (i % 3 === 2) client.intend({ kind: 'scale', entity, numerator: 250 + i, denominator: 256 })
      loopback.run(2)
    }
    loopback.carry = () => ONCE
    loopback.settle()
    for (const client of clients) expect(foldedAt(client).slice(-40)).toEqual(foldedAt(loopback.host).slice(-40))
    expect(disagreement(loopback)).toBeUndefined()
  })
})

describe('what a peer keeps', () => {
  it('R-LOG-3 a spawn in another\'s number range is void, and so is one of an entity that is there', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const lamport = loopback.host.peer.log.clock + 1
    const row = { kind: 1, x: 0, y: 0, z: 0, hx: 1, hy: 1, hz: 1, shape: 0, massGrams: 0, restitution: 0 }
    const spawns = [memberEntity(2) + 5, memberEntity(1), memberEntity(1) + 900, memberEntity(1) + 900, 2 ** 30 + 5].map((entity, i) =>
      signedBy('ana', entryOf(1, lamport + i, entitySpawn, { ...row, entity }, {
        nonce: BigInt(1000 + i), previousNonce: i === 0 ? 0n : BigInt(999 + i),
      })))
    loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries: spawns })
    loopback.settle()
    expect(foldedAt(ana).slice(-5).map((line) => line.split(' ').at(-1))).toEqual(['void', 'void', 'applied', 'void', 'void'])
    expect(ana.peer.world.entities(Entity)).toEqual([memberEntity(1) + 900])
    expect(ana.peer.world.entities(Member)).toHaveLength(2)
    expect(ana.peer.world.entities(RigidBody)).toEqual([])
  })
})
