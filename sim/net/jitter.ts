/**
 * Latencies about a mean. The choice is only which part of the distribution; within it the identity picks a rank, so that choices stay
 * small and instants do not coincide. The benign half is the one about the mean.
 */
import { mix32, odds, PPM } from '../choice.ts'
import type { Crossing } from './rule.ts'
import type { Jitter } from './settings.ts'
import { RANKS, TABLE_DEVIATION, TABLES } from './tables.ts'

const PARTS = 16
const PART_RANKS = RANKS / PARTS
/** Alternative 0 is this many parts in a row, every other alternative one of the rest. */
const BENIGN_PARTS = PARTS / 2
const PART = odds('net.jitter', [BENIGN_PARTS, ...Array.from({ length: PARTS - BENIGN_PARTS }, () => 1)])

type Table = keyof typeof TABLES
/** The first benign part: the half lies about the rank where the deviation is 0, as far as there are ranks. */
const BENIGN_FROM: Readonly<Record<Table | 'uniform', number>> = {
  normal: benignFrom('normal'), pareto: benignFrom('pareto'), paretonormal: benignFrom('paretonormal'), uniform: BENIGN_PARTS / 2,
}

function benignFrom(table: Table): number {
  const mean = TABLES[table].findIndex((deviation) => deviation >= 0)
  return Math.min(PARTS - BENIGN_PARTS, Math.floor(mean / PART_RANKS + 0.5) - BENIGN_PARTS / 2)
}

/** A rank of the distribution, each as often as another. */
function rankOf(kind: Table | 'uniform', { chooser, keyHi, keyLo }: Crossing): number {
  const from = BENIGN_FROM[kind]
  const alternative = chooser.choose(PART, keyHi, keyLo)
  const spread = mix32(keyLo, keyHi)
  if (alternative === 0) return from * PART_RANKS + (spread % (BENIGN_PARTS * PART_RANKS))
  const part = alternative <= from ? alternative - 1 : alternative - 1 + BENIGN_PARTS
  return part * PART_RANKS + (spread % PART_RANKS)
}

/** The latency of a datagram, within the bounds of its link. */
export function jitteredUs(jitter: Exclude<Jitter, { readonly kind: 'tail' }>, crossing: Crossing): number {
  const { settings: { latencyUsMin, latencyUsMax }, memory } = crossing.link
  const rank = rankOf(jitter.kind, crossing)
  const spanUs = latencyUsMax - latencyUsMin
  const isUniform = jitter.kind === 'uniform'
  const meanUs = isUniform ? latencyUsMin + Math.floor(spanUs / 2) : jitter.meanUs
  let deviationUs = isUniform
    ? Math.floor((spanUs * (2 * rank + 1 - RANKS)) / (2 * RANKS))
    : Math.floor((TABLES[jitter.kind][rank] * jitter.deviationUs) / TABLE_DEVIATION)
  if (jitter.correlationPpm !== 0) {
    deviationUs = correlated(memory.deviationUs, deviationUs, jitter.correlationPpm)
    memory.deviationUs = deviationUs
  }
  return Math.min(latencyUsMax, Math.max(latencyUsMin, meanUs + deviationUs))
}

/**
 * A process of the first order, AR(1). The root keeps the standard deviation of the whole at that of each draw; netem, which leaves it
 * out, has less jitter the more correlated it is.
 */
function correlated(beforeUs: number, drawnUs: number, correlationPpm: number): number {
  const gainPpm = Math.floor(Math.sqrt(PPM * PPM - correlationPpm * correlationPpm))
  return Math.trunc((correlationPpm * beforeUs + gainPpm * drawnUs) / PPM)
}
