/** How a story has its host hand over: the host is told to, tells its members, and makes way for its successor. */
import { HANDOVER_US, RENDEZVOUS_US } from '../../system/limits.ts'
import type { Cluster } from './cluster.ts'

/** How long a host that has handed over stays at least, when its members have gone: for those who come back. */
const GOODBYE_US = 500_000

/** Resolves when the successor is there; at once where the plan leaves it out. */
export async function handOver(cluster: Cluster): Promise<void> {
  const { clock } = cluster
  if (!cluster.operate('host', 'handOver', () => cluster.handOver())) return
  const untilUs = clock.nowUs + HANDOVER_US + RENDEZVOUS_US
  const isDone = () => cluster.host.crashed || (cluster.host.peer.handedOver !== undefined && cluster.host.peer.seats.length === 0)
  while (clock.nowUs < untilUs && !isDone()) {
    await clock.sleepUntil(cluster.frameUs(cluster.nextFrame() + 1))
  }
  await clock.sleepUntil(clock.nowUs + GOODBYE_US)
  cluster.succeed()
}
