/**
 * What a peer knows of its own health: counters, gauges and histograms over its own events, and alarms. A fold over events and
 * instants, bounded in memory; a driver may fold a recorded trace through it and get the same.
 */
import {
  ALARM_INTERVAL_US, COMMAND_TIMES_MAX, REFUSALS_PER_SECOND_MAX, SLOW_FRAME_US,
  TELEMETRY_INTERVAL_US,
} from '../limits.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import type { RefusalReason, TelemetryReport } from '../protocol/messages.ts'
import type { FoldOutcome, SystemEvent } from './events.ts'
import { Histogram, type HistogramSummary } from './histogram.ts'
import {
  type AlarmName, type CounterName, COUNTERS, type GaugeName, GAUGES, type HistogramName, HISTOGRAMS, REPORTED_PERCENTILES,
} from './metrics.ts'

const US_PER_SECOND = 1_000_000

export interface Telemetry {
  readonly counters: Readonly<Record<CounterName, number>>
  readonly gauges: Readonly<Record<GaugeName, number>>
  readonly histograms: Readonly<Record<HistogramName, HistogramSummary>>
}

/** How far a limb was shown from where it was, in steps of 1/512 m. */
export interface Correction {
  readonly error: number
  /** Had it been sent as it was, and not as it was foreseen. */
  readonly unpredicted: number
}

export interface Alarm {
  readonly alarm: AlarmName
  readonly value: number
  readonly limit: number
}

type NamedRefusal = 'signature' | 'nonce' | 'rate' | 'size' | 'late'
const NAMED_REFUSALS: ReadonlySet<string> = new Set<NamedRefusal>(['signature', 'nonce', 'rate', 'size', 'late'])
const REFUSAL_COUNTERS = Object.keys(COUNTERS).filter((name) => name.startsWith('refused.')) as CounterName[]

/** Counters of what travels. */
const CARRIED = {
  sent: { messages: 'messages.sent', bytes: 'bytes.sent', commandPackets: 'commandPackets.sent', commandBytes: 'commandBytes.sent' },
  received: {
    messages: 'messages.received', bytes: 'bytes.received',
    commandPackets: 'commandPackets.received', commandBytes: 'commandBytes.received',
  },
} as const satisfies Record<string, Record<string, CounterName>>

type Values<Name extends string> = Record<Name, number>
const zeros = <Name extends string>(names: Readonly<Record<Name, string>>): Values<Name> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, 0])) as Values<Name>
const namesOf = <Name extends string>(names: Readonly<Record<Name, string>>): readonly Name[] => Object.keys(names) as Name[]

export class Diagnostics {
  readonly #raise: (alarm: Alarm) => void
  readonly #counters = zeros(COUNTERS)
  readonly #gauges = zeros(GAUGES)
  readonly #histograms = Object.fromEntries(namesOf(HISTOGRAMS).map((name) => [name, new Histogram()])) as Record<HistogramName, Histogram>
  /** When own commands that are not folded yet were first signed, by their present Lamport time. */
  readonly #signedUs = new Map<Lamport, number>()
  readonly #raisedUs = new Map<AlarmName, number>()
  #frameUs: number | undefined
  #windowUs = 0
  /** When the last report was. */
  #dueUs = 0
  /** Counters as they were when the present second began. */
  #window = { signed: 0, bytes: 0, commandBytes: 0, refused: 0 }
  #reported: ReadonlyMap<string, number> = new Map()
  #author: AuthorId | undefined

  constructor(raise: (alarm: Alarm) => void) {
    this.#raise = raise
  }

