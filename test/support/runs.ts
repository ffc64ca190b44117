/** Whole runs for tests: the built-in stories by name, with the fast verifier, whose verdicts are noble's. */
import { resultOf } from '../../scenarios/conclusion.ts'
import { CATALOGUE, type RunResult, type Scenario, simulate, type SimulateOptions } from '../../scenarios/index.ts'
import { prepare } from '../../scenarios/cluster/prepare.ts'
import { runScenario, type RunOutcome, type RunSettings } from '../../scenarios/cluster/run.ts'
import { settingsOf } from '../../scenarios/settings.ts'

export const STORIES: readonly (readonly [name: string, story: Scenario])[] = CATALOGUE.map(({ scenario }) => [scenario.name, scenario])

/** @throws {RangeError} where there is no such story. */
export function storyOf(name: string): Scenario {
  const found = STORIES.find(([other]) => other === name)
  if (found === undefined) throw new RangeError(`no story ${name}`)
  return found[1]
}

export const run = (story: Scenario, options: SimulateOptions = {}): Promise<RunResult> => simulate(story, { verifier: 'node', ...options })

/** The same, with the trace and the bytes that a report is made of. */
export const runInside = async (story: Scenario, settings: Partial<RunSettings> = {}): Promise<RunOutcome> =>
  runScenario(story, { seed: 1, frames: story.settings.frames, verifier: 'node', measure: false, ...settings }, await prepare())

/** What a run shows inside and outside. */
interface Whole {
  readonly outcome: RunOutcome
  readonly result: RunResult
}

/** Runs of one seed, each made once for tests of the same story that stand behind one another: only the last is kept. */
export function wholeRuns(seed: number): (story: Scenario) => Promise<Whole> {
  const options = { seed, verifier: 'node' } as const
  let last: { readonly story: Scenario; readonly whole: Promise<Whole> } | undefined
  const make = async (story: Scenario): Promise<Whole> => {
    const settings = settingsOf(story, options)
    const outcome = await runScenario(story, settings, await prepare())
    return { outcome, result: resultOf(story, options, settings, outcome) }
  }
  return (story) => {
    if (last?.story !== story) last = { story, whole: make(story) }
    return last.whole
  }
}

/** How often something is tried that takes whole runs: `few` times in every test run, `many` times with THETA_RUNS=all. */
export const often = (few: number, many: number): number => (process.env.THETA_RUNS === 'all' ? many : few)
