#!/usr/bin/env node
// The command `theta-sim`: joins the command line to this process and to the real simulator.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { digestOfCode } from '../platform/digests.ts'
import { reasonOf } from '../platform/files.ts'
import { CATALOGUE } from '../scenarios/catalogue.ts'
import { branch, capture, checkDeterminism, inspect, MARKS, observe, parsePlan, shrink, simulate } from '../scenarios/index.ts'
import { type Engine, EXIT } from './engine.ts'
import { main } from './main.ts'

// This module runs as dist/bin/theta-sim.js.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const compiled = fileURLToPath(new URL('..', import.meta.url))

const engine: Engine = {
  version: manifest.version,
  catalogue: CATALOGUE,
  simulate, inspect, branch, checkDeterminism, shrink, observe, capture,
  parsePlan,
  bench: async (print) => (await import('../scenarios/bench.ts')).bench(print),
  soak: async (minutes, print) => (await import('../scenarios/bench/soak.ts')).soak(minutes, print),
  train: async (stories, options) => (await import('../scenarios/training.ts')).train(stories, options),
  canaries: async () => (await import('../scenarios/canaries/index.ts')).CANARIES,
  interopCases: async () => (await import('../scenarios/interop/cases.ts')).INTEROP_CASES,
  natMatrix: async (seed, dropPpm) => (await import('../scenarios/nat/matrix.ts')).natMatrix(seed, dropPpm),
  decodePacket: async (bytes) => (await import('../scenarios/packet.ts')).decodePacket(bytes),
  digest: () => digestOfCode(compiled, ['sim', 'system', 'schemas', 'scenarios', 'reports', 'platform']),
  packageIndex: new URL('../scenarios/index.js', import.meta.url),
  threadEntry: new URL('./worker.js', import.meta.url),
  sweepEntry: new URL('./sweep/sweeper.js', import.meta.url),
  marks: MARKS,
  hunterEntry: new URL('./hunter.js', import.meta.url),
  interopEntry: new URL('./interopplayer.js', import.meta.url),
}

// Whoever reads the output may leave early (`theta-sim list | head -1`); a disk may be full.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`theta-sim: cannot print: ${reasonOf(error)}\n`)
  process.exit(EXIT.misuse)
})

process.exitCode = await main(process.argv.slice(2), engine, {
  stdout: (text) => { process.stdout.write(text) },
  stderr: (text) => { process.stderr.write(text) },
  isWatched: process.stderr.isTTY,
  folder: process.cwd(),
})
