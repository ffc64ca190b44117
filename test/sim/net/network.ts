/** A fabric whose arrivals and records are kept, and datagrams that are named by a number. */
import { SeededChooser } from '../../../sim/choice.ts'
import type { Datagram, Ecn } from '../../../sim/net/datagram.ts'
import { Fabric } from '../../../sim/net/fabric.ts'
import type { NetRecord } from '../../../sim/net/records.ts'
import type { LinkSettings } from '../../../sim/net/settings.ts'

export interface Arrival {
  readonly atUs: number
  readonly datagram: Datagram
}

export function datagram(key: number, length = 100, from = 0, to = 1, ecn: Ecn = 0): Datagram {
  const label = { protocol: 'test', contents: 'message', connection: 1, channel: 0, start: key, end: key + 1, attempt: 0 }
  return { id: key, from, to, fromPort: 443, toPort: 443, ecn, keyHi: 7, keyLo: key, bytes: new Uint8Array(length).fill(1), label }
}

export function network(settings: Partial<LinkSettings>, seed = 1) {
  const arrivals: Arrival[] = []
  const records: NetRecord[] = []
  const fabric = new Fabric({
    chooser: new SeededChooser(seed),
    deliver: (atUs, arrived) => arrivals.push({ atUs, datagram: arrived }),
    sink: (record) => records.push(record),
    defaults: settings,
  })
  const count = (kind: NetRecord['kind']): number => records.filter((record) => record.kind === kind).length
  /** In the order of sending: whether the datagrams 0 to n - 1, all from 0 to 1, were lost. */
  const fates = (n: number): boolean[] => {
    const lost = new Set(records.flatMap((record) => (record.kind === 'lost' ? [record.datagram] : [])))
    return Array.from({ length: n }, (_, key) => lost.has(key))
  }
  return { fabric, arrivals, records, count, fates }
}
