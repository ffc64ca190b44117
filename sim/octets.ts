/** Bytes put together from parts: messages, and what is written once a connection. Packets are written by the Writer of bytes.ts. */
import { varintBytes } from './bytes.ts'

/** Typed arrays are copied by a call of its own; for so few bytes a loop is faster. */
const SHORT_BYTES = 32
const NO_BYTES = new Uint8Array(0)

/** All parts in a row, copied, behind `headBytes` of zeros. */
export function joined(headBytes: number, parts: readonly ArrayLike<number>[]): Uint8Array {
  let length = headBytes
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let at = headBytes
  for (const part of parts) {
    if (part.length > SHORT_BYTES) bytes.set(part, at)
    else for (let i = 0; i < part.length; i++) bytes[at + i] = part[i]
    at += part.length
  }
  return bytes
}

/** All parts in a row, copied. */
export const concat = (...parts: readonly ArrayLike<number>[]): Uint8Array => joined(0, parts)

/** An unsigned integer of `width` bytes in network order; what does not fit is cut off. */
export function integer(width: number, value: number): Uint8Array {
  const bytes = new Uint8Array(width)
  putInteger(bytes, width, value)
  return bytes
}

/** Parts behind their length in bytes, itself an integer of `width` bytes: a vector of RFC 8446, section 3.4. */
export function vector(width: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = joined(width, parts)
  putInteger(bytes, width, bytes.length - width)
  return bytes
}

/** In the first `width` bytes. */
function putInteger(bytes: Uint8Array, width: number, value: number): void {
  for (let i = width - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
}

/** A variable-length integer of RFC 9000, section 16: [0, 2^53 - 1]. */
export const varint = (value: number): Uint8Array => behindVarint(value, NO_BYTES)

/** The bytes, copied, behind such an integer. */
export function behindVarint(value: number, bytes: Uint8Array): Uint8Array {
  const width = varintBytes(value)
  const all = new Uint8Array(width + bytes.length)
  putInteger(all, width, value)
  all[0] |= width === 1 ? 0 : width === 2 ? 0x40 : width === 4 ? 0x80 : 0xc0
  all.set(bytes, width)
  return all
}

/** The value of a variable-length integer that fills `bytes` exactly, rounded where it is above 2^53; else undefined. */
export function wholeVarint(bytes: Uint8Array): number | undefined {
  if (bytes.length === 0 || bytes.length !== 1 << (bytes[0] >>> 6)) return undefined
  let value = bytes[0] & 0x3f
  for (let i = 1; i < bytes.length; i++) value = value * 256 + bytes[i]
  return value
}

/** Of printable ASCII and such: the low byte of each code unit. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** The text whose code units are these bytes. */
export function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** Lower-case hexadecimal, two digits a byte. */
export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Whether both are the same bytes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}
