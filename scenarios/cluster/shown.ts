/**
 * What members are shown is what the host passed on: each in its author's order, nothing invented, and nothing left out between
 * but what is of a tool, of which a member may not want to hear.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './cluster.ts'

interface Relayed {
  readonly tool: number
  readonly digest: string
}

export class ShownEvents implements Watcher {
  readonly failures: Failure[] = []
  readonly #nameOf: (node: number) => string
  /** What the host passed on, by author. */
  readonly #relayed = new Map<number, Relayed[]>()
  /** How much of it, by author, was passed on before the host let a member in: it is shown what comes after. */
  readonly #before = new Map<number, ReadonlyMap<number, number>>()
  /** The place in it that each node expects next, by author. */
  readonly #next = new Map<number, Map<number, number>>()

  constructor(nameOf: (node: number) => string) {
    this.#nameOf = nameOf
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'sessionOpened') this.#opened(node, event.author)
    else if (event.event === 'editorEventRelayed') this.#of(event.author).push(event)
    else if (event.event === 'editorEventShown') this.#shown(node, event.author, event.what, event.digest)
  }

  #opened(node: number, member: number): void {
    if (node !== 0) this.#next.set(node, new Map(this.#before.get(member)))
    else this.#before.set(member, new Map([...this.#relayed].map(([author, { length }]) => [author, length])))
  }
  #of(author: number): Relayed[] {
    const known = this.#relayed.get(author)
    if (known !== undefined) return known
    const fresh: Relayed[] = []
    this.#relayed.set(author, fresh)
    return fresh
  }
  #shown(node: number, author: number, what: string, digest: string): void {
    const relayed = this.#of(author)
    const next = this.#next.get(node) ?? new Map<number, number>()
    this.#next.set(node, next)
    let at = next.get(author) ?? 0
    while (relayed[at] !== undefined && relayed[at].digest !== digest && relayed[at].tool !== 0) at++
    next.set(author, at + 1)
    if (relayed[at]?.digest === digest || this.failures.length > 0) return
    const message = `${this.#nameOf(node)} was shown a ${what} of author ${author} that the host did not pass on next`
    this.failures.push({ check: 'shownEvents', message, details: { node, author, component: 'EditorEvent', field: what } })
  }
}
