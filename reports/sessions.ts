/** Who came, was turned away and went, as the host saw it, and what befell the nodes. */
import { increment } from './counters.ts'
import type { EventNamed, RunRecord, SessionEvent } from './input.ts'
import type { Members } from './members.ts'

export interface SessionRow {
  readonly atUs: number
  readonly who: string
  readonly what: string
  readonly details: string
}
export interface RefusedMessageRow {
  readonly by: string
  readonly reasons: Readonly<Record<string, number>>
}

export class Sessions {
  readonly #members: Members
  readonly #rows: { readonly atUs: number; readonly node: number; readonly event: SessionEvent | NodeChange }[] = []
  readonly #refused = new Map<number, Record<string, number>>()

  constructor(members: Members) {
    this.#members = members
  }

  /** A peer tells of its side of the same session: only the host's word is kept, of what happened to a node the node's. */
  add(atUs: number, node: number, event: SessionEvent | NodeChange): void {
    if (event.event === 'node' ? event.change !== 'started' : node === this.#members.host) this.#rows.push({ atUs, node, event })
  }
  messageRefused(node: number, { reason }: EventNamed<'messageRefused'>): void {
    let reasons = this.#refused.get(node)
    if (reasons === undefined) this.#refused.set(node, (reasons = {}))
    increment(reasons, reason)
  }

  rows(): SessionRow[] {
    return this.#rows.map(({ atUs, node, event }) => ({ atUs, ...this.#told(node, event) }))
  }
  refusedMessages(): RefusedMessageRow[] {
    return [...this.#refused].sort(([a], [b]) => a - b).map(([node, reasons]) => ({ by: this.#members.nodeName(node), reasons }))
  }

  #told(node: number, event: SessionEvent | NodeChange): Omit<SessionRow, 'atUs'> {
    if (event.event === 'node') return { who: this.#members.nodeName(node), what: event.change, details: '' }
    if (event.event === 'sessionRefused') return { who: 'unknown', what: 'refused', details: `${event.code}: ${event.hint}` }
    const who = this.#members.authorName(event.author)
    if (event.event === 'sessionClosed') return { who, what: 'closed', details: `${event.code}, by ${event.by}` }
    return { who, what: event.resumed ? 'resumed' : 'opened', details: `author ${event.author}, ${event.role}` }
  }
}

/** What the kernel did to a node, in the form of the others. */
interface NodeChange {
  readonly event: 'node'
  readonly change: Extract<RunRecord, { readonly kind: 'node' }>['change']
}
