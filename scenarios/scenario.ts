/** What a scenario is: a name, its settings, a story that awaits only virtual time, and what must have happened in it. */
import { type CounterName, COUNTERS } from '../reports/counters.ts'
import { STREAM_BYTES_PER_SECOND_MIN } from '../system/limits.ts'
import { type MarkName, MARKS } from '../system/telemetry/marks.ts'
import { fieldsOf, oneOf, rangeOf, whole, within } from './arguments.ts'
import { type Translator, TRANSLATORS } from './cluster/translators.ts'
import type { Story } from './cluster/vocabulary.ts'

/** Names of the counters that a run keeps; reports/counters.ts tells what each one counts. */
export type { CounterName } from '../reports/counters.ts'
export { MARKS, type MarkName } from '../system/telemetry/marks.ts'

export interface ScenarioSettings {
  /** How many frames the story is given before the network heals. At least 1. */
  readonly frames: number
  /** Frames a second; the only rate that Theta speaks so far. */
  readonly hz: 90
  /** Peers that may join at once, with a headset each (default 4). */
  readonly peersMax?: number
  /** Virtual time after the last frame within which everybody must have settled, in milliseconds (default 5,000). */
  readonly settleMs?: number
  /** Whether events of one instant are permuted by choice (default false). */
  readonly ties?: boolean
  /** Whether peers show rare behaviour that is legal (default false); each seed draws which, and how often. */
  readonly faultPoints?: boolean
  /** Whether nodes have disks, so that the host can crash (default false); `drawn`: in half of the seeds. */
  readonly disks?: boolean | 'drawn'
  /** What the changes of the stream may take for each member, in bytes a second, at least 2048 (default: without a bound). */
  readonly streamBytesPerSecond?: number
  /** The translator that the host is behind (default none); peers then meet it over WebRTC, by a public server beside it. */
  readonly hostBehind?: Translator
}

/**
 * A run in which these did not happen has shown nothing and fails (exit 1). Each counter is a least value, or an exact
 * range [least, most].
 */
export interface MustHappen {
  readonly counters?: { readonly [K in CounterName]?: number | readonly [least: number, most: number] }
  /** How often at least each rare state was reached. */
  readonly marks?: { readonly [K in MarkName]?: number }
  /** Commands that each peer signed at least, by name. */
  readonly signedBy?: { readonly [name: string]: number }
  /** Frames that each peer confirmed at least, by name. The last one is always included. */
  readonly confirmed?: { readonly [name: string]: number }
}

export interface Scenario {
  readonly name: string
  readonly settings: Required<ScenarioSettings>
  readonly script: (story: Story) => Promise<void>
  readonly mustHappen: MustHappen
}

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/
export const FRAMES_MAX = 54_000
const PEERS_MAX = 16
const STREAM_BYTES_PER_SECOND_MAX = 1_000_000_000

/**
 * Defines a scenario. Export it as the default of a file and run the file: `theta-sim run ./my.ts`.
 *
 *     export default scenario('late-join', { frames: 120, hz: 90 }, async ({ host, join, frame }) => {
 *       const crate = host.spawn({ at: [0, 1, -2] })
 *       const ana = await join('ana', { over: 'quic', role: 'editor' })
 *       ana.click(crate)
 *       await frame(60)
 *     }, { mustHappen: { counters: { commandsApplied: 1 } } })
 *
 * @throws {TypeError | RangeError} where the name or a setting is not usable.
 */
export function scenario(
  name: string, settings: ScenarioSettings, script: (story: Story) => Promise<void>, checks: { readonly mustHappen?: MustHappen } = {},
): Scenario {
  if (!NAME.test(name)) throw new RangeError(`scenario name: expected lower-case letters, digits and dashes, got ${JSON.stringify(name)}`)
  fieldsOf(`scenario ${name}`, settings, [
    'frames', 'hz', 'peersMax', 'settleMs', 'ties', 'faultPoints', 'disks', 'streamBytesPerSecond', 'hostBehind',
  ])
  fieldsOf(`scenario ${name}: checks`, checks, ['mustHappen'])
  if (typeof script !== 'function') throw new TypeError(`scenario ${name}: expected a script function, got ${typeof script}`)
  const { frames, hz, peersMax = 4, settleMs = 5_000, ties = false, faultPoints = false, disks = false } = settings
  const { streamBytesPerSecond = Infinity, hostBehind = 'none' } = settings
  oneOf(`scenario ${name}: hostBehind`, hostBehind, TRANSLATORS)
  const wholeWithin = (field: string, value: number, most: number) => within(field, whole(field, value), 1, most)
  wholeWithin(`scenario ${name}: frames`, frames, FRAMES_MAX)
  if (hz !== 90) throw new RangeError(`scenario ${name}: expected 90 hz, got ${String(hz)}`)
  wholeWithin(`scenario ${name}: peersMax`, peersMax, PEERS_MAX)
  wholeWithin(`scenario ${name}: settleMs`, settleMs, Infinity)
  if (streamBytesPerSecond !== Infinity) {
    whole(`scenario ${name}: streamBytesPerSecond`, streamBytesPerSecond)
    within(`scenario ${name}: streamBytesPerSecond`, streamBytesPerSecond, STREAM_BYTES_PER_SECOND_MIN, STREAM_BYTES_PER_SECOND_MAX)
  }
  const { mustHappen = {} } = checks
  expectationsOf(mustHappen)
  const complete = { frames, hz, peersMax, settleMs, ties, faultPoints, disks, streamBytesPerSecond, hostBehind }
  return { name, settings: complete, script, mustHappen }
}

function expectationsOf(mustHappen: MustHappen): void {
  fieldsOf('mustHappen', mustHappen, ['counters', 'marks', 'signedBy', 'confirmed'])
  const { counters = {}, marks = {}, signedBy = {}, confirmed = {} } = mustHappen
  const slip = Object.keys(counters).find((name) => !(name in COUNTERS))
  if (slip !== undefined) throw new RangeError(`mustHappen.counters: there is no counter '${slip}'${alike(slip)}`)
  const unknown = Object.keys(marks).find((name) => !(name in MARKS))
  if (unknown !== undefined) throw new RangeError(`mustHappen.marks: there is no mark '${unknown}'; MARKS names them all`)
  for (const [name, wanted] of Object.entries(counters)) {
    if (typeof wanted === 'number') whole(name, wanted)
    else rangeOf(name, wanted).forEach((bound) => whole(name, bound))
  }
  for (const [name, least] of [...Object.entries(marks), ...Object.entries(signedBy), ...Object.entries(confirmed)]) whole(name, least)
}

/** Counters whose names begin as this one does. */
function alike(slip: string): string {
  const names = Object.keys(COUNTERS).filter((name) => name.startsWith(slip.slice(0, 4)))
  return names.length === 0 ? '; COUNTERS names them all' : `; there are ${names.join(', ')}`
}
