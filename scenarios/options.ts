/** What may be asked of a run: what a user sees of it, and nothing of how it is done. */
import type { Plan } from '../sim/plan.ts'
import type { Branch, TamperRequest, VerifierName } from './cluster/outcome.ts'

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
  /** The folder from which a verdict tells paths (default: the working directory). */
  readonly folder?: string
  /** Where the plan stands, for the command that does it again. */
  readonly planSource?: string
}

/** What was asked for cannot be run; the message is one line that says why. */
export class OptionError extends RangeError {
  override readonly name = 'OptionError'
}
