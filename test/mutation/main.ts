/**
 * The mutation score of `system/` and of `sim/`: each mutant is put to the scenarios and to the unit tests, those of `system/` first to
 * the former, those of `sim/` first to the latter (parts.ts).
 *
 *     npm run mutation                             the parts of system/, for 15 minutes: a sample where that is too short
 *     npm run mutation -- --all sim --minutes 30   all of sim/, likewise
 *     npm run mutation -- system/commands/fold.ts  these files and folders, wholly
 *     npm run mutation -- sim/net --seeds 0        the same without the scenarios
 *     npm run mutation -- sim/net --test-ms 400    the same without unit tests that take longer
 *     npm run mutation -- sim/net --tests sim/net  the same by unit tests whose path has that in it alone
 *
 * mutants.ts makes them; referee.ts and judge.ts are the scenarios' side, units.ts and setup.ts the unit tests'; explained.json
 * says which need no killing; report.ts tells. Exit 1 where one lives that is not explained.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CATALOGUE } from '../../scenarios/catalogue.ts'
import { stream } from '../../sim/random.ts'
import { Explained, readExplanations } from './explained.ts'
import type { Trial } from './judge.ts'
import { type Mutant, mutate, ROOT } from './mutants.ts'
import { filesAt, halfOf, partsOf } from './parts.ts'
import { Referee, type Verdict } from './referee.ts'
import { type Fate, json, type Judged, markdown, survivorLines, tableLines } from './report.ts'
import { Units } from './units.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'string' }, minutes: { type: 'string' }, seeds: { type: 'string' }, sample: { type: 'string', default: '1' },
    'test-ms': { type: 'string', default: '5000' }, tests: { type: 'string', multiple: true, default: [''] },
  },
})
const MS_PER_MINUTE = 60_000
const MINUTES_DEFAULT = 15
/** What the first judge gets of the time, at the most. */
const FIRST_SHARE = 0.7
/**
 * So many mutants are put to the unit tests at once where the time is bounded. A batch that it is too short for counts for nothing: of
 * what is judged in part only the killed would be known, and the score be too good.
 */
const BATCH = 200
const TOLD_EVERY_MS = 20_000
const REPORT = 'out/mutation'

const isSample = positionals.length === 0 || values.all !== undefined
const files = isSample ? partsOf(values.all ?? 'system') : positionals.flatMap(filesAt)
const half = halfOf(files)
const seeds = Number(values.seeds ?? half.seeds)
const minutes = values.minutes !== undefined ? Number(values.minutes) : isSample ? MINUTES_DEFAULT : Infinity
const beganMs = Date.now()
const untilMs = beganMs + minutes * MS_PER_MINUTE
const firstUntilMs = beganMs + FIRST_SHARE * minutes * MS_PER_MINUTE

const print = (line: string): void => { process.stdout.write(`${line}\n`) }
let toldMs = beganMs
function tell(count: number, of: number): void {
  if (Date.now() - toldMs < TOLD_EVERY_MS) return
  toldMs = Date.now()
  process.stderr.write(`${count} of ${of} mutants\n`)
}

/** The cheapest stories first, until it shows which kill most. */
function trials(): Trial[] {
  const stories = CATALOGUE.map(({ scenario }) => scenario).toSorted((a, b) => a.settings.frames - b.settings.frames)
  return Array.from({ length: seeds }, (_, index) => stories.map(({ name }) => ({ story: name, seed: index + 1 }))).flat()
}

/** In an order that the seed gives, so that those that the time is enough for are a fair sample. */
function shuffled(mutants: readonly Mutant[]): Mutant[] {
  const random = stream(Number(values.sample), 'mutants')
  const left = [...mutants]
  return mutants.map(() => left.splice(random.int(left.length), 1)[0])
}

const inWords = (trial: Trial | undefined): string => (trial === undefined ? '' : `${trial.story} ${trial.seed}: `)

const { sources, mutants: all } = await mutate(files)
const mutants = shuffled(all)
const explained = new Explained(readExplanations())
const isExplained = (mutant: Mutant): boolean => explained.whyOf(mutant) !== undefined
const tests = await Units.open(sources, half, { testMsMax: Number(values['test-ms']), paths: values.tests })
const verdicts = new Map<string, Verdict>()

