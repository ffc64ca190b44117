/**
 * The closed part of a log, as far as it is kept. The world holds its fold; the entries themselves are for members that miss
 * some, and for whoever asks what led to this state. What is kept is bounded, and more tightly where it is old: then entries go that
 * a later one of their author has superseded (last write wins, on the same scope), then the oldest; what a member can still miss
 * without missing frames as well goes last.
 */
import { assert } from '../assert.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import { CLOSED_BYTES_MAX, CLOSED_ENTRIES_MAX, OLD_ENTRIES_MAX, RANGE_FRAMES } from '../limits.ts'
import type { CommandEntry } from '../protocol/messages.ts'
import { ENTRY_OVERHEAD_BYTES_MAX } from './batch.ts'

/** A place in the log: entries stand in (lamport, author) order. */
export interface LogPlace {
  readonly lamport: Lamport
  readonly author: AuthorId
}
export const comparePlaces = (a: LogPlace, b: LogPlace): number => a.lamport - b.lamport || a.author - b.author

/** Index of the first item at or after `place`, in items that ascend. */
export function placeIndex(items: readonly { readonly entry: LogPlace }[], place: LogPlace): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (comparePlaces(items[middle].entry, place) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** What an entry takes in memory and on the wire, at the most. */
export const entryBytes = ({ payload }: CommandEntry): number => payload.length + ENTRY_OVERHEAD_BYTES_MAX

interface Kept {
  readonly entry: CommandEntry
  /** The frame that closed it. */
  readonly frame: number
  isSuperseded: boolean
}

export class ClosedEntries {
  /** Ascending. */
  #kept: Kept[] = []
  #bytes = 0
  #completeAfter: Lamport = 0
  /** The last entry that was kept of each author, command and scope, where the last write wins. */
  readonly #latest = new Map<string, Kept>()

  get count(): number {
    return this.#kept.length
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Every closed entry above this Lamport time is here. */
  get completeAfter(): Lamport {
    return this.#completeAfter
  }

  /** Takes the next entry, which `frame` closes. */
  push(entry: CommandEntry, frame: number): void {
    const kept: Kept = { entry, frame, isSuperseded: false }
    const scope = scopeOf(entry)
    if (scope !== undefined) {
      const earlier = this.#latest.get(scope)
      if (earlier !== undefined) earlier.isSuperseded = true
      this.#latest.set(scope, kept)
    }
    this.#kept.push(kept)
    this.#bytes += entryBytes(entry)
    const isLarge = this.#kept.length > CLOSED_ENTRIES_MAX || this.#bytes > CLOSED_BYTES_MAX
    if (isLarge || (this.#kept.length > OLD_ENTRIES_MAX && isOld(this.#kept[OLD_ENTRIES_MAX], frame))) this.#prune(frame)
  }

  /** A snapshot stands in for everything up to `lamport`. */
  forget(lamport: Lamport): void {
    this.#kept = []
    this.#bytes = 0
    this.#latest.clear()
    this.#completeAfter = lamport
  }

  /** The entry of this place, if it is kept. */
  at(place: LogPlace): CommandEntry | undefined {
    const entry = this.#kept[placeIndex(this.#kept, place)]?.entry
    return entry !== undefined && comparePlaces(entry, place) === 0 ? entry : undefined
  }

  /** What is kept beyond `place`, ascending. */
  *after({ lamport, author }: LogPlace): Iterable<CommandEntry> {
    for (let at = placeIndex(this.#kept, { lamport, author: author + 1 }); at < this.#kept.length; at++) yield this.#kept[at].entry
  }

  /** Down to three quarters of the bounds, so that it is rare. */
  #prune(frame: number): void {
    let left = this.#kept.length
    let old = this.#kept.filter((kept) => isOld(kept, frame)).length
    const goes = (kept: Kept): boolean => {
      const isTooMuch = left > CLOSED_ENTRIES_MAX * LEFT || this.#bytes > CLOSED_BYTES_MAX * LEFT || old > OLD_ENTRIES_MAX * LEFT
      return isTooMuch && kept !== this.#kept.at(-1)
    }
    for (const mayGo of [(kept: Kept) => kept.isSuperseded && isOld(kept, frame), () => true]) {
      this.#kept = this.#kept.filter((kept) => {
        if (!goes(kept) || !mayGo(kept)) return true
        left--
        if (isOld(kept, frame)) old--
        this.#drop(kept)
        return false
      })
    }
    assert(this.#kept.length <= CLOSED_ENTRIES_MAX && this.#bytes <= CLOSED_BYTES_MAX, 'what is kept of the closed log is bounded')
  }

  #drop(kept: Kept): void {
    const { entry } = kept
    this.#bytes -= entryBytes(entry)
    this.#completeAfter = Math.max(this.#completeAfter, entry.lamport)
    const scope = scopeOf(entry)
    if (scope !== undefined && this.#latest.get(scope) === kept) this.#latest.delete(scope)
  }
}

const LEFT = 0.75
/** Whether who misses it, while `frame` is closed, misses frames as well. */
const isOld = ({ frame: closed }: Kept, frame: number): boolean => closed <= frame - RANGE_FRAMES

/** Whom an entry may supersede: what its author did with the same command to the same thing. Members are nobody's to forget. */
function scopeOf({ author, command, policy, scopeKind, scope }: CommandEntry): string | undefined {
  return policy === 'lastWriteWins' && scopeKind !== 'global' ? `${author} ${command} ${scopeKind} ${scope}` : undefined
}
