/**
 * A model of keys and digests: deterministic functions of what is put in. They find damage and what belongs elsewhere; they hide
 * nothing.
 */
import { hashText, mix32 } from '../choice.ts'
import { keyedSum } from '../keyedsum.ts'

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

/** The keyed sum of bytes [start, end) of a view and one word beside them. */
export const sumOf = (view: DataView, start: number, end: number, beside: number, { hi, lo }: SumKey): number =>
  keyedSum(view, start, end, hi, lo ^ (end - start) ^ beside)
