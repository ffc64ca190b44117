/** What is mutated, and who judges it first: of `system/` the scenarios, of `sim/` the unit tests. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './mutants.ts'

export type Judge = 'scenarios' | 'units'

/**
 * A half of the code. A scenario checks what Theta promises over any network, so that of the network it judges little more than that
 * something gets through: there the unit tests come first.
 */
export interface Half {
  readonly name: 'system' | 'sim'
  readonly first: Judge
  /** The unit tests. */
  readonly tests: readonly string[]
  /** Seeds of each story, where none are asked for. */
  readonly seeds: number
  /** How many runs of stories a mutant is put to. */
  readonly trialsMax: number
}

const HALVES: readonly Half[] = [
  { name: 'system', first: 'scenarios', tests: ['test/system/**/*.test.ts'], seeds: 2, trialsMax: Infinity },
  { name: 'sim', first: 'units', tests: ['test/sim/**/*.test.ts', 'test/contract/sim-transport.test.ts'], seeds: 1, trialsMax: 6 },
]

/** @throws {RangeError} where the files are not all of one half. */
export function halfOf(files: readonly string[]): Half {
  const half = HALVES.find(({ name }) => files.every((file) => file.startsWith(`${name}/`)))
  if (half === undefined) throw new RangeError(`expected files of system/ or of sim/, got ${files.join(' ')}`)
  return half
}

/** The files that a path from the root stands for: itself, or all that the folder has. */
export const filesAt = (path: string): string[] =>
  path.endsWith('.ts') ? [path] : readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => join(path, name)).toSorted()

/** What decides who may do what, and what everybody must agree on. */
const PARTS_BY_FOLDER: Readonly<Record<string, readonly string[]>> = {
  assets: ['courier', 'depot', 'incoming', 'library', 'outgoing', 'tokens'],
  commands: ['admission', 'fold', 'log', 'pipeline', 'registry', 'signer'],
  ecs: ['canonical', 'overlay', 'table', 'world'],
  placement: ['apply', 'plan', 'session'],
  replication: ['budget', 'changes', 'delta', 'frames', 'leap', 'publication', 'replica', 'snapshot'],
  security: ['equivocation', 'groupkeys', 'nonces', 'tokenbucket'],
  session: [
    'client', 'closing', 'conduct', 'correction', 'desk', 'gate', 'handover', 'heartbeat', 'host', 'permissions', 'prediction', 'reception',
    'relocation', 'roster', 'sealing',
  ],
}

/** Of `system/`, from the root. */
const PARTS = Object.entries(PARTS_BY_FOLDER).flatMap(([folder, names]) => names.map((name) => `system/${folder}/${name}.ts`))

/** Everything of a half that is mutated. */
export function partsOf(half: string): readonly string[] {
  if (HALVES.every(({ name }) => name !== half)) throw new RangeError(`--all: expected system or sim, got ${half}`)
  return half === 'system' ? PARTS : filesAt(half)
}
