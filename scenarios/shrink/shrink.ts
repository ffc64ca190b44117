/**
 * From a red run to the least that fails the same way: its choices and operations are left out, by sites, then by links, then
 * one by one, each time by running again, until nothing more can go (sim/explore/minimise.ts).
 */
import { wallClockMs } from '../../platform/clock.ts'
import type { FailureKind } from '../../reports/input.ts'
import { Wording } from '../../reports/wording.ts'
import { minimise } from '../../sim/explore/minimise.ts'
import { type Plan, planOf } from '../../sim/plan.ts'
import { prepare } from '../cluster/prepare.ts'
import { failureOf, type RunOutcome, runScenario, type RunSettings } from '../cluster/run.ts'
import type { Scenario } from '../scenario.ts'
import { contentsOf, type Item, itemsOf, linkOf, siteOf } from './items.ts'
import { OptionError, type SimulateOptions } from '../options.ts'
import { resultOf } from '../conclusion.ts'
import type { RunResult } from '../result.ts'
import { settingsOf } from '../settings.ts'

export interface ShrinkOptions extends Omit<SimulateOptions, 'onProgress'> {
  /** The search ends after so many seconds of wall time with the least so far (default: when it is minimal). */
  readonly secondsMax?: number
  /** Called after every try. */
  readonly onProgress?: (tries: number, items: number) => void
}

/** One thing that has to happen for the failure. */
export interface ShrunkItem {
  readonly atUs: number
  readonly words: string
}

export interface Shrunk {
  /** The same before and after. */
  readonly failure: FailureKind
  /** The run of the minimal plan. */
  readonly result: RunResult
  readonly plan: Plan
  /** In the order of time. */
  readonly items: readonly ShrunkItem[]
  /** How many there were at first. */
  readonly itemsBefore: number
  /** Without any one of the items the failure is gone, or another one. */
  readonly isMinimal: boolean
  readonly tries: number
}

/** A story that an operation is missing from may wait for ever: for so much longer than the whole run took, milliseconds. */
const OVERRUN_MS = 2_000

/** @throws {OptionError} where the run converges, or its scenario is at fault, or it does not fail the same way twice. */
export async function shrink(scenario: Scenario, options: ShrinkOptions): Promise<Shrunk> {
  const { secondsMax = Infinity, onProgress, ...simulated } = options
  const endMs = wallClockMs() + secondsMax * 1000
  const prepared = await prepare()
  const settings: RunSettings = { ...settingsOf(scenario, simulated), measure: false }
  const original = await runScenario(scenario, settings, prepared)
  const { failure } = original.info
  if (failure === undefined) throw new OptionError('the run converges: there is nothing to shrink')
  if (original.exit === 4) throw new OptionError(`${original.verdict}: mend the scenario first, there is nothing to shrink`)
  const items = itemsOf(original)
  const planWith = (kept: readonly Item[]): Plan => planOf(
    scenario.name, settings.seed,
    kept.flatMap((item) => (item.kind === 'choice' ? [item.choice] : [])),
    kept.flatMap((item) => (item.kind === 'operation' ? [item.label] : [])),
  )
  const { branch: _, ...others } = settings
  const replanned = { ...others, overrunMs: Math.floor(original.info.endedAtUs / 1000) + OVERRUN_MS }
  const fails = async (kept: readonly Item[]): Promise<boolean> =>
    isSame(await failureOf(scenario, { ...replanned, plan: planWith(kept) }, prepared), failure)
  if (!(await fails(items))) throw new OptionError('the run does not fail the same way again: see theta-sim run --check-determinism')
  let tries = 0
  const least = await minimise({
    items,
    groups: [siteOf, linkOf, contentsOf],
    fails: async (kept) => {
      const same = await fails(kept)
      onProgress?.(++tries, kept.length)
      return same
    },
    isOver: () => wallClockMs() > endMs,
  })
  const plan = planWith(least.items)
  const final = { ...settingsOf(scenario, simulated), plan }
  const outcome = await runScenario(scenario, final, prepared)
  const result = resultOf(scenario, simulated, final, outcome)
  return { failure, result, plan, items: inWords(outcome), itemsBefore: items.length, isMinimal: least.isMinimal, tries }
}

function inWords(outcome: RunOutcome): ShrunkItem[] {
  const { records, info } = outcome
  const wording = new Wording(records, info.nodes)
  return itemsOf(outcome).map((item) => ({
    // A choice is made just after the record before it.
    atUs: records[item.kind === 'choice' ? Math.max(0, item.record - 1) : item.record].atUs,
    words: item.kind === 'choice' ? wording.choice({ ...item.choice, record: item.record }) : wording.done(item.label),
  }))
}

const isSame = (a: FailureKind | undefined, b: FailureKind): boolean =>
  a !== undefined && a.exit === b.exit && a.check === b.check && a.component === b.component && a.field === b.field
