/**
 * Chance by identity.
 *
 * Every fault and every delay of a run is `choose(odds, key)`: a pure function of the seed, the site (which kind of
 * decision) and the key (the identity of the thing decided about: which stream range on which attempt). No counter
 * takes part, so that suppressing one fault leaves the others where they were. Alternative 0 is the benign one; the record
 * of all others (steer.ts) is the plan that reproduces the run.
 */

/** Weights sum to at most this, so that `weight * 2^32` is exact in a float64. */
export const WEIGHTS_TOTAL_MAX = 2 ** 21
export const ALTERNATIVES_MAX = 1024
/** Parts per million that are certainty. */
export const PPM = 1_000_000

const U32_RANGE = 2 ** 32

/** The odds of one kind of decision, made once (per link, per setting) and used for every key. */
export interface Odds {
  readonly site: string
  readonly alternatives: number
  readonly siteHash: number
  /** Alternative i is drawn when bounds[i] <= draw < bounds[i + 1]; draws lie in [0, 2^32). */
  readonly bounds: Float64Array
}

/** Decides. `keyHi` and `keyLo` are the two unsigned 32-bit halves of the key; the answer lies in [0, odds.alternatives). */
export interface Chooser {
  choose(odds: Odds, keyHi: number, keyLo: number): number
}

/** A decision that did not go the benign way. `alternative` is at least 1. */
export interface Choice {
  readonly site: string
  readonly keyHi: number
  readonly keyLo: number
  readonly alternative: number
}

/** What a whole run is a function of. The integer 7 and the string '7' are the same seed. */
export type Seed = string | number

