/**
 * A binary adaptive range coder: what is likely takes less than a bit. Both directions have the same shape, so that a format is written
 * down once, as the calls that tell it; the encoder takes each value and hands it back, the decoder finds it.
 *
 * Integers alone: 32 bits of range with a carry into the bytes already written, and for every context two probabilities, one that learns
 * fast and one that learns slowly, whose mean counts. The bytes have no end mark: their length is told by what carries them. Decoding reads
 * zeros beyond the end, and a stream is whole only when it was read to the very length that its encoder wrote.
 */
import { assert } from '../assert.ts'

/** Two probabilities of a zero, in 1/65536, for each context. */
export type Contexts = Uint16Array
const PROBABILITY_HALF = 1 << 15
const FAST_SHIFT = 4
const SLOW_SHIFT = 7
const PROBABILITY_ONE = 1 << 16
/** No bit is held for less likely than 1/64: a mistake costs six bits at most, and no byte carries more than 350 bits. */
const PROBABILITY_MIN = PROBABILITY_ONE / 64
const RANGE_FULL = 0xffffffff
const TOP_SHIFT = 24
const RANGE_MIN = 1 << TOP_SHIFT
const BYTE_BITS = 8
const BYTE_SPAN = 1 << BYTE_BITS
const U32_SPAN = 2 ** 32
/** Bytes that a decoder reads ahead. */
const LOOK_AHEAD = 4
const RAW_BITS_MAX = 16

export const newContexts = (count: number): Contexts => new Uint16Array(2 * count).fill(PROBABILITY_HALF)

/** The first `count` contexts of `starts`, in the memory of those that were used before, where there are any. */
export function beginAs(starts: Contexts, count: number, used: Contexts | undefined): Contexts {
  if (used === undefined) return starts.slice(0, 2 * count)
  used.set(starts.subarray(0, 2 * count))
  return used
}

/** Sets how often a zero is likely at this place before anything has been told there: 1 to 255, in 1/256. */
export function startAt(contexts: Contexts, at: number, zeros: number): void {
  contexts.fill(zeros * BYTE_SPAN, 2 * at, 2 * at + 2)
}

/** Of a range what belongs to a zero. */
function share(range: number, contexts: Contexts, at: number): number {
  const mean = (contexts[2 * at] + contexts[2 * at + 1]) >>> 1
  return (range >>> 16) * (((mean * (PROBABILITY_ONE - 2 * PROBABILITY_MIN)) >>> 16) + PROBABILITY_MIN)
}

function learn(contexts: Contexts, at: number, bit: number): void {
  const fast = contexts[2 * at]
  const slow = contexts[2 * at + 1]
  contexts[2 * at] = bit === 0 ? fast + ((PROBABILITY_ONE - fast) >>> FAST_SHIFT) : fast - (fast >>> FAST_SHIFT)
  contexts[2 * at + 1] = bit === 0 ? slow + ((PROBABILITY_ONE - slow) >>> SLOW_SHIFT) : slow - (slow >>> SLOW_SHIFT)
}

export interface Coder {
  /** Whether the values handed in count; otherwise they are ignored. */
  readonly isEncoder: boolean
  /** What was read cannot be, or lies beyond the end: nothing that was read counts. */
  readonly isBroken: boolean
  /** One bit, 0 or 1, in the context at this place. */
  bit(contexts: Contexts, at: number, bit: number): number
  /** `bits` bits, 0 to 16, each as likely as the other. */
  raw(bits: number, value: number): number
  /** Tells that what was read cannot be. */
  fail(): void
}

export class RangeEncoder implements Coder {
  readonly isEncoder = true
  readonly isBroken = false
  #bytes: Uint8Array
  #length = 0
  #low = 0
  #range = RANGE_FULL

  constructor(bytesExpected = 256) {
    this.#bytes = new Uint8Array(bytesExpected)
  }

  bit(contexts: Contexts, at: number, bit: number): number {
    const zeros = share(this.#range, contexts, at)
    this.#narrow(bit === 0 ? 0 : zeros, bit === 0 ? zeros : this.#range - zeros)
    learn(contexts, at, bit)
    return bit
  }

  raw(bits: number, value: number): number {
    assert(bits <= RAW_BITS_MAX, 'raw bits are told a few at a time')
    const step = this.#range >>> bits
    this.#narrow(step * value, step)
    return value
  }

  fail(): void {
    assert(false, 'what is told is what is there')
  }

  /** The bytes; nothing may be told afterwards. */
  finish(): Uint8Array {
    // Of all numbers in the range one that needs a single byte; a decoder reads zeros after it.
    this.#add(RANGE_MIN - 1)
    this.#push(this.#low >>> TOP_SHIFT)
    return this.#bytes.slice(0, this.#bytes[this.#length - 1] === 0 ? this.#length - 1 : this.#length)
  }

  #narrow(from: number, range: number): void {
    this.#add(from)
    this.#range = range
    while (this.#range < RANGE_MIN) {
      this.#push(this.#low >>> TOP_SHIFT)
      this.#low = (this.#low << BYTE_BITS) >>> 0
      this.#range = (this.#range << BYTE_BITS) >>> 0
    }
  }

  #add(amount: number): void {
    this.#low += amount
    if (this.#low < U32_SPAN) return
    this.#low -= U32_SPAN
    let at = this.#length - 1
    while (this.#bytes[at] === BYTE_SPAN - 1) this.#bytes[at--] = 0
    this.#bytes[at]++
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length + 1)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes[this.#length++] = byte
  }
}

export class RangeDecoder implements Coder {
  readonly isEncoder = false
  readonly #bytes: Uint8Array
  #at = 0
  #code = 0
  #range = RANGE_FULL
  #hasFailed = false

  /** Bytes of anyone. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    for (let i = 0; i < LOOK_AHEAD; i++) this.#code = this.#code * BYTE_SPAN + this.#next()
  }

  get isBroken(): boolean {
    return this.#hasFailed || this.#at > this.#bytes.length + LOOK_AHEAD
  }
  /** Whether all has been read, and nothing beyond: to be asked at the end. */
  get isWhole(): boolean {
    const beyond = this.#at - this.#bytes.length
    return !this.#hasFailed && (beyond === LOOK_AHEAD || beyond === LOOK_AHEAD - 1)
  }

  bit(contexts: Contexts, at: number, _bit: number): number {
    const zeros = share(this.#range, contexts, at)
    const bit = this.#code < zeros ? 0 : 1
    if (bit === 0) this.#range = zeros
    else {
      this.#code -= zeros
      this.#range -= zeros
    }
    this.#fill()
    learn(contexts, at, bit)
    return bit
  }

  raw(bits: number, _value: number): number {
    const step = this.#range >>> bits
    // Above the last step there is a rest that no encoder tells.
    const value = Math.min(Math.floor(this.#code / step), (1 << bits) - 1)
    this.#code -= value * step
    this.#range = step
    if (this.#code >= step) this.fail()
    this.#fill()
    return value
  }

  fail(): void {
    this.#hasFailed = true
  }

  #fill(): void {
    while (this.#range < RANGE_MIN) {
      this.#code = ((this.#code << BYTE_BITS) | this.#next()) >>> 0
      this.#range = (this.#range << BYTE_BITS) >>> 0
    }
  }
  #next(): number {
    return this.#bytes[this.#at++] ?? 0
  }
}
