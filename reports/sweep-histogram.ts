/**
 * How often each latency occurred, over any number of runs, in bounded memory: values are rounded down to eleven
 * significant bits, less than 0.1% of them. Two histograms are added value by value, in any order.
 */
import type { Percentiles } from './percentiles.ts'

/** Values below keep every bit; above, the spacing doubles with each power of two. */
const EXACT_BELOW = 2048

/** Value, count, value, count, ...: rounded values in ascending order. */
export type HistogramPairs = readonly number[]

export class SweepHistogram {
  readonly #counts = new Map<number, number>()

  /** @param values whole numbers, none below 0. */
  addValues(values: readonly number[]): void {
    for (const value of values) this.#add(rounded(value), 1)
  }

  addPairs(pairs: HistogramPairs): void {
    for (let i = 0; i < pairs.length; i += 2) this.#add(pairs[i], pairs[i + 1])
  }

  pairs(): HistogramPairs {
    return [...this.#counts].sort(([a], [b]) => a - b).flat()
  }

  /** Nearest rank, as in percentiles.ts; undefined where there is no value. */
  percentiles(): Percentiles | undefined {
    const ascending = [...this.#counts].sort(([a], [b]) => a - b)
    const total = ascending.reduce((sum, [, count]) => sum + count, 0)
    if (total === 0) return undefined
    const rank = (percent: number): number => {
      let below = Math.ceil((percent * total) / 100)
      return ascending.find(([, count]) => (below -= count) <= 0)![0]
    }
    return { count: total, p50Us: rank(50), p90Us: rank(90), p99Us: rank(99), maxUs: rank(100) }
  }

  #add(value: number, count: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count)
  }
}

function rounded(value: number): number {
  let unit = 1
  while (value / unit >= EXACT_BELOW) unit *= 2
  return value - (value % unit)
}
