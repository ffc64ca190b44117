/**
 * The highest nonce of each author that is known to be spent. The host spends them, the key roster tells them, and every
 * client raises them by the entries that it has verified: whoever is host next refuses the replays of the one before.
 */
import type { AuthorId } from '../ids.ts'

export class NonceMarks implements Iterable<readonly [AuthorId, bigint]> {
  readonly #highest = new Map<AuthorId, bigint>()

  constructor(known: Iterable<readonly [AuthorId, bigint]> = []) {
    this.recover(known)
  }

  /** What was spent before stays spent. */
  recover(known: Iterable<readonly [AuthorId, bigint]>): void {
    for (const [author, nonce] of known) this.raise(author, nonce)
  }

  /** 0 for an author of whom nothing is known: nonces begin at 1. */
  of(author: AuthorId): bigint {
    return this.#highest.get(author) ?? 0n
  }
  raise(author: AuthorId, nonce: bigint): void {
    if (nonce > this.of(author)) this.#highest.set(author, nonce)
  }
  /** Ascending by author. */
  [Symbol.iterator](): Iterator<readonly [AuthorId, bigint]> {
    return [...this.#highest].sort(([a], [b]) => a - b).values()
  }
}
