/** `theta-sim interop`: plays the cases of the public QUIC interop runner, and prints which of them pass. */
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { writeFiles } from '../../platform/files.ts'
import { ThreadPool } from '../../platform/pool.ts'
import {
  failureLine, interopJson, interopLines, interopMarkdown, type InteropMatrix, type InteropRow, interopVerdict, isAllPassed,
} from '../../reports/interop.ts'
import { aligned } from '../../reports/table.ts'
import { type Engine, EXIT, type InteropSummary, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, integer, QUIET, seedRange, type SeedRange, VERBOSE } from '../grammar.ts'
import type { InteropTask } from '../interopplayer.ts'
import { suggestion } from '../nearest.ts'
import { checkOut, Progress, printLines, unwritable } from '../output.ts'

const SEED_DEFAULT = 1
const THREADS_MAX = 64
/** The longest case takes five seconds of a busy core. */
const PLAY_MS_MAX = 10 * 60_000
const HEAP_MEGABYTES_MAX = 1024

export const interop: Command = {
  name: 'interop', about: 'play the cases of the QUIC interop runner: which of them pass', operands: ['case...'], optional: 1,
  flags: {
    list: { about: 'name the cases and say what each is about' },
    seed: { value: 'N', about: `which of the possible runs (default ${SEED_DEFAULT})` },
    seeds: { value: 'A..B', about: 'all these' },
    jobs: { value: 'N', about: 'how many threads (default: one a core)' },
    out: { value: 'DIR', about: 'write DIR/interop/matrix.md and matrix.json (default out)' },
    json: { about: 'print the matrix as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  notes: ['exit: 0 each case passed with each seed, else 1.'],
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  const cases = chosen(given.operands, await engine.interopCases())
  if (given.on('list')) {
    printLines(terminal, aligned(['case', 'what is played'], cases.map(({ name, about }) => [name, about])))
    return EXIT.converged
  }
  const seeds = seedsOf(given)
  const folder = join(given.text('out') ?? 'out', 'interop')
  checkOut(folder, terminal)
  const threads = integer('--jobs', given.text('jobs') ?? String(availableParallelism()), 1, THREADS_MAX)
  const isTelling = !given.on('quiet') && !given.on('json')
  const matrix = await play(cases, seeds, threads, engine, terminal, isTelling)
  const json = interopJson(matrix)
  try {
    writeFiles(resolve(terminal.folder, folder), { 'matrix.md': interopMarkdown(matrix), 'matrix.json': json })
  } catch (error) {
    throw unwritable(folder, error)
  }
  if (given.on('json')) terminal.stdout(json)
  else printLines(terminal, isTelling ? [...interopLines(matrix), `report: ${folder}/matrix.md`] : [interopVerdict(matrix)])
  return isAllPassed(matrix) ? EXIT.converged : EXIT.diverged
}

function seedsOf(given: Given): SeedRange {
  const [seed, seeds] = [given.text('seed'), given.text('seeds')]
  if (seeds === undefined) {
    const only = integer('--seed', seed ?? String(SEED_DEFAULT), 0, Number.MAX_SAFE_INTEGER)
    return { first: only, last: only }
  }
  if (seed !== undefined) throw new Misuse('--seed and --seeds exclude each other')
  return seedRange(seeds)
}

/** On as many threads as there are; a row's place in the matrix does not depend on which was done first. */
async function play(
  cases: readonly InteropSummary[], { first, last }: SeedRange, threadsMax: number, engine: Engine, terminal: Terminal, isTelling: boolean,
): Promise<InteropMatrix> {
  const results = cases.map(({ name, about }) => ({ name, about, rows: [] as InteropRow[] }))
  const total = cases.length * (last - first + 1)
  const threads = Math.min(threadsMax, total)
  const pool = new ThreadPool<InteropTask, InteropRow>(
    engine.interopEntry, { threads, taskMsMax: PLAY_MS_MAX, heapMegabytesMax: HEAP_MEGABYTES_MAX },
  )
  const progress = new Progress(terminal, isTelling)
  let [begun, done] = [0, 0]
  const player = async (): Promise<void> => {
    while (begun < total) {
      const { name, rows } = results[begun % cases.length]
      const index = Math.floor(begun++ / cases.length)
      progress.show(`${done}/${total} plays; ${name} seed ${first + index}`)
      const end = await pool.run({ case: name, seed: first + index })
      if (end.kind !== 'answered') throw new Error(`${name} seed ${first + index}: ${end.kind === 'died' ? end.message : end.kind}`)
      rows[index] = end.answer
      done++
      if (end.answer.passed || !isTelling) continue
      progress.clear()
      printLines(terminal, [failureLine(end.answer)])
    }
  }
  try {
    await Promise.all(Array.from({ length: threads }, player))
  } finally {
    progress.clear()
    await pool.stop()
  }
  return results
}

/** @throws {Misuse} where there is none of a name. */
function chosen(names: readonly string[], cases: readonly InteropSummary[]): readonly InteropSummary[] {
  const unknown = names.find((name) => !cases.some((one) => one.name === name))
  if (unknown !== undefined) {
    const guess = suggestion(unknown, cases.map(({ name }) => name))
    throw new Misuse(`there is no interop case '${unknown}'; ${guess}see theta-sim interop --list`)
  }
  return names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name))
}
