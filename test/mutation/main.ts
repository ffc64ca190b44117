/**
 * The mutation score of `system/`: each mutant is put to the scenarios, and where they let it live to the unit tests.
 *
 *     npm run mutation                             all parts, for 15 minutes: a sample where that is too short
 *     npm run mutation -- system/commands/fold.ts  these files, wholly
 *     npm run mutation -- --minutes 60 --seeds 5
 *
 * mutants.ts makes them; referee.ts and judge.ts are the scenarios' side, units.ts and runner.ts the unit tests'; explained.json
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
import { PARTS } from './parts.ts'
import { Referee, type Verdict } from './referee.ts'
import { type Fate, json, type Judged, markdown, survivorLines, tableLines } from './report.ts'
import { type UnitVerdicts, Units } from './units.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seeds: { type: 'string', default: '2' }, sample: { type: 'string', default: '1' } },
})
const MS_PER_MINUTE = 60_000
const MINUTES_DEFAULT = 15
/** What the unit tests get of the time, at the least. */
const UNITS_SHARE = 0.3
const TOLD_EVERY_MS = 20_000
const REPORT = 'out/mutation'

const files = positionals.length > 0 ? positionals : PARTS
const minutes = values.minutes !== undefined ? Number(values.minutes) : positionals.length > 0 ? Infinity : MINUTES_DEFAULT
const beganMs = Date.now()
const untilMs = beganMs + minutes * MS_PER_MINUTE
const scenariosUntilMs = beganMs + (1 - UNITS_SHARE) * minutes * MS_PER_MINUTE

const print = (line: string): void => { process.stdout.write(`${line}\n`) }

/** The cheapest stories first, until it shows which kill most. */
function trials(): Trial[] {
  const stories = CATALOGUE.map(({ scenario }) => scenario).toSorted((a, b) => a.settings.frames - b.settings.frames)
  return Array.from({ length: Number(values.seeds) }, (_, index) => stories.map(({ name }) => ({ story: name, seed: index + 1 }))).flat()
}

/** In an order that the seed gives, so that those that the time is enough for are a fair sample. */
function shuffled(mutants: readonly Mutant[]): Mutant[] {
  const random = stream(Number(values.sample), 'mutants')
  const left = [...mutants]
  return mutants.map(() => left.splice(random.int(left.length), 1)[0])
}

async function judgeByScenarios(referee: Referee, mutants: readonly Mutant[]): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>()
  let toldMs = beganMs
  for (const mutant of shuffled(mutants)) {
    if (Date.now() > scenariosUntilMs) break
    verdicts.set(mutant.id, await referee.judge(mutant))
    if (Date.now() - toldMs < TOLD_EVERY_MS) continue
    toldMs = Date.now()
    process.stderr.write(`${verdicts.size} of ${mutants.length} mutants\n`)
  }
  return verdicts
}

const inWords = (trial: Trial | undefined): string => (trial === undefined ? '' : `${trial.story} ${trial.seed}: `)

function fateOf(mutant: Mutant, verdict: Verdict | undefined, units: UnitVerdicts, explained: Explained): Fate {
  if (verdict === undefined) return { kind: 'unjudged' }
  if (verdict.kind === 'killed') return { kind: 'scenarios', by: `${inWords(verdict.by)}${verdict.how}` }
  const test = units.kills.get(mutant.id)
  if (test !== undefined) return { kind: 'units', by: test }
  const why = explained.whyOf(mutant)
  const effect = `${inWords(verdict.trial)}${verdict.effect}`
  if (why !== undefined) return { kind: 'explained', effect, why }
  return units.undecided.has(mutant.id) ? { kind: 'unjudged' } : { kind: 'alive', effect, why: '' }
}

// All parts are always instrumented, so that passes of mutated code measure a run or a test, whatever is asked.
const { sources, mutants: all } = await mutate([...new Set([...PARTS, ...files])])
const mutants = all.filter(({ file }) => files.includes(file))
const referee = await Referee.open(sources, trials())
const verdicts = await judgeByScenarios(referee, mutants)
await referee.close()

const suspects = mutants.filter(({ id }) => verdicts.get(id)?.kind === 'survived')
const explained = new Explained(readExplanations())
const unexplained = suspects.filter((mutant) => explained.whyOf(mutant) === undefined)
const tests = await Units.open(sources)
await tests.judge(suspects, 'small', untilMs)
await tests.judgeLoaded(unexplained.filter((mutant) => referee.isLoaded(mutant)), untilMs)
await tests.judge(unexplained, 'large', untilMs)
await tests.close()
const units = tests.verdicts

const judged: Judged[] = mutants.map((mutant) => ({ mutant, fate: fateOf(mutant, verdicts.get(mutant.id), units, explained) }))
const isKilled = ({ fate }: Judged) => fate.kind === 'scenarios' || fate.kind === 'units'
const stale = explained.stale(files, judged.filter((one) => !isKilled(one)).map(({ mutant }) => mutant))
const count = judged.filter(({ fate }) => fate.kind !== 'unjudged').length
const head = [
  `${count} of ${mutants.length} mutants judged${count < mutants.length ? `, a sample (seed ${values.sample}): the time was over` : ''}`,
  `by ${values.seeds} seeds of each of ${CATALOGUE.length} stories, and by the unit tests, `
    + `in ${Math.round((Date.now() - beganMs) / 1000)} s`,
]
mkdirSync(join(ROOT, REPORT), { recursive: true })
writeFileSync(join(ROOT, REPORT, 'report.md'), markdown(head, judged))
writeFileSync(join(ROOT, REPORT, 'report.json'), json(judged))
const alive = survivorLines(judged)
for (const line of [...head, '', ...tableLines(judged), '', ...alive]) print(line)
for (const line of stale) print(`explained, and no survivor any more: ${line}`)
print(`report: ${REPORT}/report.md`)
process.exitCode = alive.length > 0 ? 1 : 0
