/** What drains a queue: a token bucket at a fixed rate, or a link whose opportunities to deliver were recorded. */
import { PPM } from '../choice.ts'
import type { DeliveryTrace } from './delivery-trace.ts'
import type { LinkMemory } from './memory.ts'
import type { LinkSettings } from './settings.ts'

/** Headers below the datagram count in neither. Instants never descend from one call to the next. */
export interface Server {
  /** How long a datagram that enters now waits for its turn. */
  waitUs(memory: LinkMemory, nowUs: number): number
  /** What stands before it. */
  backlogBytes(memory: LinkMemory, waitUs: number): number
  /** Takes it in, and answers when its last byte has left. */
  admit(memory: LinkMemory, nowUs: number, bytes: number): number
}

/**
 * Carries `burstBytes` + rate * t in any time t, or one datagram where that is more. What was admitted is booked at the plain rate,
 * and leaves as much earlier as the bucket is deep.
 */
export function tokenBucket({ bandwidthBytesPerSecond, burstBytes }: LinkSettings): Server {
  const burstUs = Math.floor((burstBytes * PPM) / bandwidthBytesPerSecond)
  return {
    waitUs: ({ busyUntilUs }, nowUs) => Math.max(0, busyUntilUs - burstUs - nowUs),
    backlogBytes: (_, waitUs) => Math.ceil((waitUs * bandwidthBytesPerSecond) / PPM),
    admit: (memory, nowUs, bytes) => {
      memory.busyUntilUs = Math.max(nowUs, memory.busyUntilUs) + Math.ceil((bytes * PPM) / bandwidthBytesPerSecond)
      return Math.max(nowUs, memory.busyUntilUs - burstUs)
    },
  }
}

/** What one opportunity delivers (mahimahi: the MTU of Ethernet). */
const OPPORTUNITY_BYTES = 1_500

/** An opportunity carries what waits, parts of datagrams too; what nobody uses is lost. The memory's backlog has to be kept. */
export function recorded(trace: DeliveryTrace): Server {
  const seek = (memory: LinkMemory, nowUs: number): void => {
    const first = trace.from(nowUs)
    if (memory.trace === trace && memory.opportunity >= first) return
    memory.trace = trace
    memory.opportunity = first
    memory.opportunityBytes = OPPORTUNITY_BYTES
  }
  return {
    waitUs: (memory, nowUs) => {
      seek(memory, nowUs)
      return trace.atUs(memory.opportunityBytes > 0 ? memory.opportunity : memory.opportunity + 1) - nowUs
    },
    backlogBytes: ({ backlog }) => backlog.bytes,
    admit: (memory, nowUs, bytes) => {
      seek(memory, nowUs)
      let left = bytes
      while (left > memory.opportunityBytes) {
        left -= memory.opportunityBytes
        memory.opportunity++
        memory.opportunityBytes = OPPORTUNITY_BYTES
      }
      memory.opportunityBytes -= left
      return trace.atUs(memory.opportunity)
    },
  }
}
