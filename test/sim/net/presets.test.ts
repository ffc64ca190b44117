import { describe, expect, test } from 'vitest'
import { PRESET_NAMES, presetOf } from '../../../sim/net/presets.ts'
import { LINK_DEFAULTS } from '../../../sim/net/settings.ts'
import { datagram, network } from './network.ts'

describe('presets', () => {
  test.each(PRESET_NAMES)('%s says everything but whether the link is down, and carries most of a thin stream', (name) => {
    const { fabric, arrivals } = network({ latencyUsMin: 777, latencyUsMax: 888, dropPpm: 500_000, mtuBytes: 99 })
    const pair = presetOf(name)
    fabric.setPair(1, 0, pair)
    for (const settings of [pair.up, pair.down]) {
      expect(Object.keys(settings).sort()).toEqual(Object.keys(LINK_DEFAULTS).filter((key) => key !== 'down').sort())
    }
    expect(fabric.link(1, 0).settings).toEqual({ ...LINK_DEFAULTS, ...pair.up })
    expect(fabric.link(0, 1).settings).toEqual({ ...LINK_DEFAULTS, ...pair.down })
    for (let key = 0; key < 4_000; key++) {
      fabric.send(datagram(2 * key, 200, 1, 0), key * 10_000)
      fabric.send(datagram(2 * key + 1, 200, 0, 1), key * 10_000)
    }
    // 40 s, 20 kB/s. What is asleep is awake for 100 of 1500 ms; of the others the worst loses 4.8% to its bursts, and one 5% to its gaps.
    const share = arrivals.length / 8_000
    expect(share).toBeGreaterThan(name === 'headset-asleep' ? 0.05 : 0.9)
    if (name === 'headset-asleep') expect(share).toBeLessThan(0.08)
    const slowestUs = Math.max(...arrivals.map(({ atUs, datagram: { id } }) => atUs - Math.floor(id / 2) * 10_000))
    expect(slowestUs).toBeLessThan(1_500_000)
  })

  test('satellite: a round trip of 600 ms at the least', () => {
    const { up, down } = presetOf('satellite')
    expect((up.latencyUsMin ?? 0) + (down.latencyUsMin ?? 0)).toBe(600_000)
  })

  test('a preset leaves nothing of another', () => {
    const { fabric } = network({})
    for (const name of [...PRESET_NAMES, 'lan'] as const) fabric.setPair(1, 0, presetOf(name))
    expect(fabric.link(1, 0).settings).toEqual({ ...LINK_DEFAULTS, ...presetOf('lan').up })
  })
})
