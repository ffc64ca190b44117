/** `theta-sim run`: one seed with a report, or many of which only the red ones leave one. */
import { wallClockMs } from '../../platform/clock.ts'
import { FRAMES_MAX } from '../../scenarios/index.ts'
import { CAPTURE_FLAGS, capturedRun, type CaptureWish, captureWishOf } from '../capture.ts'
import { checkedRun, DETERMINISM_FLAGS, type DeterminismOptions, determinismOf } from '../determinism.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import {
  type Command, type Given, integer, QUIET, seedRange, type SeedRange, tamperOf, VERBOSE, type Verifier, verifierOf,
} from '../grammar.ts'
import { readText } from '../input.ts'
import { checkOut, Progress, printJson, printLines, summaryJson, writeOutcome } from '../output.ts'
import { type RunOptions, type Subject, openSubject } from '../subject.ts'

export const run: Command = {
  name: 'run', about: 'run a scenario: the name of a built-in one, or the path of a .ts file', operands: ['scenario'], optional: 0,
  flags: {
    seed: { value: 'N', about: 'which of the possible runs (default 1)' },
    seeds: { value: 'A..B', about: 'all these, one after the other; writes the reports of red ones only' },
    frames: { value: 'N', about: 'how many frames, instead of what the scenario says' },
    out: { value: 'DIR', about: 'write to DIR/<scenario>-<seed>/ (default out)' },
    plan: { value: 'FILE', about: 'take the choices of this plan.json, not those of the seed' },
    tamper: { value: 'PEER@FRAME', about: 'flip one bit of that peer’s state, to see it found' },
    canary: { value: 'NAME', about: 'plant this known fault, to see it found' },
    verifier: { value: 'KIND', about: 'Ed25519 by noble (pure, default), node (fast, same verdicts) or none (signatures pass)' },
    ...DETERMINISM_FLAGS, ...CAPTURE_FLAGS,
    json: { about: 'print the summary as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  act: (given, engine, terminal) => perform(optionsOf(given), engine, terminal),
}

interface Options {
  readonly scenario: string
  /** Of a single run; undefined for the plan's, or else 1. */
  readonly seed: number | undefined
  readonly seeds: SeedRange | undefined
  readonly frames: number | undefined
  readonly out: string
  readonly plan: string | undefined
  readonly tamper: RunOptions['tamper'] | undefined
  readonly canary: string | undefined
  readonly verifier: Verifier
  readonly determinism: DeterminismOptions | undefined
  readonly capture: CaptureWish | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

function optionsOf(given: Given): Options {
  const [seed, seeds, frames, tamper] = ['seed', 'seeds', 'frames', 'tamper'].map((flag) => given.text(flag))
  if (seeds !== undefined && seed !== undefined) throw new Misuse('--seed and --seeds exclude each other')
  if (seeds !== undefined && given.text('plan') !== undefined) throw new Misuse('--plan and --seeds exclude each other')
  return {
    scenario: given.operands[0],
    seed: seed === undefined ? undefined : integer('--seed', seed, 0, Number.MAX_SAFE_INTEGER),
    seeds: seeds === undefined ? undefined : seedRange(seeds),
    frames: frames === undefined ? undefined : integer('--frames', frames, 1, FRAMES_MAX),
    out: given.text('out') ?? 'out',
    plan: given.text('plan'),
    tamper: tamper === undefined ? undefined : tamperOf(tamper),
    canary: given.text('canary'),
    verifier: verifierOf(given.text('verifier') ?? 'noble'),
    determinism: determinismOf(given),
    capture: captureWishOf(given),
    json: given.on('json'),
    quiet: given.on('quiet'),
    verbose: given.on('verbose'),
  }
}

async function perform(options: Options, engine: Engine, terminal: Terminal): Promise<number> {
  const { verifier, frames, tamper, canary, plan, seeds } = options
  const shared = {
    version: engine.version,
    verifier,
    ...(frames === undefined ? {} : { frames }),
    ...(tamper === undefined ? {} : { tamper }),
    ...(canary === undefined ? {} : { canary }),
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

const SEED_DEFAULT = 1

async function runOne(subject: Subject, shared: Shared, options: Options, terminal: Terminal, progress: Progress): Promise<number> {
  const seed = options.seed ?? shared.plan?.seed ?? SEED_DEFAULT
  const { determinism } = options
  const asked = { ...shared, seed, measure: true }
  const onProgress = (frame: number, frames: number): void => { progress.show(`${subject.source}: frame ${frame}/${frames}`) }
  const checked = determinism && await checkedRun(subject, asked, determinism, terminal, onProgress)
  const outcome = checked ?? await subject.run(asked, onProgress)
  progress.clear()
  const { result } = outcome
  if (checked?.isDeterministic === false) {
    if (options.json) printJson(terminal, { scenario: outcome.name, seed, exit: EXIT.undetermined, determinism: checked.summary })
    else printLines(terminal, options.quiet ? checked.lines.slice(0, 1) : checked.lines)
    return EXIT.undetermined
  }
  const captured = options.capture && await capturedRun(subject, asked, options.capture, result.traceDigest, onProgress)
  progress.clear()
  if (captured?.kind === 'another') {
    if (options.json) printJson(terminal, { scenario: outcome.name, seed, exit: EXIT.undetermined, capture: captured.summary })
    else printLines(terminal, [captured.line])
    return EXIT.undetermined
  }
  const folder = writeOutcome(outcome, seed, options.out, terminal, captured?.files)
  if (options.verbose && result.stack !== undefined) terminal.stderr(`${result.stack}\n`)
  if (options.json) {
    printJson(terminal, {
      ...summaryJson(outcome, seed, folder),
      ...(checked && { determinism: checked.summary }), ...(captured && { capture: captured.summary }),
    })
  } else if (options.quiet) printLines(terminal, [result.verdict])
  else {
    const places = [`report: ${folder}/report.md`, ...(captured?.linesOf(folder) ?? []), `again:  ${result.reproduce}`]
    if (result.exit !== EXIT.converged) places.push(`least:  npx theta-sim shrink ${folder}/report.json`)
    printLines(terminal, [...result.summary, '', ...(checked?.lines ?? []), ...places])
  }
  return result.exit
}

async function runMany(
  subject: Subject, { first, last }: SeedRange, shared: Shared, options: Options, terminal: Terminal, progress: Progress,
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
