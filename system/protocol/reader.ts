/** Verified FlatBuffers to plain data, driven by the layout of a table. Never call it on bytes that `verify` has not passed. */
import { inlineBytes, type ScalarShape, scalarAt, type Shape, type TableLayout } from '../../schemas/layout.ts'
import { assert } from '../assert.ts'
import { utf8Text } from './utf8.ts'

/** Adds the fields of the root table to `row`. */
export function readRoot(layout: TableLayout, bytes: Uint8Array, row: Record<string, unknown>): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  readTable(layout, bytes, view, target(view, 0), row)
}

const target = (view: DataView, at: number): number => at + view.getUint32(at, true)

function readTable(layout: TableLayout, bytes: Uint8Array, view: DataView, at: number, row: Record<string, unknown>): object {
  const vtable = at - view.getInt32(at, true)
  const vtableBytes = view.getUint16(vtable, true)
  for (const { name, slot, shape } of layout.fields) {
    const entry = 4 + slot * 2
    const offset = entry + 2 <= vtableBytes ? view.getUint16(vtable + entry, true) : 0
    row[name] = offset === 0 ? absentValue(shape) : readValue(shape, bytes, view, at + offset)
  }
  return row
}

function readValue(shape: Shape, bytes: Uint8Array, view: DataView, at: number): unknown {
  switch (shape.kind) {
    case 'scalar': return readScalar(shape, view, at)
    case 'enum': return shape.names[view.getUint8(at)]
    case 'struct': return shape.read(view, at)
    case 'table': return readTable(shape, bytes, view, target(view, at), {})
  }
  const vector = target(view, at)
  const count = view.getUint32(vector, true)
  const from = vector + 4
  switch (shape.kind) {
    case 'string': {
      const text = utf8Text(bytes, from, from + count)
      assert(text !== undefined, 'the verifier has passed this text')
      return text
    }
    case 'bytes': return shape.borrowed ? bytes.subarray(from, from + count) : bytes.slice(from, from + count)
    case 'vector': {
      const stride = inlineBytes(shape.of)
      const elements: unknown[] = []
      for (let i = 0; i < count; i++) elements.push(readValue(shape.of, bytes, view, from + i * stride))
      return elements
    }
  }
}

function readScalar({ type }: ScalarShape, view: DataView, at: number): unknown {
  if (type === 'u64') return view.getBigUint64(at, true)
  const value = scalarAt(view, at, type)
  return type === 'bool' ? value === 1 : value
}

function absentValue(shape: Shape): unknown {
  switch (shape.kind) {
    case 'scalar': return shape.type === 'bool' ? false : shape.type === 'u64' ? 0n : 0
    case 'enum': return shape.names[0]
    case 'string': return ''
    case 'bytes': return new Uint8Array(0)
    case 'vector': return []
    case 'struct':
    case 'table': return undefined
  }
}
