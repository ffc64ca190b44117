/** Runs a sweep on a pool of threads: hands out what is not done, keeps what comes back. */
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { wallClockMs } from '../../platform/clock.ts'
import { ThreadPool } from '../../platform/pool.ts'
import { reportFolder } from '../../reports/sweep-text.ts'
import { againCommand, type PlannedRun, runAt, runsOf, type SweepPlan } from '../../reports/sweep-plan.ts'
import type { SeedRecord, SweepTally } from '../../reports/sweep.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import type { Verifier } from '../grammar.ts'
import { type Progress, writeOutcome } from '../output.ts'
import type { Journal } from './journal.ts'
import type { RedFiles, SweepAnswer, SweepTask } from './sweeper.ts'
import type { Targets } from './targets.ts'

/** JavaScript objects of one thread; a run of a story takes some 50 megabytes. */
const HEAP_MEGABYTES_MAX = 1024
const MS_PER_SECOND = 1000

export interface Sweep {
  readonly plan: SweepPlan
  readonly targets: Targets
  /** From the terminal's folder. */
  readonly folder: string
  readonly jobs: number
  readonly verifier: Verifier
  /** Wall time for one run. */
  readonly seedSeconds: number
  readonly tally: SweepTally
  readonly journal: Journal
  readonly progress: Progress
  /** Tells of a red run. */
  readonly onRed: (record: SeedRecord) => void
}

export class Conductor {
  readonly #sweep: Sweep
  readonly #engine: Engine
  readonly #terminal: Terminal
  readonly #pool: ThreadPool<SweepTask, SweepAnswer>
  /** Which scenario has which name: reports are filed under it. */
  readonly #names = new Map<string, number>()
  readonly #doneBefore: number
  readonly #startMs = wallClockMs()
  #next = 0
  #isEnding = false

  constructor(sweep: Sweep, engine: Engine, terminal: Terminal) {
    this.#sweep = sweep
    this.#engine = engine
    this.#terminal = terminal
    this.#doneBefore = sweep.tally.done
    this.#pool = new ThreadPool(engine.sweepEntry, {
      threads: sweep.jobs, taskMsMax: sweep.seedSeconds * MS_PER_SECOND, heapMegabytesMax: HEAP_MEGABYTES_MAX,
    })
  }

  /** Ends when all is done, or after `end` or `abort`. @throws {Misuse} where a scenario cannot be run at all. */
  async run(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: this.#sweep.jobs }, () => this.#work()))
    } finally {
      await this.abort()
    }
  }

  /** Begins no further run. */
  end(): void {
    this.#isEnding = true
  }

  /** Breaks off the runs that are under way, too. */
  async abort(): Promise<void> {
    this.#isEnding = true
    await this.#pool.stop()
  }

  async #work(): Promise<void> {
    const { plan, tally } = this.#sweep
    for (const total = runsOf(plan); !this.#isEnding && this.#next < total;) {
      const number = this.#next++
      if (!tally.has(number)) await this.#perform(runAt(plan, number))
    }
  }

  async #perform(run: PlannedRun): Promise<void> {
    const { plan: { canary }, targets, verifier, seedSeconds } = this.#sweep
    const { source, digest: sourceDigest, file } = targets.all[run.scenario]
    const { version } = this.#engine
    const { folder } = this.#terminal
    const options = { seed: run.seed, verifier, version, source, sourceDigest, folder, ...(canary === undefined ? {} : { canary }) }
    const startMs = wallClockMs()
    const end = await this.#pool.run({ source, module: file?.module, scenario: run.scenario, options })
    const lost = (component: string, verdict: string): void => {
      this.#keep(lostRecord(run, source, wallClockMs() - startMs, component, verdict), undefined)
    }
    switch (end.kind) {
      case 'stopped': return
      case 'hung': return lost('hung', `no end within ${seedSeconds} s of real time`)
      case 'died': return lost('ended', `its thread ended: ${end.message.replaceAll(`${folder}/`, '')}`)
      case 'answered':
        if (end.answer.kind === 'unusable') {
          const { why, stack } = end.answer
          throw file?.unusable(why, stack) ?? new Misuse(why, stack)
        }
        return this.#keep(JSON.parse(end.answer.line) as SeedRecord, end.answer.files, end.answer.line)
      default: return end satisfies never
    }
  }

  /** The report first and the journal last: what the journal has is never done again. */
  #keep(record: SeedRecord, files: RedFiles | undefined, line = JSON.stringify(record)): void {
    const { tally, journal, folder, onRed, progress } = this.#sweep
    this.#checkName(record)
    const { isKept, instead } = tally.add(record)
    if (isKept && files !== undefined) writeOutcome({ name: record.name, result: files }, record.seed, folder, this.#terminal)
    if (instead !== undefined) {
      rmSync(resolve(this.#terminal.folder, join(folder, reportFolder(instead))), { recursive: true, force: true })
    }
    journal.add(line)
    if (record.exit !== EXIT.converged) {
      progress.clear()
      onRed(record)
    }
    progress.show(this.#progressText())
  }

  #checkName({ name, scenario }: SeedRecord): void {
    const known = this.#names.get(name) ?? scenario
    this.#names.set(name, known)
    const { scenarios } = this.#sweep.plan
    if (known === scenario) return
    throw new Misuse(`${scenarios[known]} and ${scenarios[scenario]} are both called ${name}; give one another name`)
  }

  #progressText(): string {
    const { plan, tally } = this.#sweep
    const seconds = (wallClockMs() - this.#startMs) / MS_PER_SECOND
    const rate = (tally.done - this.#doneBefore) / seconds
    const left = Math.ceil((runsOf(plan) - tally.done) / rate)
    return `${tally.done}/${runsOf(plan)} runs, ${rate.toFixed(1)} a second, ${tally.red} red, ${left} s left`
  }
}

/** What is known of a run whose thread gave no answer. */
function lostRecord({ scenario, seed }: PlannedRun, source: string, tookMs: number, component: string, verdict: string): SeedRecord {
  return {
    scenario, seed, name: source, exit: EXIT.fault, verdict, failure: { exit: EXIT.fault, check: 'thread', component, field: '' },
    events: 0, digest: '', tookUs: Math.round(tookMs * MS_PER_SECOND), counters: {}, marks: {}, latencies: {},
  }
}

/** One line of a red run, as it comes. */
export const redLine = (plan: SweepPlan, record: SeedRecord): string =>
  `${plan.scenarios[record.scenario]} seed ${record.seed}: exit ${record.exit}, ${record.verdict}; again: ${againCommand(plan, record)}`