async function judgeByScenarios(suspects: readonly Mutant[], deadlineMs: number): Promise<void> {
  if (seeds === 0 || suspects.length === 0) return
  const referee = await Referee.open(sources, trials(), half.trialsMax)
  for (const mutant of suspects) {
    if (Date.now() > deadlineMs) break
    verdicts.set(mutant.id, await referee.judge(mutant))
    tell(verdicts.size, suspects.length)
  }
  await referee.close()
}

/** What is explained is put to the small tests alone, which shows whether it still needs to be. False where the time was too short. */
async function judgeByUnits(suspects: readonly Mutant[], deadlineMs: number): Promise<boolean> {
  await tests.judge(suspects, 'small', deadlineMs)
  const unexplained = suspects.filter((mutant) => !isExplained(mutant))
  await tests.judge(unexplained, 'middling', deadlineMs)
  await tests.judge(unexplained, 'large', deadlineMs)
  await tests.judgeLoaded(unexplained.filter((mutant) => tests.isLoaded(mutant)), all, deadlineMs)
  return Date.now() <= deadlineMs
}

/** Ids of what the first judge had time for. */
const begun = new Set<string>()
if (half.first === 'scenarios') {
  await judgeByScenarios(mutants, firstUntilMs)
  for (const id of verdicts.keys()) begun.add(id)
  await judgeByUnits(mutants.filter(({ id }) => verdicts.get(id)?.kind === 'survived'), untilMs)
} else {
  const batchLength = minutes === Infinity ? mutants.length : BATCH
  for (let first = 0; first < mutants.length; first += batchLength) {
    const batch = mutants.slice(first, first + batchLength)
    if (!await judgeByUnits(batch, seeds === 0 ? untilMs : firstUntilMs)) break
    for (const { id } of batch) begun.add(id)
    tell(begun.size, mutants.length)
  }
  const { kills } = tests.verdicts
  await judgeByScenarios(mutants.filter((one) => begun.has(one.id) && !kills.has(one.id) && !isExplained(one)), untilMs)
}
await tests.close()
const units = tests.verdicts

function fateOf(mutant: Mutant): Fate {
  if (!begun.has(mutant.id)) return { kind: 'unjudged' }
  const verdict = verdicts.get(mutant.id)
  if (verdict?.kind === 'killed') return { kind: 'scenarios', by: `${inWords(verdict.by)}${verdict.how}` }
  const test = units.kills.get(mutant.id)
  if (test !== undefined) return { kind: 'units', by: test }
  const why = explained.whyOf(mutant)
  const effect = verdict === undefined ? 'not put to the scenarios' : `${inWords(verdict.trial)}${verdict.effect}`
  if (why !== undefined) return { kind: 'explained', effect, why }
  return units.undecided.has(mutant.id) ? { kind: 'unjudged' } : { kind: 'alive', effect, why: '' }
}

const judged: Judged[] = all.map((mutant) => ({ mutant, fate: fateOf(mutant) }))
const isKilled = ({ fate }: Judged) => fate.kind === 'scenarios' || fate.kind === 'units'
const stale = explained.stale(files, judged.filter((one) => !isKilled(one)).map(({ mutant }) => mutant))
const count = judged.filter(({ fate }) => fate.kind !== 'unjudged').length
const head = [
  `${count} of ${all.length} mutants judged${count < all.length ? `, a sample (seed ${values.sample}): the time was over` : ''}`,
  `by ${seeds} seeds of each of ${CATALOGUE.length} stories, and by the unit tests, `
    + `in ${Math.round((Date.now() - beganMs) / 1000)} s`,
]
mkdirSync(join(ROOT, REPORT), { recursive: true })
writeFileSync(join(ROOT, REPORT, 'report.md'), markdown(head, judged, half.first))
writeFileSync(join(ROOT, REPORT, 'report.json'), json(judged, half.first))
const alive = survivorLines(judged)
for (const line of [...head, '', ...tableLines(judged, half.first), '', ...alive]) print(line)
for (const line of stale) print(`explained, and no survivor any more: ${line}`)
print(`report: ${REPORT}/report.md`)
process.exitCode = alive.length > 0 ? 1 : 0
