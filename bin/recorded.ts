/**
 * A report that was written earlier, read with distrust: it may be truncated, edited, or of another version.
 */
import { isSealed } from '../platform/digests.ts'
import type { RunHeader, RunResult } from '../scenarios/index.ts'
import { type Engine, Misuse, type Terminal } from './engine.ts'
import { readText } from './input.ts'

export interface Recorded {
  readonly text: string
  readonly run: RunHeader
  readonly result: RunResult['report']['result']
}

/** @throws {Misuse} when the file is missing, damaged, or written by another version. */
export function readRecorded(path: string, engine: Engine, terminal: Terminal): Recorded {
  const text = readText(path, terminal)
  const report = parseReport(text, path)
  if (!isSealed(text)) throw new Misuse(`${path} was edited after it was written: its seal does not fit; write it anew with theta-sim run`)
  const { run, result } = report
  if (run.version !== engine.version) {
    throw new Misuse(`${path} was written by theta-sim ${run.version}, this is ${engine.version}; replay it there`)
  }
  return { text, run, result }
}

function parseReport(text: string, path: string): Omit<Recorded, 'text'> {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    throw new Misuse(`${path} is not whole JSON: it was truncated or edited; write it anew with theta-sim run`)
  }
  const run = (report as { run?: Partial<RunHeader> } | null)?.run
  if (typeof run?.version !== 'string' || typeof run.source !== 'string') throw new Misuse(`${path} is no report of theta-sim run`)
  return report as Omit<Recorded, 'text'>
}

/** The path of the first key, in the order of `before`, at which two JSON values differ; `undefined` when none does. */
export function firstDifference(before: unknown, after: unknown, path = ''): string | undefined {
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const step = Array.isArray(before) ? `[${key}]` : `${path === '' ? '' : '.'}${key}`
      const found = firstDifference(before[key], after[key], `${path}${step}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return Object.is(before, after) ? undefined : path
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
