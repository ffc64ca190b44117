/** Flow control: RFC 9000, section 4. A sender spends credit; a receiver grants it, and raises it as it hands bytes on. */

export class Credit {
  spentBytes = 0
  limitBytes: number
  /** The limit at which the peer was told that it holds us up. */
  #toldLimitBytes = -1

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }
  get bytes(): number {
    return this.limitBytes - this.spentBytes
  }
  /** True where that is news. */
  raise(limitBytes: number): boolean {
    if (limitBytes <= this.limitBytes) return false
    this.limitBytes = limitBytes
    return true
  }
  /** Once for each limit: whether to tell the peer that it blocks us (section 4.1). */
  mayTellBlocked(): boolean {
    if (this.bytes > 0 || this.#toldLimitBytes === this.limitBytes) return false
    this.#toldLimitBytes = this.limitBytes
    return true
  }
}

export class Grant {
  limitBytes: number
  readonly #windowBytes: number
  #receivedBytes = 0
  #consumedBytes = 0

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
    this.limitBytes = windowBytes
  }

  /** Bytes beyond those seen before. False where the peer oversteps its credit. */
  receive(bytes: number): boolean {
    this.#receivedBytes += bytes
    return this.#receivedBytes <= this.limitBytes
  }

  /** Bytes were handed on. The new limit once it is worth telling: when half of the window is used. */
  consume(bytes: number): number | undefined {
    this.#consumedBytes += bytes
    if (this.limitBytes - this.#consumedBytes > this.#windowBytes >>> 1) return undefined
    this.limitBytes = this.#consumedBytes + this.#windowBytes
    return this.limitBytes
  }
}
