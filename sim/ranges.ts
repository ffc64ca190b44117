/** A set of integers as disjoint ranges [start, end), ascending: packet numbers received, bytes acknowledged. */
export class RangeSet {
  /** start, end, start, end... */
  readonly #bounds: number[] = []

  get count(): number {
    return this.#bounds.length >>> 1
  }
  start(index: number): number {
    return this.#bounds[index * 2]
  }
  end(index: number): number {
    return this.#bounds[index * 2 + 1]
  }

  /** How many integers are in it. */
  get size(): number {
    let size = 0
    for (let index = 0; index < this.count; index++) size += this.end(index) - this.start(index)
    return size
  }

  /** Adds [start, end); what is there already does no harm. Nearly always at the end, so it looks from there. */
  add(start: number, end: number): void {
    if (end <= start) return
    const bounds = this.#bounds
    // Ranges [first, after) touch the new one and melt into it.
    let after = this.count
    while (after > 0 && bounds[after * 2 - 2] > end) after--
    let first = after
    while (first > 0 && bounds[first * 2 - 1] >= start) first--
    if (first === after) {
      if (after === this.count) bounds.push(start, end)
      else bounds.splice(first * 2, 0, start, end)
      return
    }
    const mergedStart = Math.min(start, bounds[first * 2])
    const mergedEnd = Math.max(end, bounds[after * 2 - 1])
    if (after - first > 1) bounds.splice(first * 2, (after - first - 1) * 2)
    bounds[first * 2] = mergedStart
    bounds[first * 2 + 1] = mergedEnd
  }

  /** Whether all of [start, end) is in the set. */
  has(start: number, end: number): boolean {
    for (let index = this.count - 1; index >= 0; index--) {
      if (this.start(index) <= start) return end <= this.end(index)
    }
    return false
  }

  /** Whether any of [start, end) is in the set. */
  intersects(start: number, end: number): boolean {
    for (let index = this.count - 1; index >= 0 && this.end(index) > start; index--) {
      if (start < end && this.start(index) < end) return true
    }
    return false
  }

  /** Removes everything below `floor`. */
  removeBelow(floor: number): void {
    const bounds = this.#bounds
    let gone = 0
    while (gone < this.count && this.end(gone) <= floor) gone++
    if (gone === 1) {
      // Nearly always; splice would make an array of what it removes.
      bounds.shift()
      bounds.shift()
    } else if (gone > 1) {
      bounds.splice(0, gone * 2)
    }
    if (bounds.length > 0 && bounds[0] < floor) bounds[0] = floor
  }
}
