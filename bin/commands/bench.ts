/** `theta-sim bench`: speed and memory, measured here and now. */
import { EXIT } from '../engine.ts'
import { type Command, VERBOSE } from '../grammar.ts'
import { printLines } from '../output.ts'

export const bench: Command = {
  name: 'bench', about: 'measure speed and memory', operands: [], optional: 0, flags: VERBOSE,
  async act(_given, engine, terminal) {
    await engine.bench((line) => { printLines(terminal, [line]) })
    return EXIT.converged
  },
}
