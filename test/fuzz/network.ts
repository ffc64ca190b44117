/**
 * So many mutated datagrams to live connections of every transport, in every phase of theirs; what came of them, or the breach that
 * was found, with the fewest mutants that still make it.
 */
import { mix32 } from '../../sim/choice.ts'
import { runConnection } from './network/connection.ts'
import { neverReached } from './network/coverage.ts'
import { runDataChannels } from './network/datachannels.ts'
import { type CaseOptions, KINDS, type Kind, type Outcome } from './network/outcome.ts'
import { runPrograms } from './network/programs.ts'
import { runTurn } from './network/turn.ts'

export interface KindReport {
  readonly cases: number
  readonly datagrams: number
  readonly states: Readonly<Record<string, number>>
  readonly endings: Readonly<Record<string, number>>
  readonly discarded: Readonly<Record<string, number>>
  /** What mutants came to, beyond every tag; and what none came to. */
  readonly reached: Readonly<Record<string, number>>
  readonly missed: readonly string[]
  readonly ms: number
}
export interface NetworkReport {
  readonly datagrams: number
  readonly kinds: Readonly<Record<Kind, KindReport>>
  readonly slowestMs: number
  /** What the heap grew by within one case, at the most. */
  readonly heapGrowthBytes: number
  readonly breach: string | undefined
}

export interface NetworkOptions {
  /** Mutants in all, the same share for each kind. */
  readonly datagrams: number
  readonly seed: number
  readonly nowMs: () => number
  readonly heapBytes?: () => number
  readonly kinds?: readonly Kind[]
}

/** Seeds of cases. */
const SEEDS = 2 ** 21
/** The heap is measured in one case of so many. */
const MEASURE_EVERY = 100
const HEAP_GROWTH_BYTES_MAX = 64 * 2 ** 20
/** A machine that does other things makes a step look slow once; what is slow is so each time. */
const TRIES = 3

interface Tally {
  cases: number
  datagrams: number
  ms: number
  readonly states: Record<string, number>
  readonly endings: Record<string, number>
  readonly discarded: Record<string, number>
  readonly reached: Record<string, number>
  missed: readonly string[]
}

export function fuzzNetwork({ datagrams, seed, nowMs, heapBytes, kinds = KINDS }: NetworkOptions): NetworkReport {
  const tallies = Object.fromEntries(KINDS.map((kind) => [kind, newTally()])) as Record<Kind, Tally>
  let slowestMs = 0
  let heapGrowthBytes = 0
  let breach: string | undefined
  for (const kind of kinds) {
    const tally = tallies[kind]
    const fromMs = nowMs()
    while (tally.datagrams < datagrams / kinds.length && breach === undefined) {
      const number = tally.cases++
      const options = { kind, seed: mix32(mix32(seed, KINDS.indexOf(kind)), number) % SEEDS, nowMs }
      const outcome = runCase({ ...options, heapBytes: number % MEASURE_EVERY === 0 ? heapBytes : undefined })
      add(tally, outcome)
      slowestMs = Math.max(slowestMs, outcome.slowestMs)
      heapGrowthBytes = Math.max(heapGrowthBytes, outcome.heapGrowthBytes)
      if (outcome.heapGrowthBytes > HEAP_GROWTH_BYTES_MAX) breach = `the heap grew by ${outcome.heapGrowthBytes} bytes`
      if (outcome.breach !== undefined && isRepeatable(options)) breach = explained(options, outcome)
    }
    tally.ms = nowMs() - fromMs
    tally.missed = neverReached(kind, tally.reached)
  }
  return { datagrams: KINDS.reduce((sum, kind) => sum + tallies[kind].datagrams, 0), kinds: tallies, slowestMs, heapGrowthBytes, breach }
}

function runCase(options: CaseOptions): Outcome {
  switch (options.kind) {
    case 'quic programs': return runPrograms(options)
    case 'data channels': return runDataChannels(options)
    case 'turn': return runTurn(options)
    default: return runConnection(options)
  }
}

const newTally = (): Tally => ({ cases: 0, datagrams: 0, ms: 0, states: {}, endings: {}, discarded: {}, reached: {}, missed: [] })

function addCounts(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count
}
function add(tally: Tally, { mutants, states, endings, discarded, reached }: Outcome): void {
  tally.datagrams += mutants.length
  addCounts(tally.states, states)
  addCounts(tally.discarded, discarded)
  addCounts(tally.reached, reached)
  for (const ending of endings) tally.endings[ending] = (tally.endings[ending] ?? 0) + 1
}

function isRepeatable(options: CaseOptions): boolean {
  for (let left = TRIES - 1; left > 0; left--) if (runCase(options).breach === undefined) return false
  return true
}

function explained(options: CaseOptions, outcome: Outcome): string {
  const mutants = shrunk(options, outcome.mutants)
  const { breach } = runCase({ ...options, only: new Set(mutants) })
  return `${breach ?? outcome.breach}\n${options.kind}, case ${options.seed}, mutants ${mutants.join(' ')}`
}

/** Leaves out halves, then quarters and so on, for as long as there still is a breach. */
function shrunk(options: CaseOptions, mutants: readonly number[]): readonly number[] {
  let left = mutants
  for (let parts = 2; left.length > 1; ) {
    const size = Math.ceil(left.length / parts)
    const kept = left
    const without = Array.from({ length: parts }, (_, i) => kept.filter((__, at) => at < i * size || at >= (i + 1) * size))
      .find((some) => some.length < kept.length && runCase({ ...options, only: new Set(some) }).breach !== undefined)
    if (without !== undefined) {
      left = without
      parts = Math.max(2, parts - 1)
    } else if (size === 1) break
    else parts = Math.min(parts * 2, left.length)
  }
  return left
}
