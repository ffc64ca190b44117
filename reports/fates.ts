/** What became of each datagram, in words: the comments of a capture. */
import type { RunRecord } from './input.ts'

/** By datagram, in the order of time. */
export function fatesOf(records: readonly RunRecord[]): ReadonlyMap<number, readonly string[]> {
  const sentUs = new Map<number, number>()
  const fates = new Map<number, string[]>()
  for (const record of records) {
    if (record.kind === 'sent') {
      sentUs.set(record.datagram, record.atUs)
      fates.set(record.datagram, [])
    } else if ('datagram' in record) {
      const { datagram, atUs } = record
      fates.get(datagram)?.push(inWords(record, (atUs - (sentUs.get(datagram) ?? atUs)) / 1000))
    }
  }
  return fates
}

type Fate = Exclude<Extract<RunRecord, { readonly datagram: number }>, { readonly kind: 'sent' }>

function inWords(fate: Fate, afterMs: number): string {
  switch (fate.kind) {
    case 'delivered': return `delivered after ${afterMs} ms`
    case 'lost': return `lost: ${fate.why}`
    case 'marked': return 'marked: congestion experienced'
    case 'duplicated': return 'duplicated'
    case 'corrupted': return `corrupted: byte ${fate.offset} of the payload`
    case 'reordered': return 'held back'
    case 'discarded': return `discarded by its receiver: ${fate.why}`
    case 'declaredLost': return `given up by its sender after ${afterMs} ms`
    default: return fate satisfies never
  }
}
