/** `theta-sim nat`: who reaches whom through which address translators, and over which candidate pair. */
import { natJson, natMatrixText, natSurprises, natVerdict } from '../../reports/natmatrix.ts'
import { EXIT } from '../engine.ts'
import { type Command, integer, QUIET, VERBOSE } from '../grammar.ts'
import { printLines } from '../output.ts'

const SEED_DEFAULT = 1
const PPM_PER_PERCENT = 10_000

export const nat: Command = {
  name: 'nat', about: 'meet through every pair of address translators, without and with TURN', operands: [], optional: 0,
  flags: {
    seed: { value: 'N', about: `which of the possible runs (default ${SEED_DEFAULT})` },
    loss: { value: 'PERCENT', about: 'how much every link loses (default 0)' },
    json: { about: 'print the matrix as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  notes: ['exit: 0 whoever can meet did, and nobody else; else 1.'],
  async act(given, engine, terminal) {
    const seed = integer('--seed', given.text('seed') ?? String(SEED_DEFAULT), 0, Number.MAX_SAFE_INTEGER)
    const lossPercent = integer('--loss', given.text('loss') ?? '0', 0, 100)
    const matrix = await engine.natMatrix(seed, lossPercent * PPM_PER_PERCENT)
    if (given.on('json')) terminal.stdout(natJson(matrix))
    else printLines(terminal, given.on('quiet') ? [natVerdict(matrix)] : natMatrixText(matrix))
    return natSurprises(matrix).length === 0 ? EXIT.converged : EXIT.diverged
  },
}
