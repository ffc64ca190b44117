/** Plain data to FlatBuffers, driven by the layout of a table. */
import type { Builder } from 'flatbuffers'
import {
  type BytesShape, choice, inlineAlign, inlineBytes, integer, type ScalarShape, type Shape, type StringShape, type TableLayout,
  type VectorShape,
} from '../../schemas/layout.ts'
import { utf8Bytes } from './utf8.ts'

const ABSENT = 0
const U64_MAX = 2n ** 64n - 1n

/**
 * Appends a table with all that it refers to, and returns its offset. What cannot be written is a mistake of the
 * caller: TypeError for the wrong kind of value, RangeError for a value or a length out of the schema's range.
 */
export function writeTable(builder: Builder, layout: TableLayout, value: object): number {
  const row = value as Readonly<Record<string, unknown>>
  // FlatBuffers cannot be nested while a table is open: what it refers to comes first.
  const references = layout.fields.map(({ shape, required, name }) =>
    writeReferenced(builder, shape, row[name], required, `${layout.name}.${name}`))
  builder.startObject(layout.slots)
  layout.fields.forEach(({ shape, slot, required, name }, index) => {
    const field = row[name]
    if (shape.kind === 'scalar') writeScalarField(builder, slot, shape, field, `${layout.name}.${name}`)
    else if (shape.kind === 'enum') builder.addFieldInt8(slot, choice(field, shape.names, `${layout.name}.${name}`), 0)
    else if (shape.kind !== 'struct') builder.addFieldOffset(slot, references[index], ABSENT)
    else if (field !== undefined || required) builder.addFieldStruct(slot, shape.write(builder, field), ABSENT)
  })
  return builder.endObject()
}

/** What stands outside its table, or ABSENT: it stands inside, or is empty and may be left out. */
function writeReferenced(builder: Builder, shape: Shape, value: unknown, required: boolean, name: string): number {
  switch (shape.kind) {
    case 'table': return value === undefined && !required ? ABSENT : writeTable(builder, shape, value as object)
    case 'string': return value === '' && !required ? ABSENT : writeText(builder, shape, value, name)
    case 'bytes': return (value as Uint8Array).length === 0 && !required ? ABSENT : writeBytes(builder, shape, value, name)
    case 'vector': return (value as readonly unknown[]).length === 0 && !required ? ABSENT : writeVector(builder, shape, value, name)
    default: return ABSENT
  }
}

function writeText(builder: Builder, { bytesMax }: StringShape, value: unknown, name: string): number {
  if (typeof value !== 'string') throw new TypeError(`${name}: expected a string, got ${typeof value}`)
  const bytes = utf8Bytes(value)
  integer(bytes.length, 0, bytesMax, `${name}, bytes of UTF-8`)
  return builder.createString(bytes)
}

function writeBytes(builder: Builder, { countMin, countMax }: BytesShape, value: unknown, name: string): number {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array, got ${typeof value}`)
  integer(value.length, countMin, countMax, `${name}.length`)
  return builder.createByteVector(value)
}

function writeVector(builder: Builder, { of, countMin, countMax }: VectorShape, value: unknown, name: string): number {
  if (!Array.isArray(value)) throw new TypeError(`${name}: expected an array, got ${typeof value}`)
  const elements: readonly unknown[] = value
  integer(elements.length, countMin, countMax, `${name}.length`)
  const elsewhere = of.kind === 'table' || of.kind === 'string'
  const references = elsewhere ? elements.map((element) => writeReferenced(builder, of, element, true, name)) : undefined
  builder.startVector(inlineBytes(of), elements.length, inlineAlign(of))
  for (let i = elements.length - 1; i >= 0; i--) {
    if (references !== undefined) builder.addOffset(references[i])
    else if (of.kind === 'struct') of.write(builder, elements[i])
    else if (of.kind === 'scalar') writeScalar(builder, of, elements[i], name)
    else if (of.kind === 'enum') builder.addInt8(choice(elements[i], of.names, name))
  }
  return builder.endVector()
}

function writeScalarField(builder: Builder, slot: number, shape: ScalarShape, value: unknown, name: string): void {
  // FlatBuffers leaves out what has its default; a reader takes 0 for it.
  if (value === 0 || value === false || value === 0n) integer(0, shape.min, shape.max, name)
  else {
    writeScalar(builder, shape, value, name)
    builder.slot(slot)
  }
}

function writeScalar(builder: Builder, { type, min, max }: ScalarShape, value: unknown, name: string): void {
  switch (type) {
    case 'bool':
      if (typeof value !== 'boolean') throw new TypeError(`${name}: expected a boolean, got ${typeof value}`)
      return builder.addInt8(value ? 1 : 0)
    case 'u8':
    case 'i8': return builder.addInt8(integer(value, min, max, name))
    case 'u16':
    case 'i16': return builder.addInt16(integer(value, min, max, name))
    case 'u32':
    case 'i32': return builder.addInt32(integer(value, min, max, name))
    case 'safe': {
      const safe = integer(value, min, max, name)
      builder.prep(8, 0)
      builder.writeInt32(Math.floor(safe / 2 ** 32))
      return builder.writeInt32(safe % 2 ** 32)
    }
    case 'u64':
      if (typeof value !== 'bigint') throw new TypeError(`${name}: expected a bigint, got ${typeof value}`)
      if (value < 0n || value > U64_MAX) throw new RangeError(`${name}: expected 0 to 2^64 - 1, got ${value}`)
      return builder.addInt64(value)
  }
}
