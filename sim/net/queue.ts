/**
 * The bottleneck: a first-in first-out queue, bounded in bytes and in datagrams, which loses what does not fit (tail drop). A datagram
 * leaves when its last byte has. What its discipline strikes is marked where it is capable of that (ECN, RFC 3168, section 5).
 */
import { Ecn } from './datagram.ts'
import type { Crossing, RuleMaker } from './rule.ts'
import { recorded, tokenBucket } from './server.ts'
import type { LinkSettings } from './settings.ts'

export const hasQueue = ({ bandwidthBytesPerSecond, trace }: LinkSettings): boolean => bandwidthBytesPerSecond !== 0 || trace !== undefined

export const queue: RuleMaker = (settings) => {
  if (!hasQueue(settings)) return undefined
  const { trace, queueBytesMax, queuePacketsMax } = settings
  const server = trace === undefined ? tokenBucket(settings) : recorded(trace)
  const isListed = trace !== undefined || queuePacketsMax !== 0
  const strikes = discipline(settings)
  return (crossing) => {
    const { link: { memory }, datagram, nowUs } = crossing
    const { length } = datagram.bytes
    const { backlog } = memory
    if (isListed) backlog.advance(nowUs)
    const waitUs = server.waitUs(memory, nowUs)
    const backlogBytes = server.backlogBytes(memory, waitUs)
    if (backlogBytes + length > queueBytesMax || (queuePacketsMax !== 0 && backlog.length >= queuePacketsMax)) return 'queue'
    const isStruck = strikes !== undefined && strikes(crossing, waitUs, backlogBytes)
    if (isStruck && datagram.ecn === Ecn.notCapable) return 'codel'
    memory.departureUs = server.admit(memory, nowUs, length)
    if (isListed) backlog.push(memory.departureUs, length)
    return isStruck ? 'mark' : 'pass'
  }
}

type Strikes = (crossing: Crossing, waitUs: number, backlogBytes: number) => boolean

/** Undefined for plain tail drop. */
function discipline({ queue: model, mtuBytes }: LinkSettings): Strikes | undefined {
  if (model.kind === 'codel') {
    const { targetUs, intervalUs } = model
    return ({ link, nowUs }, waitUs, backlogBytes) =>
      link.memory.codel.strikes(nowUs + waitUs, waitUs, backlogBytes, mtuBytes, targetUs, intervalUs)
  }
  const { markBytes } = model
  if (markBytes === 0) return undefined
  return ({ datagram }, _, backlogBytes) => datagram.ecn !== Ecn.notCapable && backlogBytes >= markBytes
}
