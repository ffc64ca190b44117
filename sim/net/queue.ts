/** The bottleneck: a first-in first-out queue bounded in bytes, which loses what does not fit (tail drop), drained at a fixed rate. */
import { PPM } from '../choice.ts'
import type { Rule } from './rule.ts'

export const queue: Rule = ({ link, datagram, nowUs }) => {
  const { bandwidthBytesPerSecond, queueBytesMax } = link.settings
  if (bandwidthBytesPerSecond === 0) return 'pass'
  const waitUs = Math.max(0, link.busyUntilUs - nowUs)
  const backlogBytes = Math.ceil((waitUs * bandwidthBytesPerSecond) / PPM)
  if (backlogBytes + datagram.bytes.length > queueBytesMax) return 'queue'
  link.busyUntilUs = nowUs + waitUs + Math.ceil((datagram.bytes.length * PPM) / bandwidthBytesPerSecond)
  return 'pass'
}
