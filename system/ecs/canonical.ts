/**
 * Canonical bytes: the one form in which state is stored, compared and hashed.
 *
 * - A row is its component's fields in the order of the definition, little-endian, without padding. `u64` is eight
 *   bytes that hold at most 2^53 - 1.
 * - A world is its rows, entities ascending, and within an entity components ascending by id. Each row is preceded by
 *   a header: u32 entity, u16 component (its index in COMPONENTS, which is its index in the manifest).
 */
import type { AnyLayout, Field, FieldType, RowOf } from './component.ts'

export const ROW_HEADER_BYTES = 6
const U32_SPAN = 2 ** 32

/** The least and the greatest value of each field type. */
export const FIELD_RANGE: Readonly<Record<FieldType, { readonly min: number; readonly max: number }>> = {
  u8: { min: 0, max: 0xff },
  u16: { min: 0, max: 0xffff },
  u32: { min: 0, max: 0xffffffff },
  i8: { min: -0x80, max: 0x7f },
  i16: { min: -0x8000, max: 0x7fff },
  i32: { min: -0x80000000, max: 0x7fffffff },
  u64: { min: 0, max: Number.MAX_SAFE_INTEGER },
}

/** The value of a field of the row that starts at `rowOffset`. */
export function readField(bytes: Uint8Array, rowOffset: number, field: Field): number {
  const at = rowOffset + field.offset
  switch (field.type) {
    case 'u8': return bytes[at]
    case 'u16': return bytes[at] | (bytes[at + 1] << 8)
    case 'u32': return word(bytes, at) >>> 0
    case 'i8': return (bytes[at] << 24) >> 24
    case 'i16': return ((bytes[at] << 16) | (bytes[at + 1] << 24)) >> 16
    case 'i32': return word(bytes, at)
    case 'u64': return (word(bytes, at + 4) >>> 0) * U32_SPAN + (word(bytes, at) >>> 0)
  }
}

/** By the byte: a view of every row that is read would cost more than the row. */
const word = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** @throws {TypeError} where the value is no number. @throws {RangeError} where it is no integer within the field's range. */
export function writeField(bytes: Uint8Array, layout: AnyLayout, field: Field, value: number): void {
  const { min, max } = FIELD_RANGE[field.type]
  if (typeof value !== 'number') throw new TypeError(`${layout.name}.${field.name}: expected a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${layout.name}.${field.name}: expected an integer from ${min} to ${max} (${field.type}), got ${value}`)
  }
  const at = field.offset
  switch (field.type) {
    case 'u8':
    case 'i8':
      bytes[at] = value
      return
    case 'u16':
    case 'i16':
      bytes[at] = value
      bytes[at + 1] = value >>> 8
      return
    case 'u32':
    case 'i32': return writeWord(bytes, at, value)
    case 'u64':
      writeWord(bytes, at, value % U32_SPAN)
      return writeWord(bytes, at + 4, Math.floor(value / U32_SPAN))
  }
}

/** The row at `rowOffset` as an object. */
export function readRow<L extends AnyLayout>(layout: L, bytes: Uint8Array, rowOffset: number): RowOf<L> {
  const row: Record<string, number> = {}
  for (const field of layout.fields) row[field.name] = readField(bytes, rowOffset, field)
  return row as RowOf<L>
}

/**
 * Writes a row over exactly its own bytes. Where it throws, some of the fields are written already: callers
 * write to bytes that nobody reads yet.
 * @throws {TypeError} where a field is missing. @throws {RangeError} where a value is no integer within its field's range.
 */
export function writeRow<L extends AnyLayout>(layout: L, row: RowOf<L>, bytes: Uint8Array): void {
  const values = row as Readonly<Record<string, number>>
  for (const field of layout.fields) writeField(bytes, layout, field, values[field.name])
}

/** Whether these bytes, which a peer may have sent, are a row of the layout: its length, and no `u64` above 2^53 - 1. */
export function isCanonicalRow(layout: AnyLayout, bytes: Uint8Array): boolean {
  if (bytes.length !== layout.stride) return false
  for (const field of layout.fields) {
    // The top 11 bits of a safe integer are zero: the last byte, and three bits of the one before it.
    if (field.type === 'u64' && (bytes[field.offset + 7] !== 0 || bytes[field.offset + 6] > 0x1f)) return false
  }
  return true
}
