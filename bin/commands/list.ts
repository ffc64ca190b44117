/** `theta-sim list`: the built-in scenarios. */
import { EXIT } from '../engine.ts'
import type { Command } from '../grammar.ts'
import { printJson, printLines } from '../output.ts'

export const list: Command = {
  name: 'list', about: 'name the built-in scenarios', operands: [], optional: 0,
  flags: { json: { about: 'as JSON' }, quiet: { about: 'names alone, one a line' } },
  act(given, engine, terminal) {
    const rows = engine.catalogue.map(({ scenario, source }) => ({ name: scenario.name, frames: scenario.settings.frames, source }))
    const width = Math.max(...rows.map(({ name }) => name.length))
    if (given.on('json')) printJson(terminal, rows)
    else if (given.on('quiet')) printLines(terminal, rows.map(({ name }) => name))
    else printLines(terminal, rows.map((row) => `${row.name.padEnd(width)}  ${String(row.frames).padStart(4)} frames  ${row.source}`))
    return EXIT.converged
  },
}
