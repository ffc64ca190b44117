/** What a story says of a link, in milliseconds and shares, as settings of the network for each direction. */
import { BURST_NAMES, burstsOf } from '../../sim/net/bursts.ts'
import { DeliveryTrace } from '../../sim/net/delivery-trace.ts'
import { PRESET_NAMES, presetOf } from '../../sim/net/presets.ts'
import type { Jitter, LinkPair, LinkSettings, Loss, QueueDiscipline } from '../../sim/net/settings.ts'
import { syntheticTrace, TRACE_NAMES } from '../../sim/net/synthetic-traces.ts'
import { fieldsOf, oneOf, rangeOf, whole, within } from '../arguments.ts'
import { US_PER_MS } from './units.ts'
import type { DirectionOptions, JitterOptions, LinkOptions, QueueOptions } from './vocabulary.ts'

const PPM = 1_000_000
const DIRECTION_FIELDS = [
  'latencyMs', 'drop', 'duplicate', 'reorder', 'corrupt', 'bytesPerSecond', 'queueBytes', 'jitter', 'lossBursts', 'lossPerBlock',
  'burstBytes', 'queuePackets', 'queue', 'trace', 'mtuBytes', 'flapping',
]
const LINK_FIELDS = [...DIRECTION_FIELDS, 'preset', 'up', 'down']
const ABOUT_MEAN = ['kind', 'meanMs', 'deviationMs', 'correlation']
const JITTER_FIELDS = {
  tail: ['kind'], uniform: ['kind', 'correlation'], normal: ABOUT_MEAN, pareto: ABOUT_MEAN, paretonormal: ABOUT_MEAN,
}
const QUEUE_FIELDS = { tailDrop: ['kind', 'markBytes'], codel: ['kind', 'targetMs', 'intervalMs'] }
/** RFC 8289, sections 4.3 and 4.2. */
const CODEL_TARGET_MS = 5
const CODEL_INTERVAL_MS = 100

/** Milliseconds to microseconds. @throws {RangeError} */
export const us = (ms: number): number => Math.floor(within('ms', ms, 0, Infinity) * US_PER_MS)
const ppm = (what: string, share: number): number => Math.floor(within(what, share, 0, 1) * PPM + 0.5)

/** Up is towards the host. @throws {TypeError | RangeError} in one line, naming what is wrong. */
export function linksOf(options: LinkOptions): LinkPair {
  fieldsOf('set', options, LINK_FIELDS)
  const { preset, up, down, ...each } = options
  const known = preset === undefined ? { up: {}, down: {} } : presetOf(oneOf('set: preset', preset, PRESET_NAMES))
  const both = settingsOf('set', each)
  return {
    up: { ...known.up, ...both, ...(up !== undefined && settingsOf('set: up', up)) },
    down: { ...known.down, ...both, ...(down !== undefined && settingsOf('set: down', down)) },
  }
}

function settingsOf(what: string, options: DirectionOptions): Partial<LinkSettings> {
  fieldsOf(what, options, DIRECTION_FIELDS)
  const { latencyMs, drop, duplicate, reorder, corrupt, bytesPerSecond, burstBytes, queueBytes, queuePackets, mtuBytes } = options
  const { jitter, lossBursts, lossPerBlock, queue, trace, flapping } = options
  const [latencyUsMin, latencyUsMax] = latencyMs === undefined ? [] : rangeOf('latencyMs', latencyMs).map(us)
  return {
    ...(latencyUsMin !== undefined && latencyUsMax !== undefined && { latencyUsMin, latencyUsMax }),
    ...(jitter !== undefined && { jitter: jitterOf(jitter) }),
    ...(drop !== undefined && { dropPpm: ppm('drop', drop) }),
    ...(lossBursts !== undefined && { loss: burstLossOf(lossBursts) }),
    ...(lossPerBlock !== undefined && { loss: perBlockOf(lossPerBlock) }),
    ...(duplicate !== undefined && { duplicatePpm: ppm('duplicate', duplicate) }),
    ...(reorder !== undefined && { reorderPpm: ppm('reorder', reorder) }),
    ...(corrupt !== undefined && { corruptPpm: ppm('corrupt', corrupt) }),
    // A link has one of the two: what comes last takes the place of the other.
    ...(bytesPerSecond !== undefined && { bandwidthBytesPerSecond: whole('bytesPerSecond', bytesPerSecond), trace: undefined }),
    ...(trace !== undefined && { trace: traceOf(trace), bandwidthBytesPerSecond: 0 }),
    ...(burstBytes !== undefined && { burstBytes: whole('burstBytes', burstBytes) }),
    ...(queue !== undefined && { queue: queueOf(queue) }),
    ...(queueBytes !== undefined && { queueBytesMax: whole('queueBytes', queueBytes) }),
    ...(queuePackets !== undefined && { queuePacketsMax: whole('queuePackets', queuePackets) }),
    ...(mtuBytes !== undefined && { mtuBytes: whole('mtuBytes', mtuBytes) }),
    ...(flapping !== undefined && { flapping: flappingOf(flapping) }),
  }
}

