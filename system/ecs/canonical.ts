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
export function readField(view: DataView, rowOffset: number, field: Field): number {
  const at = rowOffset + field.offset
  switch (field.type) {
    case 'u8': return view.getUint8(at)
    case 'u16': return view.getUint16(at, true)
    case 'u32': return view.getUint32(at, true)
    case 'i8': return view.getInt8(at)
    case 'i16': return view.getInt16(at, true)
    case 'i32': return view.getInt32(at, true)
    case 'u64': return view.getUint32(at + 4, true) * U32_SPAN + view.getUint32(at, true)
  }
}

/** @throws {TypeError} where the value is no number. @throws {RangeError} where it is no integer within the field's range. */
export function writeField(view: DataView, layout: AnyLayout, field: Field, value: number): void {
  const { min, max } = FIELD_RANGE[field.type]
  if (typeof value !== 'number') throw new TypeError(`${layout.name}.${field.name}: expected a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${layout.name}.${field.name}: expected an integer from ${min} to ${max} (${field.type}), got ${value}`)
  }
  const at = field.offset
  switch (field.type) {
    case 'u8': return view.setUint8(at, value)
    case 'u16': return view.setUint16(at, value, true)
    case 'u32': return view.setUint32(at, value, true)
    case 'i8': return view.setInt8(at, value)
    case 'i16': return view.setInt16(at, value, true)
    case 'i32': return view.setInt32(at, value, true)
    case 'u64':
      view.setUint32(at, value % U32_SPAN, true)
      return view.setUint32(at + 4, Math.floor(value / U32_SPAN), true)
  }
}

/** The row at `rowOffset` as an object. */
export function readRow<L extends AnyLayout>(layout: L, view: DataView, rowOffset: number): RowOf<L> {
  const row: Record<string, number> = {}
  for (const field of layout.fields) row[field.name] = readField(view, rowOffset, field)
  return row as RowOf<L>
}

/**
 * Writes a row over a view of exactly its own bytes. Where it throws, some of the fields are written already: callers
 * write to bytes that nobody reads yet.
 * @throws {TypeError} where a field is missing. @throws {RangeError} where a value is no integer within its field's range.
 */
export function writeRow<L extends AnyLayout>(layout: L, row: RowOf<L>, view: DataView): void {
  const values = row as Readonly<Record<string, number>>
  for (const field of layout.fields) writeField(view, layout, field, values[field.name])
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
