/** What the members of a session told of themselves, as their host has it: the newest value of each metric that there is. */
import type { AuthorId } from '../ids.ts'
import type { TelemetryReport } from '../protocol/messages.ts'
import { COUNTERS, GAUGES, HISTOGRAMS, REPORTED_PERCENTILES } from './metrics.ts'

const NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(COUNTERS), ...Object.keys(GAUGES),
  ...Object.keys(HISTOGRAMS).flatMap((name) => Object.keys(REPORTED_PERCENTILES).map((suffix) => `${name}.${suffix}`)),
])

export interface MemberTelemetry {
  /** The frame in which it was told, and the last that the member had confirmed, -1 before the first. */
  frame: number
  confirmedFrame: number
  readonly metrics: Map<string, number>
}

/** One entry an author, and a value for each name of the list: bounded whatever members send. */
export class Board {
  readonly #members = new Map<AuthorId, MemberTelemetry>()

  /** How many of the metrics told are known here. */
  take(author: AuthorId, { frame, confirmedFrame, counters }: TelemetryReport): number {
    let member = this.#members.get(author)
    if (member === undefined) this.#members.set(author, (member = { frame, confirmedFrame, metrics: new Map() }))
    member.frame = frame
    member.confirmedFrame = confirmedFrame
    let known = 0
    for (const { name, value } of counters) {
      if (!NAMES.has(name)) continue
      member.metrics.set(name, value)
      known++
    }
    return known
  }

  get members(): ReadonlyMap<AuthorId, Readonly<MemberTelemetry>> {
    return this.#members
  }
}
