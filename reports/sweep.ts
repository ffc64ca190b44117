/**
 * What many runs came to, as one plain object: sums, percentiles, and failures merged by their kind. Runs may be added in any
 * order and in several sittings; the same runs give the same summary. Memory grows with red runs alone.
 */
import type { FailureKind } from './input.ts'
import type { Hits } from './marks.ts'
import type { Percentiles } from './percentiles.ts'
import { LATENCIES, type LatencyName } from './report.ts'
import { type HistogramPairs, SweepHistogram } from './sweep-histogram.ts'
import { numberOf, type PlannedRun, runsOf, seedsOf, type SweepPlan } from './sweep-plan.ts'

/** What is kept of one run: plain data, small enough for a line of a journal. */
export interface SeedRecord extends PlannedRun {
  /** The scenario's own name. */
  readonly name: string
  readonly exit: number
  readonly verdict: string
  /** Absent from a run that converged. */
  readonly failure?: FailureKind
  /** Records of its trace; 0 for a run that was lost with its thread. */
  readonly events: number
  /** Of its trace, 16 hexadecimal digits; '' for a run that was lost. */
  readonly digest: string
  /** Wall time. Never in the summary. */
  readonly tookUs: number
  readonly counters: Hits
  readonly marks: Hits
  readonly latencies: { readonly [Name in LatencyName]?: HistogramPairs }
}

/** A run that did not converge. */
export interface RedRun extends PlannedRun {
  readonly number: number
  readonly name: string
  readonly exit: number
  readonly verdict: string
  readonly events: number
}

export interface FailureGroup {
  readonly kind: FailureKind
  readonly count: number
  readonly first: RedRun
  /** The one with the shortest trace: the first to look into. */
  readonly fastest: RedRun
  /** All, in the order of the sweep. */
  readonly runs: readonly RedRun[]
  /** The first of them, whose reports are kept. */
  readonly reported: readonly RedRun[]
}

export interface ScenarioRow {
  readonly scenario: string
  readonly runs: number
  readonly red: number
  readonly events: number
  /** Sum of the traces' digests: two sweeps with the same one ran the same to the byte. */
  readonly digest: string
}

/** Seeds that stand side by side, of one scenario. */
export interface SeedBlock {
  readonly scenario: number
  /** Of this shard's seeds, from 0. */
  readonly firstIndex: number
  readonly planned: number
  readonly done: number
  readonly red: number
}

export interface SweepSummary {
  readonly plan: SweepPlan
  readonly planned: number
  readonly done: number
  readonly red: number
  readonly exit: number
  readonly failures: readonly FailureGroup[]
  readonly scenarios: readonly ScenarioRow[]
  readonly blocks: readonly SeedBlock[]
  /** Of all runs, to less than 0.1%, in virtual time. */
  readonly latencies: { readonly [Name in LatencyName]?: Percentiles }
  readonly counters: Hits
  readonly marks: Hits
  /** Marks of the catalogue that this sweep had to reach, and did not. */
  readonly neverReached: readonly string[]
}

/** Within how many seeds over all stories each rare state has to be reached. */
export type MarkCatalogue = Readonly<Record<string, { readonly seedsMax: number }>>

const REPORTS_PER_KIND_MAX = 20
const BLOCK_SEEDS = 100
const DIGEST_BITS = 64

/** Marks that were not reached, of those whose budget of seeds the sweep had. */
export function neverReached(marks: Hits, catalogue: MarkCatalogue, seeds: number): string[] {
  return Object.keys(catalogue).filter((name) => catalogue[name].seedsMax <= seeds && (marks[name] ?? 0) === 0)
}

/** What to do with the files of a red run. */
export interface Keeping {
  readonly isKept: boolean
  /** A later one that has to make way. */
  readonly instead: RedRun | undefined
}

interface Group {
  readonly kind: FailureKind
  readonly runs: RedRun[]
  readonly reported: RedRun[]
}

export class SweepTally {
  readonly #plan: SweepPlan
  readonly #catalogue: MarkCatalogue
  /** A bit a run. */
  readonly #done: Uint8Array
  readonly #groups = new Map<string, Group>()
  readonly #rows: { runs: number; red: number; events: number; digest: bigint }[]
  readonly #blocks = new Map<string, { scenario: number; block: number; done: number; red: number }>()
  readonly #latencies = new Map<LatencyName, SweepHistogram>()
  readonly #tookUs: readonly SweepHistogram[]
  readonly #counters: Record<string, number> = {}
  readonly #marks: Record<string, number> = {}
  #doneCount = 0
  #redCount = 0

  /** @param catalogue what must be reached; empty where the sweep is not one over all stories as they are. */
  constructor(plan: SweepPlan, catalogue: MarkCatalogue) {
    this.#plan = plan
    this.#catalogue = catalogue
    this.#done = new Uint8Array(Math.ceil(runsOf(plan) / 8))
    this.#rows = plan.scenarios.map(() => ({ runs: 0, red: 0, events: 0, digest: 0n }))
    this.#tookUs = plan.scenarios.map(() => new SweepHistogram())
  }

  get done(): number {
    return this.#doneCount
  }

  get red(): number {
    return this.#redCount
  }

