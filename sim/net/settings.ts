/**
 * What a link is asked to be: one record of integers and flags, with a nested record where a model has parameters of its own.
 * Times are microseconds, probabilities parts per million. Whatever is out of range is refused with one line that names it.
 */
import { PPM } from '../choice.ts'
import { DeliveryTrace } from './delivery-trace.ts'

/**
 * How the latency is distributed within [latencyUsMin, latencyUsMax]; what a model gives beyond is moved to the bound. Latencies are
 * constant where both bounds are the same.
 *
 * - `tail`: from the least latency on, with a tail that is long and thin, as on real paths.
 * - `uniform`: every latency as often as another.
 * - `normal`, `pareto`, `paretonormal`: netem's tables, about a mean.
 *
 * With a `correlationPpm` (netem's: how much of a deviation is the one before it) the link remembers a deviation: what a datagram
 * meets then follows from its forerunners, too. A run stays reproducible, but a fault that is left out moves the delays behind it.
 */
export type Jitter =
  | { readonly kind: 'tail' }
  | { readonly kind: 'uniform'; readonly correlationPpm: number }
  | {
    readonly kind: 'normal' | 'pareto' | 'paretonormal'
    readonly meanUs: number
    readonly deviationUs: number
    readonly correlationPpm: number
  }

/**
 * Loss with a memory, beside the independent one of `dropPpm`; a loss that is left out may move those behind it.
 *
 * - `perBlock`: exactly `lost` of each `block` datagrams.
 * - `gilbertElliott`: two states. `pPpm` leads from the good one to the bad one, `rPpm` back, at each datagram; a datagram is lost by
 *   `goodLossPpm` (1 - k) or `badLossPpm` (1 - h). In the long run p / (p + r) of all meet the bad state, 1 / r in a row.
 */
export type Loss =
  | { readonly kind: 'none' }
  | { readonly kind: 'perBlock'; readonly lost: number; readonly block: number }
  | {
    readonly kind: 'gilbertElliott'
    readonly pPpm: number
    readonly rPpm: number
    readonly goodLossPpm: number
    readonly badLossPpm: number
  }

/**
 * What the bottleneck does before its queue is full, to datagrams that can be marked instead of lost (ECN, RFC 3168) and to others.
 *
 * - `tailDrop`: nothing; those that can be marked are marked where they find `markBytes` waiting (0: never).
 * - `codel`: RFC 8289. Marks or loses, ever more often, while nobody has waited less than `targetUs` for `intervalUs`.
 */
export type QueueDiscipline =
  | { readonly kind: 'tailDrop'; readonly markBytes: number }
  | { readonly kind: 'codel'; readonly targetUs: number; readonly intervalUs: number }

/** Up for `upUs`, down for `downUs`, and so on; at t = 0 the link is `offsetUs` into that. */
export interface Flapping {
  readonly upUs: number
  readonly downUs: number
  readonly offsetUs: number
}

export interface LinkSettings {
  readonly latencyUsMin: number
  readonly latencyUsMax: number
  readonly jitter: Jitter
  readonly dropPpm: number
  readonly loss: Loss
  readonly duplicatePpm: number
  readonly reorderPpm: number
  /** How long a reordered datagram is held back. */
  readonly reorderUs: number
  readonly corruptPpm: number
  /** 0: not limited, no queue (but that of a `trace`). */
  readonly bandwidthBytesPerSecond: number
  /** Depth of the token bucket: so much leaves at once after a rest. 0: every datagram takes its time. */
  readonly burstBytes: number
  /** A link whose opportunities to deliver were recorded; in place of a bandwidth. */
  readonly trace: DeliveryTrace | undefined
  readonly queue: QueueDiscipline
  readonly queueBytesMax: number
  /** Datagrams in the queue, the one that is being sent included. 0: only bytes are bounded. */
  readonly queuePacketsMax: number
  /** Bytes of the largest datagram that passes (UDP payload). */
  readonly mtuBytes: number
  readonly flapping: Flapping | undefined
  readonly down: boolean
}

/** What the two directions between two addresses are told: up is from the first to the second. */
export interface LinkPair {
  readonly up: Partial<LinkSettings>
  readonly down: Partial<LinkSettings>
}

/** 1472 = 1500 of Ethernet - 20 of IPv4 - 8 of UDP. */
export const LINK_DEFAULTS: LinkSettings = {
  latencyUsMin: 5_000, latencyUsMax: 5_000, jitter: { kind: 'tail' }, dropPpm: 0, loss: { kind: 'none' }, duplicatePpm: 0, reorderPpm: 0,
  reorderUs: 15_000, corruptPpm: 0, bandwidthBytesPerSecond: 0, burstBytes: 0, trace: undefined,
  queue: { kind: 'tailDrop', markBytes: 0 }, queueBytesMax: 65_536, queuePacketsMax: 0, mtuBytes: 1_472, flapping: undefined, down: false,
}

