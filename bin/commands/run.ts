/** `theta-sim run`: one seed with a report, or many of which only the red ones leave one. */
import { wallClockMs } from '../../platform/clock.ts'
import type { RunArguments } from '../arguments.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { readText } from '../input.ts'
import { checkOut, Progress, printJson, printLines, summaryJson, writeOutcome } from '../output.ts'
import { type RunOptions, type Subject, openSubject } from '../subject.ts'

export async function run(options: RunArguments, engine: Engine, terminal: Terminal): Promise<number> {
  const { verifier, frames, tamper, plan, seeds } = options
  const shared = {
    version: engine.version,
    verifier,
    ...(frames === undefined ? {} : { frames }),
    ...(tamper === undefined ? {} : { tamper }),
    ...(plan === undefined ? {} : { plan: readPlan(plan, engine, terminal), planSource: plan }),
  }
  // Before the work, not after it.
  checkOut(options.out, terminal)
  const subject = await openSubject(options.scenario, engine, terminal)
  const progress = new Progress(terminal, !options.quiet && !options.json)
  try {
    return seeds === undefined
      ? await runOne(subject, shared, options, terminal, progress)
      : await runMany(subject, seeds, shared, options, terminal, progress)
  } finally {
    progress.clear()
    await subject.close()
  }
}

type Shared = Omit<RunOptions, 'seed' | 'measure'>
type Seeds = NonNullable<RunArguments['seeds']>

const SEED_DEFAULT = 1

async function runOne(subject: Subject, shared: Shared, options: RunArguments, terminal: Terminal, progress: Progress): Promise<number> {
  const seed = options.seed ?? shared.plan?.seed ?? SEED_DEFAULT
  const outcome = await subject.run({ ...shared, seed, measure: true }, (frame, frames) => {
    progress.show(`${subject.source}: frame ${frame}/${frames}`)
  })
  progress.clear()
  const { result } = outcome
  const folder = writeOutcome(outcome, seed, options.out, terminal)
  if (options.verbose && result.stack !== undefined) terminal.stderr(`${result.stack}\n`)
  if (options.json) printJson(terminal, summaryJson(outcome, seed, folder))
  else if (options.quiet) printLines(terminal, [result.verdict])
  else printLines(terminal, [...result.summary, '', `report: ${folder}/report.md`, `again:  ${result.reproduce}`])
  return result.exit
}

async function runMany(
  subject: Subject, { first, last }: Seeds, shared: Shared, options: RunArguments, terminal: Terminal, progress: Progress,
): Promise<number> {
  const startMs = wallClockMs()
  const red: object[] = []
  let exit: number = EXIT.converged
  for (let seed = first; seed <= last; seed++) {
    const outcome = await subject.run({ ...shared, seed, measure: false }, () => {}).catch((error: unknown) => {
      throw error instanceof Misuse ? new Misuse(`seed ${seed}: ${error.message}`, error.details) : error
    })
    progress.show(`${subject.source}: seed ${seed}/${last}, ${red.length} red`)
    const { result } = outcome
    if (result.exit === EXIT.converged) continue
    if (red.length === 0) exit = result.exit
    const folder = writeOutcome(outcome, seed, options.out, terminal)
    red.push(summaryJson(outcome, seed, folder))
    progress.clear()
    if (options.json || options.quiet) continue
    printLines(terminal, [`seed ${seed}: exit ${result.exit}, ${result.verdict}; again: ${result.reproduce}`])
  }
  progress.clear()
  const count = last - first + 1
  const seconds = Math.round(wallClockMs() - startMs) / 1000
  if (options.json) printJson(terminal, { scenario: subject.source, seeds: { first, last }, count, red, seconds })
  else printLines(terminal, [`${subject.source}: ${count} seeds, ${red.length} red, ${seconds.toFixed(1)} s`])
  return exit
}

function readPlan(path: string, engine: Engine, terminal: Terminal): NonNullable<RunOptions['plan']> {
  const parsed = engine.parsePlan(readText(path, terminal))
  if (parsed.kind === 'invalid') throw new Misuse(`${path} is no plan: ${parsed.why}; take a plan.json that theta-sim run wrote`)
  return parsed.plan
}