/** @throws {TypeError | RangeError} where it is not of one of these kinds, or has fields of another. */
function checkKind(what: string, value: { readonly kind: string }, fields: Readonly<Record<string, readonly string[]>>): void {
  fieldsOf(what, value, Object.values(fields).flat())
  fieldsOf(what, value, fields[oneOf(`${what}: kind`, value.kind, Object.keys(fields))])
}

function jitterOf(jitter: JitterOptions): Jitter {
  checkKind('jitter', jitter, JITTER_FIELDS)
  if (jitter.kind === 'tail') return jitter
  const { kind, correlation = 0 } = jitter
  const correlationPpm = ppm('jitter: correlation', correlation)
  if (kind === 'uniform') return { kind, correlationPpm }
  return { kind, meanUs: us(jitter.meanMs), deviationUs: us(jitter.deviationMs), correlationPpm }
}

function burstLossOf(bursts: NonNullable<DirectionOptions['lossBursts']>): Loss {
  if (bursts === 'none') return { kind: 'none' }
  if (typeof bursts === 'string') return burstsOf(oneOf('lossBursts', bursts, BURST_NAMES))
  fieldsOf('lossBursts', bursts, ['begin', 'end', 'lossWithin', 'lossBetween'])
  const { begin, end, lossWithin = 1, lossBetween = 0 } = bursts
  return {
    kind: 'gilbertElliott', pPpm: ppm('lossBursts: begin', begin), rPpm: ppm('lossBursts: end', end),
    goodLossPpm: ppm('lossBursts: lossBetween', lossBetween), badLossPpm: ppm('lossBursts: lossWithin', lossWithin),
  }
}

function perBlockOf(lossPerBlock: readonly [lost: number, block: number]): Loss {
  if (!Array.isArray(lossPerBlock) || lossPerBlock.length !== 2) {
    throw new TypeError(`lossPerBlock: expected [lost, block], got ${JSON.stringify(lossPerBlock)}`)
  }
  const [lost, block] = lossPerBlock
  return { kind: 'perBlock', lost: whole('lossPerBlock', lost), block: whole('lossPerBlock', block) }
}

function queueOf(queue: QueueOptions): QueueDiscipline {
  checkKind('queue', queue, QUEUE_FIELDS)
  if (queue.kind === 'tailDrop') return { kind: 'tailDrop', markBytes: whole('queue: markBytes', queue.markBytes ?? 0) }
  const { targetMs = CODEL_TARGET_MS, intervalMs = CODEL_INTERVAL_MS } = queue
  return { kind: 'codel', targetUs: us(targetMs), intervalUs: us(intervalMs) }
}

function traceOf(trace: NonNullable<DirectionOptions['trace']>): DeliveryTrace {
  if (typeof trace === 'string') return syntheticTrace(oneOf('trace', trace, TRACE_NAMES))
  fieldsOf('trace', trace, ['text'])
  if (typeof trace.text !== 'string') throw new TypeError(`trace: expected a text, got ${String(trace.text)}`)
  return DeliveryTrace.parse(trace.text)
}

function flappingOf(flapping: NonNullable<DirectionOptions['flapping']>): LinkSettings['flapping'] {
  fieldsOf('flapping', flapping, ['upMs', 'downMs', 'offsetMs'])
  const { upMs, downMs, offsetMs = 0 } = flapping
  return { upUs: us(upMs), downUs: us(downMs), offsetUs: us(offsetMs) }
}
