/** What each link did: how much it carried, what it lost, marked and damaged, and how long it took. */
import { increment } from './counters.ts'
import type { RunNode, RunRecord } from './input.ts'
import { addressNames } from './names.ts'
import { type Percentiles, percentiles } from './percentiles.ts'

/** One direction between two interfaces; what a node sends to itself crosses none. */
export interface LinkRow {
  readonly from: string
  readonly to: string
  readonly sent: number
  readonly bytes: number
  readonly delivered: number
  /** By why: the names of losses.ts. */
  readonly lost: Readonly<Record<string, number>>
  /** Marked by its queue (ECN). */
  readonly marked: number
  readonly duplicated: number
  readonly reordered: number
  readonly corrupted: number
  /** From sending to arriving, queues included; null where nothing arrived. */
  readonly delay: Percentiles | null
}

interface Link {
  readonly from: number
  readonly to: number
  sent: number
  bytes: number
  readonly lost: Record<string, number>
  marked: number
  duplicated: number
  reordered: number
  corrupted: number
  readonly delaysUs: number[]
}

export class Links {
  readonly #links = new Map<string, Link>()
  readonly #byDatagram = new Map<number, { readonly link: Link; readonly sentUs: number }>()

  add(record: RunRecord): void {
    if (record.kind === 'sent') return this.#sent(record)
    if (!('datagram' in record)) return
    const known = this.#byDatagram.get(record.datagram)
    if (known === undefined) return
    const { link, sentUs } = known
    switch (record.kind) {
      case 'delivered': link.delaysUs.push(record.atUs - sentUs); return
      case 'lost': return increment(link.lost, record.why)
      case 'marked': link.marked++; return
      case 'duplicated': link.duplicated++; return
      case 'reordered': link.reordered++; return
      case 'corrupted': link.corrupted++; return
      default:
    }
  }

  /** By from, then to, in the order of their addresses. */
  rows(nodes: readonly RunNode[]): LinkRow[] {
    const names = addressNames(nodes)
    const nameOf = (address: number): string => names.get(address) ?? `address ${address}`
    return [...this.#links.values()].sort((a, b) => a.from - b.from || a.to - b.to).map(({ from, to, delaysUs, ...counts }) => ({
      from: nameOf(from), to: nameOf(to), ...counts,
      delivered: delaysUs.length, delay: delaysUs.length === 0 ? null : percentiles(delaysUs),
    }))
  }

  #sent({ datagram, from, to, bytes, atUs }: Extract<RunRecord, { readonly kind: 'sent' }>): void {
    if (from === to) return
    const key = `${from} ${to}`
    let link = this.#links.get(key)
    if (link === undefined) {
      link = { from, to, sent: 0, bytes: 0, lost: {}, marked: 0, duplicated: 0, reordered: 0, corrupted: 0, delaysUs: [] }
      this.#links.set(key, link)
    }
    link.sent++
    link.bytes += bytes
    this.#byDatagram.set(datagram, { link, sentUs: atUs })
  }
}
