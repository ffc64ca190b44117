/** `theta-sim bench`: speed and memory, measured here and now. */
import { type Engine, EXIT, type Terminal } from '../engine.ts'
import { printLines } from '../output.ts'

export async function bench(engine: Engine, terminal: Terminal): Promise<number> {
  await engine.bench((line) => { printLines(terminal, [line]) })
  return EXIT.converged
}