  /** A frame begins. `depth` is how many entries wait for their closing. */
  frame(depth: number, nowUs: number): void {
    if (this.#frameUs !== undefined) {
      const intervalUs = nowUs - this.#frameUs
      this.#histograms['frame.intervalUs'].add(intervalUs)
      if (intervalUs > SLOW_FRAME_US) {
        this.#counters['frames.slow']++
        this.#alarm('slow frame', intervalUs, SLOW_FRAME_US, nowUs)
      }
    }
    this.#frameUs = nowUs
    this.#gauges['commands.depth'] = depth
    if (nowUs - this.#windowUs >= US_PER_SECOND) this.#closeWindow(nowUs)
  }

  /** The transport tells of its path. */
  path(lost: number): void {
    this.#gauges['path.lost'] = lost
  }

  /** A confirmed frame shows limbs of this member: how far from where they were. */
  corrected(corrections: readonly Correction[]): void {
    for (const { error, unpredicted } of corrections) {
      this.#histograms['pose.errorSteps'].add(error)
      this.#histograms['pose.unpredictedSteps'].add(unpredicted)
    }
  }

  note(event: SystemEvent, nowUs: number): void {
    const counters = this.#counters
    switch (event.event) {
      case 'frameClosed':
      case 'frameConfirmed': counters['frames.done']++; return
      case 'framesSkipped': counters['frames.skipped'] += event.toFrame - event.fromFrame + 1; return
      case 'streamPublished':
        this.#gauges['stream.waiting'] = event.waiting
        this.#gauges['stream.longestWait'] = event.longestWait
        return
      case 'divergence': counters['repair.divergences']++; return
      case 'heartbeat':
        this.#gauges['path.rttUs'] = event.rttUs
        this.#gauges['path.jitterUs'] = event.jitterUs
        return
      case 'joined': return this.#histograms['join.us'].add(event.tookUs)
      case 'messageSent':
        if (event.packing !== undefined) counters[`compression.${event.packing}`]++
        counters['compression.savedBytes'] += (event.plainBytes ?? event.bytes) - event.bytes
        return this.#carried('sent', event.message, event.bytes)
      case 'messageReceived': return this.#carried('received', event.message, event.bytes)
      case 'messageRefused': counters['messages.refused']++; return
      case 'snapshotSent':
        counters['snapshots.done']++
        return this.#histograms['snapshot.bytes'].add(event.bytes)
      case 'snapshotApplied': counters['snapshots.done']++; return
      case 'nackSent':
      case 'rangeRequested': counters['repair.requests']++; return
      case 'resyncFinished':
        counters['repair.resyncs']++
        return this.#histograms['resync.us'].add(event.tookUs)
      case 'commandSigned': return this.#signed(event.author, event.lamport, event.resignedFrom, nowUs)
      case 'commandAdmitted': counters['commands.admitted']++; return
      case 'commandIntegrated': counters['commands.integrated']++; return
      case 'commandRefused': return this.#refused(event.reason, nowUs)
      case 'commandFolded': return this.#folded(event.lamport, event.author, event.outcome, nowUs)
      case 'commandDeclined': counters['commands.declined']++; return
      case 'commandConflict':
        if (event.strategy === 'lastWriteWins') counters['conflicts.lastWriteWins']++
        return
      case 'commitFolded': counters['conflicts.commit'] += event.conflicts.length; return
      case 'assetHeld': counters['assets.held']++; return
      case 'assetRefused': counters['assets.refused']++; return
      case 'alarm': counters['alarms.raised']++; return
      case 'commandBacklog':
        if (event.state === 'long') this.#alarm('queue depth', event.depth, event.bound, nowUs)
        return
      default:
    }
  }

  get telemetry(): Telemetry {
    const histograms = Object.fromEntries(namesOf(HISTOGRAMS).map((name) => [name, this.#histograms[name].summary()]))
    return { counters: { ...this.#counters }, gauges: { ...this.#gauges }, histograms: histograms as Telemetry['histograms'] }
  }

  /** What has changed since the last report: the metrics' present values, histograms as percentiles. */
  takeReport(): TelemetryReport['counters'] {
    const values = new Map<string, number>([...Object.entries(this.#counters), ...Object.entries(this.#gauges)])
    for (const name of namesOf(HISTOGRAMS)) {
      for (const [suffix, p] of Object.entries(REPORTED_PERCENTILES)) values.set(`${name}.${suffix}`, this.#histograms[name].percentile(p))
    }
    const changed = [...values].filter(([name, value]) => value !== (this.#reported.get(name) ?? 0))
    this.#reported = values
    return changed.map(([name, value]) => ({ name, value }))
  }

  /** The report that is due once a second, with what has changed. */
  due(standing: Pick<TelemetryReport, 'frame' | 'confirmedFrame' | 'rttUs' | 'jitterUs'>, nowUs: number): TelemetryReport | undefined {
    if (nowUs - this.#dueUs < TELEMETRY_INTERVAL_US) return undefined
    this.#dueUs = nowUs
    return { kind: 'TelemetryReport', ...standing, counters: this.takeReport() }
  }

  /** Whoever gets the next report knows nothing yet. */
  beginReports(): void {
    this.#reported = new Map()
  }

  #carried(way: 'sent' | 'received', message: string, bytes: number): void {
    const counters = this.#counters
    const names = CARRIED[way]
    counters[names.messages]++
    counters[names.bytes] += bytes
    if (message === 'ComponentDelta') this.#histograms['delta.bytes'].add(bytes)
    if (message === 'AssetTransfer') counters[`assetBytes.${way}`] += bytes
    if (message !== 'CommandLogEntry') return
    counters[names.commandPackets]++
    counters[names.commandBytes] += bytes
  }

  #signed(author: AuthorId, lamport: Lamport, resignedFrom: Lamport, nowUs: number): void {
    this.#author = author
    const firstUs = this.#signedUs.get(resignedFrom)
    this.#signedUs.delete(resignedFrom)
    this.#counters[resignedFrom === 0 ? 'commands.signed' : 'commands.signedAnew']++
    // The oldest that were never folded were refused for good.
    if (this.#signedUs.size >= COMMAND_TIMES_MAX) this.#signedUs.delete(this.#signedUs.keys().next().value!)
    this.#signedUs.set(lamport, firstUs ?? nowUs)
  }

  #folded(lamport: Lamport, author: AuthorId, outcome: FoldOutcome, nowUs: number): void {
    this.#counters[`commands.${outcome}`]++
    if (outcome === 'merged') this.#counters['conflicts.merge']++
    if (outcome === 'rejected') this.#counters['conflicts.reject']++
    const signedUs = author === this.#author ? this.#signedUs.get(lamport) : undefined
    if (signedUs === undefined) return
    this.#signedUs.delete(lamport)
    this.#histograms['command.latencyUs'].add(nowUs - signedUs)
  }

  #refused(reason: RefusalReason, nowUs: number): void {
    const counter: CounterName = NAMED_REFUSALS.has(reason) ? `refused.${reason as NamedRefusal}` : 'refused.other'
    this.#counters[counter]++
    if (reason === 'rate') this.#alarm('limiter', this.#counters['refused.rate'], 0, nowUs)
    if (reason === 'nonce') this.#alarm('replay', this.#counters['refused.nonce'], 0, nowUs)
  }

  #closeWindow(nowUs: number): void {
    const { counters, window } = { counters: this.#counters, window: this.#window }
    const seconds = (nowUs - this.#windowUs) / US_PER_SECOND
    const perSecond = (value: number, before: number): number => Math.floor((value - before) / seconds)
    const now = {
      signed: counters['commands.signed'], bytes: counters['bytes.sent'], commandBytes: counters['commandBytes.sent'],
      refused: counters['messages.refused'] + REFUSAL_COUNTERS.reduce((sum, name) => sum + counters[name], 0),
    }
    this.#gauges['commands.perSecond'] = perSecond(now.signed, window.signed)
    this.#gauges['bytes.perSecond'] = perSecond(now.bytes, window.bytes)
    this.#gauges['commandBytes.perSecond'] = perSecond(now.commandBytes, window.commandBytes)
    const refused = perSecond(now.refused, window.refused)
    if (refused > REFUSALS_PER_SECOND_MAX) this.#alarm('refusals', refused, REFUSALS_PER_SECOND_MAX, nowUs)
    this.#window = now
    this.#windowUs = nowUs
  }

  #alarm(alarm: AlarmName, value: number, limit: number, nowUs: number): void {
    const raisedUs = this.#raisedUs.get(alarm)
    if (raisedUs !== undefined && nowUs - raisedUs < ALARM_INTERVAL_US) return
    this.#raisedUs.set(alarm, nowUs)
    this.#raise({ alarm, value, limit })
  }
}
