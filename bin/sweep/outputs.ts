/** What a sweep leaves and says, besides the reports of red runs. */
import { join, resolve } from 'node:path'
import { sha256Hex } from '../../platform/digests.ts'
import { writeFiles } from '../../platform/files.ts'
import { junitXml } from '../../reports/junit.ts'
import { runsOf, seedsOf, sweepCommand, type SweepPlan } from '../../reports/sweep-plan.ts'
import { sweepLines, sweepMarkdown, sweepVerdict } from '../../reports/sweep-text.ts'
import type { SweepSummary, SweepTally } from '../../reports/sweep.ts'
import type { Terminal } from '../engine.ts'
import { printJson, printLines } from '../output.ts'
import type { SweepOptions } from './options.ts'

/** Of what, besides its seeds and shard, a sweep's folder is named: so many hexadecimal digits are enough in one folder. */
const NAME_DIGITS = 6

/** The same for the same runs, so that a sweep that goes on finds what is done. */
export function sweepFolder({ plan, out }: SweepOptions): string {
  const { first, last, shard, scenarios, verifier, canary } = plan
  const part = shard.of === 1 ? '' : `-${shard.index}of${shard.of}`
  return join(out, `sweep-${first}-${last}${part}-${sha256Hex(JSON.stringify([scenarios, verifier, canary])).slice(0, NAME_DIGITS)}`)
}

/** Before the first run. */
export function openingLines({ plan, jobs }: SweepOptions, doneBefore: number, found: 'nothing' | 'same' | 'other'): string[] {
  const what = `${seedsOf(plan)} seeds of ${plan.first}..${plan.last}, scenarios: ${plan.scenarios.length}, threads: ${jobs}`
  return [
    `${what}; again: ${sweepCommand(plan)}`,
    ...(found === 'other' ? ['what an earlier sweep left is of other code or options: beginning anew'] : []),
    ...(found === 'same' ? [`going on: ${doneBefore} of ${runsOf(plan)} runs are done`] : []),
  ]
}

/** How long it took, which is another thing each time. */
export interface SweepPace {
  readonly seconds: number
  readonly jobs: number
  /** In this sitting. */
  readonly runs: number
}

/** `sweep.json` last, so that where it stands the others do. @throws the file system's error. */
export function writeSummary(
  summary: SweepSummary, json: string, tally: SweepTally, { seconds, jobs, runs }: SweepPace, folder: string, terminal: Terminal,
): void {
  const took = tally.tookUs()
  const perf = {
    seconds, jobs, runs, runsPerSecond: runs / seconds,
    scenarios: summary.plan.scenarios.map((scenario, index) => ({ scenario, wallTime: took[index] })),
  }
  writeFiles(resolve(terminal.folder, folder), {
    'sweep.md': sweepMarkdown(summary),
    'junit.xml': junitXml(summary),
    'perf.json': `${JSON.stringify(perf, undefined, 2)}\n`,
    'sweep.json': json,
  })
}

export function printSummary(
  summary: SweepSummary, json: string, tally: SweepTally, { seconds, runs }: SweepPace, folder: string, options: SweepOptions,
  terminal: Terminal,
): void {
  if (options.json) return printJson(terminal, JSON.parse(json) as object)
  if (options.quiet) return printLines(terminal, [sweepVerdict(summary)])
  const pace = runs === 0 ? [] : [`${runs} runs in ${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(1)} a second`]
  const goOn = summary.done === summary.planned ? [] : [`go on:  ${sweepCommand(summary.plan)}`]
  printLines(terminal, ['', ...sweepLines(summary, tally.tookUs()), ...pace, `report: ${folder}/sweep.md`, ...goOn])
}

/** What the journal of a sweep begins with: one of another header is of other runs. */
export const journalHeader = (plan: SweepPlan, seedSeconds: number, code: object): string =>
  JSON.stringify({ journal: 'theta-sim sweep', ...code, seedSeconds, plan })
