/** What a member wishes becomes the command that says so, with its very values, or an event for the others. */
import { beforeAll, describe, expect, it } from 'vitest'
import { decodePayload } from '../../../system/commands/payload.ts'
import { commandOf } from '../../../system/commands/registry.ts'
import { COMMIT_CHANGES_MAX } from '../../../system/placement/plan.ts'
import { Entity } from '../../../system/ecs/components.ts'
import { HANDSHAKE_TIMEOUT_US, HEARTBEAT_INTERVAL_US, RECONNECT_DELAY_US } from '../../../system/limits.ts'
import type { Intent } from '../../../system/session/peer.ts'
import { Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'
import { REGION, stateAt } from '../../support/placements.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 1, y: 2, z: 3, hx: 9, hy: 8, hz: 7 } as const

function together() {
  const loopback = new Loopback()
  loopback.host.intend(SPAWN)
  const [ana, ben] = loopback.joined('ana', 'ben')
  const [crate] = ana.peer.world.entities(Entity)
  return { loopback, ana, ben, crate }
}

describe('wishes', () => {
  const entity = -1
  const wishes: readonly [Intent, string, Record<string, number>][] = [
    [{ kind: 'select', entity }, 'selection.highlight', { entity, on: 1 }],
    [{ kind: 'deselect', entity }, 'selection.highlight', { entity, on: 0 }],
    [{ kind: 'translate', entity, dx: 4, dy: -5, dz: 6 }, 'entity.translate', { entity, dx: 4, dy: -5, dz: 6 }],
    [{ kind: 'rotate', entity, qx: 0, qy: 0, qz: 23170, qw: 23170 }, 'entity.rotate', { entity, qx: 0, qy: 0, qz: 23170, qw: 23170 }],
    [{ kind: 'scale', entity, numerator: 512, denominator: 256 }, 'entity.scale', { entity, factor: 512 }],
    [{ kind: 'toolActivate', tool: 3 }, 'tool.activate', { tool: 3 }],
    [{ kind: 'toolDeactivate', tool: 3 }, 'tool.deactivate', { tool: 3 }],
    [{ kind: 'despawn', entity }, 'entity.despawn', { entity }],
  ]
  it.each(wishes)('%o becomes %s', (wish, name, payload) => {
    const { loopback, ana, crate } = together()
    const named = <T extends object>(value: T): T => ('entity' in value ? { ...value, entity: crate } : value)
    ana.intend(named(wish))
    loopback.run(5)
    const [entry] = loopback.all('CommandLogEntry').flatMap(({ carried, message }) => (carried.from === 'ana' ? message.entries : []))
    const command = commandOf(entry.command)!
    expect({ name: command.name, payload: decodePayload(command.layout!, entry.payload) }).toEqual({ name, payload: named(payload) })
    loopback.settle()
    // Nothing is selected yet.
    const outcome = wish.kind === 'deselect' ? 'void' : 'applied'
    expect(loopback.host.last('commandFolded')).toMatchObject({ command: name, author: 1, outcome })
  })

  it('hovering is told to the others, and is no command', () => {
    const { loopback, ana, crate } = together()
    ana.intend({ kind: 'hover', entity: crate })
    loopback.run(5)
    expect(ana.heard('commandSigned')).toEqual([])
    const told = loopback.all('EditorEvent').map(({ carried, message: { author, event, tool, entity: over } }) =>
      ({ from: carried.from, author, event, tool, entity: over }))
    const said = { author: 1, event: 'hover', tool: 0, entity: crate }
    expect(told).toEqual([{ from: 'ana', ...said }, { from: 'host', ...said }])
  })

  it('drafts without an open session are nothing', () => {
    const { ana } = together()
    const drafts: Intent[] = [
      { kind: 'draftAdd', state: stateAt(1) }, { kind: 'draftUpdate', placement: 5, patch: { x: 1 } },
      { kind: 'draftRemove', placement: 5 }, { kind: 'commitPlacements' },
    ]
    for (const draft of drafts) ana.intend(draft)
    expect(ana.peer.placements).toBeUndefined()
    expect(ana.heard('commandSigned')).toEqual([])
    ana.intend({ kind: 'openPlacements', region: REGION })
    ana.intend({ kind: 'draftAdd', state: stateAt(1) })
    expect(ana.peer.placements?.drafts).toHaveLength(1)
  })

  it('drafts are committed together, as many as a session takes, and then no more', () => {
    const { loopback, ana } = together()
    ana.intend({ kind: 'openPlacements', region: REGION })
    ana.intend({ kind: 'commitPlacements' })
    expect(ana.heard('commitRequested')).toEqual([])
    for (let i = 0; i <= COMMIT_CHANGES_MAX; i++) ana.intend({ kind: 'draftAdd', state: stateAt(2000 * i) })
    ana.intend({ kind: 'commitPlacements' })
    const { lamport, scope } = ana.last('commandSigned')!
    expect(ana.heard('commitRequested')).toMatchObject([{ changes: COMMIT_CHANGES_MAX, lamport }])
    expect({ scope, drafts: ana.peer.placements?.drafts }).toEqual({ scope: 0, drafts: [] })
    loopback.settle()
    expect(loopback.host.last('commandFolded')).toMatchObject({ command: 'placement.commit', outcome: 'applied' })
  })

  it('before there is a membership a wish is nothing', () => {
    const loopback = new Loopback()
    const ana = loopback.join('ana')
    ana.intend({ kind: 'toolActivate', tool: 3 })
    expect(ana.events).toEqual([])
    const { unsent, confirmedFrame, log } = ana.peer
    expect({ unsent, confirmedFrame, log }).toEqual({ unsent: 0, confirmedFrame: -1, log: undefined })
  })
})

describe('who looks on', () => {
  it('sees what waits, what was settled, and when somebody was heard', () => {
    const { loopback, ana } = together()
    expect(loopback.host.peer.seats.map(({ author }) => author)).toEqual([1, 2])
    expect(loopback.host.peer.ring.held.toFrame).toBe(loopback.frame)
    expect(ana.peer.history.results()).toEqual([])
    ana.intend({ kind: 'toolActivate', tool: 3 })
    expect(ana.peer.unsent).toBe(1)
    loopback.run(1)
    expect(ana.peer.unsent).toBe(0)
    expect(loopback.nowUs - ana.peer.heartbeat.heardUs).toBeLessThan(HEARTBEAT_INTERVAL_US)
    loopback.host.intend({ kind: 'propSpawn', prop: 1, x: 0, y: 0, z: 0 })
    expect(loopback.host.peer.backlog).toBe(1)
    loopback.run(1)
    expect(loopback.host.peer.backlog).toBe(0)
  })

  it('a host wears no headset', () => {
    const { loopback } = together()
    const before = loopback.host.events.length
    loopback.host.give({ kind: 'xrFrame', frame: {} as never, index: 1 })
    expect(loopback.host.events).toHaveLength(before)
  })
})

it('R-SESSION-5 a hello that nobody answers is given up, and said again on another connection', () => {
  const loopback = new Loopback()
  loopback.carry = () => NEVER
  const ana = loopback.join('ana')
  loopback.run(Math.ceil((HANDSHAKE_TIMEOUT_US * 90) / 1e6) + 5)
  expect(ana.last('sessionClosed')).toMatchObject({ code: 'timeout', by: 'timeout' })
  loopback.carry = () => ONCE
  loopback.run(Math.ceil((RECONNECT_DELAY_US * 90) / 1e6) + 10)
  expect({ state: ana.peer.state, reconnects: loopback.all('SessionHello').length }).toEqual({ state: 'live', reconnects: 2 })
})
