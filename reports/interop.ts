/** The pass matrix of the interop cases: what each showed or why it failed, over one seed or over many. */
import { canonicalJson } from './json.ts'
import { aligned, type Cell, counted, markdownTable } from './table.ts'

/** One play of one case. */
export interface InteropRow {
  readonly name: string
  readonly seed: number
  readonly passed: boolean
  /** What was shown, or why the case failed. */
  readonly finding: string
  /** Until the case was over, in microseconds of virtual time. */
  readonly tookUs: number
  /** Datagrams that entered the network, and that it lost or damaged. */
  readonly datagrams: number
  readonly lost: number
  readonly corrupted: number
  /** Payload bytes per second that arrived, where the case is about that. */
  readonly goodputBytesPerSecond: number | undefined
  /** Of the trace. */
  readonly digest: string
}

/** The plays of one case, by seed. */
export interface InteropResult {
  readonly name: string
  readonly about: string
  /** At least one. */
  readonly rows: readonly InteropRow[]
}

/** All cases that were played, each with the same seeds. */
export type InteropMatrix = readonly InteropResult[]

const failures = (rows: readonly InteropRow[]): InteropRow[] => rows.filter(({ passed }) => !passed)
const plays = (matrix: InteropMatrix): InteropRow[] => matrix.flatMap(({ rows }) => rows)
export const isAllPassed = (matrix: InteropMatrix): boolean => failures(plays(matrix)).length === 0

/** The table as text, then how to play each failure again, then the verdict. */
export function interopLines(matrix: InteropMatrix): string[] {
  const { titles, cells } = table(matrix)
  return [...aligned(titles, cells), '', ...failures(plays(matrix)).map(failureLine), interopVerdict(matrix)]
}

export function interopMarkdown(matrix: InteropMatrix): string {
  const { titles, cells } = table(matrix)
  const failed = failures(plays(matrix)).map((row) => `- ${failureLine(row)}`)
  const about = matrix.map(({ name, about: what }) => `- **${name}**: ${what}`)
  return [
    '# QUIC interop cases', '', interopVerdict(matrix), '', ...markdownTable(titles, cells), '',
    ...(failed.length === 0 ? [] : ['## Failed', '', ...failed, '']), '## Cases', '', ...about, '',
  ].join('\n')
}

/** The same bytes for the same plays. */
export const interopJson = (matrix: InteropMatrix): string =>
  canonicalJson({ passed: isAllPassed(matrix), cases: matrix.map((result) => ({ ...result, passed: isAllPassed([result]) })) })

export function interopVerdict(matrix: InteropMatrix): string {
  const rows = plays(matrix)
  const failed = failures(rows).length
  const seeds = rows.length === matrix.length ? '' : ` with ${matrix[0].rows.length} seeds each`
  return `${counted(matrix.length, 'interop case')}${seeds}: ${rows.length - failed} passed, ${failed} failed`
}

/** One line that says how to see it again. */
export const failureLine = ({ name, seed, finding }: InteropRow): string =>
  `${name} seed ${seed}: ${finding}; again: npx theta-sim interop ${name} --seed ${seed}`

interface Table {
  readonly titles: readonly string[]
  readonly cells: readonly (readonly Cell[])[]
}

/** One seed shows each case in full, several show the worst of each. */
function table(matrix: InteropMatrix): Table {
  if (plays(matrix).length > matrix.length) return { titles: TITLES_OF_MANY, cells: matrix.map(cellsOfMany) }
  return { titles: TITLES_OF_ONE, cells: matrix.map(({ rows }) => cellsOfOne(rows[0])) }
}

const TITLES_OF_ONE = ['case', 'result', 'seconds#', 'datagrams#', 'lost#', 'corrupted#', 'Mbit/s#', 'trace', 'finding']

const cellsOfOne = ({ name, passed, tookUs, datagrams, lost, corrupted, goodputBytesPerSecond, digest, finding }: InteropRow): Cell[] => [
  name, passed ? 'pass' : 'FAIL', seconds(tookUs), datagrams, lost, corrupted, megabits(goodputBytesPerSecond), digest, finding,
]

const TITLES_OF_MANY = ['case', 'passed#', 'of#', 'traces#', 'slowest#', 'seed#', 'least Mbit/s#', 'the slowest seed\'s finding']

function cellsOfMany({ name, rows }: InteropResult): Cell[] {
  const slowest = rows.reduce((worst, row) => (row.tookUs > worst.tookUs ? row : worst))
  const goodputs = rows.flatMap(({ goodputBytesPerSecond: goodput }) => (goodput === undefined ? [] : [goodput]))
  // Where a case leaves nothing to chance, all seeds have one trace.
  const traces = new Set(rows.map(({ digest }) => digest)).size
  return [
    name, rows.length - failures(rows).length, rows.length, traces, seconds(slowest.tookUs), slowest.seed,
    megabits(goodputs.length === 0 ? undefined : Math.min(...goodputs)), slowest.finding,
  ]
}

const seconds = (us: number): string => (us / 1_000_000).toFixed(3)
const megabits = (bytesPerSecond: number | undefined): string =>
  (bytesPerSecond === undefined ? '' : ((bytesPerSecond * 8) / 1_000_000).toFixed(2))
