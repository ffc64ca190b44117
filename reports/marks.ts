/** How often each rare state was reached, and each fault point happened. What was never seen has no row. */
import { increment } from './counters.ts'
import { eventOf, type RunRecord } from './input.ts'

/** By name. */
export type Hits = Readonly<Record<string, number>>

export function countHits(records: readonly RunRecord[], event: 'mark' | 'faultPoint'): Hits {
  const hits: Record<string, number> = {}
  for (const record of records) {
    if (record.kind !== 'note' || record.name !== event) continue
    const hit = eventOf(record)
    if (hit.event === event) increment(hits, hit.name)
  }
  return hits
}
