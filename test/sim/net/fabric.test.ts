import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describe as describeLabel } from '../../../sim/net/datagram.ts'
import { DeliveryTrace } from '../../../sim/net/delivery-trace.ts'
import { type Crossing, judge } from '../../../sim/net/rule.ts'
import { LINK_DEFAULTS, type LinkSettings } from '../../../sim/net/settings.ts'
import { datagram, network } from './network.ts'

describe('rules', () => {
  test('first_non_pass_wins', () => {
    const asked: string[] = []
    const rules = [
      () => (asked.push('a'), 'pass' as const),
      () => (asked.push('b'), 'down' as const),
      () => (asked.push('c'), 'drop' as const),
    ]
    expect(judge(rules, {} as Crossing)).toBe('down')
    expect(asked).toEqual(['a', 'b'])
  })

  test('a mark lets later rules go on, and is forgotten where one of them loses the datagram', () => {
    const marking = () => 'mark' as const
    const passing = () => 'pass' as const
    expect(judge([marking, passing], {} as Crossing)).toBe('mark')
    expect(judge([marking, () => 'drop'], {} as Crossing)).toBe('drop')
  })

  test('what a link does not have is not asked about', () => {
    const { fabric } = network({})
    const link = fabric.link(0, 1)
    // Every datagram has a size.
    expect(link.rules.length).toBe(1)
    link.set({ down: true, bandwidthBytesPerSecond: 1_000, dropPpm: 1, loss: { kind: 'perBlock', lost: 1, block: 2 } })
    expect(link.rules.length).toBe(5)
    link.heal()
    expect(link.rules.length).toBe(2)
  })

  test('a pair is told what each direction is', () => {
    const { fabric } = network({})
    fabric.setPair(2, 0, { up: { latencyUsMin: 1_000 }, down: { mtuBytes: 900 } })
    expect(fabric.link(2, 0).settings).toEqual({ ...LINK_DEFAULTS, latencyUsMin: 1_000 })
    expect(fabric.link(0, 2).settings).toEqual({ ...LINK_DEFAULTS, mtuBytes: 900 })
  })

  test('a link is one direction: a partition may be asymmetric', () => {
    const { fabric, arrivals, records } = network({})
    fabric.link(0, 1).set({ down: true })
    fabric.send(datagram(1, 10, 0, 1), 0)
    fabric.send(datagram(2, 10, 1, 0), 0)
    expect(arrivals.map(({ datagram: { id } }) => id)).toEqual([2])
    expect(records).toContainEqual({ kind: 'lost', datagram: 1, from: 0, to: 1, why: 'down' })
  })

  test('a datagram over the MTU is lost, one that fits is not', () => {
    const { fabric, arrivals, records } = network({ mtuBytes: 1_200 })
    fabric.send(datagram(1, 1_200), 0)
    fabric.send(datagram(2, 1_201), 0)
    expect(arrivals.map(({ datagram: { id } }) => id)).toEqual([1])
    expect(records).toContainEqual({ kind: 'lost', datagram: 2, from: 0, to: 1, why: 'mtu' })
  })

  test('the queue drains at its bandwidth and loses the tail', () => {
    // 1 MB/s: 1000 bytes take 1000 us. Three fit into 3000 bytes; the fourth does not until one has left.
    const settings = { bandwidthBytesPerSecond: 1_000_000, queueBytesMax: 3_000, latencyUsMin: 100, latencyUsMax: 100 }
    const { fabric, arrivals, records } = network(settings)
    for (let key = 1; key <= 4; key++) fabric.send(datagram(key, 1_000), 0)
    fabric.send(datagram(5, 1_000), 1_000)
    expect(arrivals.map(({ atUs, datagram: { id } }) => [id, atUs])).toEqual([[1, 1_100], [2, 2_100], [3, 3_100], [5, 4_100]])
    expect(records).toContainEqual({ kind: 'lost', datagram: 4, from: 0, to: 1, why: 'queue' })
  })
})

