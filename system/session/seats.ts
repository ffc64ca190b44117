/** Everybody who is connected to the host, by connection, in the order in which they came. */
import type { AuthorId } from '../ids.ts'
import type { Seat } from './seat.ts'

export class Seats {
  readonly #seats = new Map<number, Seat>()

  add(seat: Seat): void {
    this.#seats.set(seat.link.on, seat)
  }
  get(on: number): Seat | undefined {
    return this.#seats.get(on)
  }
  /** False where it had gone already. */
  remove(seat: Seat): boolean {
    return this.#seats.delete(seat.link.on)
  }
  [Symbol.iterator](): Iterator<Seat> {
    return this.#seats.values()
  }
  /** Those whose hello was accepted. */
  *members(): Iterable<Seat> {
    for (const seat of this.#seats.values()) if (seat.author !== undefined) yield seat
  }
  /** A member's. */
  of(author: AuthorId): Seat | undefined {
    for (const seat of this.#seats.values()) if (seat.author === author) return seat
    return undefined
  }
  /** How many are connected and have not been let in. */
  get strangers(): number {
    let count = 0
    for (const { author } of this.#seats.values()) if (author === undefined) count++
    return count
  }
  get hasMembers(): boolean {
    for (const _ of this.members()) return true
    return false
  }
}
