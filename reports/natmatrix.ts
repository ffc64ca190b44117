/** Who reaches whom through which translators: the NAT matrix as text. */
import { canonicalJson } from './json.ts'
import { aligned } from './table.ts'

/** One meeting of two peers. */
export interface NatCell {
  /** What the one who calls, and the one who is called, stand behind. */
  readonly caller: string
  readonly callee: string
  /** Both are behind the same translator. `hidden`: and do not tell each other their inside addresses. */
  readonly shared: 'no' | 'told' | 'hidden'
  readonly turn: boolean
  /** Whether translators of these kinds let the two meet at all. */
  readonly isExpected: boolean
  readonly isConnected: boolean
  /** Kinds of the two candidates of the selected pair, the caller's first: 'host', 'srflx', 'prflx' or 'relay'. */
  readonly pair: readonly [string, string] | undefined
  /** Virtual, until both had selected a pair, or the last of the two had given up. */
  readonly milliseconds: number
  /** Connectivity checks that both sent, repetitions included. */
  readonly checks: number
}

export interface NatMatrix {
  readonly kinds: readonly string[]
  readonly cells: readonly NatCell[]
}

/** Cells that came out other than the kinds of their translators let expect. */
export const natSurprises = ({ cells }: NatMatrix): NatCell[] => cells.filter(({ isConnected, isExpected }) => isConnected !== isExpected)

export function natVerdict(matrix: NatMatrix): string {
  const { cells } = matrix
  const connected = cells.filter(({ isConnected }) => isConnected).length
  return `${cells.length} meetings, ${connected} connected, ${natSurprises(matrix).length} other than expected`
}

/** The same bytes for the same meetings. */
export const natJson = (matrix: NatMatrix): string => canonicalJson({ ...matrix, surprises: natSurprises(matrix).length })

/** A table without and one with TURN, callers in rows and callees in columns, then those behind one translator. */
export function natMatrixText(matrix: NatMatrix): string[] {
  const { kinds, cells } = matrix
  const grid = (turn: boolean): string[] => aligned(['caller \\ callee', ...kinds], kinds.map((caller) => [
    caller,
    ...kinds.map((callee) => {
      const cell = cells.find((one) => one.shared === 'no' && one.turn === turn && one.caller === caller && one.callee === callee)
      return cell === undefined ? '' : cellText(cell)
    }),
  ]))
  const shared = cells.filter((cell) => cell.shared !== 'no')
  return [
    'Selected pair (caller-callee), virtual ms, checks sent by both.', '',
    'Without TURN', ...grid(false), '', 'With TURN', ...grid(true), '',
    'Both behind one translator, without TURN',
    ...aligned(['kind', 'inside addresses', 'result'], shared.map((cell) => [cell.caller, cell.shared, cellText(cell)])), '',
    natVerdict(matrix),
  ]
}

const cellText = ({ pair, milliseconds, checks }: NatCell): string =>
  (pair === undefined ? `none ${milliseconds} ${checks}` : `${pair.join('-')} ${milliseconds} ${checks}`)
