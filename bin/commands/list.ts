/** `theta-sim list`: the built-in scenarios. */
import type { Engine, Terminal } from '../engine.ts'
import { EXIT } from '../engine.ts'
import { printJson, printLines } from '../output.ts'

export function list(options: { readonly json: boolean; readonly quiet: boolean }, engine: Engine, terminal: Terminal): number {
  const rows = engine.catalogue.map(({ scenario, source }) => ({ name: scenario.name, frames: scenario.settings.frames, source }))
  const width = Math.max(...rows.map(({ name }) => name.length))
  if (options.json) printJson(terminal, rows)
  else if (options.quiet) printLines(terminal, rows.map(({ name }) => name))
  else printLines(terminal, rows.map((row) => `${row.name.padEnd(width)}  ${String(row.frames).padStart(4)} frames  ${row.source}`))
  return EXIT.converged
}
