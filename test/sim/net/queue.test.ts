import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Ecn } from '../../../sim/net/datagram.ts'
import { DeliveryTrace } from '../../../sim/net/delivery-trace.ts'
import type { LinkSettings } from '../../../sim/net/settings.ts'
import { type Arrival, datagram, network } from './network.ts'

const STILL = { latencyUsMin: 0, latencyUsMax: 0 }
const times = (arrivals: readonly Arrival[]) => arrivals.map(({ atUs, datagram: { id } }) => [id, atUs])

describe('token bucket', () => {
  test('bytes in any window <= burst + rate * window, or one datagram', () => {
    const sending = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 1_400 })), { minLength: 2, maxLength: 60 })
    const rates = fc.integer({ min: 50_000, max: 5_000_000 })
    fc.assert(
      fc.property(sending, rates, fc.integer({ min: 0, max: 8_000 }), (gaps, bandwidthBytesPerSecond, burstBytes) => {
        const { fabric, arrivals } = network({ ...STILL, bandwidthBytesPerSecond, burstBytes })
        let nowUs = 0
        for (const [key, [gapUs, bytes]] of gaps.entries()) fabric.send(datagram(key, bytes), nowUs += gapUs)
        for (let from = 0; from < arrivals.length; from++) {
          let bytes = 0
          for (let to = from; to < arrivals.length; to++) {
            bytes += arrivals[to].datagram.bytes.length
            const windowUs = arrivals[to].atUs - arrivals[from].atUs
            // The first of a window may have waited for its own tokens; a microsecond is what the burst is rounded by.
            const most = Math.max(burstBytes, arrivals[from].datagram.bytes.length) + ((windowUs + 1) * bandwidthBytesPerSecond) / 1e6
            expect(bytes).toBeLessThanOrEqual(most)
          }
        }
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('after a rest the burst leaves at once, the rest at the rate', () => {
    const { fabric, arrivals } = network({ ...STILL, bandwidthBytesPerSecond: 1_000_000, burstBytes: 3_000 })
    for (let key = 0; key < 5; key++) fabric.send(datagram(key, 1_000), 0)
    for (let key = 5; key < 8; key++) fabric.send(datagram(key, 1_000), 4_000)
    // Two thousand bytes went on credit, and in 2 ms as many tokens are back.
    expect(times(arrivals)).toEqual([[0, 0], [1, 0], [2, 0], [3, 1_000], [4, 2_000], [5, 4_000], [6, 4_000], [7, 5_000]])
  })

  test('a link that is never idle carries its rate', () => {
    const { fabric, arrivals } = network({ ...STILL, bandwidthBytesPerSecond: 1_250_000, queueBytesMax: 1_000_000 })
    for (let key = 0; key < 800; key++) fabric.send(datagram(key, 1_000), key)
    // 800 us each, to the microsecond.
    expect(arrivals.at(-1)?.atUs).toBe(800 * 800)
  })

  test('a datagram leaves when its last byte has', () => {
    const { fabric, arrivals } = network({ ...STILL, bandwidthBytesPerSecond: 10_000 })
    fabric.send(datagram(0, 100), 500)
    expect(times(arrivals)).toEqual([[0, 10_500]])
  })
})

describe('bounds', () => {
  test('no more datagrams than the queue takes, the one that is being sent included', () => {
    const { fabric, arrivals, fates } = network({ ...STILL, bandwidthBytesPerSecond: 1_000_000, queuePacketsMax: 25 })
    for (let key = 0; key < 30; key++) fabric.send(datagram(key, 1_000), 0)
    fabric.send(datagram(30, 1_000), 1_000)
    fabric.send(datagram(31, 1_000), 1_000)
    expect(arrivals.map(({ datagram: { id } }) => id)).toEqual([...Array.from({ length: 25 }, (_, key) => key), 30])
    expect(fates(32).filter(Boolean).length).toBe(6)
  })

  test('a bound that is set while datagrams wait counts those that come from then on', () => {
    const { fabric, arrivals } = network({ ...STILL, bandwidthBytesPerSecond: 1_000_000 })
    fabric.send(datagram(0, 1_000), 0)
    fabric.link(0, 1).set({ queuePacketsMax: 1 })
    for (let key = 1; key < 4; key++) fabric.send(datagram(key, 1_000), 0)
    expect(times(arrivals)).toEqual([[0, 1_000], [1, 2_000]])
  })
})

describe('a threshold', () => {
  test('RFC 3168, section 5: marks what is capable of it, above the threshold, and loses nothing', () => {
    const settings: Partial<LinkSettings> = { bandwidthBytesPerSecond: 1_000_000, queue: { kind: 'tailDrop', markBytes: 2_000 } }
    const { fabric, arrivals, records, count } = network({ ...STILL, ...settings })
    const capabilities = [Ecn.ect0, Ecn.ect1, Ecn.ect0, Ecn.notCapable, Ecn.ect1, Ecn.congestionExperienced]
    for (const [key, ecn] of capabilities.entries()) fabric.send(datagram(key, 1_000, 0, 1, ecn), 0)
    expect(arrivals.map(({ datagram: { ecn } }) => ecn)).toEqual([Ecn.ect0, Ecn.ect1, 3, Ecn.notCapable, 3, 3])
    // The last was marked before it came.
    expect(records.flatMap((record) => (record.kind === 'marked' ? [record.datagram] : []))).toEqual([2, 4])
    expect(count('lost')).toBe(0)
  })

  test('marking leaves the datagram of the sender as it was', () => {
    const settings: Partial<LinkSettings> = { bandwidthBytesPerSecond: 1_000, queue: { kind: 'tailDrop', markBytes: 1 } }
    const { fabric } = network({ ...STILL, ...settings })
    fabric.send(datagram(0), 0)
    const sent = datagram(1, 100, 0, 1, Ecn.ect0)
    fabric.send(sent, 0)
    expect(sent.ecn).toBe(Ecn.ect0)
  })
})

describe('a recorded link', () => {
  const trace = DeliveryTrace.parse('1\n1\n4\n10\n')

  test('delivers 1500 bytes at each opportunity, parts of datagrams too, and begins again', () => {
    const { fabric, arrivals } = network({ ...STILL, trace, mtuBytes: 5_000 })
    for (const [key, bytes] of [1_000, 1_000, 1_000, 1_500, 100, 4_400].entries()) fabric.send(datagram(key, bytes), 0)
    // 3000 at 1 ms, 1500 at 4 ms, 100 and 1400 at 10 ms, then 11 ms twice.
    expect(times(arrivals)).toEqual([[0, 1_000], [1, 1_000], [2, 1_000], [3, 4_000], [4, 10_000], [5, 11_000]])
  })

  test('an opportunity that nobody uses is lost', () => {
    const { fabric, arrivals } = network({ ...STILL, trace })
    fabric.send(datagram(0, 1_000), 1_001)
    fabric.send(datagram(1, 1_000), 11_000)
    fabric.send(datagram(2, 1_000), 12_000)
    expect(times(arrivals)).toEqual([[0, 4_000], [1, 11_000], [2, 14_000]])
  })

  test('bytes in any window <= what its opportunities take', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 })
    const sending = fc.array(fc.tuple(fc.nat(9_000), fc.nat(1_400)), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(gaps, sending, (steps, datagrams) => {
        let ms = 0
        const opportunities = steps.map((step) => (ms += step))
        const { fabric, arrivals } = network({ ...STILL, trace: new DeliveryTrace(opportunities) })
        let nowUs = 0
        for (const [key, [gapUs, bytes]] of datagrams.entries()) fabric.send(datagram(key, bytes), nowUs += gapUs)
        const bytesAt = new Map<number, number>()
        for (const { atUs, datagram: { bytes } } of arrivals) bytesAt.set(atUs, (bytesAt.get(atUs) ?? 0) + bytes.length)
        let credit = 0
        let beforeUs = -1
        for (const [atUs, bytes] of bytesAt) {
          expect(opportunities.some((at) => (atUs / 1_000 - at) % ms === 0), `${atUs}`).toBe(true)
          // Opportunities in (before, at] at the least; a part of a datagram may have gone with the earlier ones.
          for (let at = Math.floor(beforeUs / 1_000) + 1; at * 1_000 <= atUs; at++) {
            if (opportunities.some((one) => at >= one && (at - one) % ms === 0)) credit += 1_500
          }
          credit -= bytes
          expect(credit).toBeGreaterThanOrEqual(0)
          beforeUs = atUs
        }
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('loses the tail of a queue that is full', () => {
    const { fabric, fates } = network({ ...STILL, trace, queueBytesMax: 2_000 })
    for (let key = 0; key < 3; key++) fabric.send(datagram(key, 1_000), 0)
    fabric.send(datagram(3, 1_000), 1_000)
    expect(fates(4)).toEqual([false, false, true, false])
  })
})
