/**
 * A keyed sum of 16 bytes that stands where a real protocol has AEAD or HMAC: it finds damage and what belongs elsewhere at a fraction
 * of the cost, and hides nothing.
 */
import { mix32 } from './choice.ts'

export const TAG_BYTES = 16
const TAG_WORDS = TAG_BYTES / 4

/** The sum of bytes [start, end) of a view from two words of key. A single changed byte never goes unseen: every step is a bijection. */
export function keyedSum(view: DataView, start: number, end: number, hi: number, lo: number): number {
  let a = hi | 0
  let b = lo | 0
  let i = start
  for (; i + 8 <= end; i += 8) {
    a = Math.imul(a ^ view.getInt32(i, true), 0x85ebca6b)
    b = Math.imul(b ^ view.getInt32(i + 4, true), 0xc2b2ae35)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  for (; i < end; i++) a = Math.imul(a ^ view.getUint8(i), 0x85ebca6b)
  return mix32(a >>> 0, b >>> 0)
}

export function writeTag(view: DataView, offset: number, sum: number): void {
  for (let i = 0; i < TAG_WORDS; i++) view.setUint32(offset + i * 4, mix32(sum, i))
}

/** Whether the tag at `offset` is that of the sum. */
export function isTag(view: DataView, offset: number, sum: number): boolean {
  for (let i = 0; i < TAG_WORDS; i++) {
    if (view.getUint32(offset + i * 4) !== mix32(sum, i)) return false
  }
  return true
}
