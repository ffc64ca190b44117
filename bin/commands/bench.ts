/** `theta-sim bench`: speed and memory, measured here and now. */
import { EXIT } from '../engine.ts'
import { type Command, integer, VERBOSE } from '../grammar.ts'
import { printLines } from '../output.ts'

const SOAK_MINUTES_MAX = 10
const SOAK_PEERS = 8

export const bench: Command = {
  name: 'bench', about: 'measure speed and memory', operands: [], optional: 0,
  flags: {
    soak: { value: 'MINUTES', about: `instead: ${SOAK_PEERS} peers at 90 Hz for so many virtual minutes, with memory minute by minute` },
    ...VERBOSE,
  },
  async act(given, engine, terminal) {
    const print = (line: string): void => { printLines(terminal, [line]) }
    const minutes = given.text('soak')
    if (minutes !== undefined) return engine.soak(integer('--soak', minutes, 1, SOAK_MINUTES_MAX), print)
    await engine.bench(print)
    return EXIT.converged
  },
}
