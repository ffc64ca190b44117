/** From arguments to an exit code: picks the command and puts every mistake into one line. */
import { parseArguments } from './arguments.ts'
import { type Engine, EXIT, Misuse, type Terminal } from './engine.ts'

/** Never rejects. @returns the exit code. */
export async function main(argv: readonly string[], engine: Engine, terminal: Terminal): Promise<number> {
  try {
    return await perform(argv, engine, terminal)
  } catch (error) {
    const isVerbose = argv.includes('--verbose')
    const { message, details } = error instanceof Misuse
      ? { message: error.message, details: error.details }
      : { message: `broke: ${String(error)}${isVerbose ? '' : '; --verbose shows where'}`, details: (error as Error).stack }
    terminal.stderr(`theta-sim: ${message.replace(/\s*\n\s*/g, ' ')}\n`)
    if (isVerbose && details !== undefined) terminal.stderr(`${details}\n`)
    return error instanceof Misuse ? EXIT.misuse : EXIT.fault
  }
}

async function perform(argv: readonly string[], engine: Engine, terminal: Terminal): Promise<number> {
  const options = parseArguments(argv)
  switch (options.kind) {
    case 'help':
      terminal.stdout(options.text)
      return EXIT.converged
    case 'version':
      terminal.stdout(`${engine.version}\n`)
      return EXIT.converged
    case 'command': return options.command.act(options.given, engine, terminal)
  }
}
