/**
 * A model of keys and digests: deterministic functions of what is put in, and a keyed sum of 16 bytes in the place of AEAD and
 * HMAC. They find damage and what belongs elsewhere; they hide nothing.
 */
import { hashText, mix32 } from '../choice.ts'

export const TAG_BYTES = 16
export const SECRET_BYTES = 32

/** 32 bytes that follow from a label and bytes. */
export function deriveFrom(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let a = hashText(label, 0x7e7a)
  let b = hashText(label, 0x51)
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      a = mix32(a, part[i])
      b = mix32(b, a)
    }
  }
  const bytes = new Uint8Array(SECRET_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < SECRET_BYTES; i += 4) view.setUint32(i, mix32(mix32(a, i), b))
  return bytes
}

export interface SumKey {
  readonly hi: number
  readonly lo: number
}
export function sumKey(secret: Uint8Array, purpose: number): SumKey {
  const view = new DataView(secret.buffer, secret.byteOffset, secret.length)
  return { hi: mix32(view.getUint32(0), purpose), lo: mix32(view.getUint32(4), purpose) }
}

/** The keyed sum of bytes [start, end) of a view and one word beside them. A single changed byte never goes unseen. */
export function keyedSum(view: DataView, start: number, end: number, beside: number, key: SumKey): number {
  let a = key.hi | 0
  let b = key.lo ^ (end - start) ^ beside
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
  for (let i = 0; i < 4; i++) view.setUint32(offset + i * 4, mix32(sum, i))
}

/** Whether the tag at `offset` is that of the sum. */
export function isTag(view: DataView, offset: number, sum: number): boolean {
  for (let i = 0; i < 4; i++) {
    if (view.getUint32(offset + i * 4) !== mix32(sum, i)) return false
  }
  return true
}
