/** Whole runs for tests: the built-in stories by name, with the fast verifier, whose verdicts are noble's. */
import { CATALOGUE, type RunResult, type Scenario, simulate, type SimulateOptions } from '../../scenarios/index.ts'
import { prepare } from '../../scenarios/cluster/prepare.ts'
import { runScenario, type RunOutcome, type RunSettings } from '../../scenarios/cluster/run.ts'

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
