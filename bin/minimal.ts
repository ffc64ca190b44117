/** The least that fails, as it is told and as it is kept in a folder. */
import { resolve } from 'node:path'
import { writeFiles } from '../platform/files.ts'
import { type MinimalRun, regressionTest, storyMarkdown } from '../reports/minimal.ts'
import type { RunResult, Shrunk } from '../scenarios/index.ts'
import type { Terminal } from './engine.ts'
import { unwritable } from './output.ts'

export function minimalRun(scenario: string, source: string, { result, failure, items, itemsBefore, isMinimal }: Shrunk): MinimalRun {
  const { run, why } = result.report
  const { seed, frames, tamper, canary } = run as typeof run & { readonly tamper?: object; readonly canary?: string }
  return {
    scenario, source, seed, verdict: result.verdict, failure, items, itemsBefore, isMinimal,
    why: why === null ? [] : [why.event, ...why.chain.filter((link) => link !== why.event)].map(({ text }) => text),
    traceDigest: result.traceDigest, planJson: result.planJson, command: result.reproduce,
    given: { frames, ...(tamper !== undefined && { tamper }), ...(canary !== undefined && { canary }) },
  }
}

/** `report.json` last, so that where it stands the others do. */
export function writeMinimal(minimal: MinimalRun, result: RunResult, out: string, terminal: Terminal): void {
  try {
    writeFiles(resolve(terminal.folder, out), {
      'plan.json': result.planJson,
      'story.md': storyMarkdown(minimal),
      'regression.test.ts': regressionTest(minimal),
      'report.md': result.reportMarkdown,
      'report.json': result.reportJson,
    })
  } catch (error) {
    throw unwritable(out, error)
  }
}
