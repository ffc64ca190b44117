/**
 * Rewind by re-execution: a run is done again and stopped where somebody wants to look, or goes on from there in another way.
 * Nothing of an earlier run is kept for that; the same seed is the same run.
 */
import type { Inspection } from '../reports/inspection.ts'
import { Trace } from '../sim/trace.ts'
import { frameUs } from '../sim/world.ts'
import { Inspector } from './cluster/inspection.ts'
import type { Branch } from './cluster/outcome.ts'
import { prepare } from './cluster/prepare.ts'
import { runOnce, runScenario } from './cluster/run.ts'
import { OptionError, type SimulateOptions } from './options.ts'
import { resultOf } from './conclusion.ts'
import type { RunResult } from './result.ts'
import type { Scenario } from './scenario.ts'
import { settingsOf } from './settings.ts'

export interface InspectOptions extends SimulateOptions {
  /**
   * At the end of which frame: everything before the instant at which the next one begins has happened, and nothing of that
   * instant. Left out: the end of the run.
   */
  readonly frame?: number
}

/**
 * A run as it stood at the end of a frame.
 * @throws {OptionError} where the run has no such frame, or the options cannot be met.
 */
export async function inspect(scenario: Scenario, { frame, ...options }: InspectOptions): Promise<Inspection> {
  const untilUs = frame === undefined ? Infinity : frameUs(frame + 1, scenario.settings.hz)
  const inspector = new Inspector()
  let isStopped = false
  const taken: Inspection[] = []
  await runOnce(scenario, {
    ...settingsOf(scenario, options),
    watchers: [inspector],
    isOver: (_cluster, _trace, nextUs) => (isStopped = nextUs >= untilUs),
    onEnd: (cluster, trace) => taken.push(inspector.take(cluster, trace, !isStopped)),
  }, await prepare())
  const [inspection] = taken
  if (frame !== undefined && inspection.frame !== frame) {
    throw new OptionError(`there is no frame ${frame}: the run has frames 0 to ${inspection.frame}`)
  }
  return inspection
}

export interface Future {
  /** Of the future. */
  readonly result: RunResult
  /** Of the run that it branches from. */
  readonly originalDigest: string
  /** When the future begins. */
  readonly beginsUs: number
  /** The first record that is another one than in the original run, or that only one of them has; undefined where all are the same. */
  readonly parting: { readonly record: number; readonly atUs: number } | undefined
}

export interface BranchOptions extends SimulateOptions {
  readonly branch: Branch
}

/**
 * Runs once as it was and once with another future, to tell where they part: not before the frame in which the future begins.
 * @throws {OptionError} where the options cannot be met.
 */
export async function branch(scenario: Scenario, options: BranchOptions): Promise<Future> {
  const { branch: _, measure: __, ...past } = options
  const prepared = await prepare()
  const original = (await runOnce(scenario, settingsOf(scenario, past), prepared)).trace
  const settings = settingsOf(scenario, options)
  const outcome = await runScenario(scenario, settings, prepared)
  const { trace } = outcome
  const record = Trace.firstDifference(original, trace)
  const atUs = record === undefined ? 0 : (record < trace.length ? trace : original).at(record).atUs
  return {
    result: resultOf(scenario, options, settings, outcome), originalDigest: original.digest,
    beginsUs: frameUs(options.branch.frame, scenario.settings.hz),
    parting: record === undefined ? undefined : { record, atUs },
  }
}
