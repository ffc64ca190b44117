/** Interest between a host and its members: when it comes into force, what it costs, what is refused. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cellName, seenBytes } from '../../../scenarios/oracle/sight.ts'
import { Motion, Spawned } from '../../../system/ecs/components.ts'
import { CELL_STEPS, INTEREST_INTERVAL_FRAMES, INTEREST_TIMEOUT_US } from '../../../system/limits.ts'
import type { Client } from '../../../system/session/client.ts'
import type { InterestSet } from '../../../system/protocol/messages.ts'
import { type Actor, EPOCH, frameStartUs, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'

beforeAll(prepare)
const made: Loopback[] = []
afterEach(() => made.splice(0).forEach((loopback) => loopback.free()))

/** A host with a prop in each of so many cells along x, and members. */
function session(cells: number, ...names: string[]) {
  const loopback = new Loopback()
  made.push(loopback)
  const put = (prop: number, x: number) => loopback.host.intend({ kind: 'propSpawn', prop, x, y: 0, z: 0 })
  const move = (prop: number, x: number) => loopback.host.intend({ kind: 'propMove', prop, x, y: 0, z: 0 })
  for (let i = 0; i < cells; i++) put(i, i * CELL_STEPS)
  return { loopback, put, move, clients: loopback.joined(...names) }
}
/** Sees the cells along x from one to another. */
const see = (client: Actor<Client>, from: number, to = from, tools: readonly number[] = []) =>
  client.intend({ kind: 'subscribeToRegion', min: { x: from * CELL_STEPS, y: 0, z: 0 }, max: { x: to * CELL_STEPS, y: 0, z: 0 }, tools })
const row = (...xs: number[]) => xs.map((x) => ({ x, y: 0, z: 0 }))
const set = (cells: InterestSet['cells'], over: Partial<InterestSet> = {}): InterestSet =>
  ({ kind: 'InterestSet', epoch: EPOCH, everything: false, cells, tools: [], ...over })
const props = ({ peer }: Actor<Client>) => peer.world.entities(Motion).map((entity) => entity % 1024)
/** Whether a client holds the rows that the host had in the client's frame, cut by its interest. */
function holds(loopback: Loopback, client: Actor<Client>, cells: InterestSet['cells'] | undefined): boolean {
  const frame = client.peer.confirmedFrame
  const hosts = seenBytes(loopback.host.states.get(frame)!, cells && new Set(cells.map(cellName)))
  return Buffer.compare(hosts, client.states.get(frame)!) === 0
}
const refusals = (loopback: Loopback) => loopback.host.heard('messageRefused').map(({ reason }) => reason)