describe('chance', () => {
  test('faults strike as often as they are asked to', () => {
    // 8,000 draws at 10%: 800, standard deviation sqrt(8000 * 0.1 * 0.9) = 27; five of those on each side.
    const settings = { dropPpm: 100_000, duplicatePpm: 100_000, reorderPpm: 100_000, corruptPpm: 100_000 }
    for (const fault of ['drop', 'duplicate', 'reorder', 'corrupt'] as const) {
      const { fabric, records } = network({ [`${fault}Ppm`]: settings[`${fault}Ppm`] })
      for (let key = 0; key < 8_000; key++) fabric.send(datagram(key, 10), key * 10)
      const kind = { drop: 'lost', duplicate: 'duplicated', reorder: 'reordered', corrupt: 'corrupted' }[fault]
      const struck = records.filter((record) => record.kind === kind).length
      expect(struck, fault).toBeGreaterThan(665)
      expect(struck, fault).toBeLessThan(935)
    }
  })

  test('a fate depends on the identity, not on what was sent before', () => {
    const fates = (keys: readonly number[]): Map<number, string> => {
      const { fabric, records } = network({ dropPpm: 300_000, duplicatePpm: 200_000, corruptPpm: 200_000 })
      for (const key of keys) fabric.send(datagram(key), 0)
      const fate = (key: number): string =>
        records.flatMap((record) => ('datagram' in record && record.datagram === key ? record.kind : [])).join()
      return new Map(keys.map((key) => [key, fate(key)]))
    }
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(numbers, (keys) => {
        const all = fates(keys)
        for (const [key, fate] of fates(keys.slice(1).reverse())) expect(fate).toBe(all.get(key))
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('links differ in their fates', () => {
    const { fabric, records } = network({ dropPpm: 500_000 })
    for (let key = 0; key < 100; key++) {
      fabric.send(datagram(key, 10, 0, 1), 0)
      fabric.send(datagram(key, 10, 1, 0), 0)
    }
    const lost = (from: number): number[] =>
      records.flatMap((record) => (record.kind === 'lost' && record.from === from ? [record.datagram] : []))
    expect(lost(0)).not.toEqual(lost(1))
  })

  test('corruption changes one byte of a copy', () => {
    const { fabric, arrivals } = network({ corruptPpm: 1_000_000 })
    const sent = datagram(1)
    fabric.send(sent, 0)
    const changed = [...arrivals[0].datagram.bytes].filter((byte) => byte !== 1)
    expect(changed.length).toBe(1)
    expect(sent.bytes.every((byte) => byte === 1)).toBe(true)
  })
})

describe('delay', () => {
  test('lies within the latency asked for, touches both ends and keeps the order', () => {
    const { fabric, arrivals } = network({ latencyUsMin: 10_000, latencyUsMax: 40_000 })
    for (let key = 0; key < 2_000; key++) fabric.send(datagram(key), key * 100_000)
    const delays = arrivals.map(({ atUs, datagram: { id } }) => atUs - id * 100_000)
    // Bucket 0 (the benign alternative) is the least latency; the longest bucket ends at the greatest.
    expect(Math.min(...delays)).toBe(10_000)
    expect(Math.max(...delays)).toBeGreaterThan(39_000)
    expect(Math.max(...delays)).toBeLessThanOrEqual(40_000)
    const close = network({ latencyUsMin: 10_000, latencyUsMax: 40_000 })
    for (let key = 0; key < 500; key++) close.fabric.send(datagram(key), key * 100)
    for (let i = 1; i < close.arrivals.length; i++) expect(close.arrivals[i].atUs).toBeGreaterThanOrEqual(close.arrivals[i - 1].atUs)
  })

  test('a reordered datagram is overtaken', () => {
    const { fabric, arrivals, count } = network({ reorderPpm: 200_000 })
    for (let key = 0; key < 100; key++) fabric.send(datagram(key), key * 1_000)
    const order = [...arrivals].sort((a, b) => a.atUs - b.atUs).map(({ datagram: { id } }) => id)
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
    expect(count('reordered')).toBeGreaterThan(5)
  })
})

describe('settings', () => {
  test('heal clears every fault and keeps the least latency', () => {
    const { fabric, arrivals, count } = network({})
    const always = 1_000_000
    const faults = { dropPpm: always, duplicatePpm: always, reorderPpm: always, corruptPpm: always, down: true }
    fabric.link(0, 1).set({
      latencyUsMin: 8_000, latencyUsMax: 90_000, ...faults, flapping: { upUs: 1, downUs: 1_000_000, offsetUs: 0 },
      jitter: { kind: 'normal', meanUs: 40_000, deviationUs: 9_000, correlationPpm: 500_000 },
      loss: { kind: 'gilbertElliott', pPpm: always, rPpm: 0, goodLossPpm: always, badLossPpm: always },
    })
    fabric.heal()
    for (let key = 0; key < 50; key++) fabric.send(datagram(key), 0)
    expect(arrivals.every(({ atUs }) => atUs === 8_000)).toBe(true)
    expect(count('sent')).toBe(50)
    expect(arrivals.length).toBe(50)
  })

  test('values out of range are refused and leave the link as it was', () => {
    const { fabric } = network({})
    const link = fabric.link(0, 1)
    const upsideDown = { latencyUsMin: 2_000, latencyUsMax: 1_000 }
    for (const change of [{ dropPpm: 1_000_001 }, { dropPpm: 0.5 }, { latencyUsMin: -1 }, upsideDown, { mtuBytes: Number.NaN }]) {
      expect(() => link.set(change), JSON.stringify(change)).toThrow(RangeError)
    }
    const wrong = (value: unknown): never => value as never
    const mean = { meanUs: 5_000, deviationUs: 1_000, correlationPpm: 0 }
    for (const [change, why] of [
      [{ jitter: { kind: wrong('gauss'), ...mean } }, 'link jitter.kind: expected one of tail, uniform, normal, pareto'],
      [{ jitter: { kind: 'normal', ...mean, meanUs: 6_000 } }, 'link jitter.meanUs: expected a latency of the link, 5000 to 5000'],
      [{ jitter: wrong({ kind: 'normal', meanUs: 5_000 }) }, 'link jitter.deviationUs: expected an integer'],
      [{ loss: wrong({ kind: 'none', lost: 1 }) }, 'link loss.lost: there is no such field'],
      [{ loss: { kind: 'perBlock', lost: 3, block: 2 } }, 'link loss.lost: expected at most block 2, got 3'],
      [{ loss: wrong(null) }, 'link loss.kind: expected one of none, perBlock, gilbertElliott'],
      [{ flapping: { upUs: 0, downUs: 1, offsetUs: 0 } }, 'link flapping.upUs: expected an integer of [1, '],
      [{ trace: new DeliveryTrace([1]), bandwidthBytesPerSecond: 1 }, 'link trace: expected no bandwidth beside it'],
      [{ trace: wrong([1, 2]) }, 'link trace: expected a DeliveryTrace or undefined'],
      [wrong({ lateny: 1 }), 'link lateny: there is no such setting'],
    ] satisfies [Partial<LinkSettings>, string][]) {
      expect(() => link.set(change)).toThrow(why)
    }
    expect(link.settings).toEqual(LINK_DEFAULTS)
    expect(() => fabric.link(-1, 0)).toThrow(RangeError)
    expect(() => fabric.link(0, 4_096)).toThrow(RangeError)
  })
})

test('a label reads as a sentence', () => {
  const label = { protocol: 'quic', contents: 'stream', connection: 4_097, channel: 3, start: 1_200, end: 2_400, attempt: 2 }
  expect(describeLabel(label)).toBe('quic stream 3 [1200, 2400) attempt 2 of connection 4097')
  expect(describeLabel({ ...label, contents: 'ack', end: 0 })).toBe('quic ack of connection 4097')
})
