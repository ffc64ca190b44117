/** The datagrams in a queue: when each of them leaves it, and its bytes. A ring that grows with the longest queue that there was. */
export class Backlog {
  #departureUs = new Float64Array(16)
  #sizes = new Uint32Array(16)
  #first = 0
  #length = 0
  #bytes = 0

  get length(): number {
    return this.#length
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Departures never descend. */
  push(departureUs: number, bytes: number): void {
    if (this.#length === this.#sizes.length) this.#grow()
    const place = (this.#first + this.#length) & (this.#sizes.length - 1)
    this.#departureUs[place] = departureUs
    this.#sizes[place] = bytes
    this.#length++
    this.#bytes += bytes
  }

  /** Forgets those that have left. */
  advance(nowUs: number): void {
    while (this.#length > 0 && this.#departureUs[this.#first] <= nowUs) {
      this.#bytes -= this.#sizes[this.#first]
      this.#first = (this.#first + 1) & (this.#sizes.length - 1)
      this.#length--
    }
  }

  #grow(): void {
    const { length } = this.#sizes
    const departureUs = new Float64Array(length * 2)
    const sizes = new Uint32Array(length * 2)
    for (let i = 0; i < length; i++) {
      const place = (this.#first + i) & (length - 1)
      departureUs[i] = this.#departureUs[place]
      sizes[i] = this.#sizes[place]
    }
    this.#departureUs = departureUs
    this.#sizes = sizes
    this.#first = 0
  }
}
