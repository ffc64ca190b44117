/**
 * AEAD_AES_128_GCM (NIST SP 800-38D; RFC 5116, section 5.1) in place, for many packets under one key: what depends on the key alone -
 * the round keys and a table of multiples of the hash key - is worked out once. The block cipher is @noble/ciphers'.
 */
import { unsafe } from '@noble/ciphers/aes.js'

export const KEY_BYTES = 16
export const IV_BYTES = 12
export const TAG_BYTES = 16
const BLOCK_BYTES = 16

/** Half bytes of a block, each with 16 multiples of the hash key at its position, of 4 words each. */
const NIBBLES = 32
const MULTIPLES = 16
const BLOCK_WORDS = 4
const POSITION_WORDS = MULTIPLES * BLOCK_WORDS
/** x^128 = x^7 + x^2 + x + 1, bits reflected (section 6.3). */
const REDUCTION = 0xe1000000

/** An encrypted block, as little-endian words. */
interface Block {
  readonly s0: number
  readonly s1: number
  readonly s2: number
  readonly s3: number
}

/** AES-128, block by block: what header protection needs, and a counter mode is made of. Words are little-endian. */
export class Aes128 {
  readonly #roundKeys: Uint32Array

  /** @param key 16 bytes. */
  constructor(key: Uint8Array) {
    this.#roundKeys = unsafe.expandKeyLE(key)
  }

  words(w0: number, w1: number, w2: number, w3: number): Block {
    return unsafe.encrypt(this.#roundKeys, w0, w1, w2, w3)
  }
}

export class Aes128Gcm {
  readonly #aes: Aes128
  readonly #table = new Uint32Array(NIBBLES * POSITION_WORDS)
  /** The initialisation vector, as the first three words of a counter block. */
  readonly #iv: readonly [number, number, number]
  /** The hash in progress. */
  #h0 = 0
  #h1 = 0
  #h2 = 0
  #h3 = 0

  /** @param iv 12 bytes; the nonce of a packet is this XOR its number (RFC 9001, section 5.3). */
  constructor(key: Uint8Array, iv: Uint8Array) {
    this.#aes = new Aes128(key)
    const view = new DataView(iv.buffer, iv.byteOffset, IV_BYTES)
    this.#iv = [view.getUint32(0, true), view.getUint32(4), view.getUint32(8)]
    this.#fillTable()
  }

  /** Encrypts [payload, end), with [start, payload) as associated data, and puts the tag at `end`. `number` is a safe integer. */
  seal(view: DataView, start: number, payload: number, end: number, number: number): void {
    this.#crypt(view, payload, end, number)
    this.#authenticate(view, start, payload, end, number)
    for (let i = 0; i < BLOCK_WORDS; i++) view.setUint32(end + 4 * i, this.#word(i))
  }

  /** Whether the tag at `end` fits; only then [payload, end) is decrypted. */
  open(view: DataView, start: number, payload: number, end: number, number: number): boolean {
    this.#authenticate(view, start, payload, end, number)
    for (let i = 0; i < BLOCK_WORDS; i++) {
      if (view.getUint32(end + 4 * i) !== this.#word(i) >>> 0) return false
    }
    this.#crypt(view, payload, end, number)
    return true
  }

  #word(index: number): number {
    return index === 0 ? this.#h0 : index === 1 ? this.#h1 : index === 2 ? this.#h2 : this.#h3
  }

  /** Counter mode (section 6.5); the first counter block, 1, belongs to the tag. */
  #crypt(view: DataView, from: number, end: number, number: number): void {
    const [w0] = this.#iv
    const w1 = swapped(this.#iv[1] ^ Math.floor(number / 2 ** 32))
    const w2 = swapped(this.#iv[2] ^ number)
    let counter = 2
    let at = from
    for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) {
      const { s0, s1, s2, s3 } = this.#aes.words(w0, w1, w2, swapped(counter++))
      view.setUint32(at, view.getUint32(at, true) ^ s0, true)
      view.setUint32(at + 4, view.getUint32(at + 4, true) ^ s1, true)
      view.setUint32(at + 8, view.getUint32(at + 8, true) ^ s2, true)
      view.setUint32(at + 12, view.getUint32(at + 12, true) ^ s3, true)
    }
    if (at === end) return
    const { s0, s1, s2, s3 } = this.#aes.words(w0, w1, w2, swapped(counter))
    for (let i = 0; at < end; at++, i++) {
      const word = i < 4 ? s0 : i < 8 ? s1 : i < 12 ? s2 : s3
      view.setUint8(at, view.getUint8(at) ^ (word >>> (8 * (i & 3))))
    }
  }

  /** GHASH over header and ciphertext (section 6.4), encrypted under counter block 1: the tag, in h0 to h3. */
  #authenticate(view: DataView, start: number, payload: number, end: number, number: number): void {
    this.#h0 = this.#h1 = this.#h2 = this.#h3 = 0
    this.#absorb(view, start, payload)
    this.#absorb(view, payload, end)
    this.#multiply(0, (payload - start) * 8, 0, (end - payload) * 8)
    const w1 = swapped(this.#iv[1] ^ Math.floor(number / 2 ** 32))
    const { s0, s1, s2, s3 } = this.#aes.words(this.#iv[0], w1, swapped(this.#iv[2] ^ number), swapped(1))
    this.#h0 ^= swapped(s0)
    this.#h1 ^= swapped(s1)
    this.#h2 ^= swapped(s2)
    this.#h3 ^= swapped(s3)
  }

  /** Bytes [from, end), filled up with zeros to whole blocks. */
  #absorb(view: DataView, from: number, end: number): void {
    let at = from
    for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) {
      this.#multiply(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12))
    }
    if (at === end) return
    let [w0, w1, w2, w3] = [0, 0, 0, 0]
    for (let i = 0; at < end; at++, i++) {
      const bits = view.getUint8(at) << (24 - 8 * (i & 3))
      if (i < 4) w0 |= bits
      else if (i < 8) w1 |= bits
      else if (i < 12) w2 |= bits
      else w3 |= bits
    }
    this.#multiply(w0, w1, w2, w3)
  }

