/** Choosers around choosers: one that remembers what was chosen and when, and one that lets the future go another way. */
import { type Choice, type Chooser, ChoiceTable, type Odds } from './choice.ts'

/**
 * Remembers what another one chooses, and how far something had come by then: the length of the trace, for whoever tells choices in
 * words. It grows with the run, and whoever neither replays nor shrinks it needs none.
 */
export class RecordingChooser implements Chooser {
  readonly #inner: Chooser
  readonly #progress: () => number
  readonly #recorded = new ChoiceTable()
  readonly #made: number[] = []

  constructor(inner: Chooser, progress: () => number) {
    this.#inner = inner
    this.#progress = progress
  }

  /** Every choice other than 0 so far, each (site, key) once and as it was first chosen, in the order of first appearance. */
  get recorded(): readonly Choice[] {
    return this.#recorded.choices
  }
  /** For each of `recorded`, what `progress` said when it was made. */
  get made(): readonly number[] {
    return this.#made
  }

  choose(odds: Odds, keyHi: number, keyLo: number): number {
    const alternative = this.#inner.choose(odds, keyHi, keyLo)
    if (alternative !== 0 && this.#recorded.add(odds.siteHash, odds.site, keyHi, keyLo, alternative)) this.#made.push(this.#progress())
    return alternative
  }
}

/** Takes choices from one chooser until the future begins, and from another one from then on. */
export class BranchedChooser implements Chooser {
  readonly #past: Chooser
  readonly #future: Chooser
  readonly #isFuture: () => boolean

  constructor(past: Chooser, future: Chooser, isFuture: () => boolean) {
    this.#past = past
    this.#future = future
    this.#isFuture = isFuture
  }

  choose(odds: Odds, keyHi: number, keyLo: number): number {
    return (this.#isFuture() ? this.#future : this.#past).choose(odds, keyHi, keyLo)
  }
}
