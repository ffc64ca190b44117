/** From arguments to the command that they name: the list of commands, and help over all of them. */
import { bench } from './commands/bench.ts'
import { canary } from './commands/canary.ts'
import { decode } from './commands/decode.ts'
import { inspect } from './commands/inspect.ts'
import { interop } from './commands/interop.ts'
import { list } from './commands/list.ts'
import { nat } from './commands/nat.ts'
import { replay } from './commands/replay.ts'
import { run } from './commands/run.ts'
import { shrink } from './commands/shrink.ts'
import { sweep } from './commands/sweep.ts'
import { telemetry } from './commands/telemetry.ts'
import { train } from './commands/train.ts'
import { Misuse } from './engine.ts'
import { type Command, type Given, helpOf, helpRow, readGiven, usageOf } from './grammar.ts'
import { suggestion } from './nearest.ts'

/** In the order in which help tells them. */
const COMMANDS: readonly Command[] = [
  list,
  run,
  sweep,
  replay,
  inspect,
  decode,
  telemetry,
  shrink,
  canary,
  interop,
  nat,
  train,
  bench,
]

export type Arguments =
  | { readonly kind: 'command'; readonly command: Command; readonly given: Given }
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
  return { kind: 'command', command, given: readGiven(command, rest) }
}

function commandNamed(text: string): Command {
  const found = COMMANDS.find(({ name }) => name === text)
  if (found !== undefined) return found
  const names = COMMANDS.map(({ name }) => name)
  throw new Misuse(`there is no command '${text}'; ${suggestion(text, [...names, 'help'])}see theta-sim --help`)
}

function overview(): string {
  return [
    'theta-sim: a deterministic simulation of Theta, a collaborative XR editing system', '',
    ...COMMANDS.map((command) => helpRow(usageOf(command), command.about)),
    helpRow('help [command]', 'this, or what a command takes'), helpRow('--version', 'the version of this package'), '',
    'exit: 0 converged, 1 diverged or unsafe, 2 not settled, 3 our fault, 4 your input, 5 not deterministic', '',
  ].join('\n')
}
