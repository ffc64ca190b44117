/**
 * What members are shown is what the host passed on: each in its author's order, nothing invented, and nothing left out between
 * but what is of a tool, of which a member may not want to hear.
 */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Horizon } from './horizon.ts'
import type { Watcher } from './watchers.ts'

interface Relayed {
  readonly tool: number
  readonly digest: string
}

/** What the host passed on of an author, without the first so many, which everybody has been shown. */
interface Course {
  readonly relayed: Relayed[]
  gone: number
}

/** So many more are passed on before it is looked for those that nobody waits for. */
const SWEEP_EVENTS = 256

export class ShownEvents implements Watcher {
  readonly failures: Failure[] = []
  readonly #nameOf: (node: number) => string
  readonly #horizon: Horizon
  /** By author. */
  readonly #courses = new Map<number, Course>()
  #sinceSweep = 0
  /** How much of it, by author, was passed on before the host let a member in: it is shown what comes after. */
  readonly #before = new Map<number, ReadonlyMap<number, number>>()
  /** Members that the host has let in and that do not know it yet. */
  readonly #opening = new Set<number>()
  /** Who each node is. */
  readonly #authors = new Map<number, number>()
  /** The place in it that each node expects next, by author. */
  readonly #next = new Map<number, Map<number, number>>()

  constructor(nameOf: (node: number) => string, horizon: Horizon) {
    this.#nameOf = nameOf
    this.#horizon = horizon
  }

  /** Events that somebody may still be shown. */
  get held(): number {
    return [...this.#courses.values()].reduce((sum, { relayed }) => sum + relayed.length, 0)
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'sessionOpened') this.#opened(node, event.author)
    else if (event.event === 'sessionClosed') this.#opening.delete(event.author)
    else if (event.event === 'editorEventRelayed') this.#pass(event)
    else if (event.event === 'editorEventShown') this.#shown(node, event.author, event.what, event.digest)
  }

  #opened(node: number, member: number): void {
    if (node !== 0) {
      this.#opening.delete(member)
      this.#authors.set(node, member)
      this.#next.set(node, new Map(this.#before.get(member)))
      return
    }
    this.#opening.add(member)
    this.#before.set(member, new Map([...this.#courses].map(([author, { relayed, gone }]) => [author, gone + relayed.length])))
  }
  #of(author: number): Course {
    const known = this.#courses.get(author)
    if (known !== undefined) return known
    const fresh: Course = { relayed: [], gone: 0 }
    this.#courses.set(author, fresh)
    return fresh
  }
  #pass({ author, tool, digest }: Relayed & { readonly author: number }): void {
    this.#of(author).relayed.push({ tool, digest })
    if (++this.#sinceSweep < SWEEP_EVENTS) return
    this.#sinceSweep = 0
    const present = [...this.#horizon.present]
    // Who is coming in will be shown what came since the host let it in.
    if (this.#opening.size > 0 || !present.every((node) => this.#next.has(node))) return
    for (const [from, course] of this.#courses) {
      const others = present.filter((node) => this.#authors.get(node) !== from)
      const next = Math.min(...others.map((node) => this.#next.get(node)!.get(from) ?? 0))
      const passed = Math.min(Math.max(0, next - course.gone), course.relayed.length)
      course.relayed.splice(0, passed)
      course.gone += passed
    }
  }
  #shown(node: number, author: number, what: string, digest: string): void {
    const { relayed, gone } = this.#of(author)
    const next = this.#next.get(node) ?? new Map<number, number>()
    this.#next.set(node, next)
    let at = (next.get(author) ?? 0) - gone
    while (relayed[at] !== undefined && relayed[at].digest !== digest && relayed[at].tool !== 0) at++
    next.set(author, gone + at + 1)
    if (relayed[at]?.digest === digest || this.failures.length > 0) return
    const message = `${this.#nameOf(node)} was shown a ${what} of author ${author} that the host did not pass on next`
    this.failures.push({ check: 'shownEvents', message, details: { node, author, component: 'EditorEvent', field: what } })
  }
}
