/** All that anybody may want to see of a run: a verdict, a report, a plan, and how to have it again. */
import { readFileSync } from 'node:fs'
import { seal, SEAL_BLANK, sha256Hex } from '../platform/digests.ts'
import type { FailureKind, RunHeader as ReportHeader } from '../reports/input.ts'
import { canonicalJson } from '../reports/json.ts'
import { reportMarkdown } from '../reports/markdown.ts'
import { buildWithLatencies, type LatencyValues, type Report } from '../reports/report.ts'
import { summaryLines } from '../reports/summary.ts'
import { type Plan, planOf, stringifyPlan } from '../sim/plan.ts'
import { CATALOGUE } from './catalogue.ts'
import type { Branch, ExitCode, Performance, Tampered, TamperRequest, VerifierName } from './cluster/outcome.ts'
import type { RunOutcome, RunSettings } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import type { Scenario } from './scenario.ts'

/** What a replay needs to run the same again. */
export interface RunHeader extends ReportHeader {
  readonly verifier: VerifierName
  readonly plan?: Plan
  readonly branch?: Branch
  readonly tamper?: TamperRequest
  readonly canary?: string
}

export interface RunResult {
  readonly exit: ExitCode
  /** One line. */
  readonly verdict: string
  /** Of what kind the failure is; undefined where the run converged. */
  readonly failure: FailureKind | undefined
  readonly report: Report
  /** What its percentiles were taken of, in virtual microseconds. */
  readonly latencies: LatencyValues
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

/** This module runs as scenarios/simulate.ts in a checkout and as dist/scenarios/simulate.js in the package. */
const MANIFEST = new URL(import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)
const { version: VERSION } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { readonly version: string }

export function resultOf(scenario: Scenario, options: SimulateOptions, settings: RunSettings, outcome: RunOutcome): RunResult {
  const { exit, verdict, stack, trace, records, choices, operations, info, tampered, performance } = outcome
  const { seed, frames, verifier, measure, plan, branch, tamper, canary } = settings
  const { version = VERSION, source = scenario.name, sourceDigest = '', planSource = 'plan.json' } = options
  const planJson = stringifyPlan(planOf(scenario.name, seed, choices, operations))
  const run: RunHeader = {
    version, scenario: scenario.name, source, sourceDigest, seed, frames, verifier, ...(plan && { plan }), ...(branch && { branch }),
    ...(tamper && { tamper }), ...(canary && { canary: canary.name }),
  }
  const { report, latencies } = buildWithLatencies(records, { ...info, run, planDigest: sha256Hex(planJson) })
  return {
    exit, verdict, failure: info.failure, stack, report, latencies, planJson, tampered, perf: performance,
    reportJson: seal(canonicalJson({ ...report, seal: SEAL_BLANK })),
    reportMarkdown: measure || exit !== 0 ? reportMarkdown(report) : '',
    summary: summaryLines(report),
    reproduce: options.source !== undefined || CATALOGUE.some((entry) => entry.scenario === scenario)
      ? commandOf(run, scenario.settings.frames, planSource)
      : callOf(run, scenario.settings.frames),
    traceDigest: trace.digest,
  }
}

function commandOf(run: RunHeader, framesDefault: number, planSource: string): string {
  const { source, seed, frames, verifier, plan, branch, tamper, canary } = run
  const flags = [
    // No seed says what a branch chose; the plan that it leaves does.
    plan === undefined && branch === undefined ? `--seed ${seed}` : `--plan ${planSource}`,
    ...(frames === framesDefault ? [] : [`--frames ${frames}`]),
    ...(verifier === 'noble' ? [] : [`--verifier ${verifier}`]),
    ...(tamper === undefined ? [] : [`--tamper ${tamper.peer}@${tamper.frame}`]),
    ...(canary === undefined ? [] : [`--canary ${canary}`]),
  ]
  return `npx theta-sim run ${source} ${flags.join(' ')}`
}

function callOf({ seed, frames, verifier, plan, branch, tamper, canary }: RunHeader, framesDefault: number): string {
  const given = {
    seed, ...(frames !== framesDefault && { frames }), ...(verifier !== 'noble' && { verifier }), ...(branch && { branch }),
    ...(tamper && { tamper }), ...(canary !== undefined && { canary }),
  }
  const fields = Object.entries(given).map(([option, value]) => `${option}: ${JSON.stringify(value)}`)
  return `simulate(scenario, { ${[...fields, ...(plan === undefined ? [] : ['plan'])].join(', ')} })`
}
