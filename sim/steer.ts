/** Choosers around choosers: one that remembers when each choice was made, and one that lets the future go another way. */
import type { Choice, Chooser, Odds } from './choice.ts'

/** A chooser that keeps what it chose. */
export interface RecordingChooser extends Chooser {
  /** Every choice other than 0 so far, each (site, key) once, in the order of first appearance. */
  readonly recorded: readonly Choice[]
}

/** Remembers beside each recorded choice how far something had come: the length of the trace, for whoever tells choices in words. */
export class WitnessedChooser implements RecordingChooser {
  readonly #inner: RecordingChooser
  readonly #progress: () => number
  readonly #made: number[] = []

  constructor(inner: RecordingChooser, progress: () => number) {
    this.#inner = inner
    this.#progress = progress
  }

  get recorded(): readonly Choice[] {
    return this.#inner.recorded
  }
  /** For each of `recorded`, what `progress` said when it was made. */
  get made(): readonly number[] {
    return this.#made
  }

  choose(odds: Odds, keyHi: number, keyLo: number): number {
    const alternative = this.#inner.choose(odds, keyHi, keyLo)
    if (alternative !== 0 && this.#inner.recorded.length > this.#made.length) this.#made.push(this.#progress())
    return alternative
  }
}

/** Takes choices from one chooser until the future begins, and from another one from then on. */
export class BranchedChooser implements RecordingChooser {
  readonly #past: RecordingChooser
  readonly #future: RecordingChooser
  readonly #isFuture: () => boolean

  constructor(past: RecordingChooser, future: RecordingChooser, isFuture: () => boolean) {
    this.#past = past
    this.#future = future
    this.#isFuture = isFuture
  }

  /** A decision that was asked for on both sides of the branch counts as it was first chosen. */
  get recorded(): readonly Choice[] {
    const past = new Set(this.#past.recorded.map(identity))
    return [...this.#past.recorded, ...this.#future.recorded.filter((choice) => !past.has(identity(choice)))]
  }

  choose(odds: Odds, keyHi: number, keyLo: number): number {
    return (this.#isFuture() ? this.#future : this.#past).choose(odds, keyHi, keyLo)
  }
}

const identity = ({ site, keyHi, keyLo }: Choice): string => `${site} ${keyHi} ${keyLo}`
