/**
 * Whether a run is the same when it is done again, event by event: the second run is held against the chain digests of the first
 * and ends at the first record that is another one. Across machines, a chain that was written down takes the first run's place.
 */
import { Chaos } from '../platform/chaos.ts'
import { Trace, type TraceRecord } from '../sim/trace.ts'
import { prepare } from './cluster/prepare.ts'
import { runScenario } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import { resultOf } from './conclusion.ts'
import type { RunResult } from './result.ts'
import type { Scenario } from './scenario.ts'
import { settingsOf } from './settings.ts'

export interface CheckOptions extends SimulateOptions {
  /** Whether to run twice (default true). */
  readonly twice?: boolean
  /** Whether to collect garbage and to wait between the events of the second run (default false). */
  readonly chaos?: boolean
  /** The chain of another run of the same: {@link Checked.chain}. */
  readonly against?: string
}

/** A record of both runs; undefined where a run has ended, or of a run of which only the chain is known. */
export interface Difference {
  /** Which record of the trace, the first being 0. */
  readonly record: number
  readonly first: TraceRecord | undefined
  readonly second: TraceRecord | undefined
  /** What the second one was. */
  readonly with: 'again' | 'chain'
}

export interface Checked {
  /** Of the first run. */
  readonly result: RunResult
  readonly records: number
  /** The chain digest after each record, one a line. */
  readonly chain: string
  /** Undefined where the runs are the same, record by record. */
  readonly difference: Difference | undefined
  /** Of the second run, where its records are the same and its report is not. */
  readonly otherReportJson: string | undefined
  /** What was done to the second run. */
  readonly provoked: { readonly collections: number; readonly delays: number } | undefined
}

/** @throws {OptionError} where the options cannot be met. */
export async function checkDeterminism(
  scenario: Scenario, { twice = true, chaos: isProvoked = false, against, ...options }: CheckOptions = {},
): Promise<Checked> {
  const prepared = await prepare()
  const settings = settingsOf(scenario, options)
  const first = await runScenario(scenario, settings, prepared)
  const result = resultOf(scenario, options, settings, first)
  const digests = Array.from(first.records, (_, record) => first.trace.digestAt(record))
  const checked = { result, records: digests.length, chain: `${digests.join('\n')}\n`, otherReportJson: undefined, provoked: undefined }
  const strange = against === undefined ? undefined : againstChain(first.trace, digests, against)
  if (strange !== undefined || !twice) return { ...checked, difference: strange }

  const chaos = isProvoked ? new Chaos() : undefined
  const witness = new Witness(first.trace)
  const { measure: _, ...again } = settings
  const second = await runScenario(scenario, {
    ...again, measure: false,
    isOver: (_cluster, trace) => {
      chaos?.step()
      return witness.hasParted(trace)
    },
  }, prepared)
  const provoked = chaos && { collections: chaos.collections, delays: chaos.delays }
  const record = Trace.firstDifference(first.trace, second.trace)
  if (record !== undefined) {
    const side = (trace: Trace) => (record < trace.length ? trace.at(record) : undefined)
    return { ...checked, provoked, difference: { record, first: side(first.trace), second: side(second.trace), with: 'again' } }
  }
  const { reportJson } = resultOf(scenario, options, settings, second)
  return { ...checked, provoked, difference: undefined, otherReportJson: reportJson === result.reportJson ? undefined : reportJson }
}

/** Compares the records of a run with those of an earlier one, each once, as they come. */
class Witness {
  readonly #first: Trace
  #trace: Trace | undefined
  #compared = 0

  constructor(first: Trace) {
    this.#first = first
  }

  hasParted(trace: Trace): boolean {
    // What runs again to be explained tells more than the first one did.
    if (trace.level === 'full') return false
    if (trace !== this.#trace) this.#compared = 0
    this.#trace = trace
    for (; this.#compared < trace.length; this.#compared++) {
      if (this.#compared === this.#first.length || trace.digestAt(this.#compared) !== this.#first.digestAt(this.#compared)) return true
    }
    return false
  }
}

function againstChain(trace: Trace, digests: readonly string[], chain: string): Difference | undefined {
  const others = chain.trimEnd().split('\n')
  const record = Array.from({ length: Math.max(digests.length, others.length) }).findIndex((_, index) => digests[index] !== others[index])
  if (record < 0) return undefined
  return { record, first: record < trace.length ? trace.at(record) : undefined, second: undefined, with: 'chain' }
}
