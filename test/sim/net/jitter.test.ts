import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Chooser, SeededChooser } from '../../../sim/choice.ts'
import { Fabric } from '../../../sim/net/fabric.ts'
import type { Jitter, LinkSettings } from '../../../sim/net/settings.ts'
import { RANKS, TABLE_DEVIATION, TABLES } from '../../../sim/net/tables.ts'
import { datagram, network } from './network.ts'

const N = 20_000
/** Further apart than any delay, so that no datagram waits for the one before it. */
const APART_US = 1_000_000
const SEEDS = [1, 2, 3]

function latencies(settings: Partial<LinkSettings>, seed: number, n = N): number[] {
  const { fabric, arrivals } = network(settings, seed)
  for (let key = 0; key < n; key++) fabric.send(datagram(key, 10), key * APART_US)
  return arrivals.map(({ atUs, datagram: { id } }) => atUs - id * APART_US)
}

function momentsOf(values: ArrayLike<number>) {
  let sum = 0
  let squares = 0
  for (let i = 0; i < values.length; i++) {
    sum += values[i]
    squares += values[i] * values[i]
  }
  const mean = sum / values.length
  return { mean, deviation: Math.sqrt(squares / values.length - mean * mean) }
}

describe('tables', () => {
  test('the normal one has the quantiles of the normal distribution, and is symmetric', () => {
    const table = TABLES.normal
    expect(table.every((value, rank) => value === -table[RANKS - 1 - rank])).toBe(true)
    // Probability, then deviations, from any table of the distribution; a rank is 1/4096 wide, 0.005 deviations at 97.5%.
    for (const [probability, deviations] of [[0.5, 0], [0.8413447, 1], [0.9750021, 1.96], [0.9986501, 3]] as const) {
      expect(Math.abs(table[Math.floor(probability * RANKS)] / TABLE_DEVIATION - deviations)).toBeLessThan(deviations > 2.5 ? 0.06 : 0.01)
    }
    expect(momentsOf(table).deviation / TABLE_DEVIATION).toBeCloseTo(1, 3)
  })

  test('Pareto\'s are roots, to the nearest integer, cut at four deviations', () => {
    for (const [rank, value] of TABLES.pareto.entries()) {
      const exact = ((1 / Math.cbrt(1 - rank / RANKS) - 1.5) * 4 * TABLE_DEVIATION) / 3
      expect(Math.abs(value - Math.min(32_767, exact))).toBeLessThan(0.5001)
    }
  })

  test('paretonormal is a quarter of the one and three quarters of the other', () => {
    const { normal, pareto, paretonormal } = TABLES
    for (let rank = 0; rank < RANKS; rank++) {
      expect(Math.abs(paretonormal[rank] - 0.25 * normal[rank] - 0.75 * pareto[rank])).toBeLessThanOrEqual(0.5)
    }
  })

  test('ascend by rank', () => {
    for (const table of Object.values(TABLES)) for (let i = 1; i < RANKS; i++) expect(table[i]).toBeGreaterThanOrEqual(table[i - 1])
  })
})

