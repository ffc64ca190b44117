/**
 * What a real machine does to a program between two of its steps, and what must not matter to it: it stops it for a while,
 * collects its garbage, moves its heap about, and lets others draw from what all share. Nothing here repeats; only its counts are told.
 */
import { randomInt } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Steps between two interruptions, at most. */
const STEPS_MAX = 64
/** One collection of so many takes all garbage, the others that of young objects. */
const FULL_EVERY = 4
const DELAY_US_MAX = 800
const JUNK_ITEMS_MAX = 2_000

type Collect = (options?: { readonly type: 'minor' }) => void

export class Chaos {
  collections = 0
  delays = 0
  readonly #cell = new Int32Array(new SharedArrayBuffer(4))
  readonly #collect: Collect
  #steps = 0
  #junk: unknown[] = []

  constructor() {
    // The flag alone gives no function to a context that is there already.
    setFlagsFromString('--expose-gc')
    this.#collect = runInNewContext('gc') as Collect
  }

  /** To be called between two steps. Now and then it takes up to some milliseconds. */
  step(): void {
    if (--this.#steps > 0) return
    this.#steps = randomInt(1, STEPS_MAX)
    this.#junk = Array.from({ length: randomInt(JUNK_ITEMS_MAX) }, (_, index) => ({ [`junk${index % 7}`]: index }))
    for (let draws = randomInt(8); draws > 0; draws--) Math.random()
    queueMicrotask(() => { this.#junk.length = 0 })
    if (randomInt(2) === 0) {
      this.delays++
      Atomics.wait(this.#cell, 0, 0, randomInt(DELAY_US_MAX) / 1000)
    } else {
      this.#collect(this.collections++ % FULL_EVERY === 0 ? undefined : { type: 'minor' })
    }
  }
}
