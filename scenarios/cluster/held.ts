/** How many things the parts of a run keep, by name: what must not show how long it has been going on. */
import type { CommandLog } from '../../system/commands/log.ts'
import type { Cluster } from './cluster.ts'

export function heldBy({ watchers, host, clients, operations }: Cluster): ReadonlyMap<string, number> {
  const logs = [host, ...clients].flatMap(({ peer }) => peer.log ?? [])
  const sum = (countOf: (log: CommandLog) => number): number => logs.reduce((total, log) => total + countOf(log), 0)
  return new Map([
    ...watchers.held,
    ['entries that wait', sum(({ depth }) => depth)],
    ['entries that are closed', sum(({ closed }) => closed.count)],
    ['operations', operations.length],
  ])
}
