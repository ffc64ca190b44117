/** The trace of a command, which the wire carries: one at every peer, however often its author had to sign it anew. */
import { beforeAll, expect, it } from 'vitest'
import { Entity } from '../../../system/ecs/components.ts'
import { LATE_WINDOW_FRAMES } from '../../../system/limits.ts'
import { disagreement, Loopback, ONCE, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const

it.each([false, true])('R-TELE-5 signed anew, a command is one trace at author, host and every other peer (sealed: %s)', (sealed) => {
  const loopback = new Loopback({ host: { sealed } })
  loopback.host.intend(SPAWN)
  const [ana, ben, cleo] = ['ana', 'ben', 'cleo'].map((name) => loopback.join(name, { sealed }))
  loopback.run(20)
  loopback.settle()
  const [crate] = ana.peer.world.entities(Entity)
  // Held back for longer than the log stays open, twice, while somebody else keeps the clock going.
  loopback.carry = (carried) => {
    const isLate = carried.from === 'ana' && carried.as('CommandLogEntry') !== undefined
    return isLate ? [{ delayUs: (1.5 * LATE_WINDOW_FRAMES * 1e6) / 90 }] : ONCE
  }
  ana.intend({ kind: 'select', entity: crate })
  const { lamport: first } = ana.last('commandSigned')!
  for (let frame = 0; frame < 3 * LATE_WINDOW_FRAMES; frame++) {
    if (frame % 5 === 0) cleo.intend({ kind: 'toolDeactivate', tool: 100 + frame })
    loopback.run(1)
  }
  loopback.carry = () => ONCE
  loopback.settle()

  const author = ana.peer.author!
  const ofAna = <E extends { readonly author: number }>(events: readonly E[]): E[] => events.filter((event) => event.author === author)
  const signed = ofAna(ana.heard('commandSigned'))
  expect(signed.length).toBeGreaterThan(2)
  expect(new Set(signed.map(({ trace }) => trace))).toEqual(new Set([first]))
  for (const actor of [loopback.host, ana, ben, cleo]) {
    const folded = ofAna(actor.heard('commandFolded'))
    expect(folded.map(({ trace, lamport }) => [trace, lamport])).toEqual([[first, signed.at(-1)!.lamport]])
  }
  for (const actor of [ben, cleo]) expect(ofAna(actor.heard('commandIntegrated')).map(({ trace }) => trace)).toEqual([first])
  const refused = ofAna(loopback.host.heard('commandRefused'))
  expect(refused.map(({ trace }) => trace)).toEqual(refused.map(() => first))
  expect(loopback.host.heard('commandAdmitted').find(({ entry }) => entry.author === author)?.entry.trace).toBe(first)
  expect(disagreement(loopback)).toBeUndefined()
  loopback.free()
})
