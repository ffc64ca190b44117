/** RFC 9000, section 4: credit, of those who send and of those who receive. */
import { describe, expect, test } from 'vitest'
import { Credit, Grant } from '../../../sim/quic/flow.ts'

describe('a sender', () => {
  test('section 4.1: credit only rises', () => {
    const credit = new Credit(100)
    credit.spentBytes += 60
    expect(credit.bytes).toBe(40)
    expect([credit.raise(99), credit.raise(100), credit.bytes]).toEqual([false, false, 40])
    expect([credit.raise(101), credit.bytes]).toEqual([true, 41])
  })

  test('section 4.1: tells that it is blocked once for each limit, and not before', () => {
    const credit = new Credit(100)
    credit.spentBytes = 99
    expect(credit.mayTellBlocked()).toBe(false)
    credit.spentBytes = 100
    expect([credit.mayTellBlocked(), credit.mayTellBlocked()]).toEqual([true, false])
    credit.raise(150)
    expect(credit.mayTellBlocked()).toBe(false)
    credit.spentBytes = 150
    expect([credit.mayTellBlocked(), credit.mayTellBlocked()]).toEqual([true, false])
    // Nothing at all is a limit as well.
    expect(new Credit(0).mayTellBlocked()).toBe(true)
  })
})

describe('a receiver', () => {
  test('section 4.1: what oversteps the credit is told apart', () => {
    const grant = new Grant(100)
    expect([grant.receive(60), grant.receive(40), grant.receive(1)]).toEqual([true, true, false])
  })

  test('section 4.2: grants a whole window once half of it is used', () => {
    const grant = new Grant(100)
    grant.receive(100)
    expect(grant.consume(49)).toBeUndefined()
    expect([grant.consume(1), grant.limitBytes]).toEqual([150, 150])
    expect([grant.consume(49), grant.consume(1)]).toEqual([undefined, 200])
    // What was not granted yet is an overstep still.
    expect([grant.receive(100), grant.receive(1)]).toEqual([true, false])
  })
})
