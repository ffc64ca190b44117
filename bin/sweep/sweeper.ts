/**
 * The threads of a sweep: each runs one seed at a time, and answers with the line that the journal keeps of it. A report is
 * sent for red runs alone.
 */
import { wallClockMs } from '../../platform/clock.ts'
import type { LatencyName } from '../../reports/report.ts'
import { SweepHistogram } from '../../reports/sweep-histogram.ts'
import type { SeedRecord } from '../../reports/sweep.ts'
import { CATALOGUE } from '../../scenarios/catalogue.ts'
import { OptionError, type RunResult, type Scenario, simulate, type SimulateOptions } from '../../scenarios/index.ts'
import { type LoadedScenario, loadScenario, nameUsersLines } from '../module.ts'

export interface SweepTask {
  /** A story's name, or the path of a user's file, and then its module. */
  readonly source: string
  readonly module: string | undefined
  /** Its index in the sweep's plan. */
  readonly scenario: number
  readonly options: SimulateOptions & { readonly seed: number }
}

export type RedFiles = Pick<RunResult, 'reportJson' | 'reportMarkdown' | 'planJson' | 'perf'>

export type SweepAnswer =
  /** `line` is a {@link SeedRecord} as JSON. */
  | { readonly kind: 'ran'; readonly line: string; readonly files: RedFiles | undefined }
  | { readonly kind: 'unusable'; readonly why: string; readonly stack: string }

nameUsersLines()
// What a scenario prints is noise, not the sweep's output.
process.stdout.write = process.stderr.write.bind(process.stderr)

/** Called by the pool. */
export async function performTask({ source, module, scenario, options }: SweepTask): Promise<SweepAnswer> {
  const loaded = module === undefined ? storyNamed(source) : await loadScenario(module, source)
  if (loaded.kind === 'unusable') return loaded
  const startMs = wallClockMs()
  try {
    const result = await simulate(loaded.scenario, options)
    const tookUs = Math.round((wallClockMs() - startMs) * 1000)
    return { kind: 'ran', line: JSON.stringify(recordOf(loaded.scenario, scenario, options.seed, result, tookUs)), files: filesOf(result) }
  } catch (error) {
    if (error instanceof OptionError) return { kind: 'unusable', why: error.message, stack: '' }
    throw error
  }
}

function storyNamed(name: string): LoadedScenario {
  const found = CATALOGUE.find((entry) => entry.scenario.name === name)
  if (found === undefined) throw new RangeError(`expected a story of the catalogue, got ${name}`)
  return { kind: 'scenario', scenario: found.scenario }
}

function recordOf({ name }: Scenario, scenario: number, seed: number, result: RunResult, tookUs: number): SeedRecord {
  const { exit, verdict, failure, report, latencies, traceDigest } = result
  const { signedBy: _, ...counters } = report.counters
  const histograms = Object.entries(latencies).map(([latency, values]): [LatencyName, readonly number[]] => {
    const histogram = new SweepHistogram()
    histogram.addValues(values)
    return [latency as LatencyName, histogram.pairs()]
  })
  return {
    scenario, seed, name, exit, verdict, ...(failure && { failure }), events: report.result.events, digest: traceDigest, tookUs,
    counters: Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0)),
    marks: report.marks,
    latencies: Object.fromEntries(histograms.filter(([, pairs]) => pairs.length > 0)),
  }
}

function filesOf(result: RunResult): RedFiles | undefined {
  if (result.exit === 0) return undefined
  const { reportJson, reportMarkdown, planJson, perf } = result
  return { reportJson, reportMarkdown, planJson, perf }
}