  has(number: number): boolean {
    return (this.#done[number >> 3] & (1 << (number & 7))) !== 0
  }

  /** Takes a run once; what is none of the sweep, or was there, is passed over. @returns what becomes of its files. */
  add(record: SeedRecord): Keeping {
    const number = numberOf(this.#plan, record)
    if (number === undefined || this.has(number)) return { isKept: false, instead: undefined }
    this.#done[number >> 3] |= 1 << (number & 7)
    this.#doneCount++
    const isRed = record.exit !== 0
    if (isRed) this.#redCount++
    const row = this.#rows[record.scenario]
    row.runs++
    row.red += Number(isRed)
    row.events += record.events
    row.digest = BigInt.asUintN(DIGEST_BITS, row.digest + BigInt(`0x0${record.digest}`))
    this.#tookUs[record.scenario].addValues([record.tookUs])
    this.#block(record.scenario, Math.floor(number / this.#plan.scenarios.length / BLOCK_SEEDS), isRed)
    addAll(this.#counters, record.counters)
    addAll(this.#marks, record.marks)
    for (const name of Object.keys(record.latencies) as LatencyName[]) this.#latency(name).addPairs(record.latencies[name]!)
    return isRed ? this.#fail(number, record) : { isKept: false, instead: undefined }
  }

  /** Wall time by scenario. */
  tookUs(): readonly (Percentiles | undefined)[] {
    return this.#tookUs.map((histogram) => histogram.percentiles())
  }

  summary(): SweepSummary {
    const plan = this.#plan
    const planned = runsOf(plan)
    const missed = this.#doneCount === planned ? neverReached(this.#marks, this.#catalogue, seedsOf(plan)) : []
    const failures = [...this.#groups.values()].map(groupOf).sort((a, b) => fasterFirst(a.fastest, b.fastest))
    const exits = failures.map(({ kind }) => kind.exit)
    const marks = { ...Object.fromEntries(Object.keys(this.#catalogue).map((name) => [name, 0])), ...this.#marks }
    return {
      plan, planned, done: this.#doneCount, red: this.#redCount, failures, marks, neverReached: missed,
      exit: exits.length > 0 ? Math.min(...exits) : Number(missed.length > 0),
      scenarios: this.#rows.map((row, index) => ({
        ...row, scenario: plan.scenarios[index], digest: row.digest.toString(16).padStart(DIGEST_BITS / 4, '0'),
      })),
      blocks: this.#blocksInOrder(),
      latencies: Object.fromEntries(Object.keys(LATENCIES).flatMap((name) => {
        const found = this.#latencies.get(name as LatencyName)?.percentiles()
        return found === undefined ? [] : [[name, found]]
      })),
      counters: this.#counters,
    }
  }

  #fail(number: number, { scenario, seed, name, exit, verdict, failure, events }: SeedRecord): Keeping {
    const kind = failure ?? { exit: exit as FailureKind['exit'], check: '', component: '', field: '' }
    const key = JSON.stringify([kind.exit, kind.check, kind.component, kind.field])
    let group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, (group = { kind, runs: [], reported: [] }))
    const red: RedRun = { number, scenario, seed, name, exit, verdict, events }
    group.runs.push(red)
    // A run that was lost with its thread left nothing to report.
    if (events === 0) return { isKept: false, instead: undefined }
    const { reported } = group
    const place = reported.findIndex((other) => other.number > number)
    reported.splice(place === -1 ? reported.length : place, 0, red)
    const last = reported.length > REPORTS_PER_KIND_MAX ? reported.pop() : undefined
    return { isKept: last !== red, instead: last === red ? undefined : last }
  }

  #block(scenario: number, block: number, isRed: boolean): void {
    const key = `${scenario} ${block}`
    let counts = this.#blocks.get(key)
    if (counts === undefined) this.#blocks.set(key, (counts = { scenario, block, done: 0, red: 0 }))
    counts.done++
    counts.red += Number(isRed)
  }

  #blocksInOrder(): SeedBlock[] {
    const ordered = [...this.#blocks.values()].sort((a, b) => a.scenario - b.scenario || a.block - b.block)
    return ordered.map(({ scenario, block, done, red }) => {
      const firstIndex = block * BLOCK_SEEDS
      return { scenario, firstIndex, planned: Math.min(BLOCK_SEEDS, seedsOf(this.#plan) - firstIndex), done, red }
    })
  }

  #latency(name: LatencyName): SweepHistogram {
    let histogram = this.#latencies.get(name)
    if (histogram === undefined) this.#latencies.set(name, (histogram = new SweepHistogram()))
    return histogram
  }
}

function groupOf({ kind, runs, reported }: Group): FailureGroup {
  const inOrder = [...runs].sort((a, b) => a.number - b.number)
  const fastest = inOrder.reduce((a, b) => (fasterFirst(a, b) <= 0 ? a : b))
  return { kind, count: runs.length, first: inOrder[0], fastest, runs: inOrder, reported }
}

/** A run that was lost has no length: it comes last. */
function fasterFirst(a: RedRun, b: RedRun): number {
  const length = ({ events }: RedRun): number => (events === 0 ? Number.MAX_SAFE_INTEGER : events)
  return length(a) - length(b) || a.number - b.number
}

function addAll(sums: Record<string, number>, counts: Hits): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
}
