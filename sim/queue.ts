/** First in, first out. Taking from the front moves nothing. */

/** Places that an empty queue keeps for what comes: to give them up each time would cost more than all else here. */
const KEPT_PLACES = 64

export class Queue<T> {
  readonly #items: (T | undefined)[] = []
  #head = 0
  #tail = 0

  push(item: T): void {
    this.#items[this.#tail++] = item
  }

  shift(): T | undefined {
    if (this.#head === this.#tail) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#tail) this.#rewind()
    return item
  }

  #rewind(): void {
    if (this.#tail > KEPT_PLACES) this.#items.length = 0
    this.#head = 0
    this.#tail = 0
  }

  clear(): void {
    this.#items.length = 0
    this.#rewind()
  }
}
