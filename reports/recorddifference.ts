/** Two records that ought to be one: what each is, and the fields in which they differ. */
import type { RunNode, RunRecord } from './input.ts'
import { milliseconds } from './percentiles.ts'
import { aligned } from './table.ts'

const VALUE_CHARACTERS_MAX = 48
const FIELDS_MAX = 24

/** One that is not there ended its run before it. */
export function recordDifferenceLines(first: RunRecord | undefined, second: RunRecord | undefined, nodes: readonly RunNode[]): string[] {
  const sides = [first, second].map((record) => new Map(record === undefined ? [] : fieldsOf(record)))
  const paths = [...new Set(sides.flatMap((side) => [...side.keys()]))].filter((path) => sides[0].get(path) !== sides[1].get(path))
  const rows = paths.map((path) => [path, ...sides.map((side) => shortened(side.get(path) ?? ''))])
  return [
    `first:  ${recordInWords(first, nodes)}`, `second: ${recordInWords(second, nodes)}`,
    ...(first === undefined || second === undefined ? [] : aligned(['field', 'first', 'second'], rows.slice(0, FIELDS_MAX))),
    ...(rows.length > FIELDS_MAX ? [`and ${rows.length - FIELDS_MAX} more; --json has all`] : []),
  ]
}

/** '12.345 ms, ana: commandSigned' */
export function recordInWords(record: RunRecord | undefined, nodes: readonly RunNode[]): string {
  if (record === undefined) return 'the run had ended'
  const { atUs, node, kind } = record
  const who = nodes.find(({ id }) => id === node)?.name ?? 'network'
  return `${milliseconds(atUs)} ms, ${who}: ${kind === 'note' ? record.name : kind}`
}

/** Every value within a record, by its path. */
function* fieldsOf(value: unknown, path = ''): Generator<[path: string, text: string]> {
  if (value instanceof Uint8Array) yield [path, Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')]
  else if (typeof value !== 'object' || value === null) yield [path, String(value)]
  else for (const [name, inner] of Object.entries(value)) yield* fieldsOf(inner, path === '' ? name : `${path}.${name}`)
}

const shortened = (text: string): string => (text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX - 3)}...` : text)
