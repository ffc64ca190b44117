/** The summary of a sweep as lines for a terminal, as Markdown, and as canonical JSON: the same bytes for the same runs. */
import { canonicalJson } from './json.ts'
import { latencyCells, milliseconds, type Percentiles } from './percentiles.ts'
import { LATENCIES, type LatencyName } from './report.ts'
import { againCommand, seedsOf, sweepCommand } from './sweep-plan.ts'
import type { FailureGroup, RedRun, SweepSummary } from './sweep.ts'
import { aligned, type Cell, counted, markdownTable } from './table.ts'

/** Red runs that Markdown lists of each kind; all of them stand in the JSON. */
const LISTED_PER_KIND_MAX = 20

interface Table {
  readonly titles: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** One line: what ran, and what came of it. */
export function sweepVerdict({ plan, planned, done, red, neverReached }: SweepSummary): string {
  const { index, of } = plan.shard
  const part = of === 1 ? '' : `, shard ${index}/${of}`
  const what = `${counted(seedsOf(plan), 'seed')} of ${plan.first}..${plan.last}${part}, ${counted(plan.scenarios.length, 'scenario')}`
  const unfinished = done === planned ? '' : ` of ${planned}, not complete`
  const missed = neverReached.length === 0 ? '' : `, ${counted(neverReached.length, 'rare state')} never reached`
  return `${counted(done, 'run')}${unfinished} (${what}): ${red} red${missed}`
}

/** @param tookUs wall time of each scenario's runs. */
export function sweepLines(summary: SweepSummary, tookUs: readonly (Percentiles | undefined)[]): string[] {
  const { titles, rows } = scenarioTable(summary)
  const timed = rows.map((row, index) => [...row, wallMilliseconds(tookUs[index])])
  const [latencies, marks] = [latencyTable(summary), markTable(summary)]
  return [
    ...aligned([...titles, 'ms, p50#'], failingFirst(summary, timed)),
    ...(latencies.rows.length === 0 ? [] : ['', ...aligned(latencies.titles, latencies.rows)]),
    ...(marks.rows.length === 0 ? [] : ['', ...aligned(marks.titles, marks.rows)]),
    ...summary.failures.flatMap((group) => ['', ...failureLines(summary, group)]),
    '', sweepVerdict(summary),
  ]
}

export function sweepMarkdown(summary: SweepSummary): string {
  const section = (title: string, { titles, rows }: Table): string[] =>
    (rows.length === 0 ? [] : [`## ${title}`, '', ...markdownTable(titles, rows), ''])
  const { titles, rows } = scenarioTable(summary)
  return [
    '# Sweep', '', `${sweepVerdict(summary)}. Exit ${summary.exit}.`, '', '```', sweepCommand(summary.plan), '```', '',
    ...summary.failures.flatMap((group) => failureSection(summary, group)),
    ...section('Scenarios', { titles, rows: failingFirst(summary, rows) }),
    ...section('Latencies, virtual ms', latencyTable(summary)),
    ...section('Rare states', markTable(summary)),
  ].join('\n')
}

/** @param code what ran: two summaries with the same bytes are of the same runs of the same code. */
export function sweepJson(summary: SweepSummary, code: { readonly version: string; readonly sourceDigest: string }): string {
  const { plan, blocks: _, failures, ...rest } = summary
  const runOf = (run: RedRun): object => {
    const { seed, verdict, events } = run
    return { scenario: plan.scenarios[run.scenario], seed, verdict, events, again: againCommand(plan, run) }
  }
  return canonicalJson({
    ...code, ...plan, ...rest, again: sweepCommand(plan), isComplete: summary.done === summary.planned,
    failures: failures.map(({ kind, count, first, fastest, runs, reported }) => ({
      kind, count, first: runOf(first), fastest: runOf(fastest),
      runs: runs.map((run) => ({ ...runOf(run), ...(reported.includes(run) ? { report: `${reportFolder(run)}/report.json` } : {}) })),
    })),
  })
}

/** Within the sweep's own folder. */
export const reportFolder = ({ name, seed }: Pick<RedRun, 'name' | 'seed'>): string => `${name}-${seed}`

/** `exit 1, world, Transform.position` */
function kindText({ exit, check, component, field }: FailureGroup['kind']): string {
  const place = [component, field].filter((part) => part !== '').join('.')
  return [`exit ${exit}`, check, place].filter((part) => part !== '').join(', ')
}

function failureLines({ plan }: SweepSummary, { kind, count, first, fastest, reported }: FailureGroup): string[] {
  const place = (run: RedRun): string => `${plan.scenarios[run.scenario]} seed ${run.seed}`
  const records = fastest.events === 0 ? '' : ` (${counted(fastest.events, 'record')})`
  return [
    `${kindText(kind)}: ${counted(count, 'run')}, ${counted(reported.length, 'report')} kept`,
    `  first:          ${place(first)}`,
    `  shortest trace: ${place(fastest)}${records}: ${fastest.verdict}`,
    `  again:          ${againCommand(plan, fastest)}`,
  ]
}

function failureSection(summary: SweepSummary, group: FailureGroup): string[] {
  const { plan } = summary
  const { kind, count, runs, reported } = group
  const rows = runs.slice(0, LISTED_PER_KIND_MAX).map((run) =>
    [plan.scenarios[run.scenario], run.seed, run.events, run.verdict, reported.includes(run) ? `${reportFolder(run)}/report.md` : ''])
  const more = count > rows.length ? [`${count - rows.length} more stand in sweep.json.`, ''] : []
  return [
    `## ${kindText(kind)}: ${counted(count, 'run')}`, '', 'The one with the shortest trace, again:', '',
    '```', againCommand(plan, group.fastest), '```', '',
    ...markdownTable(['scenario', 'seed#', 'records#', 'verdict', 'report'], rows), '', ...more,
  ]
}

function scenarioTable({ scenarios }: SweepSummary): Table {
  const rows = scenarios.map(({ scenario, runs, red, events, digest }) =>
    [scenario, runs, red, runs === 0 ? '-' : Math.round(events / runs), digest])
  return { titles: ['scenario', 'runs#', 'red#', 'records a run#', 'digest'], rows }
}

/** Rows of the scenarios; those that failed come first. */
function failingFirst({ scenarios }: SweepSummary, rows: readonly (readonly Cell[])[]): (readonly Cell[])[] {
  const isRed = (_row: readonly Cell[], index: number): boolean => scenarios[index].red > 0
  return [...rows.filter(isRed), ...rows.filter((row, index) => !isRed(row, index))]
}

function latencyTable({ latencies }: SweepSummary): Table {
  const rows = (Object.keys(LATENCIES) as LatencyName[]).flatMap((name) => {
    const found = latencies[name]
    return found === undefined ? [] : [[LATENCIES[name], ...latencyCells(found)]]
  })
  return { titles: ['latency, virtual ms', 'count#', 'p50#', 'p90#', 'p99#', 'max#'], rows }
}

function markTable({ marks, neverReached }: SweepSummary): Table {
  const rarestFirst = Object.entries(marks).sort(([nameA, a], [nameB, b]) => a - b || (nameA < nameB ? -1 : 1))
  const rows = rarestFirst.map(([name, hits]) => [name, hits, neverReached.includes(name) ? 'never reached' : ''])
  return { titles: ['rare state', 'hits#', ''], rows }
}

const wallMilliseconds = (took: Percentiles | undefined): string => (took === undefined ? '-' : milliseconds(took.p50Us))