describe('an interest', () => {
  it('R-INTEREST-3 comes into force between two frames, without a gap or a snapshot', () => {
    const { loopback, move, clients: [ana, ben] } = session(6, 'ana', 'ben')
    const frames = () => ana.heard('frameConfirmed')
    for (const [from, to] of [[1, 3], [3, 5], [0, 0]] as const) {
      see(ana, from, to)
      for (let i = 0; i < 30; i++) {
        move(i % 6, (i % 6) * CELL_STEPS + i)
        loopback.run(1)
      }
      expect(props(ana)).toEqual([0, 1, 2, 3, 4, 5].filter((prop) => prop >= from && prop <= to))
      expect(holds(loopback, ana, row(...[0, 1, 2, 3, 4, 5].filter((x) => x >= from && x <= to)))).toBe(true)
    }
    expect(props(ben)).toEqual([0, 1, 2, 3, 4, 5])
    expect(holds(loopback, ben, undefined)).toBe(true)
    expect(frames().map(({ frame }) => frame)).toEqual(frames().map((_, i) => frames()[0].frame + i))
    expect(new Set(frames().map(({ interest }) => interest)).size).toBe(4)
    expect(loopback.host.heard('snapshotSent')).toHaveLength(2)
    expect([...ana.heard('divergence'), ...ana.heard('resyncStarted')]).toEqual([])
  })

  it('R-INTEREST-2 another connection is told at once what its user wants by now, and not what was wanted before', () => {
    const { loopback, clients: [ana] } = session(3, 'ana')
    see(ana, 0)
    loopback.settle()
    const before = loopback.all('InterestSet').length
    loopback.sever(ana)
    see(ana, 2)
    loopback.until(() => ana.peer.state === 'live' && loopback.all('InterestSet').length > before)
    expect(loopback.all('InterestSet').slice(before).map(({ message }) => message.cells)).toEqual([row(2)])
  })

  it('R-INTEREST-4 nothing is heard of what moves out of sight; what comes into sight and goes leaves no ghost', () => {
    const { loopback, move, clients: [ana] } = session(3, 'ana')
    see(ana, 0)
    loopback.run(20)
    for (const x of [1, 0, 2, 0, 1]) {
      move(1, x * CELL_STEPS)
      loopback.run(4)
      expect(props(ana)).toEqual(x === 0 ? [0, 1] : [0])
      expect(ana.peer.world.entities(Spawned)).toEqual(ana.peer.world.entities(Motion))
    }
    const cut = loopback.host.heard('frameCut')
    move(2, 2 * CELL_STEPS + 5)
    loopback.run(1)
    expect(loopback.host.last('frameCut')).toMatchObject({ members: 1, rowsSent: 0, rowsChanged: 1, rowsFiltered: 1 })
    expect(cut.at(-1)).toMatchObject({ rowsSent: 0, rowsChanged: 0, rowsFiltered: 0 })
  })

  it('R-INTEREST-3 what is more than a frame takes comes by a snapshot in place of the frame', () => {
    const { loopback, put, clients: [ana] } = session(1, 'ana')
    see(ana, 0)
    loopback.run(20)
    for (let i = 0; i < 400; i++) put(1000 + i, 3 * CELL_STEPS + i)
    loopback.run(10)
    expect(ana.peer.world.entities(Motion)).toHaveLength(1)
    const before = ana.peer.confirmedFrame
    ana.intend({ kind: 'unsubscribe' })
    loopback.run(20)
    expect(loopback.host.heard('snapshotSent').map(({ reason }) => reason)).toEqual(['join', 'interest'])
    expect(ana.heard('framesSkipped')).toHaveLength(1)
    expect(ana.heard('framesSkipped')[0]).toMatchObject({ fromFrame: ana.heard('framesSkipped')[0].toFrame })
    expect(ana.peer.confirmedFrame).toBeGreaterThan(before + 15)
    expect(holds(loopback, ana, undefined)).toBe(true)
    expect([...ana.heard('divergence'), ...ana.heard('resyncStarted')]).toEqual([])
  })

  it('R-INTEREST-3 a frame that is lost is sent again as it was cut for its member', () => {
    const { loopback, move, clients: [ana, ben] } = session(4, 'ana', 'ben')
    see(ana, 0, 1)
    loopback.run(12)
    loopback.carry = (carried) => (carried.as('ComponentDelta') !== undefined && carried.channel === 'replication' ? NEVER : ONCE)
    see(ana, 1, 3)
    for (let i = 0; i < 15; i++) {
      move(i % 4, ((i + 1) % 4) * CELL_STEPS)
      loopback.run(1)
    }
    loopback.carry = () => ONCE
    loopback.run(30)
    expect(loopback.host.heard('framesResent').length).toBeGreaterThan(1)
    expect(loopback.host.heard('snapshotSent')).toHaveLength(2)
    expect(holds(loopback, ana, row(1, 2, 3))).toBe(true)
    expect(holds(loopback, ben, undefined)).toBe(true)
  })

  it('R-INTEREST-3 is told again on another connection, and a newcomer begins with everything', () => {
    const { loopback, clients: [ana] } = session(3, 'ana')
    see(ana, 2)
    loopback.run(20)
    loopback.sever(ana)
    loopback.until(() => ana.heard('joined').length === 2)
    expect(props(ana)).toEqual([0, 1, 2])
    loopback.run(20)
    expect(props(ana)).toEqual([2])
    expect(loopback.all('InterestSet')).toHaveLength(2)
  })

  it('R-INTEREST-6 one is under way at a time, and comes into force at most ten times a second', () => {
    const { loopback, clients: [ana] } = session(4, 'ana')
    for (let i = 0; i < 60; i++) {
      see(ana, i % 4)
      loopback.run(1)
    }
    const marks = ana.heard('frameConfirmed').map(({ interest }) => interest)
    const changes = marks.filter((mark, i) => i > 0 && mark !== marks[i - 1]).length
    expect(changes).toBeGreaterThan(2)
    expect(changes).toBeLessThanOrEqual(1 + 60 / INTEREST_INTERVAL_FRAMES)
    expect(refusals(loopback)).toEqual([])
    loopback.run(20)
    expect(props(ana)).toEqual([59 % 4])
  })

  it('R-INTEREST-6 one that was lost on the way is told again', () => {
    const { loopback, clients: [ana] } = session(2, 'ana')
    loopback.carry = (carried) => (carried.as('InterestSet') === undefined ? ONCE : NEVER)
    see(ana, 1)
    loopback.run(10)
    loopback.carry = () => ONCE
    loopback.until(() => loopback.nowUs > frameStartUs(loopback.frame) - 1 && props(ana).length === 1, INTEREST_TIMEOUT_US)
    expect(props(ana)).toEqual([1])
    expect(loopback.all('InterestSet')).toHaveLength(2)
  })

  it('R-INTEREST-6 what is too large is refused at home', () => {
    const { loopback, clients: [ana] } = session(2, 'ana')
    see(ana, 0, 1024)
    see(ana, 0, 0, Array.from({ length: 65 }, (_, i) => i))
    loopback.run(20)
    expect(ana.heard('subscriptionRefused')).toHaveLength(2)
    expect(loopback.all('InterestSet')).toEqual([])
  })

  it('R-INTEREST-6 of another epoch, or while another is under way, it is refused by name, and the honest one holds', () => {
    const { loopback, clients: [ana, ben] } = session(4, 'ana', 'ben')
    see(ana, 1)
    loopback.run(20)
    loopback.inject(ana, loopback.host, set(row(2), { epoch: EPOCH + 1 }))
    expect(refusals(loopback)).toEqual(['interest of another epoch'])
    for (let i = 0; i < 50; i++) loopback.inject(ana, loopback.host, set(row(i)))
    expect(refusals(loopback)).toHaveLength(50)
    expect(refusals(loopback).at(-1)).toBe('interest while another is under way')
    loopback.run(30)
    expect(holds(loopback, ben, undefined)).toBe(true)
    // Her client never told of what is in force now: a snapshot brings it, and in time it tells again what it wants.
    expect(ana.heard('resyncStarted').map(({ reason }) => reason)).toEqual(['interest'])
    expect(holds(loopback, ana, row(0))).toBe(true)
    loopback.run(200)
    expect(holds(loopback, ana, row(1))).toBe(true)
  })
})

describe('editor events', () => {
  it('R-INTEREST-7 of a tool go to those who want to hear of it, of none to everybody', () => {
    const { loopback, clients: [ana, ben, cas, dan] } = session(1, 'ana', 'ben', 'cas', 'dan')
    see(ben, 0, 0, [2])
    see(cas, 0, 0, [])
    loopback.run(20)
    const events = (client: Actor<Client>) => client.heard('messageReceived').filter(({ message }) => message === 'EditorEvent')
    const heard = () => [ben, cas, dan].map((client) => events(client).length)
    const intents: [number[], Parameters<typeof ana.intend>[0]][] = [
      [[1, 0, 1], { kind: 'toolActivate', tool: 2 }],
      [[1, 0, 2], { kind: 'toolActivate', tool: 3 }],
      [[2, 1, 3], { kind: 'hover', entity: 5 }],
    ]
    for (const [counts, intent] of intents) {
      ana.intend(intent)
      loopback.run(4)
      expect(heard()).toEqual(counts)
    }
  })
})
