/** `theta-sim inspect`: a report's run as it stood at the end of a frame, or another future from there. */
import { narrowed } from '../../reports/inspection.ts'
import { inspectionLines } from '../../reports/inspectiontext.ts'
import { milliseconds } from '../../reports/percentiles.ts'
import type { RunResult } from '../../scenarios/index.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, integer, QUIET, seedRange, type SeedRange, VERBOSE } from '../grammar.ts'
import { checkOut, Progress, printJson, printLines, summaryJson, writeOutcome } from '../output.ts'
import { readRecorded, type Recorded } from '../recorded.ts'
import { type RunOptions, type Subject, openSubject } from '../subject.ts'

export const inspect: Command = {
  name: 'inspect', about: 'show a report’s run as it stood, or branch it', operands: ['report.json', 'scenario.ts'], optional: 1,
  flags: {
    frame: { value: 'N', about: 'at the end of frame N (default: of the run)' },
    peer: { value: 'NAME', about: 'that peer beside the host, and nobody else' },
    entity: { value: 'WHAT', about: 'an id, a name as ana#2, or a component as Transform' },
    from: { value: 'N', about: 'run on from the beginning of frame N as chance would have it with --seed' },
    seed: { value: 'S', about: 'of the future' },
    seeds: { value: 'A..B', about: 'many futures: tells how many fail, and how many of them as this run did' },
    out: { value: 'DIR', about: 'write the future’s report to DIR/<scenario>-<seed>-from-N-S/ (default out)' },
    json: { about: 'print everything as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  act,
}

type Wanted =
  | { readonly kind: 'look'; readonly frame: number | undefined }
  | { readonly kind: 'future'; readonly frame: number; readonly seed: number }
  | { readonly kind: 'futures'; readonly frame: number; readonly seeds: SeedRange }

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  const [report, scenario] = given.operands
  const recorded = readRecorded(report, engine, terminal)
  const wanted = wantedOf(given, recorded)
  if (wanted.kind === 'future') checkOut(given.text('out') ?? 'out', terminal)
  const subject = await openSubject(scenario ?? recorded.run.source, engine, terminal)
  const progress = new Progress(terminal, !given.on('quiet') && !given.on('json'))
  try {
    if (subject.digest !== recorded.run.sourceDigest) {
      throw new Misuse(`${subject.source}, or theta-sim itself, has changed since ${report} was written; run it anew`)
    }
    const { source: _, sourceDigest: __, ...settings } = recorded.run
    const call: Call = { subject, settings, recorded, given, terminal, progress }
    switch (wanted.kind) {
      case 'look': return await look(call, wanted.frame)
      case 'future': return await future(call, wanted.frame, wanted.seed)
      case 'futures': return await futures(call, wanted.frame, wanted.seeds)
    }
  } finally {
    progress.clear()
    await subject.close()
  }
}

interface Call {
  readonly subject: Subject
  readonly settings: RunOptions
  readonly recorded: Recorded
  readonly given: Given
  readonly terminal: Terminal
  readonly progress: Progress
}

function wantedOf(given: Given, { run, result }: Recorded): Wanted {
  const [frame, from, seed, seeds] = ['frame', 'from', 'seed', 'seeds'].map((flag) => given.text(flag))
  const { finalFrame } = result
  if (from === undefined) {
    const stray = ['seed', 'seeds', 'out'].find((flag) => given.text(flag) !== undefined)
    if (stray !== undefined) throw new Misuse(`--${stray} is for another future; say with --from in which frame it begins`)
    const wanted = frame === undefined ? finalFrame : integer('--frame', frame, 0, finalFrame)
    // The last frame is looked at when all is done.
    return { kind: 'look', frame: wanted === finalFrame ? undefined : wanted }
  }
  const stray = ['frame', 'peer', 'entity'].find((flag) => given.text(flag) !== undefined)
  if (stray !== undefined) throw new Misuse(`--${stray} and --from exclude each other`)
  if (run.branch !== undefined) throw new Misuse('this run is a branch already; run the plan.json beside its report, and branch that run')
  if ((seed === undefined) === (seeds === undefined)) throw new Misuse('--from wants one of --seed S and --seeds A..B')
  const first = integer('--from', from, 0, finalFrame)
  return seeds === undefined
    ? { kind: 'future', frame: first, seed: integer('--seed', seed!, 0, Number.MAX_SAFE_INTEGER) }
    : { kind: 'futures', frame: first, seeds: seedRange(seeds) }
}

const shownIn = (progress: Progress, { source }: Subject) => (frame: number, frames: number): void => {
  progress.show(`${source}: frame ${frame}/${frames}`)
}

async function look({ subject, settings, recorded, given, terminal, progress }: Call, frame: number | undefined): Promise<number> {
  const options = { ...settings, ...(frame !== undefined && { frame }) }
  const { answer } = await subject.perform('inspect', options, shownIn(progress, subject))
  progress.clear()
  const [peer, entity] = [given.text('peer'), given.text('entity')]
  const selected = narrowed(answer, { ...(peer !== undefined && { peer }), ...(entity !== undefined && { entity }) })
  if (selected.kind === 'unknown') throw new Misuse(selected.why)
  const { inspection } = selected
  const { scenario, seed } = recorded.run
  if (given.on('json')) printJson(terminal, { scenario, seed, ...inspection })
  else printLines(terminal, [`${scenario}, seed ${seed}`, ...inspectionLines(inspection, entity !== undefined)])
  return EXIT.converged
}

async function future({ subject, settings, recorded, given, terminal, progress }: Call, frame: number, seed: number): Promise<number> {
  const { run, result: original } = recorded
  const options = { ...settings, branch: { frame, seed }, measure: true }
  const { name, answer } = await subject.perform('branch', options, shownIn(progress, subject))
  progress.clear()
  const { result, originalDigest, parting, beginsUs } = answer
  if (originalDigest !== original.traceDigest || (parting !== undefined && parting.atUs < beginsUs)) {
    printLines(terminal, [`not deterministic: run again, the past of ${given.operands[0]} is another one`])
    return EXIT.undetermined
  }
  const outcome = { name, result }
  const title = `${run.seed}-from-${frame}-${seed}`
  const folder = writeOutcome(outcome, title, given.text('out') ?? 'out', terminal)
  const reproduce = `npx theta-sim replay ${folder}/report.json`
  if (given.on('json')) printJson(terminal, { ...summaryJson(outcome, title, folder), reproduce, from: frame, parting: parting ?? null })
  else if (given.on('quiet')) printLines(terminal, [result.verdict])
  else {
    const apart = parting === undefined
      ? 'all records are the same'
      : `the first ${parting.record} records are the same, the next one, at ${milliseconds(parting.atUs)} ms, is another`
    printLines(terminal, [
      ...result.summary, '',
      `past:   ${apart}; frame ${frame} begins at ${milliseconds(beginsUs)} ms`,
      `report: ${folder}/report.md`, `again:  ${reproduce}`,
    ])
  }
  return result.exit
}

async function futures({ subject, settings, recorded, given, terminal, progress }: Call, frame: number, seeds: SeedRange): Promise<number> {
  const { failure } = recorded.result
  const [same, otherwise]: [number[], number[]] = [[], []]
  for (let seed = seeds.first; seed <= seeds.last; seed++) {
    const { result } = await subject.run({ ...settings, branch: { frame, seed }, measure: false }, () => {})
    progress.show(`${subject.source}: seed ${seed}/${seeds.last}, ${same.length + otherwise.length} red`)
    if (result.exit !== EXIT.converged) (isSame(result.failure, failure) ? same : otherwise).push(seed)
  }
  progress.clear()
  const count = seeds.last - seeds.first + 1
  if (given.on('json')) {
    printJson(terminal, { from: frame, seeds, count, failure: failure ?? null, same, otherwise })
    return EXIT.converged
  }
  const told = failure === undefined
    ? `${otherwise.length} are red${named(otherwise)}`
    : `${same.length} fail the same way${named(same)}, ${otherwise.length} in another${named(otherwise)}`
  printLines(terminal, [`of ${count} futures from frame ${frame}, ${told}`])
  return EXIT.converged
}

const SEEDS_NAMED_MAX = 8

/** ' (seeds 3, 4, 9)' */
function named(seeds: readonly number[]): string {
  if (seeds.length === 0) return ''
  const more = seeds.length > SEEDS_NAMED_MAX ? ` and ${seeds.length - SEEDS_NAMED_MAX} more` : ''
  return ` (seed${seeds.length === 1 ? '' : 's'} ${seeds.slice(0, SEEDS_NAMED_MAX).join(', ')}${more})`
}

type Failure = RunResult['failure']
const isSame = (a: Failure, b: Failure): boolean =>
  a?.exit === b?.exit && a?.check === b?.check && a?.component === b?.component && a?.field === b?.field
