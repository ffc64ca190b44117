/** `theta-sim canary`: plants known faults one after another, to see that the checkers find them and say where they are. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ThreadPool } from '../../platform/pool.ts'
import { kindInWords } from '../../reports/minimal.ts'
import { aligned, type Cell } from '../../reports/table.ts'
import type { Canary } from '../../scenarios/canaries/canary.ts'
import type { Hunted } from '../../scenarios/canaries/hunt.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, integer, QUIET, SEEDS_MAX, VERBOSE } from '../grammar.ts'
import type { HuntTask } from '../hunter.ts'
import { minimalRun, writeMinimal } from '../minimal.ts'
import { suggestion } from '../nearest.ts'
import { checkOut, Progress, printJson, printLines } from '../output.ts'

const SEEDS_DEFAULT = 200
/** The search in 200 seeds of several stories, and the shrinking. */
const HUNT_MS_MAX = 30 * 60_000
const HEAP_MEGABYTES_MAX = 1024
const THREADS_MAX = 64

export const canary: Command = {
  name: 'canary', about: 'plant known faults, to see that each is found, shrunk and named', operands: ['canary...'], optional: 1,
  flags: {
    list: { about: 'name the canaries and say what is wrong with each' },
    seeds: { value: 'N', about: `give up after seeds 1 to N (default ${SEEDS_DEFAULT})` },
    jobs: { value: 'N', about: 'how many threads (default: one a core)' },
    out: { value: 'DIR', about: 'write what is found to DIR/canary/<name>/ (default out)' },
    json: { about: 'print the table as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  const wanted = chosen(given.operands, await engine.canaries())
  if (given.on('list')) {
    const rows = wanted.map(({ name, area, stories, about }) => [name, area, stories.join(', '), about])
    printLines(terminal, aligned(['canary', 'area', 'stories', 'what is wrong'], rows))
    return EXIT.converged
  }
  const number = (flag: string, most: number, otherwise: number): number =>
    integer(`--${flag}`, given.text(flag) ?? String(otherwise), 1, most)
  const seedsMax = number('seeds', SEEDS_MAX, SEEDS_DEFAULT)
  const out = join(given.text('out') ?? 'out', 'canary')
  checkOut(out, terminal)
  const threads = Math.min(number('jobs', THREADS_MAX, availableParallelism()), wanted.length)
  const bounds = { threads, taskMsMax: HUNT_MS_MAX, heapMegabytesMax: HEAP_MEGABYTES_MAX }
  const pool = new ThreadPool<HuntTask, Hunted>(engine.hunterEntry, bounds)
  const progress = new Progress(terminal, !given.on('quiet') && !given.on('json'))
  const rows = new Map<string, Row>()
  try {
    const waiting = [...wanted]
    const hunter = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        progress.show(`${rows.size}/${wanted.length} canaries; looking for ${one.name}`)
        const end = await pool.run({ canary: one.name, seedsMax, planSource: join(out, one.name, 'plan.json') })
        if (end.kind !== 'answered') throw new Error(`looking for ${one.name}: ${end.kind === 'died' ? end.message : end.kind}`)
        const row = rowOf(one, end.answer, join(out, one.name), terminal)
        rows.set(one.name, row)
        progress.clear()
        if (!given.on('quiet') && !given.on('json')) printLines(terminal, [line(row)])
      }
    }
    await Promise.all(Array.from({ length: threads }, hunter))
  } finally {
    progress.clear()
    await pool.stop()
  }
  const all = wanted.map(({ name }) => rows.get(name)!)
  const bad = all.filter(({ isGood }) => !isGood)
  if (given.on('json')) printJson(terminal, all)
  else if (!given.on('quiet')) printLines(terminal, [...aligned(TITLES, all.map(cellsOf)), ''])
  if (!given.on('json')) {
    const verdict = bad.length === 0 ? 'each was found, shrunk and named' : `not so: ${bad.map(({ canary: name }) => name).join(', ')}`
    printLines(terminal, [`${all.length} canaries: ${verdict}`])
  }
  return bad.length === 0 ? EXIT.converged : EXIT.diverged
}

interface Row {
  readonly canary: string
  readonly area: string
  readonly found: Hunted['found']
  readonly kind: string
  readonly items: number | undefined
  readonly itemsBefore: number | undefined
  readonly isMinimal: boolean
  /** Whether the explanation names the right place. */
  readonly isNamed: boolean
  readonly shrinkSeconds: number | undefined
  readonly isGood: boolean
}

const TITLES = ['canary', 'area', 'story', 'seed#', 'runs#', 'seconds#', 'items#', 'of#', 'minimal', 'shrunk in#', 'named', 'as']

function rowOf({ name, area }: Canary, { found, shrunk }: Hunted, folder: string, terminal: Terminal): Row {
  if (found === undefined || shrunk === undefined) {
    const nothing = { items: undefined, itemsBefore: undefined, isMinimal: false, isNamed: false, shrinkSeconds: undefined }
    return { canary: name, area, found: undefined, kind: 'not found', ...nothing, isGood: false }
  }
  const minimal = minimalRun(shrunk.story, shrunk.story, shrunk)
  writeMinimal(minimal, shrunk.result, folder, terminal)
  const { items, itemsBefore, isMinimal, isNamed, isSmall, seconds } = shrunk
  return {
    canary: name, area, found, kind: kindInWords(shrunk.failure), items: items.length, itemsBefore, isMinimal, isNamed,
    shrinkSeconds: seconds, isGood: isMinimal && isNamed && isSmall,
  }
}

/** As soon as it is known. */
function line({ canary: name, found, kind, items, isMinimal, isNamed }: Row): string {
  if (found === undefined) return `${name}: NOT FOUND`
  const least = `${items} items${isMinimal ? '' : ', not the least'}`
  return `${name}: ${found.story}, seed ${found.seed}: ${kind}; ${least}${isNamed ? '' : '; NOT NAMED'}`
}

function cellsOf({ canary: name, area, found, kind, items, itemsBefore, isMinimal, isNamed, shrinkSeconds }: Row): Cell[] {
  const yes = (flag: boolean): string => (flag ? 'yes' : 'NO')
  return [
    name, area, found?.story ?? '-', found?.seed ?? '-', found?.runs ?? '-', found?.seconds.toFixed(1) ?? '-',
    items ?? '-', itemsBefore ?? '-', yes(isMinimal), shrinkSeconds?.toFixed(1) ?? '-', yes(isNamed), kind,
  ]
}

/** @throws {Misuse} where there is none of a name. */
function chosen(names: readonly string[], canaries: readonly Canary[]): readonly Canary[] {
  if (names.length === 0) return canaries
  return names.map((name) => {
    const found = canaries.find((one) => one.name === name)
    if (found !== undefined) return found
    throw new Misuse(`there is no canary '${name}'; ${suggestion(name, canaries.map((one) => one.name))}see theta-sim canary --list`)
  })
}
