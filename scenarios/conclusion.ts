/** From what a run came to, to what anybody may want to see of it. */
import { readFileSync } from 'node:fs'
import { seal, SEAL_BLANK, sha256Hex } from '../platform/digests.ts'
import { canonicalJson } from '../reports/json.ts'
import { reportMarkdown } from '../reports/markdown.ts'
import { buildWithLatencies } from '../reports/report.ts'
import { summaryLines } from '../reports/summary.ts'
import { planOf, stringifyPlan } from '../sim/plan.ts'
import { CATALOGUE } from './catalogue.ts'
import type { RunOutcome, RunSettings } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import type { RunHeader, RunResult } from './result.ts'
import type { Scenario } from './scenario.ts'

/** This module runs as scenarios/conclusion.ts in a checkout and as dist/scenarios/conclusion.js in the package. */
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
