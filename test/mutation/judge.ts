/**
 * The thread in which the scenarios judge: it runs stories with one mutant switched on, until one is red. It may hang or
 * crash, which is an answer as well (referee.ts).
 */
import { serve } from '../../platform/watchdog.ts'
import { CATALOGUE } from '../../scenarios/catalogue.ts'
import { prepare } from '../../scenarios/cluster/prepare.ts'
import { runOnce } from '../../scenarios/cluster/run.ts'
import { board, HITS_FACTOR, HITS_MIN, switchOff, switchOn } from './switch.ts'

/** One run of a story. */
export interface Trial {
  readonly story: string
  readonly seed: number
}

/** A trial without a mutant: what it reaches, and its digest. */
export interface Baseline {
  readonly trial: Trial
  readonly verdict: string
  readonly isRed: boolean
  readonly digest: string
  /** How often each mutant was passed, by its id. */
  readonly hits: Readonly<Record<string, number>>
}

/** A trial with a mutant, and what it was without. */
export interface Comparison extends Trial {
  readonly digest: string
  /** How often this mutant was passed. */
  readonly hits: number
}

export type JudgeQuestion =
  | { readonly ask: 'baseline'; readonly trials: readonly Trial[] }
  | { readonly ask: 'verdict'; readonly mutant: string; readonly trials: readonly Comparison[] }

export type JudgeAnswer =
  /** `loaded`: passed while the modules were loaded, when no switch is on yet. */
  | { readonly kind: 'baseline'; readonly baselines: readonly Baseline[]; readonly loaded: readonly string[] }
  | { readonly kind: 'killed'; readonly trial: Trial; readonly how: string }
  /** `changed`: the first run that was not the same to the byte, though no check was red. */
  | { readonly kind: 'survived'; readonly changed: Trial | undefined }

const loaded = Object.keys(board.mutantCoverage?.static ?? {})

async function run({ story, seed }: Trial) {
  const { scenario } = CATALOGUE.find((entry) => entry.scenario.name === story)!
  return runOnce(scenario, { seed, frames: scenario.settings.frames, verifier: 'node', measure: false }, await prepare())
}

async function baseline(trial: Trial): Promise<Baseline> {
  board.currentTestId = `${trial.story} ${trial.seed}`
  const { exit, verdict, trace } = await run(trial)
  const hits = board.mutantCoverage?.perTest[board.currentTestId] ?? {}
  board.currentTestId = undefined
  return { trial, verdict, isRed: exit !== 0, digest: trace.digest, hits }
}

serve(async (question, beat): Promise<JudgeAnswer> => {
  const asked = question as JudgeQuestion
  if (asked.ask === 'baseline') {
    const baselines: Baseline[] = []
    for (const trial of asked.trials) {
      baselines.push(await baseline(trial))
      beat(baselines.length, asked.trials.length)
    }
    return { kind: 'baseline', baselines, loaded }
  }
  let changed: Trial | undefined
  for (const [index, { digest, hits, ...trial }] of asked.trials.entries()) {
    switchOn(asked.mutant, HITS_MIN + HITS_FACTOR * hits)
    try {
      const { exit, verdict, trace, info } = await run(trial)
      if (exit !== 0) return { kind: 'killed', trial, how: `exit ${exit}, ${info.failure?.check ?? ''}: ${verdict}` }
      if (trace.digest !== digest) changed ??= trial
    } catch (error) {
      return { kind: 'killed', trial, how: `threw ${String(error)}` }
    } finally {
      switchOff()
    }
    beat(index + 1, asked.trials.length)
  }
  return { kind: 'survived', changed }
})