/** Microseconds, bytes and bytes a second. */
const SETTING_MAX = 2 ** 31
const BLOCK_MAX = 256
const QUEUE_PACKETS_MAX = 65_536

type Bounds = readonly [least: number, most: number]
const ANY: Bounds = [0, SETTING_MAX]
const SHARE: Bounds = [0, PPM]

const INTEGERS: Readonly<Record<string, Bounds>> = {
  latencyUsMin: ANY, latencyUsMax: ANY, dropPpm: SHARE, duplicatePpm: SHARE, reorderPpm: SHARE, reorderUs: ANY, corruptPpm: SHARE,
  bandwidthBytesPerSecond: ANY, burstBytes: ANY, queueBytesMax: ANY, queuePacketsMax: [0, QUEUE_PACKETS_MAX], mtuBytes: ANY,
}
const ABOUT_MEAN = { meanUs: ANY, deviationUs: ANY, correlationPpm: SHARE }
/** By setting and kind, the fields of each model. */
const MODELS: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Bounds>>>>>> = {
  jitter: { tail: {}, uniform: { correlationPpm: SHARE }, normal: ABOUT_MEAN, pareto: ABOUT_MEAN, paretonormal: ABOUT_MEAN },
  loss: {
    none: {}, perBlock: { lost: [0, BLOCK_MAX], block: [1, BLOCK_MAX] },
    gilbertElliott: { pPpm: SHARE, rPpm: SHARE, goodLossPpm: SHARE, badLossPpm: SHARE },
  },
  queue: { tailDrop: { markBytes: ANY }, codel: { targetUs: [1, SETTING_MAX], intervalUs: [1, SETTING_MAX] } },
}
const FLAPPING: Readonly<Record<string, Bounds>> = { upUs: [1, SETTING_MAX], downUs: ANY, offsetUs: ANY }

/** Answers what it is given. @throws {RangeError} on a value that is out of range, or a field that there is not. */
export function validated(settings: LinkSettings): LinkSettings {
  for (const [name, value] of Object.entries(settings)) checkSetting(name, value)
  const { latencyUsMin, latencyUsMax, jitter, loss, trace, bandwidthBytesPerSecond } = settings
  if (latencyUsMax < latencyUsMin) {
    throw new RangeError(`link latencyUsMax: expected at least latencyUsMin ${latencyUsMin}, got ${latencyUsMax}`)
  }
  if ('meanUs' in jitter && (jitter.meanUs < latencyUsMin || jitter.meanUs > latencyUsMax)) {
    throw new RangeError(`link jitter.meanUs: expected a latency of the link, ${latencyUsMin} to ${latencyUsMax}, got ${jitter.meanUs}`)
  }
  if (loss.kind === 'perBlock' && loss.lost > loss.block) {
    throw new RangeError(`link loss.lost: expected at most block ${loss.block}, got ${loss.lost}`)
  }
  if (trace !== undefined && bandwidthBytesPerSecond !== 0) {
    throw new RangeError(`link trace: expected no bandwidth beside it, got ${bandwidthBytesPerSecond} bytes a second`)
  }
  return settings
}

function checkSetting(name: string, value: unknown): void {
  const bounds = INTEGERS[name]
  const kinds = MODELS[name]
  if (bounds !== undefined) return checkInteger(name, value, bounds)
  if (kinds !== undefined) return checkModel(name, value, kinds)
  if (name === 'flapping') return value === undefined ? undefined : checkFields(name, value, FLAPPING)
  if (name === 'trace') return check(name, 'a DeliveryTrace or undefined', value, value === undefined || value instanceof DeliveryTrace)
  if (name === 'down') return check(name, 'a boolean', value, typeof value === 'boolean')
  throw new RangeError(`link ${name}: there is no such setting`)
}

function checkModel(name: string, value: unknown, kinds: Readonly<Record<string, Readonly<Record<string, Bounds>>>>): void {
  const { kind, ...fields } = (value ?? {}) as { readonly kind?: unknown }
  const known = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (known === undefined) throw new RangeError(`link ${name}.kind: expected one of ${Object.keys(kinds).join(', ')}, got ${String(kind)}`)
  checkFields(name, fields, known)
}

function checkFields(name: string, value: unknown, fields: Readonly<Record<string, Bounds>>): void {
  const given = { ...(value as object) } as Readonly<Record<string, unknown>>
  const stranger = Object.keys(given).find((field) => !Object.hasOwn(fields, field))
  if (stranger !== undefined) throw new RangeError(`link ${name}.${stranger}: there is no such field`)
  for (const [field, bounds] of Object.entries(fields)) checkInteger(`${name}.${field}`, given[field], bounds)
}

function checkInteger(name: string, value: unknown, [least, most]: Bounds): void {
  const isWithin = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
  check(name, `an integer of [${least}, ${most}]`, value, isWithin)
}

function check(name: string, expected: string, value: unknown, isRight: boolean): void {
  if (!isRight) throw new RangeError(`link ${name}: expected ${expected}, got ${String(value)}`)
}
