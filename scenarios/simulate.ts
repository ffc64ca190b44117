/** Runs a scenario and makes of it all that anybody may want to see: a verdict, a report, a plan. */
import { readFileSync } from 'node:fs'
import { seal, SEAL_BLANK, sha256Hex } from '../platform/digests.ts'
import { canonicalJson } from '../reports/json.ts'
import { reportMarkdown } from '../reports/markdown.ts'
import { buildReport, type Report } from '../reports/report.ts'
import type { FailureKind, RunHeader as ReportHeader } from '../reports/input.ts'
import { summaryLines } from '../reports/summary.ts'
import { type Plan, planOf, stringifyPlan } from '../sim/plan.ts'
import { CATALOGUE } from './catalogue.ts'
import { prepare } from './cluster/prepare.ts'
import { type ExitCode, type Performance, type Tampered, type TamperRequest, type VerifierName, VERIFIERS } from './cluster/outcome.ts'
import { runScenario } from './cluster/run.ts'
import { FRAMES_MAX, type Scenario } from './scenario.ts'

export interface SimulateOptions {
  /** Which of the possible runs: any safe integer or text (default: the plan's, or else 1). */
  readonly seed?: number | string
  /** Instead of what the scenario says. */
  readonly frames?: number
  /** The choices to take, instead of the seed's; what it does not name is benign. Of this scenario, and of the same seed. */
  readonly plan?: Plan
  /** Flips one bit of that peer's state within that frame. */
  readonly tamper?: TamperRequest
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

/** What a replay needs to run the same again. */
export interface RunHeader extends ReportHeader {
  readonly verifier: VerifierName
  readonly plan?: Plan
  readonly tamper?: TamperRequest
}

export interface RunResult {
  readonly exit: ExitCode
  /** One line. */
  readonly verdict: string
  /** Of what kind the failure is; undefined where the run converged. */
  readonly failure: FailureKind | undefined
  readonly report: Report
  /** Canonical and sealed: the same bytes for the same run, everywhere. */
  readonly reportJson: string
  readonly reportMarkdown: string
  /** Only where it was asked to be measured. */
  readonly perf: Performance | undefined
  readonly planJson: string
  /** For a terminal. */
  readonly summary: readonly string[]
  /** One command that does it again; for a scenario that no command knows, one call. */
  readonly reproduce: string
  /** The chain digest of the trace. */
  readonly traceDigest: string
  /** What `tamper` did, for whoever compares it with what was found. */
  readonly tampered: Tampered | undefined
  /** Of what was thrown, if anything. */
  readonly stack: string | undefined
}

const SEED_DEFAULT = 1
/** This module runs as scenarios/simulate.ts in a checkout and as dist/scenarios/simulate.js in the package. */
const MANIFEST = new URL(import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)
const { version: VERSION } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { readonly version: string }

/**
 * Runs a scenario to its end. Rejects only where the arguments are of the wrong kind; whatever happens within is in the result.
 * @throws {OptionError} where they are of the right kind, and cannot be met.
 */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<RunResult> {
  const { plan, tamper, measure = false, onProgress } = options
  const { seed = plan?.seed ?? SEED_DEFAULT, frames = scenario.settings.frames, verifier = 'noble' } = options
  const { version = VERSION, source = scenario.name, sourceDigest = '', planSource = 'plan.json' } = options
  const fault = optionFault(scenario, { seed, frames, verifier, plan })
  if (fault !== undefined) throw new OptionError(fault)
  const settings = { seed, frames, verifier, measure, ...(plan && { plan }), ...(tamper && { tamper }), ...(onProgress && { onProgress }) }
  const outcome = await runScenario(scenario, settings, await prepare())
  const { exit, verdict, stack, trace, records, choices, operations, info, tampered, performance } = outcome

  const planJson = stringifyPlan(planOf(scenario.name, seed, choices, operations))
  const run: RunHeader = {
    version, scenario: scenario.name, source, sourceDigest, seed, frames, verifier, ...(plan && { plan }), ...(tamper && { tamper }),
  }
  const report = buildReport(records, { ...info, run, planDigest: sha256Hex(planJson) })
  return {
    exit, verdict, failure: info.failure, stack, report, planJson, tampered, perf: performance,
    reportJson: seal(canonicalJson({ ...report, seal: SEAL_BLANK })),
    reportMarkdown: measure || exit !== 0 ? reportMarkdown(report) : '',
    summary: summaryLines(report),
    reproduce: options.source !== undefined || CATALOGUE.some((entry) => entry.scenario === scenario)
      ? commandOf(run, scenario.settings.frames, planSource)
      : callOf(run, scenario.settings.frames),
    traceDigest: trace.digest,
  }
}

interface CheckedOptions extends Pick<RunHeader, 'seed' | 'frames' | 'verifier'> {
  readonly plan: Plan | undefined
}

function optionFault(scenario: Scenario, { seed, frames, verifier, plan }: CheckedOptions): string | undefined {
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

function commandOf({ source, seed, frames, verifier, plan, tamper }: RunHeader, framesDefault: number, planSource: string): string {
  const flags = [
    plan === undefined ? `--seed ${seed}` : `--plan ${planSource}`,
    ...(frames === framesDefault ? [] : [`--frames ${frames}`]),
    ...(verifier === 'noble' ? [] : [`--verifier ${verifier}`]),
    ...(tamper === undefined ? [] : [`--tamper ${tamper.peer}@${tamper.frame}`]),
  ]
  return `npx theta-sim run ${source} ${flags.join(' ')}`
}

function callOf({ seed, frames, verifier, plan, tamper }: RunHeader, framesDefault: number): string {
  const given = { seed, ...(frames !== framesDefault && { frames }), ...(verifier !== 'noble' && { verifier }), ...(tamper && { tamper }) }
  const fields = Object.entries(given).map(([option, value]) => `${option}: ${JSON.stringify(value)}`)
  return `simulate(scenario, { ${[...fields, ...(plan === undefined ? [] : ['plan'])].join(', ')} })`
}
