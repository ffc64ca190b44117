/** What became of the datagrams of each protocol. */
import { increment, isRetransmission } from './counters.ts'
import type { RunRecord } from './input.ts'

export interface ProtocolRow {
  readonly protocol: string
  readonly sent: number
  readonly bytes: number
  readonly delivered: number
  readonly duplicated: number
  readonly reordered: number
  readonly corrupted: number
  /** Marked by a queue (ECN). */
  readonly marked: number
  /** By why: the names of losses.ts. */
  readonly lost: Readonly<Record<string, number>>
  /** Thrown away by the endpoint that they reached, by why. */
  readonly discarded: Readonly<Record<string, number>>
  readonly declaredLost: number
  readonly retransmitted: number
  /** Retransmissions that arrived: each brings what was lost, or was thought to be. */
  readonly recovered: number
  readonly probes: number
  /** Messages of partially reliable channels. */
  readonly abandoned: number
  readonly overflowed: number
}
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends number ? T[K] : T[K] extends string ? T[K] : Record<string, number> }
type Row = Mutable<ProtocolRow>

export class Datagrams {
  readonly #rows = new Map<string, Row>()
  /** By datagram. */
  readonly #rowOf = new Map<number, Row>()
  /** Retransmissions that have not arrived intact yet. */
  readonly #awaited = new Set<number>()
  readonly #rowOfConnection = new Map<number, Row>()

  add(record: RunRecord): void {
    switch (record.kind) {
      case 'sent': return this.#sent(record)
      case 'delivered':
        this.#row(record.datagram).delivered++
        if (this.#awaited.delete(record.datagram)) this.#row(record.datagram).recovered++
        return
      case 'lost': return increment(this.#row(record.datagram).lost, record.why)
      case 'discarded': return increment(this.#row(record.datagram).discarded, record.why)
      case 'marked': this.#row(record.datagram).marked++; return
      case 'duplicated': this.#row(record.datagram).duplicated++; return
      case 'reordered': this.#row(record.datagram).reordered++; return
      case 'corrupted':
        this.#row(record.datagram).corrupted++
        this.#awaited.delete(record.datagram)
        return
      case 'declaredLost': this.#row(record.datagram).declaredLost++; return
      case 'probe': this.#connection(record.connection).probes++; return
      case 'abandoned': this.#connection(record.connection).abandoned++; return
      case 'overflow': this.#connection(record.connection).overflowed++; return
      default:
    }
  }

  rows(): ProtocolRow[] {
    return [...this.#rows.values()].sort((a, b) => (a.protocol < b.protocol ? -1 : 1))
  }

  #sent(record: Extract<RunRecord, { readonly kind: 'sent' }>): void {
    const row = this.#protocol(record.protocol)
    this.#rowOf.set(record.datagram, row)
    this.#rowOfConnection.set(record.connection, row)
    row.sent++
    row.bytes += record.bytes
    if (!isRetransmission(record)) return
    row.retransmitted++
    this.#awaited.add(record.datagram)
  }

  #row(datagram: number): Row {
    return this.#rowOf.get(datagram) ?? this.#protocol('unknown')
  }
  #connection(connection: number): Row {
    return this.#rowOfConnection.get(connection) ?? this.#protocol('unknown')
  }
  #protocol(protocol: string): Row {
    let row = this.#rows.get(protocol)
    if (row === undefined) {
      row = {
        protocol, sent: 0, bytes: 0, delivered: 0, marked: 0, duplicated: 0, reordered: 0, corrupted: 0, lost: {}, discarded: {},
        declaredLost: 0, retransmitted: 0, recovered: 0, probes: 0, abandoned: 0, overflowed: 0,
      }
      this.#rows.set(protocol, row)
    }
    return row
  }
}
