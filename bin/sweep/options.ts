/** What may be asked of a sweep. */
import { availableParallelism } from 'node:os'
import { checkedOutCommit, CommitError } from '../../platform/commit.ts'
import { runsOf, seedsOf, type SweepPlan } from '../../reports/sweep-plan.ts'
import { type Engine, Misuse, type Terminal } from '../engine.ts'
import {
  type Flag, type Given, integer, QUIET, seedRange, type SeedRange, SEEDS_MAX, VERBOSE, type Verifier, verifierOf,
} from '../grammar.ts'

const SEEDS_DEFAULT = '1..100'
const COMMIT_SEEDS_DEFAULT = 200
/** Hexadecimal digits of a commit that the first seed is made of: 48 bits, so that no seed is beyond the safe integers. */
const COMMIT_DIGITS = 12
const JOBS_MAX = 256
const SHARDS_MAX = 10_000
const MINUTES_MAX = 7 * 24 * 60
const SEED_SECONDS_DEFAULT = 30
const SEED_SECONDS_MAX = 24 * 60 * 60

export const SWEEP_FLAGS = {
  seeds: { value: 'A..B', about: `default ${SEEDS_DEFAULT}; or commit: ${COMMIT_SEEDS_DEFAULT} that the git commit chooses; or commit:N` },
  jobs: { value: 'N', about: 'threads (default one a core)' },
  shard: { value: 'I/N', about: 'every N-th seed from the I-th on, so that N machines share the work' },
  minutes: { value: 'M', about: 'begin no run after that; the same command goes on later' },
  'seed-seconds': { value: 'S', about: `give a run up after S seconds of real time (default ${SEED_SECONDS_DEFAULT})` },
  out: { value: 'DIR', about: 'write to DIR/sweep-.../ (default out)' },
  canary: { value: 'NAME', about: 'plant this known fault, to see it found' },
  verifier: { value: 'KIND', about: 'Ed25519 by node (default), noble (pure, same verdicts) or none (signatures pass)' },
  fresh: { about: 'begin anew; do not go on with an earlier sweep of the same runs' },
  json: { about: 'print sweep.json, and nothing else' },
  ...QUIET, ...VERBOSE,
} as const satisfies Record<string, Flag>

export interface SweepOptions {
  readonly plan: SweepPlan
  readonly verifier: Verifier
  readonly jobs: number
  readonly minutes: number | undefined
  readonly seedSeconds: number
  readonly out: string
  readonly isFresh: boolean
  readonly json: boolean
  readonly quiet: boolean
}

/** @throws {Misuse} */
export function sweepOptionsOf(given: Given, engine: Engine, terminal: Terminal): SweepOptions {
  const [jobs, minutes, seconds, canary] = ['jobs', 'minutes', 'seed-seconds', 'canary'].map((flag) => given.text(flag))
  const isWhole = given.operands.length === 0
  const verifier = verifierOf(given.text('verifier') ?? 'node')
  const plan: SweepPlan = {
    scenarios: isWhole ? engine.catalogue.map(({ scenario }) => scenario.name) : given.operands, isWhole,
    ...seedsOfText(given.text('seeds') ?? SEEDS_DEFAULT, terminal),
    shard: shardOf(given.text('shard') ?? '1/1'),
    verifier,
    ...(canary === undefined ? {} : { canary }),
  }
  if (seedsOf(plan) === 0) throw new Misuse(`--shard leaves none of the seeds ${plan.first}..${plan.last}; take fewer shards`)
  return {
    plan, verifier,
    jobs: Math.min(jobs === undefined ? availableParallelism() : integer('--jobs', jobs, 1, JOBS_MAX), runsOf(plan)),
    minutes: minutes === undefined ? undefined : integer('--minutes', minutes, 1, MINUTES_MAX),
    seedSeconds: seconds === undefined ? SEED_SECONDS_DEFAULT : integer('--seed-seconds', seconds, 1, SEED_SECONDS_MAX),
    out: given.text('out') ?? 'out',
    isFresh: given.on('fresh'),
    json: given.on('json'),
    quiet: given.on('quiet'),
  }
}

function seedsOfText(text: string, terminal: Terminal): SeedRange {
  const [isOfCommit, count] = /^commit(?::(\d+))?$/.exec(text) ?? []
  if (isOfCommit === undefined) {
    if (/^\d+\.\.\d+$/.test(text)) return seedRange(text)
    throw new Misuse(`--seeds wants A..B such as 1..500, commit, or commit:N, got '${text}'`)
  }
  const seeds = count === undefined ? COMMIT_SEEDS_DEFAULT : integer('--seeds', count, 1, SEEDS_MAX)
  try {
    const first = parseInt(checkedOutCommit(terminal.folder).slice(0, COMMIT_DIGITS), 16)
    return { first, last: first + seeds - 1 }
  } catch (error) {
    throw error instanceof CommitError ? new Misuse(`--seeds ${text} wants a git commit, but ${error.message}; take --seeds A..B`) : error
  }
}

function shardOf(text: string): SweepPlan['shard'] {
  const [index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number)
  if (!(index >= 1 && index <= of && of <= SHARDS_MAX)) throw new Misuse(`--shard wants I/N such as 2/4, got '${text}'`)
  return { index, of }
}
