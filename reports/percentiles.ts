/** Latencies in whole virtual microseconds, and the percentiles that are told of them. */

/** Nearest rank: each is a latency that did occur. */
export interface Percentiles {
  readonly count: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly maxUs: number
}
/** One row over all, then one a transport; none where nothing was measured. */
export interface LatencyRow extends Percentiles {
  /** Or 'all', or 'host' for what happens there. */
  readonly transport: string
}

/** The p-th percentile of ascending values is the least of which at least p% are no greater. `values` is not empty. */
export function percentiles(values: readonly number[]): Percentiles {
  const ascending = Float64Array.from(values).sort()
  const count = ascending.length
  const rank = (p: number): number => ascending[Math.ceil((p * count) / 100) - 1]
  return { count, p50Us: rank(50), p90Us: rank(90), p99Us: rank(99), maxUs: ascending[count - 1] }
}

export class LatencySamples {
  readonly #byTransport = new Map<string, number[]>()

  add(transport: string, tookUs: number): void {
    const samples = this.#byTransport.get(transport)
    if (samples === undefined) this.#byTransport.set(transport, [tookUs])
    else samples.push(tookUs)
  }

  /** All of them, transport by transport. */
  values(): number[] {
    return [...this.#byTransport.values()].flat()
  }

  rows(): LatencyRow[] {
    if (this.#byTransport.size === 0) return []
    const transports = [...this.#byTransport.keys()].sort()
    return [
      { transport: 'all', ...percentiles(this.values()) },
      ...transports.map((transport) => ({ transport, ...percentiles(this.#byTransport.get(transport)!) })),
    ]
  }
}

/** Count and percentiles as columns of a table. */
export const latencyCells = ({ count, p50Us, p90Us, p99Us, maxUs }: Percentiles): (string | number)[] =>
  [count, ...[p50Us, p90Us, p99Us, maxUs].map(milliseconds)]

/** 12345 is '12.345'. `tookUs` is an integer and not negative. */
export const milliseconds = (tookUs: number): string => `${Math.floor(tookUs / 1000)}.${String(tookUs % 1000).padStart(3, '0')}`
