/**
 * The near side of the judge: a thread that is watched, ended where a mutant hangs it, and begun anew. A mutant is put to
 * the trials that reach it, those first that have killed most so far.
 */
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { ThreadEnd, WatchedThread } from '../../platform/watchdog.ts'
import type { Baseline, JudgeAnswer, JudgeQuestion, Trial } from './judge.ts'
import { bundle, type Mutant, type Mutated, ROOT, withoutCounters } from './mutants.ts'

export type Verdict =
  | { readonly kind: 'killed'; readonly by: Trial | undefined; readonly how: string }
  /** `changed`: some run was another to the byte, and no check was red: a checker is missing, or nobody need care. */
  | { readonly kind: 'survived'; readonly effect: 'not reached' | 'none' | 'changed'; readonly trial: Trial | undefined }

const ENTRY = 'test/mutation/judge.ts'
const MODULE = 'out/mutation/judge.js'
const COUNTING_MODULE = 'out/mutation/judge-counting.js'
/** A run takes a tenth of a second, many times that where the machine is busy; loops are ended sooner, by their passes. */
const SILENCE_MS_MAX = 30_000
/** What a mutant leaves behind in its thread ends with it. */
const VERDICTS_PER_THREAD = 250
/** The instrumented code takes its mutant from here where it must be on while modules are loaded. */
const MUTANT_VARIABLE = '__STRYKER_ACTIVE_MUTANT__'

interface Record {
  readonly baseline: Baseline
  kills: number
}

export class Referee {
  #thread: WatchedThread<JudgeQuestion, JudgeAnswer> | undefined
  #verdicts = 0
  readonly #records: Record[]
  readonly #loaded: ReadonlySet<string>
  readonly #trialsMax: number

  private constructor(records: Record[], loaded: ReadonlySet<string>, trialsMax: number) {
    this.#records = records
    this.#loaded = loaded
    this.#trialsMax = trialsMax
  }

  /**
   * @param trialsMax how many of them a mutant is put to, at the most.
   * @throws {Error} where a trial is red without any mutant.
   */
  static async open(sources: Mutated['sources'], trials: readonly Trial[], trialsMax: number): Promise<Referee> {
    await bundle(ENTRY, COUNTING_MODULE, sources)
    await bundle(ENTRY, MODULE, withoutCounters(sources))
    const thread = begin(COUNTING_MODULE)
    try {
      const answer = await thread.ask({ ask: 'baseline', trials }, () => {})
      if (answer.kind !== 'baseline') throw new TypeError(`expected a baseline, got ${answer.kind}`)
      const red = answer.baselines.find(({ isRed }) => isRed)
      if (red !== undefined) throw new Error(`${red.trial.story} is red without a mutant, seed ${red.trial.seed}: ${red.verdict}`)
      return new Referee(answer.baselines.map((baseline) => ({ baseline, kills: 0 })), new Set(answer.loaded), trialsMax)
    } finally {
      await thread.stop()
    }
  }

  /** Whether it is passed while modules are loaded. */
  isLoaded({ id }: Mutant): boolean {
    return this.#loaded.has(id)
  }

  async judge({ id }: Mutant): Promise<Verdict> {
    const isLoaded = this.#loaded.has(id)
    const records = this.#records.filter(({ baseline: { hits } }) => isLoaded || id in hits).toSorted((a, b) => b.kills - a.kills)
      .slice(0, this.#trialsMax)
    if (records.length === 0) return { kind: 'survived', effect: 'not reached', trial: undefined }
    const trials = records.map(({ baseline: { trial, digest, hits } }) => ({ ...trial, digest, hits: hits[id] ?? 0 }))
    if (isLoaded || this.#verdicts++ % VERDICTS_PER_THREAD === 0) await this.close()
    const thread = (this.#thread ??= begin(MODULE, isLoaded ? id : undefined))
    try {
      const answer = await thread.ask({ ask: 'verdict', mutant: id, trials }, () => {})
      if (answer.kind === 'killed') {
        const { story, seed } = answer.trial
        records.find(({ baseline: { trial } }) => trial.story === story && trial.seed === seed)!.kills++
        return { kind: 'killed', by: answer.trial, how: answer.how }
      }
      if (answer.kind !== 'survived') throw new TypeError(`expected a verdict, got ${answer.kind}`)
      return { kind: 'survived', effect: answer.changed === undefined ? 'none' : 'changed', trial: answer.changed }
    } catch (error) {
      if (!(error instanceof ThreadEnd)) throw error
      await this.close()
      return { kind: 'killed', by: undefined, how: error.kind === 'silent' ? 'hung' : error.message }
    } finally {
      if (isLoaded) await this.close()
    }
  }

  async close(): Promise<void> {
    await this.#thread?.stop()
    this.#thread = undefined
  }
}

/** @param mutant to be on from the first line on. */
function begin(module: string, mutant?: string): WatchedThread<JudgeQuestion, JudgeAnswer> {
  if (mutant === undefined) delete process.env[MUTANT_VARIABLE]
  else process.env[MUTANT_VARIABLE] = mutant
  return new WatchedThread(pathToFileURL(join(ROOT, module)), { silenceMsMax: SILENCE_MS_MAX, onOutput: () => {} })
}