describe('jitter', () => {
  test.each(['normal', 'pareto', 'paretonormal'] as const)('%s: mean and standard deviation are those of the table', (kind) => {
    const meanUs = 100_000
    const deviationUs = 10_000
    const table = momentsOf(TABLES[kind])
    const expectedMean = meanUs + (table.mean / TABLE_DEVIATION) * deviationUs
    const expectedDeviation = (table.deviation / TABLE_DEVIATION) * deviationUs
    for (const seed of SEEDS) {
      const jitter = { kind, meanUs, deviationUs, correlationPpm: 0 }
      const measured = momentsOf(latencies({ latencyUsMin: 0, latencyUsMax: 300_000, jitter }, seed))
      // The mean of 20,000 deviates by 10,000 / sqrt(20,000) = 71 us; five of those, once in 1.7 million seeds.
      expect(Math.abs(measured.mean - expectedMean)).toBeLessThan((5 * expectedDeviation) / Math.sqrt(N))
      // A standard deviation by s * sqrt((kurtosis - 1) / 4N), with a kurtosis of 3 (normal) to 9 (Pareto, cut): at most 1% of s.
      expect(Math.abs(measured.deviation / expectedDeviation - 1)).toBeLessThan(0.05)
    }
  })

  test('uniform: mean in the middle, standard deviation span / sqrt(12), both ends touched', () => {
    const spanUs = 60_000
    const jitter: Jitter = { kind: 'uniform', correlationPpm: 0 }
    for (const seed of SEEDS) {
      const values = latencies({ latencyUsMin: 20_000, latencyUsMax: 20_000 + spanUs, jitter }, seed)
      const { mean, deviation } = momentsOf(values)
      // 17,320 / sqrt(20,000) = 122 us; five of those. A kurtosis of 1.8 gives the deviation sqrt(0.8 / 80,000) = 0.3%; five of those.
      expect(Math.abs(mean - 50_000)).toBeLessThan(612)
      expect(Math.abs(deviation / (spanUs / Math.sqrt(12)) - 1)).toBeLessThan(0.016)
      expect(Math.min(...values)).toBeLessThan(20_100)
      expect(Math.max(...values)).toBeGreaterThan(79_900)
    }
  })

  test('latencies lie within their bounds, whatever the model', () => {
    const kinds = fc.constantFrom('normal' as const, 'pareto' as const, 'paretonormal' as const)
    const models: fc.Arbitrary<Jitter> = fc.record({
      kind: kinds, meanUs: fc.integer({ min: 1_000, max: 9_000 }), deviationUs: fc.integer({ min: 0, max: 100_000 }),
      correlationPpm: fc.integer({ min: 0, max: 1_000_000 }),
    })
    fc.assert(
      fc.property(models, fc.integer({ min: 1, max: 1_000 }), (jitter, seed) => {
        for (const us of latencies({ latencyUsMin: 1_000, latencyUsMax: 9_000, jitter }, seed, 50)) {
          expect(Number.isSafeInteger(us) && us >= 1_000 && us <= 9_000).toBe(true)
        }
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('correlated deviations follow one another as asked, and are as wide as those that are not', () => {
    const deviationUs = 10_000
    const settings = (correlationPpm: number): Partial<LinkSettings> =>
      ({ latencyUsMin: 0, latencyUsMax: 300_000, jitter: { kind: 'normal', meanUs: 100_000, deviationUs, correlationPpm } })
    for (const seed of SEEDS) {
      for (const rho of [0, 0.25, 0.8]) {
        const values = latencies(settings(rho * 1_000_000), seed)
        const { mean, deviation } = momentsOf(values)
        let products = 0
        for (let i = 1; i < N; i++) products += (values[i] - mean) * (values[i - 1] - mean)
        // The estimate deviates by sqrt((1 - rho^2) / N), at most 0.0071; five of those.
        expect(Math.abs(products / (N - 1) / (deviation * deviation) - rho)).toBeLessThan(0.036)
        // The deviation by s * sqrt((1 + rho^2) / (1 - rho^2) / 2N), at most 1.1% of s; five of those.
        expect(Math.abs(deviation / deviationUs - 1)).toBeLessThan(0.055)
      }
    }
  })

  test('a delay follows from the identity alone, unless it is correlated', () => {
    const settings: Partial<LinkSettings> = {
      latencyUsMin: 0, latencyUsMax: 90_000, jitter: { kind: 'pareto', meanUs: 30_000, deviationUs: 9_000, correlationPpm: 0 },
    }
    const all = latencies(settings, 4, 100)
    const { fabric, arrivals } = network(settings, 4)
    for (let key = 98; key >= 0; key -= 2) fabric.send(datagram(key, 10), (200 - key) * APART_US)
    for (const { atUs, datagram: { id } } of arrivals) expect(atUs - (200 - id) * APART_US).toBe(all[id])
  })

  test('the benign choice is about the mean, and half of all choices are it', () => {
    const draws = new SeededChooser(1)
    let benign = 0
    const counting: Chooser = { choose: (of, hi, lo) => (draws.choose(of, hi, lo) === 0 ? (benign++, 0) : 0) }
    for (const kind of ['normal', 'pareto', 'paretonormal'] as const) {
      benign = 0
      const delays: number[] = []
      const fabric = new Fabric({
        chooser: counting, sink: () => {}, deliver: (atUs, { id }) => delays.push(atUs - id * APART_US),
        defaults: { latencyUsMin: 0, latencyUsMax: 90_000, jitter: { kind, meanUs: 30_000, deviationUs: 9_000, correlationPpm: 0 } },
      })
      for (let key = 0; key < 4_000; key++) fabric.send(datagram(key, 10), key * APART_US)
      // 4,000 draws at 1/2: 2,000, standard deviation 32; five of those.
      expect(Math.abs(benign - 2_000)).toBeLessThan(160)
      // Half of Pareto's distribution about its mean, which 70% are below, ends at 94%: 1.36 deviations.
      expect(Math.min(...delays)).toBeGreaterThan(30_000 - 9_000)
      expect(Math.max(...delays)).toBeLessThan(30_000 + 1.4 * 9_000)
    }
  })
})
