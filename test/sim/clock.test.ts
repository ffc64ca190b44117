import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PlainHeap } from '../../scenarios/bench/plainheap.ts'
import { type Chooser, SeededChooser } from '../../sim/choice.ts'
import { Clock, type ClockEvent } from '../../sim/clock.ts'

const pop = (clock: Clock): ClockEvent | undefined => {
  const event = { atUs: -1, kind: -1, node: -1, slot: -1 }
  return clock.popInto(event) ? event : undefined
}
const drain = (clock: Clock): ClockEvent[] => {
  const events: ClockEvent[] = []
  for (let event = pop(clock); event !== undefined; event = pop(clock)) events.push(event)
  return events
}

describe('the clock', () => {
  it('gives what a plain heap gives, for any mixture of pushes and pops', () => {
    const operation = fc.option(fc.record({ atUs: fc.integer({ min: 0, max: 30 }), node: fc.nat(9) }), { freq: 3 })
    fc.assert(fc.property(fc.array(operation, { maxLength: 1200 }), (operations) => {
      const clock = new Clock()
      const plain = new PlainHeap()
      const popped: (ClockEvent | undefined)[] = []
      const expected: (ClockEvent | undefined)[] = []
      for (const [slot, one] of operations.entries()) {
        if (one === null) {
          popped.push(pop(clock))
          expected.push(plain.pop())
        } else {
          clock.push(one.atUs, slot & 255, one.node, slot)
          plain.push(one.atUs, slot & 255, one.node, slot)
        }
        expect(clock.size).toBe(plain.size)
      }
      popped.push(...drain(clock))
      while (plain.size > 0) expected.push(plain.pop())
      const fields = (event: ClockEvent | undefined): unknown => event && [event.atUs, event.kind, event.node, event.slot]
      expect(popped.map(fields)).toEqual(expected.map(fields))
    }), { seed: 1, numRuns: 60 })
  })

  it('keeps the order of simultaneous events, and the full width of every field', () => {
    const clock = new Clock()
    const atUs = 2 ** 52 + 1
    const slots = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? i : -(2 ** 31) + i))
    for (const slot of slots) clock.push(atUs, 255, 65_535, slot)
    expect(clock.nextUs).toBe(atUs)
    const events = drain(clock)
    expect(events).toEqual(slots.map((slot) => ({ atUs, kind: 255, node: 65_535, slot })))
    expect(clock.nextUs).toBe(Infinity)
  })

  it('loses exactly the removed events, and goes on in order', () => {
    const events = fc.array(fc.record({ atUs: fc.nat(20), node: fc.nat(3) }), { maxLength: 400 })
    fc.assert(fc.property(events, fc.array(fc.nat(20)), (first, second) => {
      const clock = new Clock()
      const kept = new PlainHeap()
      for (const [slot, { atUs, node }] of first.entries()) {
        clock.push(atUs, 0, node, slot)
        if (node !== 2) kept.push(atUs, 0, node, slot)
      }
      expect(clock.remove((_, node) => node === 2)).toBe(first.length - kept.size)
      for (const [slot, atUs] of second.entries()) {
        clock.push(atUs, 0, 2, slot)
        kept.push(atUs, 0, 2, slot)
      }
      const expected = Array.from({ length: kept.size }, () => kept.pop()!.slot)
      expect(drain(clock).map(({ slot }) => slot)).toEqual(expected)
    }), { seed: 2, numRuns: 100 })
  })
})

describe('the clock with ties', () => {
  const push = (clock: Clock): void => {
    for (let slot = 0; slot < 60; slot++) clock.push(slot < 30 ? 5 : 6, 0, slot % 4, slot)
  }
  const order = (ties: Chooser): number[] => {
    const clock = new Clock(ties)
    push(clock)
    return drain(clock).map(({ slot }) => slot)
  }

  it('permutes nodes within an instant, never the events of one node, and never across instants', () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const slots = order(new SeededChooser(seed))
      orders.add(slots.join())
      expect(slots.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i))
      expect(slots.findIndex((slot) => slot >= 30)).toBe(30)
      for (let node = 0; node < 4; node++) {
        const own = slots.filter((slot) => slot % 4 === node)
        expect(own).toEqual(own.toSorted((a, b) => a - b))
      }
    }
    expect(orders.size).toBeGreaterThan(20)
  })

  it('keeps the order of queueing when every choice is benign, and asks nothing where nothing is simultaneous', () => {
    expect(order({ choose: () => 0 })).toEqual(Array.from({ length: 60 }, (_, i) => i))
    const clock = new Clock({ choose: () => { throw new Error('asked') } })
    for (let i = 0; i < 50; i++) clock.push(i, 0, i, i)
    expect(drain(clock).length).toBe(50)
  })

  it('puts an event that is queued late before those of its instant that fell back', () => {
    const clock = new Clock({ choose: (_, keyHi) => (keyHi === 1 ? 3 : 0) })
    clock.push(5, 0, 1, 10)
    clock.push(5, 0, 2, 20)
    expect(pop(clock)?.slot).toBe(20)
    for (let slot = 30; slot < 34; slot++) clock.push(5, 0, 3, slot)
    expect(drain(clock).map(({ slot }) => slot)).toEqual([30, 31, 32, 33, 10])
  })
})
