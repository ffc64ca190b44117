/**
 * Which runs a sweep is made of: every scenario with every seed of a range, or every n-th of them. Runs are numbered from 0,
 * seed by seed and within a seed scenario by scenario, so that a sweep that is cut short has tried all scenarios alike.
 */

export interface SweepPlan {
  /** Names and paths, as they stand after `theta-sim run`; all different. */
  readonly scenarios: readonly string[]
  /** Whether they are all that are built in. */
  readonly isWhole: boolean
  /** First and last seed of the whole sweep, however many machines share it. */
  readonly first: number
  readonly last: number
  /** This machine's part: 1 to `of`. */
  readonly shard: { readonly index: number; readonly of: number }
  readonly verifier: string
  readonly canary?: string
}

export interface PlannedRun {
  /** An index into `scenarios`. */
  readonly scenario: number
  readonly seed: number
}

/** How many seeds fall to this shard. */
export function seedsOf({ first, last, shard: { index, of } }: SweepPlan): number {
  return Math.max(0, Math.floor((last - first + 1 - index) / of) + 1)
}

/** How many runs this shard has. */
export const runsOf = (plan: SweepPlan): number => seedsOf(plan) * plan.scenarios.length

/** The n-th seed of this shard, from 0. */
export const seedAt = ({ first, shard }: SweepPlan, index: number): number => first + shard.index - 1 + index * shard.of

export function runAt(plan: SweepPlan, number: number): PlannedRun {
  const scenario = number % plan.scenarios.length
  return { scenario, seed: seedAt(plan, (number - scenario) / plan.scenarios.length) }
}

/** The number of a run; undefined where it is none of this shard. */
export function numberOf(plan: SweepPlan, { scenario, seed }: PlannedRun): number | undefined {
  const index = (seed - seedAt(plan, 0)) / plan.shard.of
  const isOurs = Number.isInteger(index) && index >= 0 && index < seedsOf(plan) && plan.scenarios[scenario] !== undefined
  return isOurs ? index * plan.scenarios.length + scenario : undefined
}

/** One command that does one run again, and leaves its report. */
export const againCommand = (plan: SweepPlan, { scenario, seed }: PlannedRun): string =>
  ['npx theta-sim run', plan.scenarios[scenario], `--seed ${seed}`, ...shared(plan)].join(' ')

/** One command that does the whole sweep again. */
export function sweepCommand(plan: SweepPlan): string {
  const { scenarios, isWhole, first, last, shard } = plan
  const part = shard.of === 1 ? [] : [`--shard ${shard.index}/${shard.of}`]
  return ['npx theta-sim sweep', ...(isWhole ? [] : scenarios), `--seeds ${first}..${last}`, ...part, ...shared(plan)].join(' ')
}

/** What holds for each run. `run` and `sweep` have different verifiers by default: it is always said. */
const shared = ({ verifier, canary }: SweepPlan): string[] =>
  [`--verifier ${verifier}`, ...(canary === undefined ? [] : [`--canary ${canary}`])]
