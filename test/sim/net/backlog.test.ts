/** The ring of datagrams in a queue, as a list would be. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backlog } from '../../../sim/net/backlog.ts'

test('knows how many datagrams and bytes have not left yet, whatever came and went', () => {
  const steps = fc.array(fc.record({ count: fc.nat(12), bytes: fc.integer({ min: 1, max: 1_400 }), restUs: fc.nat(40) }), { maxLength: 30 })
  fc.assert(fc.property(steps, (all) => {
    const backlog = new Backlog()
    let list: { readonly departureUs: number; readonly bytes: number }[] = []
    let nowUs = 0
    let lastUs = 0
    for (const { count, bytes, restUs } of all) {
      for (let i = 0; i < count; i++) {
        lastUs = Math.max(lastUs, nowUs) + 5
        backlog.push(lastUs, bytes + i)
        list.push({ departureUs: lastUs, bytes: bytes + i })
      }
      nowUs += restUs
      backlog.advance(nowUs)
      list = list.filter(({ departureUs }) => departureUs > nowUs)
      expect([backlog.length, backlog.bytes]).toEqual([list.length, list.reduce((sum, one) => sum + one.bytes, 0)])
    }
  }), { seed: 1, numRuns: 200 })
})
