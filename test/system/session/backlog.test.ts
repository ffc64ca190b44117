/** Many commands at once: what waits is bounded everywhere, and nobody waits for ever. */
import { beforeAll, describe, expect, it } from 'vitest'
import { COMMAND_BURST, MEMBERS_MAX, OWN_ENTRIES_MAX, PENDING_ADMITTED_MAX, PENDING_ENTRIES_MAX } from '../../../system/limits.ts'
import { memberEntity, toolActivate } from '../../../system/commands/registry.ts'
import { Entity, Selection, ToolState } from '../../../system/ecs/components.ts'
import { disagreement, LATENCY_US, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'
import { ANA, entryOf, newLog } from '../commands/entries.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const
const tool = (id: number) => ({ kind: 'toolActivate', tool: id }) as const

describe('everybody at once', () => {
  it('R-LOG-12 64 members who give all that they may are all let in, and all confirm it', () => {
    const loopback = new Loopback({ verifier: { verify: () => true } })
    loopback.host.intend(SPAWN)
    for (let i = 0; i < MEMBERS_MAX; i++) loopback.join(`member ${i}`)
    loopback.until(() => loopback.clients.every(({ peer }) => peer.state === 'live'))
    loopback.settle()
    const [entity] = loopback.host.peer.world.entities(Entity)
    for (const client of loopback.clients) {
      for (let i = 0; i < COMMAND_BURST; i++) client.intend({ kind: 'select', entity })
    }
    let deepest = 0
    for (let frame = 0; frame < 30; frame++) {
      loopback.run(1)
      deepest = Math.max(deepest, loopback.host.peer.log.depth)
    }
    loopback.settle()
    expect(deepest).toBe(MEMBERS_MAX * COMMAND_BURST)
    expect(loopback.host.heard('commandRefused')).toEqual([])
    const told = loopback.host.heard('commandBacklog').map(({ queue, state }) => `${queue} ${state}`)
    expect(told).toEqual(['pending long', 'pending relieved'])
    expect(loopback.host.peer.world.get(entity, Selection)).toEqual({ author: MEMBERS_MAX })
    expect(disagreement(loopback)).toBeUndefined()
    // 409,600 entries are confirmed: 20 s where nothing else runs.
  }, 240_000)

  it('R-LOG-12 beyond what can wait the host lets nobody in, and members may go all the same', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    for (let i = loopback.host.peer.log.depth; i < PENDING_ADMITTED_MAX; i++) loopback.host.intend({ kind: 'despawn', entity: 1 })
    expect(loopback.host.peer.log.hasRoom).toBe(false)
    loopback.host.intend(SPAWN)
    expect(loopback.host.heard('commandDeclined')).toMatchObject([{ waiting: PENDING_ADMITTED_MAX }])
    ana.intend(tool(1))
    const eve = loopback.join('eve')
    ben.intend({ kind: 'leave' })
    loopback.run(6)
    expect(loopback.host.heard('commandRefused')).toMatchObject([{ author: 1, reason: 'rate' }])
    expect(loopback.host.heard('sessionRefused')).toMatchObject([{ code: 'full' }])
    expect(loopback.host.heard('sessionClosed')).toMatchObject([{ author: 2 }])
    loopback.settle()
    expect(eve.peer.state).toBe('closed')
    expect(disagreement(loopback)).toBeUndefined()
  })
})

describe('a client', () => {
  it('R-LOG-12 that holds as many entries as it can takes the older ones, asks for the others, and confirms every frame', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    // Frames come late, entries at once: many wait.
    loopback.carry = (carried) => (carried.as('ComponentDelta') === undefined ? ONCE : [{ delayUs: 650_000 }])
    let deepest = 0
    for (let frame = 0; frame < 90; frame++) {
      for (let i = 0; i < 150; i++) loopback.host.intend({ kind: 'despawn', entity: 1 })
      loopback.run(1)
      deepest = Math.max(deepest, ana.peer.log!.depth)
    }
    expect(deepest).toBe(PENDING_ENTRIES_MAX)
    loopback.until(() => ana.peer.confirmedFrame > loopback.frame - 70 && ana.peer.log!.depth < 100)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(ana.heard('rangeRequested').length).toBeGreaterThan(0)
    expect(ana.heard('resyncStarted')).toEqual([])
    expect(ana.heard('framesSkipped')).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  }, 60_000)

  it('R-LOG-12 makes room by forgetting the newest that was admitted, never an own one, and for older ones alone', () => {
    const { log } = newLog()
    const move = (lamport: number) => entryOf(ANA, lamport, toolActivate, { tool: 1 })
    for (let i = 1; i <= PENDING_ENTRIES_MAX; i++) log.integrate(move(2 * i), true)
    const last = 2 * PENDING_ENTRIES_MAX
    log.integrate(move(last + 1), false)
    log.makeRoom(move(last + 2))
    expect(log.integrate(move(last + 2), true)).toEqual({ kind: 'full' })
    log.makeRoom(move(3))
    expect(log.integrate(move(3), true)).toEqual({ kind: 'integrated' })
    const has = (lamport: number) => log.entryAt(lamport, ANA) !== undefined
    expect([has(last), has(last - 2), has(last + 1)]).toEqual([false, true, true])
    // An own one that the host admits needs no room.
    expect(log.integrate(move(last + 1), true)).toEqual({ kind: 'integrated' })
  })

  it('R-LOG-12 signs no more than can wait for the host, says so, and goes on when it has heard of them', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    loopback.carry = (carried) => (carried.from === 'ana' && carried.as('CommandLogEntry') !== undefined ? NEVER : ONCE)
    for (let i = 0; i < OWN_ENTRIES_MAX + 3; i++) ana.intend(tool(i % 90))
    expect(ana.heard('commandSigned')).toHaveLength(OWN_ENTRIES_MAX)
    const declined = { event: 'commandDeclined', command: 'tool.activate', waiting: OWN_ENTRIES_MAX }
    expect(ana.heard('commandDeclined')).toEqual([declined, declined, declined])
    ana.intend({ kind: 'openPlacements', region: 1 })
    loopback.run(2)
    expect(ana.heard('commandBacklog').map(({ queue }) => queue)).toContain('own')
    loopback.carry = () => [{ delayUs: LATENCY_US }]
    loopback.sever(ana)
    loopback.run(60)
    loopback.settle()
    ana.intend(tool(7))
    loopback.settle()
    expect(loopback.host.peer.world.get(memberEntity(1), ToolState)?.tool).toBe(7)
    expect(disagreement(loopback)).toBeUndefined()
  })
})
