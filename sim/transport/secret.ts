/**
 * A model of the keys: what a handshake would agree on, as deterministic functions of what both ends know, and a keyed
 * checksum of 16 bytes in the place of AEAD. It finds damage and packets of other connections; it hides nothing.
 */
import { hashText, mix32 } from '../choice.ts'
import type { Reader, Writer } from './wire.ts'

export const TAG_BYTES = 16
export const RANDOM_BYTES = 32

/** 32 bytes that follow from a label and numbers (safe integers). */
export function derive(label: string, numbers: readonly number[]): Uint8Array {
  let state = hashText(label, 0x7e7a)
  for (const number of numbers) state = mix32(mix32(state, number >>> 0), Math.floor(number / 2 ** 32))
  return expand(state, mix32(state, 0x51))
}

/** 32 bytes that follow from a label and bytes. */
export function deriveFrom(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let a = hashText(label, 0x7e7a)
  let b = hashText(label, 0x51)
  for (const part of parts) {
    for (const byte of part) {
      a = mix32(a, byte)
      b = mix32(b, a)
    }
  }
  return expand(a, b)
}

function expand(a: number, b: number): Uint8Array {
  const bytes = new Uint8Array(RANDOM_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < RANDOM_BYTES; i += 4) view.setUint32(i, mix32(mix32(a, i), b))
  return bytes
}

/** The key of one direction of one connection. */
export interface SealKey {
  readonly hi: number
  readonly lo: number
}
export function sealKey(secret: Uint8Array, byInitiator: boolean): SealKey {
  const view = new DataView(secret.buffer, secret.byteOffset, secret.length)
  const side = byInitiator ? 0xc11e : 0x5e7e
  return { hi: mix32(view.getUint32(0), side), lo: mix32(view.getUint32(4), side) }
}

/** Closes the datagram in the writer with its tag. */
export function seal(writer: Writer, key: SealKey): void {
  const { start, view, length } = writer
  const sum = checksum(view, start, start + length, key)
  for (let i = 0; i < 4; i++) writer.u32(mix32(sum, i))
}

/** Whether the tag behind `reader.end` fits what stands before it. */
export function isSealed(reader: Reader, key: SealKey): boolean {
  const { view, end } = reader
  const sum = checksum(view, 0, end, key)
  for (let i = 0; i < 4; i++) {
    if (view.getUint32(end + i * 4, true) !== mix32(sum, i)) return false
  }
  return true
}

/** Every step is a bijection of the state for a given word, so that a single changed byte never goes unseen. */
function checksum(view: DataView, start: number, end: number, key: SealKey): number {
  let a = key.hi | 0
  let b = key.lo ^ (end - start)
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
