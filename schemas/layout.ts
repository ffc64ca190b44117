/**
 * What schemas/generated/layout.ts is made of: the shape of every table and struct of network.fbs as data, so that one
 * verifier, one writer and one reader serve all of them and cannot drift from the schema.
 * Sizes, alignments and offsets are FlatBuffers' (flatbuffers.dev/internals), in bytes.
 */
import type { Builder } from 'flatbuffers'

/** `safe` is a u64 that stays a number in memory (at most 2^53 - 1); `u64` is a bigint. */
export type ScalarType = 'bool' | 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'safe' | 'u64'
const SCALAR_BYTES: Readonly<Record<ScalarType, number>> = { bool: 1, u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, safe: 8, u64: 8 }

export interface ScalarShape {
  readonly kind: 'scalar'
  readonly type: ScalarType
  /** Inclusive; a `u64` has the whole range of its type whatever stands here. */
  readonly min: number
  readonly max: number
}
/** One byte that indexes the names. */
export interface EnumShape {
  readonly kind: 'enum'
  readonly names: readonly string[]
}
/** UTF-8 with a terminating zero that is not counted. */
export interface StringShape {
  readonly kind: 'string'
  readonly bytesMax: number
}
export interface BytesShape {
  readonly kind: 'bytes'
  readonly countMin: number
  readonly countMax: number
  /** A reader may hand out a view of the received bytes. */
  readonly borrowed: boolean
}
export interface VectorShape {
  readonly kind: 'vector'
  readonly of: Exclude<Shape, VectorShape | BytesShape>
  readonly countMin: number
  readonly countMax: number
}
export type Shape = ScalarShape | EnumShape | StringShape | BytesShape | VectorShape | StructLayout | TableLayout

export interface StructField {
  readonly name: string
  readonly offset: number
  readonly shape: ScalarShape | EnumShape
}
export interface StructLayout {
  readonly kind: 'struct'
  readonly name: string
  readonly bytes: number
  readonly align: number
  /** All of them, in the order of the schema. */
  readonly members: readonly StructField[]
  /** Only those whose value can be wrong: an enum, or a range narrower than its type's. */
  readonly guarded: readonly StructField[]
  /** Bytes were verified. */
  read(view: DataView, at: number): object
  /** Appends it to the builder, in place. RangeError names the field of a value out of range. */
  write(builder: Builder, value: unknown): number
}

export interface TableField {
  readonly name: string
  /** Position in the vtable. */
  readonly slot: number
  readonly required: boolean
  readonly shape: Shape
}
export interface TableLayout {
  readonly kind: 'table'
  readonly name: string
  readonly slots: number
  /** Widest first, which is how they are written: no padding stands between them. */
  readonly fields: readonly TableField[]
}

/** What a value of this shape takes up inside a table or a vector: itself, or the offset of what stands elsewhere. */
export function inlineBytes(shape: Shape): number {
  if (shape.kind === 'scalar') return SCALAR_BYTES[shape.type]
  if (shape.kind === 'enum') return 1
  return shape.kind === 'struct' ? shape.bytes : 4
}
export const inlineAlign = (shape: Shape): number => (shape.kind === 'struct' ? shape.align : inlineBytes(shape))

/**
 * The value of a scalar inside the buffer, a boolean as 0 or 1. Not for `u64`, which no number holds; a `safe` above
 * 2^53 - 1 comes out as some number above it.
 */
export function scalarAt(view: DataView, at: number, type: Exclude<ScalarType, 'u64'>): number {
  switch (type) {
    case 'bool':
    case 'u8': return view.getUint8(at)
    case 'i8': return view.getInt8(at)
    case 'u16': return view.getUint16(at, true)
    case 'i16': return view.getInt16(at, true)
    case 'u32': return view.getUint32(at, true)
    case 'i32': return view.getInt32(at, true)
    case 'safe': return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
  }
}

/** The value itself; TypeError where it is no integer, RangeError where it is out of range. */
export function integer(value: unknown, min: number, max: number, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name}: expected an integer from ${min} to ${max}, got ${value}`)
  }
  return value
}
/** The index of a name; RangeError where there is no such name. */
export function choice(value: unknown, names: readonly string[], name: string): number {
  const index = names.indexOf(value as string)
  if (index < 0) throw new RangeError(`${name}: expected one of ${names.join(', ')}, got ${String(value)}`)
  return index
}
