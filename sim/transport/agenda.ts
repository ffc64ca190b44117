/**
 * What the connections of an endpoint have to do, and when: which of them were touched and want to be flushed, and the earliest of their
 * deadlines. A connection that nobody touched has nothing new to say of either, so that a host with many pays for the one alone.
 */
import type { ConnectionId } from '../port.ts'
import type { Session } from './session.ts'

interface Entry {
  readonly session: Session
  /** As of when the session last ran dry. */
  deadlineUs: number
  isTouched: boolean
  isStale: boolean
}

export class Agenda {
  readonly #entries = new Map<ConnectionId, Entry>()
  #touched: Entry[] = []
  /** Those whose deadline has to be asked anew. */
  #stale: Entry[] = []
  /** Of those that are not stale. */
  #earliestUs = Infinity
  #isEarliestKnown = true

  get size(): number {
    return this.#entries.size
  }
  get(id: ConnectionId): Session | undefined {
    return this.#entries.get(id)?.session
  }
  /** The oldest first. */
  get sessions(): readonly Session[] {
    return Array.from(this.#entries.values(), ({ session }) => session)
  }

  add(session: Session): void {
    const entry: Entry = { session, deadlineUs: Infinity, isTouched: false, isStale: false }
    this.#entries.set(session.identity.id, entry)
    this.#touch(entry)
  }
  remove({ identity }: Session): void {
    const entry = this.#entries.get(identity.id)
    if (entry === undefined) return
    this.#entries.delete(identity.id)
    this.#touched = this.#touched.filter((other) => other !== entry)
    this.#stale = this.#stale.filter((other) => other !== entry)
    this.#isEarliestKnown = false
  }

  /** To be called with every call to a session, but for a flush of {@link takeTouched}. */
  touch({ identity }: Session): void {
    const entry = this.#entries.get(identity.id)
    if (entry !== undefined) this.#touch(entry)
  }
  #touch(entry: Entry): void {
    if (!entry.isTouched) {
      entry.isTouched = true
      this.#touched = added(this.#touched, entry)
    }
    if (entry.isStale) return
    entry.isStale = true
    this.#stale = added(this.#stale, entry)
  }

  /** Those that were touched since, the oldest first. */
  takeTouched(): readonly Session[] {
    const touched = this.#touched
    if (touched.length === 0) return []
    this.#touched = []
    if (touched.length > 1) touched.sort((a, b) => a.session.identity.id - b.session.identity.id)
    return touched.map((entry) => {
      entry.isTouched = false
      return entry.session
    })
  }

  /** The earliest deadline; Infinity where there is none. Valid once all that were touched are flushed. */
  earliestUs(): number {
    this.#refresh()
    if (!this.#isEarliestKnown) {
      this.#isEarliestKnown = true
      this.#earliestUs = Infinity
      for (const { deadlineUs } of this.#entries.values()) if (deadlineUs < this.#earliestUs) this.#earliestUs = deadlineUs
    }
    return this.#earliestUs
  }

  #refresh(): void {
    for (const entry of this.#stale) {
      const beforeUs = entry.deadlineUs
      entry.isStale = false
      entry.deadlineUs = entry.session.deadlineUs()
      if (entry.deadlineUs <= this.#earliestUs) this.#earliestUs = entry.deadlineUs
      else if (beforeUs === this.#earliestUs) this.#isEarliestKnown = false
    }
    this.#stale = []
  }

  /** Those whose deadline has come, the oldest first. */
  due(nowUs: number): readonly Session[] {
    if (this.earliestUs() > nowUs) return []
    const due: Session[] = []
    for (const { session, deadlineUs } of this.#entries.values()) if (deadlineUs <= nowUs) due.push(session)
    return due
  }

  clear(): void {
    this.#entries.clear()
    this.#touched = []
    this.#stale = []
    this.#earliestUs = Infinity
    this.#isEarliestKnown = true
  }
}

/** The list with one more. Nearly always it is the only one: a list made with it has no room to spare, and costs a tenth. */
function added(entries: Entry[], entry: Entry): Entry[] {
  if (entries.length === 0) return [entry]
  entries.push(entry)
  return entries
}
