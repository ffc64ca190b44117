/** What is known of positions of the log, until they are settled: a map that forgets by Lamport time. */

/** A sweep looks at everything that is kept, and so comes when that has doubled. */
const GROWTH = 2
const SWEEP_MIN = 256

export class Ledger<Value> {
  readonly #kept = new Map<string, { readonly lamport: number; readonly value: Value }>()
  #sweepAt = SWEEP_MIN
  #forgotten = 0

  get size(): number {
    return this.#kept.size
  }
  /** In the order in which the keys were set first. */
  *[Symbol.iterator](): Iterator<readonly [key: string, value: Value]> {
    for (const [key, { value }] of this.#kept) yield [key, value]
  }
  get(key: string): Value | undefined {
    return this.#kept.get(key)?.value
  }
  /**
   * What comes below what is settled, as from a client that has no state yet and signs at the first Lamport times, stays as what comes
   * right above it does.
   */
  set(key: string, lamport: number, value: Value): void {
    this.#kept.set(key, { lamport: Math.max(lamport, this.#forgotten + 1), value })
  }
  delete(key: string): void {
    this.#kept.delete(key)
  }
  /** What stands above a Lamport time never was. */
  takeBack(lamport: number): void {
    for (const [key, kept] of this.#kept) if (kept.lamport > lamport) this.#kept.delete(key)
  }
  /** What stands at a Lamport time or below it is asked for no more. Some of it may stay, as much as is still asked for. */
  forget(lamport: number, isDone: (key: string, value: Value) => boolean = () => true): void {
    this.#forgotten = lamport
    if (this.#kept.size < this.#sweepAt) return
    for (const [key, kept] of this.#kept) if (kept.lamport <= lamport && isDone(key, kept.value)) this.#kept.delete(key)
    this.#sweepAt = Math.max(SWEEP_MIN, GROWTH * this.#kept.size)
  }
}
