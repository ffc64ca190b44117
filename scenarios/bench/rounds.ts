/**
 * Contenders measured round-robin within one process, so that whatever slows the machine down slows all of them: what is
 * compared is the medians of one and the same time. Each turn is one iteration of a tinybench task.
 */
import { Bench } from 'tinybench'

export interface Contender {
  readonly name: string
  /** One turn; where it answers milliseconds, they count instead of the turn's own. */
  run(round: number): number | void | Promise<number | void>
}

export interface Rounds {
  readonly rounds: number
  /** Rounds before those that count (default 0); they are numbered from 0 like the others. */
  readonly warmUpRounds?: number
}

/** Milliseconds of each contender in each round that counts, by name. */
export type Samples = ReadonlyMap<string, readonly number[]>

export async function interleaved(contenders: readonly Contender[], { rounds, warmUpRounds = 0 }: Rounds): Promise<Samples> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true })
    for (const contender of contenders) {
      bench.add(contender.name, async () => {
        const ms = await contender.run(round)
        return typeof ms === 'number' ? { overriddenDuration: ms } : undefined
      }, { async: true })
    }
    for (const { name, result } of await bench.run()) {
      if (round >= warmUpRounds && 'latency' in result) samples.get(name)!.push(result.latency.mean)
    }
  }
  return samples
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
