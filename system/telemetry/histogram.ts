/**
 * How often which value was seen, in a bounded number of buckets: values below 16 have one each, above that eight share a power of
 * two, so that a percentile is at most an eighth too high. Whole numbers throughout: the same everywhere.
 */
const EXACT = 16
const PER_OCTAVE = 8
const TWO_TO_32 = 2 ** 32
/** Larger values count as this: some 12 days in microseconds, a terabyte in bytes. */
const VALUE_MAX = 2 ** 40 - 1

export interface HistogramSummary {
  readonly count: number
  readonly sum: number
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export class Histogram {
  readonly #buckets: number[] = []
  #count = 0
  #sum = 0
  #max = 0

  /** @param value not negative; a fraction is cut off. */
  add(value: number): void {
    const whole = Math.min(Math.floor(value), VALUE_MAX)
    const bucket = bucketOf(whole)
    while (this.#buckets.length <= bucket) this.#buckets.push(0)
    this.#buckets[bucket]++
    this.#count++
    this.#sum += whole
    if (whole > this.#max) this.#max = whole
  }

  get count(): number {
    return this.#count
  }

  /** The largest value of the bucket in which the p-th percentile lies, and never more than the largest seen; 0 where nothing was. */
  percentile(p: number): number {
    let left = Math.ceil((p * this.#count) / 100)
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket]
      if (left <= 0) return Math.min(this.#max, lastOf(bucket))
    }
    return this.#max
  }

  summary(): HistogramSummary {
    const [p50, p90, p99] = [50, 90, 99].map((p) => this.percentile(p))
    return { count: this.#count, sum: this.#sum, max: this.#max, p50, p90, p99 }
  }
}

function bucketOf(value: number): number {
  if (value < EXACT) return value
  // The logarithm of an engine may be off by an ulp; powers of two are exact.
  const high = Math.floor(value / TWO_TO_32)
  const power = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value)
  return EXACT + (power - 4) * PER_OCTAVE + Math.floor(((value - 2 ** power) * PER_OCTAVE) / 2 ** power)
}

function lastOf(bucket: number): number {
  if (bucket < EXACT) return bucket
  const power = 4 + Math.floor((bucket - EXACT) / PER_OCTAVE)
  return 2 ** power + ((((bucket - EXACT) % PER_OCTAVE) + 1) * 2 ** power) / PER_OCTAVE - 1
}
