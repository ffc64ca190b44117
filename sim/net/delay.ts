/**
 * How long a datagram is under way. The extra over the least latency is drawn from buckets; within a bucket the identity
 * spreads it, so that the choice stays small and instants do not coincide. Datagrams of one link stay in order (a path is
 * a queue), except those that the reorder fault holds back for later ones to overtake.
 */
import { mix32, odds } from '../choice.ts'
import type { Crossing } from './rule.ts'

/** Weights of the buckets: none for bucket 0, which is the least latency itself; the tail is long and thin, as on real paths. */
const EXTRA_WEIGHTS = [32, 24, 16, 10, 7, 5, 4, 2] as const
const EXTRA = odds('net.delay', EXTRA_WEIGHTS)
const EXTRA_BUCKETS = EXTRA_WEIGHTS.length - 1

function extraUs({ link, chooser, keyHi, keyLo }: Crossing): number {
  const spanUs = link.settings.latencyUsMax - link.settings.latencyUsMin
  if (spanUs === 0) return 0
  const bucket = chooser.choose(EXTRA, keyHi, keyLo)
  if (bucket === 0) return 0
  const bucketFromUs = Math.floor((spanUs * (bucket - 1)) / EXTRA_BUCKETS)
  const bucketToUs = Math.floor((spanUs * bucket) / EXTRA_BUCKETS)
  return bucketToUs - (mix32(keyLo, keyHi) % (bucketToUs - bucketFromUs + 1))
}

export function isHeldBack({ link, chooser, keyHi, keyLo }: Crossing): boolean {
  return link.odds.reorder !== undefined && chooser.choose(link.odds.reorder, keyHi, keyLo) !== 0
}

/** When the datagram leaves the link. A datagram that is held back lets the following ones pass. */
export function arrivalUs(crossing: Crossing, heldBack: boolean): number {
  const { link, nowUs } = crossing
  const outOfQueueUs = Math.max(nowUs, link.settings.bandwidthBytesPerSecond === 0 ? 0 : link.busyUntilUs)
  const atUs = Math.max(outOfQueueUs + link.settings.latencyUsMin + extraUs(crossing), link.lastArrivalUs)
  if (heldBack) return atUs + link.settings.reorderUs
  link.lastArrivalUs = atUs
  return atUs
}
