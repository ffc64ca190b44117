/** From what is asked of a run to its settings, checked before it begins. */
import type { Plan } from '../sim/plan.ts'
import type { Canary } from './canaries/canary.ts'
import { CANARIES } from './canaries/index.ts'
import { VERIFIERS } from './cluster/outcome.ts'
import type { RunSettings } from './cluster/run.ts'
import { OptionError, type SimulateOptions } from './options.ts'
import { FRAMES_MAX, type Scenario } from './scenario.ts'

const SEED_DEFAULT = 1

/**
 * The settings of a run, its defaults filled in.
 * @throws {OptionError} where the options are of the right kind, and cannot be met.
 */
export function settingsOf(scenario: Scenario, options: SimulateOptions): RunSettings {
  const { plan, tamper, canary, branch, measure = false, onProgress, folder } = options
  const { seed = plan?.seed ?? SEED_DEFAULT, frames = scenario.settings.frames, verifier = 'noble' } = options
  const fault = optionFault(scenario, { seed, frames, verifier, plan })
  if (fault !== undefined) throw new OptionError(fault)
  return {
    seed, frames, verifier, measure, ...(plan && { plan }), ...(branch && { branch }), ...(tamper && { tamper }),
    ...(canary !== undefined && { canary: canaryNamed(canary) }), ...(onProgress && { onProgress }),
    ...(folder !== undefined && { folder }),
  }
}

/** @throws {OptionError} where there is none of that name. */
function canaryNamed(name: string): Canary {
  const found = CANARIES.find((canary) => canary.name === name)
  if (found === undefined) throw new OptionError(`there is no canary '${name}'; theta-sim canary --list names them`)
  return found
}

type Checked = Pick<RunSettings, 'seed' | 'frames' | 'verifier'> & { readonly plan: Plan | undefined }

function optionFault(scenario: Scenario, { seed, frames, verifier, plan }: Checked): string | undefined {
  if (!Number.isInteger(frames) || frames < 1 || frames > FRAMES_MAX) {
    return `frames: expected a whole number from 1 to ${FRAMES_MAX}, got ${frames}`
  }
  if (typeof seed !== 'string' && !Number.isSafeInteger(seed)) return `seed: expected text or a safe integer, got ${String(seed)}`
  if (!VERIFIERS.includes(verifier)) return `verifier: expected one of ${VERIFIERS.join(', ')}, got ${verifier}`
  if (plan === undefined) return undefined
  if (plan.scenario !== scenario.name) return `the plan is one of ${plan.scenario}, and cannot steer ${scenario.name}`
  if (plan.seed !== seed) return `the plan is one of seed ${plan.seed}, and cannot steer seed ${seed}; leave the seed out`
  return undefined
}
