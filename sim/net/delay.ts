/**
 * How long a datagram is under way. By default the extra over the least latency is drawn from buckets; within a bucket the identity
 * spreads it, so that the choice stays small and instants do not coincide. Datagrams of one link stay in order (a path is
 * a queue), except those that the reorder fault holds back for later ones to overtake.
 */
import { mix32, odds } from '../choice.ts'
import { jitteredUs } from './jitter.ts'
import { hasQueue } from './queue.ts'
import type { Crossing } from './rule.ts'

/** Weights of the buckets: none for bucket 0, which is the least latency itself; the tail is long and thin, as on real paths. */
const EXTRA_WEIGHTS = [32, 24, 16, 10, 7, 5, 4, 2] as const
const EXTRA = odds('net.delay', EXTRA_WEIGHTS)
const EXTRA_BUCKETS = EXTRA_WEIGHTS.length - 1

function extraUs({ chooser, keyHi, keyLo }: Crossing, spanUs: number): number {
  const bucket = chooser.choose(EXTRA, keyHi, keyLo)
  if (bucket === 0) return 0
  const bucketFromUs = Math.floor((spanUs * (bucket - 1)) / EXTRA_BUCKETS)
  const bucketToUs = Math.floor((spanUs * bucket) / EXTRA_BUCKETS)
  return bucketToUs - (mix32(keyLo, keyHi) % (bucketToUs - bucketFromUs + 1))
}

function latencyUs(crossing: Crossing): number {
  const { latencyUsMin, latencyUsMax, jitter } = crossing.link.settings
  const spanUs = latencyUsMax - latencyUsMin
  if (spanUs === 0) return latencyUsMin
  return jitter.kind === 'tail' ? latencyUsMin + extraUs(crossing, spanUs) : jitteredUs(jitter, crossing)
}

export function isHeldBack({ link, chooser, keyHi, keyLo }: Crossing): boolean {
  return link.odds.reorder !== undefined && chooser.choose(link.odds.reorder, keyHi, keyLo) !== 0
}

/** When the datagram leaves the link. A datagram that is held back lets the following ones pass. */
export function arrivalUs(crossing: Crossing, heldBack: boolean): number {
  const { link: { settings, memory }, nowUs } = crossing
  const outOfQueueUs = hasQueue(settings) ? Math.max(nowUs, memory.departureUs) : nowUs
  const atUs = Math.max(outOfQueueUs + latencyUs(crossing), memory.lastArrivalUs)
  if (heldBack) return atUs + settings.reorderUs
  memory.lastArrivalUs = atUs
  return atUs
}
