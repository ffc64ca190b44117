/**
 * What the command line's grammar is made of: a command with its operands and flags, the arguments that it was given, help,
 * and readers of values that several commands take. Each command stands in its own file under commands/.
 */
import { parseArgs } from 'node:util'
import { FRAMES_MAX, type SimulateOptions } from '../scenarios/index.ts'
import { type Engine, Misuse, type Terminal } from './engine.ts'
import { suggestion } from './nearest.ts'

export interface Flag {
  /** What follows the flag, as help shows it; a flag without is a switch. */
  readonly value?: string
  readonly about: string
}

export interface Command {
  readonly name: string
  readonly about: string
  /** Of the last one any number may be given where its name ends in `...`. */
  readonly operands: readonly string[]
  /** How many of the operands, counted from the last, may be left out. */
  readonly optional: number
  readonly flags: Readonly<Record<string, Flag>>
  /** Lines that its help ends with. */
  readonly notes?: readonly string[]
  /** @returns the exit code. @throws {Misuse} when the arguments, or what they name, are of no use. */
  act(given: Given, engine: Engine, terminal: Terminal): number | Promise<number>
}

/** What stood behind a command: each flag is known to it, is given once, and has a value where it takes one. */
export interface Given {
  readonly operands: readonly string[]
  /** The value of a flag that takes one. */
  text(flag: string): string | undefined
  /** Whether a switch is given. */
  on(flag: string): boolean
}

export const VERBOSE = { verbose: { about: 'show where an error arose' } } as const satisfies Record<string, Flag>
export const QUIET = { quiet: { about: 'print the verdict alone' } } as const satisfies Record<string, Flag>

/** @throws {Misuse} when the command does not take these arguments. */
export function readGiven(command: Command, argv: readonly string[]): Given {
  const { name, flags } = command
  const options = Object.fromEntries(Object.entries(flags).map(([flag, { value }]) =>
    [flag, { type: value === undefined ? 'boolean' as const : 'string' as const }]))
  const { values, positionals, tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined
    if (flag === undefined) {
      const known = Object.keys(flags).map((one) => `--${one}`)
      throw new Misuse(`${name} has no flag ${token.rawName}; ${suggestion(token.rawName, known)}see theta-sim ${name} --help`)
    }
    if (seen.has(token.name)) throw new Misuse(`${token.rawName} is given twice`)
    if (flag.value === undefined && token.value !== undefined) throw new Misuse(`${token.rawName} takes no value, got '${token.value}'`)
    if (flag.value !== undefined && (token.value ?? '') === '') {
      throw new Misuse(`${token.rawName} wants a value: ${token.rawName} ${flag.value}`)
    }
    seen.add(token.name)
  }
  checkOperands(command, positionals)
  return {
    operands: positionals,
    text: (flag) => values[flag] as string | undefined,
    on: (flag) => values[flag] === true,
  }
}

function checkOperands({ name, operands, optional }: Command, given: readonly string[]): void {
  const help = `see theta-sim ${name} --help`
  if (given.length < operands.length - optional) throw new Misuse(`${name} wants a ${operands[given.length]}; ${help}`)
  if (given.length > operands.length && operands.at(-1)?.endsWith('...') !== true) {
    throw new Misuse(`${name} does not know what to do with '${given[operands.length]}'; ${help}`)
  }
}

export function helpOf(command: Command): string {
  const rows = Object.entries(command.flags).map(([name, { value, about }]) =>
    helpRow(`--${name}${value === undefined ? '' : ` ${value}`}`, about))
  const notes = command.notes === undefined ? [] : ['', ...command.notes]
  return [`theta-sim ${usageOf(command)}${rows.length > 0 ? ' [flags]' : ''}`, command.about, '', ...rows, ...notes, ''].join('\n')
}

/** `run <scenario>` */
export function usageOf({ name, operands, optional }: Command): string {
  return [name, ...operands.map((one, index) => (index < operands.length - optional ? `<${one}>` : `[${one}]`))].join(' ')
}

/** Two columns. */
export function helpRow(left: string, right: string): string {
  return `  ${left.padEnd(36)} ${right}`
}

/** @throws {Misuse} unless `text` is a whole number from `min` to `max`. */
export function integer(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new Misuse(`${flag} wants a whole number from ${min} to ${max}, got '${text}'`)
  return value
}

/** First and last of many seeds. */
export interface SeedRange {
  readonly first: number
  readonly last: number
}

/** More at once are a slip of the keyboard. */
export const SEEDS_MAX = 1_000_000

/** @throws {Misuse} unless `text` is as `1..500`. */
export function seedRange(text: string): SeedRange {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  if (from === undefined || to === undefined) throw new Misuse(`--seeds wants A..B such as 1..500, got '${text}'`)
  const [first, last] = [from, to].map((bound) => integer('--seeds', bound, 0, Number.MAX_SAFE_INTEGER))
  if (last < first) throw new Misuse(`--seeds wants the smaller one first, got '${text}'`)
  if (last - first >= SEEDS_MAX) throw new Misuse(`--seeds wants at most ${SEEDS_MAX} seeds, got '${text}'`)
  return { first, last }
}

/** @throws {Misuse} unless `text` is as `ben@60`. */
export function tamperOf(text: string): NonNullable<SimulateOptions['tamper']> {
  const [, peer, frame] = /^([^@\s]+)@(\d+)$/.exec(text) ?? []
  if (peer === undefined || frame === undefined) throw new Misuse(`--tamper wants PEER@FRAME such as ben@60, got '${text}'`)
  return { peer, frame: integer('--tamper', frame, 0, FRAMES_MAX) }
}

const VERIFIERS = ['noble', 'node', 'none'] as const
export type Verifier = (typeof VERIFIERS)[number]

/** @throws {Misuse} unless `text` names a verifier. */
export function verifierOf(text: string): Verifier {
  const found = VERIFIERS.find((one) => one === text)
  if (found === undefined) throw new Misuse(`--verifier wants one of ${VERIFIERS.join(', ')}, got '${text}'`)
  return found
}
