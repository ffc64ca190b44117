/** `theta-sim train`: a compression dictionary from what the stories send. */
import { dirname, resolve } from 'node:path'
import { mkdirSync, writeFileSync } from 'node:fs'
import { sha256Hex } from '../../platform/digests.ts'
import { EXIT, Misuse } from '../engine.ts'
import { type Command, integer, seedRange } from '../grammar.ts'
import { printLines, Progress, unwritable } from '../output.ts'
import { storyNamed } from '../subject.ts'

const SEEDS_DEFAULT = '1..4'
const BYTES_DEFAULT = 32 * 1024
const BYTES_MIN = 256
const BYTES_MAX = 1024 * 1024

export const train: Command = {
  name: 'train', about: 'make a compression dictionary of what stories send', operands: ['story...'], optional: 1,
  flags: {
    seeds: { value: 'A..B', about: `the seeds to run each with (default ${SEEDS_DEFAULT})` },
    bytes: { value: 'N', about: `its size at most (default ${BYTES_DEFAULT})` },
    out: { value: 'FILE', about: 'where to write it (default out/new.dictionary)' },
  },
  notes: [
    'A dictionary that peers are to have goes to schemas/dictionaries/<version>.dictionary, with a version of its own and its SHA-256 in',
    'system/protocol/dictionaries.ts.',
  ],
  async act(given, engine, terminal) {
    const names = given.operands
    const stories = names.length === 0
      ? engine.catalogue.map(({ scenario }) => scenario)
      : names.map((name) => storyNamed(name, engine).scenario)
    const { first, last } = seedRange(given.text('seeds') ?? SEEDS_DEFAULT)
    const bytesMax = integer('--bytes', given.text('bytes') ?? String(BYTES_DEFAULT), BYTES_MIN, BYTES_MAX)
    const out = given.text('out') ?? 'out/new.dictionary'
    const path = resolve(terminal.folder, out)
    const progress = new Progress(terminal, true)
    const onRun = (story: string, seed: number): void => progress.show(`${story} ${seed}`)
    const { content, samples, sampleBytes } = await engine.train(stories, { firstSeed: first, lastSeed: last, bytesMax, onRun })
    progress.clear()
    if (content.length === 0) throw new Misuse('these stories send nothing that could be compressed; take others')
    try {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
    } catch (error) {
      throw unwritable(out, error)
    }
    printLines(terminal, [`${out}: ${content.length} bytes of ${samples} bodies with ${sampleBytes}`, `SHA-256 ${sha256Hex(content)}`])
    return EXIT.converged
  },
}
