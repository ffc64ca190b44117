/**
 * A 64-bit running digest in two unsigned 32-bit lanes, for comparing runs. It is not cryptographic: nobody attacks
 * a trace. Each step is a bijection of the state, so that two digests which have once parted by one value stay apart
 * while the same values follow.
 */

const TAG_WORD = 0x10
const TAG_INTEGER = 0x11
const TAG_WIDE = 0x12
const TAG_FLOAT = 0x13
const TAG_STRING = 0x14
const TAG_BYTES = 0x15
const TAG_BIGINT = 0x16
const U32_RANGE = 2 ** 32
const QUIET_NAN_HI = 0x7ff80000

/** Folds values into a digest. Every value carries its type and length, so that no two sequences of values fold the same words. */
export class Mixer {
  #hi = 0x243f6a88
  #lo = 0x05a308d3
  readonly #scratch = new DataView(new ArrayBuffer(8))

  get hi(): number {
    return this.#hi >>> 0
  }

  get lo(): number {
    return this.#lo >>> 0
  }

  /** The one step: a 32-bit word into each lane, and each lane into the other. */
  #step(a: number, b: number): void {
    const low = Math.imul(this.#lo ^ a, 0x9e3779b1)
    const high = Math.imul(this.#hi ^ b, 0x85ebca6b)
    const lo = low ^ (low >>> 15) ^ high
    this.#lo = lo
    this.#hi = ((high ^ (high >>> 13)) + lo) | 0
  }

  /** Folds a 32-bit word; bits above are ignored. */
  u32(word: number): void {
    this.#step(TAG_WORD, word)
  }

  /** Folds a number by its value: 0 and -0 are one value, and so are all NaN. */
  number(value: number): void {
    if (value === (value | 0)) {
      this.#step(TAG_INTEGER, value)
    } else if (Number.isSafeInteger(value)) {
      const low = value >>> 0
      // The upper part has 22 bits with its sign, and leaves the lowest eight to the tag.
      this.#step((((value - low) / U32_RANGE) << 8) | TAG_WIDE, low)
    } else {
      this.#scratch.setFloat64(0, value)
      this.#step(TAG_FLOAT, 0)
      if (value === value) this.#step(this.#scratch.getUint32(0), this.#scratch.getUint32(4))
      else this.#step(QUIET_NAN_HI, 0)
    }
  }

  /** Folds UTF-16 code units, two to a word. */
  string(text: string): void {
    const { length } = text
    this.#step(TAG_STRING, length)
    for (let i = 0; i < length; i += 4) this.#step(unitPair(text, i), unitPair(text, i + 2))
  }

  /** Folds bytes, four to a word, little-endian. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.#step(TAG_BYTES, length)
    const whole = length & ~7
    let i = 0
    for (; i < whole; i += 8) {
      this.#step(
        bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24),
        bytes[i + 4] | (bytes[i + 5] << 8) | (bytes[i + 6] << 16) | (bytes[i + 7] << 24),
      )
    }
    for (; i < length; i++) this.#step(0, bytes[i])
  }

  bigint(value: bigint): void {
    this.#step(TAG_BIGINT, 0)
    this.string(value.toString(16))
  }
}

/** Two code units as one word; those beyond the end are 0. */
function unitPair(text: string, start: number): number {
  const first = start < text.length ? text.charCodeAt(start) : 0
  return start + 1 < text.length ? first | (text.charCodeAt(start + 1) << 16) : first
}

/** Sixteen lower-case hexadecimal digits, most significant first. */
export const hex64 = (hi: number, lo: number): string => (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0')
