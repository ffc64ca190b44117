/** All that anybody may want to see of a run: a verdict, a report, a plan, and how to have it again. */
import type { FailureKind, RunHeader as ReportHeader } from '../reports/input.ts'
import type { LatencyValues, Report } from '../reports/report.ts'
import type { Plan } from '../sim/plan.ts'
import type { Branch, ExitCode, Performance, Tampered, TamperRequest, VerifierName } from './cluster/outcome.ts'

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
