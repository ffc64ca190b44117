/**
 * Links that were recorded, in the format of mahimahi (Netravali et al., USENIX ATC 2015): a text of one whole millisecond a line, each
 * an opportunity to deliver 1500 bytes, ascending; a line that stands twice is two of them. After the last one the file begins again.
 */
const US_PER_MS = 1_000
const OPPORTUNITIES_MAX = 2 ** 20
const MS_MAX = 2 ** 31

export class DeliveryTrace {
  readonly #atMs: readonly number[]
  readonly #periodMs: number

  /** @throws {RangeError} unless there are whole milliseconds, none less than the one before, the last of them not 0. */
  constructor(atMs: readonly number[]) {
    if (atMs.length === 0) throw new RangeError('delivery trace: it is empty')
    if (atMs.length > OPPORTUNITIES_MAX) {
      throw new RangeError(`delivery trace: expected at most ${OPPORTUNITIES_MAX} lines, got ${atMs.length}`)
    }
    let before = 0
    for (const [index, ms] of atMs.entries()) {
      if (!Number.isSafeInteger(ms) || ms < 0 || ms > MS_MAX) {
        throw new RangeError(`delivery trace, line ${index + 1}: expected an integer of [0, ${MS_MAX}], got ${ms}`)
      }
      if (ms < before) throw new RangeError(`delivery trace, line ${index + 1}: ${ms} comes after ${before}`)
      before = ms
    }
    if (before === 0) throw new RangeError('delivery trace: its last line is 0, so that it would never end')
    this.#atMs = [...atMs]
    this.#periodMs = before
  }

  /** @throws {RangeError} naming the line where the text is none. */
  static parse(text: string): DeliveryTrace {
    const lines = text.split(/\r?\n/)
    if (lines.at(-1) === '') lines.pop()
    return new DeliveryTrace(lines.map((line, index) => {
      if (/^\d{1,10}$/.test(line)) return Number(line)
      throw new RangeError(`delivery trace, line ${index + 1}: expected whole milliseconds, got ${JSON.stringify(line.slice(0, 40))}`)
    }))
  }

  /** Opportunities of one round. */
  get length(): number {
    return this.#atMs.length
  }

  /** When an opportunity comes, counted on through all rounds, the first of them at t = 0. */
  atUs(opportunity: number): number {
    const round = Math.floor(opportunity / this.length)
    return (round * this.#periodMs + this.#atMs[opportunity - round * this.length]) * US_PER_MS
  }

  /** The first opportunity at this instant or later. */
  from(nowUs: number): number {
    const nowMs = Math.ceil(nowUs / US_PER_MS)
    // Its last opportunity is the end of a round, which is the beginning of the next one, too.
    const round = Math.max(0, Math.ceil(nowMs / this.#periodMs) - 1)
    const ms = nowMs - round * this.#periodMs
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#atMs[middle] < ms) low = middle + 1
      else high = middle
    }
    return round * this.length + low
  }
}