  /** Adds a block to the hash and multiplies it by the hash key. */
  #multiply(w0: number, w1: number, w2: number, w3: number): void {
    const table = this.#table
    let [o0, o1, o2, o3] = [0, 0, 0, 0]
    let position = 0
    for (let i = 0; i < BLOCK_WORDS; i++) {
      const word = i === 0 ? this.#h0 ^ w0 : i === 1 ? this.#h1 ^ w1 : i === 2 ? this.#h2 ^ w2 : this.#h3 ^ w3
      for (let shift = 28; shift >= 0; shift -= 4) {
        const entry = position + (((word >>> shift) & 15) << 2)
        o0 ^= table[entry]
        o1 ^= table[entry + 1]
        o2 ^= table[entry + 2]
        o3 ^= table[entry + 3]
        position += POSITION_WORDS
      }
    }
    this.#h0 = o0
    this.#h1 = o1
    this.#h2 = o2
    this.#h3 = o3
  }

  /** The hash key is the encrypted zero block; bit i of a block stands for x^i, so the key is doubled from bit to bit. */
  #fillTable(): void {
    const { s0, s1, s2, s3 } = this.#aes.words(0, 0, 0, 0)
    let [w0, w1, w2, w3] = [swapped(s0), swapped(s1), swapped(s2), swapped(s3)]
    const table = this.#table
    for (let position = 0; position < table.length; position += POSITION_WORDS) {
      for (let bit = 8; bit > 0; bit >>>= 1) {
        const entry = position + bit * BLOCK_WORDS
        table[entry] = w0
        table[entry + 1] = w1
        table[entry + 2] = w2
        table[entry + 3] = w3
        const reduction = (w3 & 1) === 0 ? 0 : REDUCTION
        w3 = (w2 << 31) | (w3 >>> 1)
        w2 = (w1 << 31) | (w2 >>> 1)
        w1 = (w0 << 31) | (w1 >>> 1)
        w0 = (w0 >>> 1) ^ reduction
      }
      for (let multiple = 3; multiple < MULTIPLES; multiple++) {
        const lowest = multiple & -multiple
        if (lowest === multiple) continue
        for (let i = 0; i < BLOCK_WORDS; i++) {
          table[position + multiple * BLOCK_WORDS + i] =
            table[position + lowest * BLOCK_WORDS + i] ^ table[position + (multiple ^ lowest) * BLOCK_WORDS + i]
        }
      }
    }
  }
}

/** The other order of bytes. */
const swapped = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
