/** The agenda of an endpoint against one that asks every connection every time. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from '../../../sim/transport/agenda.ts'
import type { Session } from '../../../sim/transport/session.ts'

interface Fake {
  readonly session: Session
  deadlineUs: number
  asked: number
}

function fake(id: number): Fake {
  const one = { deadlineUs: Infinity, asked: 0 } as { session: Session; deadlineUs: number; asked: number }
  one.session = {
    identity: { id, number: id, protocol: 'quic', peer: 0, ticket: 0, isInitiator: true },
    deadlineUs: () => (one.asked++, one.deadlineUs),
  } as Partial<Session> as Session
  return one
}
const idsOf = (sessions: readonly Session[]): number[] => sessions.map(({ identity }) => identity.id)

const STEP = fc.record({
  act: fc.constantFrom('add', 'change', 'change', 'change', 'remove'), which: fc.nat(7),
  deadlineUs: fc.option(fc.nat(20), { nil: Infinity }),
})

test('knows the earliest deadline, who is due, and who was touched, whatever happens', () => {
  fc.assert(fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
    const agenda = new Agenda()
    const known = new Map<number, Fake>()
    let nextId = 0
    for (const { act, which, deadlineUs } of steps) {
      const one = [...known.values()][which]
      const touched: number[] = []
      if (act === 'add') {
        const added = fake(nextId++)
        added.deadlineUs = deadlineUs
        known.set(added.session.identity.id, added)
        agenda.add(added.session)
        touched.push(added.session.identity.id)
      } else if (one !== undefined && act === 'remove') {
        agenda.touch(one.session)
        known.delete(one.session.identity.id)
        agenda.remove(one.session)
      } else if (one !== undefined) {
        agenda.touch(one.session)
        one.deadlineUs = deadlineUs
        touched.push(one.session.identity.id)
      }
      expect(idsOf(agenda.takeTouched())).toEqual(touched)
      const all = [...known.values()]
      expect(agenda.earliestUs()).toBe(Math.min(Infinity, ...all.map((each) => each.deadlineUs)))
      expect(idsOf(agenda.due(10))).toEqual(all.filter((each) => each.deadlineUs <= 10).map(({ session }) => session.identity.id))
      expect(agenda.size).toBe(all.length)
    }
  }))
})

test('hands out those that were touched once each, the oldest first', () => {
  const agenda = new Agenda()
  const fakes = [0, 1, 2, 3].map(fake)
  for (const { session } of fakes) agenda.add(session)
  agenda.takeTouched()
  for (const index of [3, 1, 3]) agenda.touch(fakes[index].session)
  expect(idsOf(agenda.takeTouched())).toEqual([1, 3])
  expect(agenda.takeTouched()).toEqual([])
})

test('asks nobody for a deadline who was not touched', () => {
  const agenda = new Agenda()
  const fakes = [0, 1, 2].map(fake)
  for (const { session } of fakes) agenda.add(session)
  agenda.earliestUs()
  agenda.touch(fakes[1].session)
  agenda.earliestUs()
  agenda.earliestUs()
  expect(fakes.map(({ asked }) => asked)).toEqual([1, 2, 1])
})
