/**
 * The command line's grammar: one table of commands and flags, from which arguments are read, mistakes are explained
 * and help is printed.
 */
import { parseArgs } from 'node:util'
import { FRAMES_MAX } from '../scenarios/index.ts'
import { Misuse } from './engine.ts'
import { suggestion } from './nearest.ts'

interface Flag {
  /** What follows the flag, as help shows it; a flag without is a switch. */
  readonly value?: string
  readonly about: string
}

interface Grammar {
  readonly operands: readonly string[]
  readonly optional: number
  readonly about: string
  readonly flags: Readonly<Record<string, Flag>>
}

const VERBOSE = { verbose: { about: 'show where an error arose' } }
const QUIET = { quiet: { about: 'print the verdict alone' } }

const COMMANDS = {
  list: {
    operands: [], optional: 0, about: 'name the built-in scenarios',
    flags: { json: { about: 'as JSON' }, quiet: { about: 'names alone, one a line' } },
  },
  run: {
    operands: ['scenario'], optional: 0, about: 'run a scenario: the name of a built-in one, or the path of a .ts file',
    flags: {
      seed: { value: 'N', about: 'which of the possible runs (default 1)' },
      seeds: { value: 'A..B', about: 'all these, one after the other; writes the reports of red ones only' },
      frames: { value: 'N', about: 'how many frames, instead of what the scenario says' },
      out: { value: 'DIR', about: 'write to DIR/<scenario>-<seed>/ (default out)' },
      plan: { value: 'FILE', about: 'take the choices of this plan.json, not those of the seed' },
      tamper: { value: 'PEER@FRAME', about: 'flip one bit of that peer’s state, to see it found' },
      verifier: { value: 'KIND', about: 'Ed25519 by noble (pure, default), node (fast, same verdicts) or none (signatures pass)' },
      json: { about: 'print the summary as JSON, and nothing else' },
      ...QUIET, ...VERBOSE,
    },
  },
  replay: {
    operands: ['report.json', 'scenario.ts'], optional: 1, about: 'run a report’s run again and compare every byte',
    flags: { ...QUIET, ...VERBOSE },
  },
  bench: { operands: [], optional: 0, about: 'measure speed and memory', flags: VERBOSE },
} as const satisfies Record<string, Grammar>

type CommandName = keyof typeof COMMANDS
const VERIFIERS = ['noble', 'node', 'none'] as const

/** More at once are a slip of the keyboard. */
const SEEDS_MAX = 1_000_000

export interface RunArguments {
  readonly kind: 'run'
  readonly scenario: string
  /** Of a single run; undefined for the plan's, or else 1. */
  readonly seed: number | undefined
  /** First and last of many runs. */
  readonly seeds: { readonly first: number; readonly last: number } | undefined
  readonly frames: number | undefined
  readonly out: string
  readonly plan: string | undefined
  readonly tamper: { readonly peer: string; readonly frame: number } | undefined
  readonly verifier: (typeof VERIFIERS)[number]
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

export interface ReplayArguments {
  readonly kind: 'replay'
  readonly report: string
  /** Where the scenario's file is now, if not where it was. */
  readonly scenario: string | undefined
  readonly quiet: boolean
  readonly verbose: boolean
}

export type Arguments =
  | RunArguments
  | { readonly kind: 'list'; readonly json: boolean; readonly quiet: boolean }
  | ReplayArguments
  | { readonly kind: 'bench'; readonly verbose: boolean }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }

