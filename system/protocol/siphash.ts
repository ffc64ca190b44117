/**
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), in 32-bit halves: a bigint operation costs 400 ns.
 * It names components and schemas and digests states. It is no signature: the default key is public.
 */
import type { Hash64 } from '../ids.ts'
import { utf8Bytes } from './utf8.ts'

export interface SipKey {
  readonly k0: Hash64
  readonly k1: Hash64
}
/** The key of the paper's test vectors, bytes 00 01 .. 0f. Theta's ids and digests all use it. */
const SIP_KEY_DEFAULT: SipKey = { k0: { hi: 0x07060504, lo: 0x03020100 }, k1: { hi: 0x0f0e0d0c, lo: 0x0b0a0908 } }

const BLOCK_BYTES = 8
const COMPRESSION_ROUNDS = 2
const FINALISATION_ROUNDS = 4

/** Digests bytes, or the UTF-8 form of a text. Both halves of the result are unsigned. */
export function sipHash24(input: string | Uint8Array, key: SipKey = SIP_KEY_DEFAULT): Hash64 {
  const bytes = typeof input === 'string' ? utf8Bytes(input) : input
  let h0 = key.k0.hi ^ 0x736f6d65
  let l0 = key.k0.lo ^ 0x70736575
  let h1 = key.k1.hi ^ 0x646f7261
  let l1 = key.k1.lo ^ 0x6e646f6d
  let h2 = key.k0.hi ^ 0x6c796765
  let l2 = key.k0.lo ^ 0x6e657261
  let h3 = key.k1.hi ^ 0x74656462
  let l3 = key.k1.lo ^ 0x79746573
  const wholeBytes = bytes.length - (bytes.length % BLOCK_BYTES)
  // Whole blocks, then the last one with the length in its top byte, then a turn without a block that finalises.
  for (let at = 0; at <= wholeBytes + BLOCK_BYTES; at += BLOCK_BYTES) {
    let low = 0
    let high = 0
    let rounds = COMPRESSION_ROUNDS
    if (at < wholeBytes) {
      low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
      high = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)
    } else if (at === wholeBytes) {
      for (let i = at; i < bytes.length; i++) {
        if (i < at + 4) low |= bytes[i] << (8 * (i - at))
        else high |= bytes[i] << (8 * (i - at - 4))
      }
      high |= bytes.length << 24
    } else {
      l2 ^= 0xff
      rounds = FINALISATION_ROUNDS
    }
    h3 ^= high
    l3 ^= low
    for (; rounds > 0; rounds--) {
      // v0 += v1; v1 = rotate(v1, 13) ^ v0; v0 = rotate(v0, 32)
      let sum = (l0 >>> 0) + (l1 >>> 0)
      l0 = sum | 0
      h0 = (h0 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0
      let kept = h1
      h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0
      l1 = ((l1 << 13) | (kept >>> 19)) ^ l0
      kept = h0
      h0 = l0
      l0 = kept
      // v2 += v3; v3 = rotate(v3, 16) ^ v2
      sum = (l2 >>> 0) + (l3 >>> 0)
      l2 = sum | 0
      h2 = (h2 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0
      kept = h3
      h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2
      l3 = ((l3 << 16) | (kept >>> 16)) ^ l2
      // v0 += v3; v3 = rotate(v3, 21) ^ v0
      sum = (l0 >>> 0) + (l3 >>> 0)
      l0 = sum | 0
      h0 = (h0 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0
      kept = h3
      h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0
      l3 = ((l3 << 21) | (kept >>> 11)) ^ l0
      // v2 += v1; v1 = rotate(v1, 17) ^ v2; v2 = rotate(v2, 32)
      sum = (l2 >>> 0) + (l1 >>> 0)
      l2 = sum | 0
      h2 = (h2 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0
      kept = h1
      h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2
      l1 = ((l1 << 17) | (kept >>> 15)) ^ l2
      kept = h2
      h2 = l2
      l2 = kept
    }
    h0 ^= high
    l0 ^= low
  }
  return { hi: (h0 ^ h1 ^ h2 ^ h3) >>> 0, lo: (l0 ^ l1 ^ l2 ^ l3) >>> 0 }
}
