/** What may be asked of a run, checked before it begins. */
import type { Plan } from '../sim/plan.ts'
import type { Canary } from './canaries/canary.ts'
import { CANARIES } from './canaries/index.ts'
import { type Branch, type TamperRequest, type VerifierName, VERIFIERS } from './cluster/outcome.ts'
import type { RunSettings } from './cluster/run.ts'
import { FRAMES_MAX, type Scenario } from './scenario.ts'

export interface SimulateOptions {
  /** Which of the possible runs: any safe integer or text (default: the plan's, or else 1). */
  readonly seed?: number | string
  /** Instead of what the scenario says. */
  readonly frames?: number
  /** The choices to take, instead of the seed's; what it does not name is benign. Of this scenario, and of the same seed. */
  readonly plan?: Plan
  /** From the beginning of that frame on, chance is that seed's. */
  readonly branch?: Branch
  /** Flips one bit of that peer's state within that frame. */
  readonly tamper?: TamperRequest
  /** Plants a known fault, by its name (see `theta-sim canary --list`). Such a run must be alone in its thread. */
  readonly canary?: string
  /** `noble` (default) and `node` give the same verdicts; `none` takes every signature. */
  readonly verifier?: VerifierName
  /** Called once a frame, while settling too. */
  readonly onProgress?: (frame: number, frames: number) => void
  /** Whether to measure wall time by part (default false). */
  readonly measure?: boolean
  /** What the report says of where the scenario came from; a command line knows, a test need not. */
  readonly version?: string
  readonly source?: string
  readonly sourceDigest?: string
  /** Where the plan stands, for the command that does it again. */
  readonly planSource?: string
}

/** What was asked for cannot be run; the message is one line that says why. */
export class OptionError extends RangeError {
  override readonly name = 'OptionError'
}

const SEED_DEFAULT = 1

/**
 * The settings of a run, its defaults filled in.
 * @throws {OptionError} where the options are of the right kind, and cannot be met.
 */
export function settingsOf(scenario: Scenario, options: SimulateOptions): RunSettings {
  const { plan, tamper, canary, branch, measure = false, onProgress } = options
  const { seed = plan?.seed ?? SEED_DEFAULT, frames = scenario.settings.frames, verifier = 'noble' } = options
  const fault = optionFault(scenario, { seed, frames, verifier, plan })
  if (fault !== undefined) throw new OptionError(fault)
  return {
    seed, frames, verifier, measure, ...(plan && { plan }), ...(branch && { branch }), ...(tamper && { tamper }),
    ...(canary !== undefined && { canary: canaryNamed(canary) }), ...(onProgress && { onProgress }),
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
