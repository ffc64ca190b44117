import { describe, expect, test } from 'vitest'
import { datagram, network } from './network.ts'

describe('partitions', () => {
  test('one way: nothing arrives, everything leaves; two ways: neither', () => {
    const { fabric, arrivals } = network({})
    const send = (nowUs: number) => [fabric.send(datagram(1, 10, 0, 1), nowUs), fabric.send(datagram(2, 10, 1, 0), nowUs)]
    fabric.setPair(0, 1, { up: { down: true }, down: {} })
    send(0)
    expect(arrivals.map(({ datagram: { id } }) => id)).toEqual([2])
    fabric.setPair(0, 1, { up: {}, down: { down: true } })
    send(1)
    expect(arrivals.length).toBe(1)
    fabric.heal()
    send(2)
    expect(arrivals.length).toBe(3)
  })

  test('a link that flaps is up and down at instants that follow from the time alone', () => {
    const { fabric, fates, records } = network({ flapping: { upUs: 30, downUs: 10, offsetUs: 25 } })
    // Whatever was sent before, and in whatever order.
    for (const key of [99, 0, 15, 14, 5, 4, 54, 55]) fabric.send(datagram(key), key)
    const lost = fates(100).flatMap((isLost, key) => (isLost ? [key] : []))
    // Down during [5, 15), [45, 55), [85, 95).
    expect(lost).toEqual([5, 14, 54])
    expect(records).toContainEqual({ kind: 'lost', datagram: 5, from: 0, to: 1, why: 'down' })
  })

  test('down for no time is never down', () => {
    const { fabric, arrivals } = network({ flapping: { upUs: 1, downUs: 0, offsetUs: 0 } })
    for (let key = 0; key < 10; key++) fabric.send(datagram(key), key)
    expect(arrivals.length).toBe(10)
    expect(fabric.link(0, 1).rules.length).toBe(1)
  })
})