/** Mixes two 32-bit words into one: a bijection of either for a fixed other, with full avalanche (the finalizer of MurmurHash3). */
export function mix32(a: number, b: number): number {
  let h = (a + Math.imul(b, 0x9e3779b1) + 0x7f4a7c15) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Hashes the UTF-16 code units of a text; texts with another basis give unrelated values. */
export function hashText(text: string, basis: number): number {
  let hash = mix32(basis, text.length)
  for (let i = 0; i < text.length; i++) hash = mix32(hash, text.charCodeAt(i))
  return hash
}

/** The one spelling of a seed. Throws a TypeError or RangeError on anything but a string or a safe integer. */
export function seedText(seed: Seed): string {
  if (typeof seed === 'string') return seed
  if (typeof seed !== 'number') throw new TypeError(`seed: expected a string or an integer, got ${typeof seed}`)
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed: expected a safe integer, got ${seed}`)
  return String(seed)
}

/**
 * Odds of `weights.length` alternatives, drawn in proportion to integer weights; `weights[0]` belongs to the benign one.
 * Throws a RangeError unless there are 1 to ALTERNATIVES_MAX weights, each a non-negative integer, with a sum in [1, WEIGHTS_TOTAL_MAX].
 */
export function odds(site: string, weights: readonly number[]): Odds {
  if (weights.length < 1 || weights.length > ALTERNATIVES_MAX) {
    throw new RangeError(`${site}: expected 1 to ${ALTERNATIVES_MAX} weights, got ${weights.length}`)
  }
  let total = 0
  for (const weight of weights) {
    if (!Number.isSafeInteger(weight) || weight < 0) throw new RangeError(`${site}: expected non-negative integer weights, got ${weight}`)
    total += weight
  }
  if (total < 1 || total > WEIGHTS_TOTAL_MAX) {
    throw new RangeError(`${site}: expected weights with a sum in [1, ${WEIGHTS_TOTAL_MAX}], got ${total}`)
  }
  const bounds = new Float64Array(weights.length + 1)
  let sum = 0
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]
    bounds[i + 1] = Math.floor((sum * U32_RANGE) / total)
  }
  return { site, alternatives: weights.length, siteHash: hashText(site, 0), bounds }
}

/** Odds of a fault (alternative 1) that strikes `ppm` times in a million. Throws a RangeError outside the integers of [0, PPM]. */
export function chancePpm(site: string, ppm: number): Odds {
  if (!Number.isSafeInteger(ppm) || ppm < 0 || ppm > PPM) {
    throw new RangeError(`${site}: expected an integer of [0, ${PPM}] ppm, got ${ppm}`)
  }
  return odds(site, [PPM - ppm, ppm])
}

/** Whether the odds allow an alternative at all: it exists and its weight is not 0 (a positive weight always spans at least one draw). */
const isPossible = (of: Odds, alternative: number): boolean =>
  alternative < of.alternatives && of.bounds[alternative] < of.bounds[alternative + 1]

/** Choices by (site, key) in the order of their addition: an open-addressing table over columns, so that a look-up allocates nothing. */
export class ChoiceTable {
  readonly #choices: Choice[] = []
  #hashes = new Uint32Array(64)
  /** Index into the columns plus 1; 0 is an empty place. At most half of the places are taken. */
  #places = new Int32Array(128)

  get choices(): readonly Choice[] {
    return this.#choices
  }

  /** The alternative chosen there, or 0. */
  get(siteHash: number, site: string, keyHi: number, keyLo: number): number {
    const index = this.#places[this.#place(hashKey(0, siteHash, keyHi, keyLo), site, keyHi, keyLo)]
    return index === 0 ? 0 : this.#choices[index - 1].alternative
  }

  /** Adds a choice; false if its site and key are there already. */
  add(siteHash: number, site: string, keyHi: number, keyLo: number, alternative: number): boolean {
    const hash = hashKey(0, siteHash, keyHi, keyLo)
    const place = this.#place(hash, site, keyHi, keyLo)
    if (this.#places[place] !== 0) return false
    const index = this.#choices.length
    if (index === this.#hashes.length) this.#grow()
    this.#hashes[index] = hash
    this.#choices.push({ site, keyHi: keyHi >>> 0, keyLo: keyLo >>> 0, alternative })
    this.#places[this.#place(hash, site, keyHi, keyLo)] = index + 1
    return true
  }

  #place(hash: number, site: string, keyHi: number, keyLo: number): number {
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const index = this.#places[place]
      if (index === 0) return place
      if (this.#hashes[index - 1] !== hash) continue
      const choice = this.#choices[index - 1]
      if (choice.keyLo === keyLo >>> 0 && choice.keyHi === keyHi >>> 0 && choice.site === site) return place
    }
  }

  #grow(): void {
    const hashes = new Uint32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#places = new Int32Array(hashes.length * 2)
    const mask = this.#places.length - 1
    for (let index = 0; index < this.#choices.length; index++) {
      let place = hashes[index] & mask
      while (this.#places[place] !== 0) place = (place + 1) & mask
      this.#places[place] = index + 1
    }
  }
}

const hashKey = (basis: number, siteHash: number, keyHi: number, keyLo: number): number =>
  mix32(mix32(mix32(basis, siteHash), keyHi), keyLo)

/** Draws every choice from a seed, and remembers none. */
export class SeededChooser implements Chooser {
  readonly #seedHi: number
  readonly #seedLo: number

  constructor(seed: Seed) {
    const text = seedText(seed)
    this.#seedHi = hashText(text, 1)
    this.#seedLo = hashText(text, 2)
  }

  choose(of: Odds, keyHi: number, keyLo: number): number {
    const draw = mix32(hashKey(this.#seedLo, of.siteHash, keyHi, keyLo), this.#seedHi)
    const { bounds } = of
    if (draw < bounds[1]) return 0
    // The last alternative whose lower bound is not above the draw; one of weight 0 shares its bound with its successor.
    let low = 1
    let high = of.alternatives - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (bounds[middle] <= draw) low = middle
      else high = middle - 1
    }
    return low
  }
}

/**
 * Answers from a plan, and 0 where the plan is silent. A planned alternative that the odds do not allow at that moment
 * (weight 0: the network has healed) is not taken: a plan moves faults, it never breaks the scenario's own promises.
 */
export class PlannedChooser implements Chooser {
  readonly #planned = new ChoiceTable()

  /** Throws a RangeError where two choices share a site and key, or one is not at least 1. */
  constructor(choices: Iterable<Choice>) {
    for (const { site, keyHi, keyLo, alternative } of choices) {
      if (!Number.isSafeInteger(alternative) || alternative < 1) {
        throw new RangeError(`${site}: expected an alternative of at least 1, got ${alternative}`)
      }
      if (!this.#planned.add(hashText(site, 0), site, keyHi, keyLo, alternative)) throw new RangeError(`${site}: two choices for one key`)
    }
  }

  choose(of: Odds, keyHi: number, keyLo: number): number {
    const alternative = this.#planned.get(of.siteHash, of.site, keyHi, keyLo)
    return isPossible(of, alternative) ? alternative : 0
  }
}
