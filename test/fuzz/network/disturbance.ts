/**
 * Mutants among what is sent: which of it has one, what the mutant is drawn from, and where it goes. A mutant follows from the case's
 * seed and its own ordinal, so that a case can be run again with some of them left out.
 */
import { mix32 } from '../../../sim/choice.ts'
import { Draws } from '../mutation.ts'
import { randomOctets } from './octets.ts'
import type { CaseOptions } from './outcome.ts'

const CORPUS_MAX = 64
const RANDOM_BYTES_MAX = 1_400
const STRAGGLERS = 4
const FIRST_BYTES = [0x00, 0x01, 0x16, 0x17, 0x40, 0x43, 0x5c, 0xc0, 0xc3, 0xd0, 0xe0, 0xf0, 0xff]

export interface Disturbed<T> {
  /** Lets go of what was sent; `draws` are a mutant's. */
  readonly deliver: (sent: T, draws: Draws | undefined) => void
  /** The bytes with something changed in them; undefined where nothing of them is known. */
  readonly mutated: (sent: T, other: T, isPlausible: boolean, draws: Draws) => Uint8Array | undefined
}

export class Disturbance<T extends { readonly bytes: Uint8Array }> {
  /** Ordinals of those that were sent. */
  readonly mutants: number[] = []
  /** Mutants are what an honest peer might say. */
  readonly isPlausible: boolean
  isOn = false
  readonly #options: CaseOptions
  readonly #draws: Draws
  readonly #ways: Disturbed<T>
  readonly #oneIn: number
  readonly #corpus: T[] = []
  #ordinal = 0

  /** `draws` are the case's. */
  constructor(options: CaseOptions, draws: Draws, ways: Disturbed<T>) {
    this.#options = options
    this.#draws = draws
    this.#ways = ways
    this.isPlausible = draws.below(2) === 0
    this.#oneIn = draws.pick([1, 1, 2, 4])
  }

  send(sent: T): void {
    if (this.#corpus.length < CORPUS_MAX) this.#corpus.push(sent)
    else this.#corpus[this.#draws.below(CORPUS_MAX)] = sent
    const draws = this.isOn ? this.#next() : undefined
    if (draws === undefined || draws.below(this.#oneIn) > 0) return this.#ways.deliver(sent, undefined)
    // Only once can a packet number be used: the mutant comes first where it is to be taken.
    const place = draws.below(this.isPlausible ? 3 : 6)
    if (place > 2) this.#ways.deliver(sent, undefined)
    this.#mutant(sent, draws)
    // One in six takes the place of what it was made from.
    if (place > 0 && place <= 2) this.#ways.deliver(sent, undefined)
  }

  /** Mutants of what was sent earlier. */
  straggle(): void {
    for (let left = this.isPlausible ? 1 : STRAGGLERS; left > 0 && this.isOn && this.#corpus.length > 0; left--) {
      const draws = this.#next()
      if (draws !== undefined) this.#mutant(draws.pick(this.#corpus), draws)
    }
  }

  /** What the next mutant is drawn from; undefined where it is left out. */
  #next(): Draws | undefined {
    const ordinal = this.#ordinal++
    const { only, seed } = this.#options
    if (only !== undefined && !only.has(ordinal)) return undefined
    return new Draws(mix32(seed, ordinal) >>> 11)
  }

  #mutant(original: T, draws: Draws): void {
    const { isPlausible } = this
    this.mutants.push(this.#ordinal - 1)
    const other = draws.pick(this.#corpus)
    let mutant = original
    switch (draws.below(isPlausible ? 100 : 25)) {
      case 0: {
        const bytes = randomOctets(draws.below(RANDOM_BYTES_MAX), draws)
        if (bytes.length > 0) bytes[0] = draws.pick(FIRST_BYTES)
        mutant = { ...original, bytes }
        break
      }
      case 1:
        mutant = other
        break
      default: {
        const bytes = this.#ways.mutated(original, other, isPlausible, draws)
        if (bytes !== undefined) mutant = { ...original, bytes }
      }
    }
    this.#ways.deliver(mutant, draws)
  }
}
