/** Runs a scenario and makes of it all that anybody may want to see: a verdict, a report, a plan. */
import { prepare } from './cluster/prepare.ts'
import { runScenario } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import { resultOf } from './conclusion.ts'
import type { RunResult } from './result.ts'
import type { Scenario } from './scenario.ts'
import { settingsOf } from './settings.ts'

/**
 * Runs a scenario to its end. Rejects only where the arguments are of the wrong kind; whatever happens within is in the result.
 * @throws {OptionError} where they are of the right kind, and cannot be met.
 */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<RunResult> {
  const settings = settingsOf(scenario, options)
  return resultOf(scenario, options, settings, await runScenario(scenario, settings, await prepare()))
}