/** @throws {Misuse} when the arguments say nothing that can be done. */
export function parseArguments(argv: readonly string[]): Arguments {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help', text: overview() }
  if (first === '--version') return { kind: 'version' }
  if (first === 'help') return { kind: 'help', text: rest[0] === undefined ? overview() : helpOf(commandNamed(rest[0])) }
  const command = commandNamed(first)
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', text: helpOf(command) }
  const { values, operands } = readFlags(command, rest)
  const on = (flag: string): boolean => values[flag] === true
  switch (command) {
    case 'list': return { kind: 'list', json: on('json'), quiet: on('quiet') }
    case 'run': return runArguments(operands[0], values)
    case 'replay': return { kind: 'replay', report: operands[0], scenario: operands[1], quiet: on('quiet'), verbose: on('verbose') }
    case 'bench': return { kind: 'bench', verbose: on('verbose') }
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>

function runArguments(scenario: string, values: Values): RunArguments {
  const text = (flag: string): string | undefined => values[flag] as string | undefined
  const frames = text('frames')
  const seed = text('seed')
  const seeds = text('seeds')
  if (seeds !== undefined && seed !== undefined) throw new Misuse('--seed and --seeds exclude each other')
  if (seeds !== undefined && text('plan') !== undefined) throw new Misuse('--plan and --seeds exclude each other')
  return {
    kind: 'run',
    scenario,
    seed: seed === undefined ? undefined : integer('--seed', seed, 0, Number.MAX_SAFE_INTEGER),
    seeds: seeds === undefined ? undefined : manySeeds(seeds),
    frames: frames === undefined ? undefined : integer('--frames', frames, 1, FRAMES_MAX),
    out: text('out') ?? 'out',
    plan: text('plan'),
    tamper: tamperOf(text('tamper')),
    verifier: verifierOf(text('verifier') ?? 'noble'),
    json: values.json === true,
    quiet: values.quiet === true,
    verbose: values.verbose === true,
  }
}

function manySeeds(text: string): RunArguments['seeds'] {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  if (from === undefined || to === undefined) throw new Misuse(`--seeds wants A..B such as 1..500, got '${text}'`)
  const [first, last] = [from, to].map((bound) => integer('--seeds', bound, 0, Number.MAX_SAFE_INTEGER))
  if (last < first) throw new Misuse(`--seeds wants the smaller one first, got '${text}'`)
  if (last - first >= SEEDS_MAX) throw new Misuse(`--seeds wants at most ${SEEDS_MAX} seeds, got '${text}'`)
  return { first, last }
}

function tamperOf(text: string | undefined): RunArguments['tamper'] {
  if (text === undefined) return undefined
  const [, peer, frame] = /^([^@\s]+)@(\d+)$/.exec(text) ?? []
  if (peer === undefined || frame === undefined) throw new Misuse(`--tamper wants PEER@FRAME such as ben@60, got '${text}'`)
  return { peer, frame: integer('--tamper', frame, 0, FRAMES_MAX) }
}

function verifierOf(text: string): RunArguments['verifier'] {
  const found = VERIFIERS.find((one) => one === text)
  if (found === undefined) throw new Misuse(`--verifier wants one of ${VERIFIERS.join(', ')}, got '${text}'`)
  return found
}

function integer(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new Misuse(`${flag} wants a whole number from ${min} to ${max}, got '${text}'`)
  return value
}

function commandNamed(text: string): CommandName {
  const names = Object.keys(COMMANDS) as CommandName[]
  const found = names.find((name) => name === text)
  if (found !== undefined) return found
  throw new Misuse(`there is no command '${text}'; ${suggestion(text, [...names, 'help'])}see theta-sim --help`)
}

function readFlags(command: CommandName, argv: readonly string[]): { values: Values; operands: readonly string[] } {
  const { flags, operands, optional }: Grammar = COMMANDS[command]
  const options = Object.fromEntries(Object.entries(flags).map(([name, flag]) =>
    [name, { type: flag.value === undefined ? 'boolean' as const : 'string' as const }]))
  const { values, positionals, tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const help = `see theta-sim ${command} --help`
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = flags[token.name]
    if (flag === undefined) {
      const known = Object.keys(flags).map((name) => `--${name}`)
      throw new Misuse(`${command} has no flag ${token.rawName}; ${suggestion(token.rawName, known)}${help}`)
    }
    if (seen.has(token.name)) throw new Misuse(`${token.rawName} is given twice`)
    if (flag.value === undefined && token.value !== undefined) throw new Misuse(`${token.rawName} takes no value, got '${token.value}'`)
    if (flag.value !== undefined && (token.value ?? '') === '') {
      throw new Misuse(`${token.rawName} wants a value: ${token.rawName} ${flag.value}`)
    }
    seen.add(token.name)
  }
  const missing = operands[positionals.length]
  if (missing !== undefined && positionals.length < operands.length - optional) throw new Misuse(`${command} wants a ${missing}; ${help}`)
  const extra = positionals[operands.length]
  if (extra !== undefined) throw new Misuse(`${command} does not know what to do with '${extra}'; ${help}`)
  return { values: values, operands: positionals }
}

function overview(): string {
  const names = Object.keys(COMMANDS) as CommandName[]
  return [
    'theta-sim: a deterministic simulation of Theta, a collaborative XR editing system', '',
    ...names.map((name) => row(usageOf(name), COMMANDS[name].about)),
    row('help [command]', 'this, or what a command takes'), row('--version', 'the version of this package'), '',
    'exit: 0 converged, 1 diverged or unsafe, 2 not settled, 3 our fault, 4 your input, 5 not deterministic', '',
  ].join('\n')
}

function helpOf(command: CommandName): string {
  const { about, flags }: Grammar = COMMANDS[command]
  const rows = Object.entries(flags).map(([name, flag]) => row(`--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`, flag.about))
  return [`theta-sim ${usageOf(command)}${rows.length > 0 ? ' [flags]' : ''}`, about, '', ...rows, ''].join('\n')
}

function usageOf(command: CommandName): string {
  const { operands, optional }: Grammar = COMMANDS[command]
  return [command, ...operands.map((name, index) => (index < operands.length - optional ? `<${name}>` : `[${name}]`))].join(' ')
}

function row(left: string, right: string): string {
  return `  ${left.padEnd(36)} ${right}`
}
