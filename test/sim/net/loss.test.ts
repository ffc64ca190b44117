import { describe, expect, test } from 'vitest'
import { PlannedChooser } from '../../../sim/choice.ts'
import { BURST_NAMES, burstsOf } from '../../../sim/net/bursts.ts'
import { Fabric } from '../../../sim/net/fabric.ts'
import type { Loss } from '../../../sim/net/settings.ts'
import { datagram, network } from './network.ts'

const SEEDS = [1, 2, 3]

function fatesOf(loss: Loss, n: number, seed: number): boolean[] {
  const { fabric, fates } = network({ loss }, seed)
  for (let key = 0; key < n; key++) fabric.send(datagram(key, 10), key)
  return fates(n)
}
const lostOf = (fates: readonly boolean[]): number => fates.filter(Boolean).length

/** Lengths of the runs of losses. */
function runsOf(fates: readonly boolean[]): number[] {
  const runs: number[] = []
  for (const [i, isLost] of fates.entries()) {
    if (!isLost) continue
    if (i > 0 && fates[i - 1]) runs[runs.length - 1]++
    else runs.push(1)
  }
  return runs
}

describe('per block', () => {
  test('exactly so many of each block are lost, at every place of it alike', () => {
    const [lost, block, blocks] = [3, 20, 2_000]
    for (const seed of SEEDS) {
      const fates = fatesOf({ kind: 'perBlock', lost, block }, block * blocks, seed)
      const places = Array.from({ length: block }, () => 0)
      for (let from = 0; from < fates.length; from += block) {
        expect(lostOf(fates.slice(from, from + block))).toBe(lost)
        for (let i = 0; i < block; i++) places[i] += Number(fates[from + i])
      }
      // A place: 2,000 draws at 3/20: 300, standard deviation 16; five of those, at each of 20 places.
      for (const count of places) expect(Math.abs(count - 300)).toBeLessThan(80)
    }
  })

  test('nothing and everything are blocks, too', () => {
    expect(lostOf(fatesOf({ kind: 'perBlock', lost: 0, block: 1 }, 100, 1))).toBe(0)
    expect(lostOf(fatesOf({ kind: 'perBlock', lost: 7, block: 7 }, 100, 1))).toBe(100)
  })

  test('a plan that leaves every loss out loses nothing', () => {
    for (const loss of [{ kind: 'perBlock', lost: 7, block: 7 }, burstsOf('congested')] satisfies Loss[]) {
      let delivered = 0
      const fabric = new Fabric({ chooser: new PlannedChooser([]), deliver: () => delivered++, sink: () => {}, defaults: { loss } })
      for (let key = 0; key < 100; key++) fabric.send(datagram(key), 0)
      expect(delivered).toBe(100)
    }
  })
})

describe('Gilbert-Elliott', () => {
  const N = 100_000
  /** Of the share of time in the bad state: a two-state chain remembers by lambda = 1 - p - r from one step to the next. */
  const shareDeviation = (p: number, r: number): number => {
    const share = p / (p + r)
    return Math.sqrt((share * (1 - share) * (2 - p - r)) / (p + r) / N)
  }

  test.each([[0.005, 0.5], [0.02, 0.25], [0.1, 0.1]])('p %f, r %f: p / (p + r) are lost, 1 / r in a row', (p, r) => {
    for (const seed of SEEDS) {
      const fates = fatesOf({ kind: 'gilbertElliott', pPpm: p * 1e6, rPpm: r * 1e6, goodLossPpm: 0, badLossPpm: 1e6 }, N, seed)
      // Five standard deviations of either estimate: once in 1.7 million seeds.
      expect(Math.abs(lostOf(fates) / N - p / (p + r))).toBeLessThan(5 * shareDeviation(p, r))
      // Runs are geometric: mean 1/r, standard deviation sqrt(1 - r) / r each.
      const runs = runsOf(fates)
      expect(Math.abs(lostOf(fates) / runs.length - 1 / r)).toBeLessThan((5 * Math.sqrt(1 - r)) / r / Math.sqrt(runs.length))
    }
  })

  test('each state loses its own share', () => {
    const [p, r, good, bad] = [0.05, 0.2, 0.01, 0.6]
    for (const seed of SEEDS) {
      const fates = fatesOf({ kind: 'gilbertElliott', pPpm: 50_000, rPpm: 200_000, goodLossPpm: 10_000, badLossPpm: 600_000 }, N, seed)
      const expected = (r * good + p * bad) / (p + r)
      // The share of the bad state, which is worth bad - good, and the losses themselves.
      const deviation = Math.sqrt((shareDeviation(p, r) * (bad - good)) ** 2 + (expected * (1 - expected)) / N)
      expect(Math.abs(lostOf(fates) / N - expected)).toBeLessThan(5 * deviation)
    }
  })

  test.each([['wifi', 1.0], ['lossyWifi', 4.8], ['cellular', 2.0], ['satellite', 2.9], ['congested', 9.1]] as const)(
    '%s loses %d percent',
    (name, percent) => {
      // The widest is lossyWifi: p = 0.025, r = 0.5 in 100,000: 0.11%; five of those, and half of the last digit told.
      expect(Math.abs((lostOf(fatesOf(burstsOf(name), N, 1)) / N) * 100 - percent)).toBeLessThan(0.6)
      expect(BURST_NAMES).toContain(name)
    },
  )

  test('a change of other settings leaves the state', () => {
    const { fabric, count } = network({ loss: { kind: 'gilbertElliott', pPpm: 1e6, rPpm: 0, goodLossPpm: 0, badLossPpm: 1e6 } })
    fabric.send(datagram(0), 0)
    fabric.link(0, 1).set({ mtuBytes: 1_200 })
    fabric.send(datagram(1), 0)
    expect(count('lost')).toBe(1)
  })
})
