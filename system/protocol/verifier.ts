/**
 * Verifies FlatBuffers that a peer sent, before anything reads them: the JavaScript runtime has no verifier, and follows
 * whatever offset it finds. After `ok` a reader can neither leave the buffer nor meet a value out of its schema's range.
 *
 * Offsets could also lead to one object many times over, and a small buffer decode to a huge message. Therefore each visit
 * claims its bytes from a budget of the buffer's length: what a buffer holds is never larger than the buffer. Writers
 * that share objects (vtables apart) may be refused. Depth needs no bound of its own: the generator takes no recursive schema.
 */
import {
  type BytesShape, type EnumShape, inlineAlign, inlineBytes, type ScalarShape, scalarAt, type Shape, type StringShape, type StructLayout,
  type TableLayout, type VectorShape,
} from '../../schemas/layout.ts'
import { utf8Text } from './utf8.ts'

export type Verdict = { readonly kind: 'ok' } | { readonly kind: 'malformed'; readonly why: string }

const OFFSET_BYTES = 4
const VTABLE_HEADER_BYTES = 4
const VTABLE_ENTRY_BYTES = 2
const OK: Verdict = { kind: 'ok' }

/** Verifies a whole buffer whose root is such a table. Takes time in proportion to the buffer, whatever it holds. */
export function verify(root: TableLayout, bytes: Uint8Array): Verdict {
  const why = bytes.length < OFFSET_BYTES ? 'too short' : new Inspection(bytes).value(root, 0)
  return why === undefined ? OK : { kind: 'malformed', why: `${root.name}: ${why}` }
}

/** Every method returns what is wrong, or undefined. */
class Inspection {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private unclaimedBytes: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.unclaimedBytes = bytes.length
  }

  /** What stands inline at `at`, known to be inside the buffer and aligned, and what it refers to. */
  value(shape: Shape, at: number): string | undefined {
    switch (shape.kind) {
      case 'scalar': return this.scalar(shape, at)
      case 'enum': return this.enumeration(shape, at)
      case 'struct': return this.struct(shape, at)
      case 'table': return this.table(shape, this.target(at))
      case 'string': return this.text(shape, this.target(at))
      case 'bytes':
      case 'vector': return this.vector(shape, this.target(at))
    }
  }

  private scalar({ type, min, max }: ScalarShape, at: number): string | undefined {
    if (type === 'u64') return undefined
    const value = scalarAt(this.view, at, type)
    return value >= min && value <= max ? undefined : `${value} is not in ${min}..${max}`
  }

  private enumeration({ names }: EnumShape, at: number): string | undefined {
    const index = this.view.getUint8(at)
    return index < names.length ? undefined : `${index} names nothing`
  }

  private struct(layout: StructLayout, at: number): string | undefined {
    for (const field of layout.guarded) {
      const why = this.value(field.shape, at + field.offset)
      if (why !== undefined) return `${field.name}: ${why}`
    }
    return undefined
  }

  private table(layout: TableLayout, at: number): string | undefined {
    if (!this.holds(at, OFFSET_BYTES, OFFSET_BYTES)) return 'table out of bounds'
    const vtable = at - this.view.getInt32(at, true)
    if (vtable < 0 || !this.holds(vtable, VTABLE_HEADER_BYTES, VTABLE_ENTRY_BYTES)) return 'vtable out of bounds'
    const vtableBytes = this.view.getUint16(vtable, true)
    const tableBytes = this.view.getUint16(vtable + 2, true)
    if (vtableBytes < VTABLE_HEADER_BYTES || !this.holds(vtable, vtableBytes, VTABLE_ENTRY_BYTES)) return 'vtable out of bounds'
    // Half an entry is none to a verifier, and might be one to a reader.
    if (vtableBytes % VTABLE_ENTRY_BYTES !== 0) return 'vtable out of bounds'
    if (tableBytes < OFFSET_BYTES || !this.holds(at, tableBytes, OFFSET_BYTES)) return 'table out of bounds'
    if (!this.claim(tableBytes)) return 'holds more than its bytes'
    for (const field of layout.fields) {
      const entry = VTABLE_HEADER_BYTES + field.slot * VTABLE_ENTRY_BYTES
      const offset = entry + VTABLE_ENTRY_BYTES <= vtableBytes ? this.view.getUint16(vtable + entry, true) : 0
      const why = offset === 0 ? absence(field.required, field.shape) : this.field(field.shape, at, offset, tableBytes)
      if (why !== undefined) return `${field.name}: ${why}`
    }
    return undefined
  }

  private field(shape: Shape, table: number, offset: number, tableBytes: number): string | undefined {
    if (offset < OFFSET_BYTES || offset + inlineBytes(shape) > tableBytes) return 'outside its table'
    if ((table + offset) % inlineAlign(shape) !== 0) return 'not aligned'
    return this.value(shape, table + offset)
  }

  private text({ bytesMax }: StringShape, at: number): string | undefined {
    const why = this.elements(at, 1, 1, 0, bytesMax, 1)
    if (why !== undefined) return why
    const from = at + OFFSET_BYTES
    const to = from + this.view.getUint32(at, true)
    if (this.bytes[to] !== 0) return 'not terminated'
    return utf8Text(this.bytes, from, to) === undefined ? 'not UTF-8' : undefined
  }

  private vector(shape: VectorShape | BytesShape, at: number): string | undefined {
    const of = shape.kind === 'vector' ? shape.of : undefined
    const stride = of === undefined ? 1 : inlineBytes(of)
    const why = this.elements(at, stride, of === undefined ? 1 : inlineAlign(of), shape.countMin, shape.countMax, 0)
    if (why !== undefined || of === undefined) return why
    const count = this.view.getUint32(at, true)
    for (let i = 0, element = at + OFFSET_BYTES; i < count; i++, element += stride) {
      const elementWhy = this.value(of, element)
      if (elementWhy !== undefined) return `[${i}]: ${elementWhy}`
    }
    return undefined
  }

  /** A count and that many elements, with `tailBytes` after them. */
  private elements(at: number, stride: number, align: number, countMin: number, countMax: number, tailBytes: number): string | undefined {
    if (!this.holds(at, OFFSET_BYTES, OFFSET_BYTES)) return 'out of bounds'
    const count = this.view.getUint32(at, true)
    if (count < countMin || count > countMax) return `${count} elements, not ${countMin}..${countMax}`
    const bytes = count * stride + tailBytes
    if (!this.holds(at + OFFSET_BYTES, bytes, align)) return 'out of bounds'
    return this.claim(OFFSET_BYTES + bytes) ? undefined : 'holds more than its bytes'
  }

  private target(at: number): number {
    return at + this.view.getUint32(at, true)
  }

  private holds(at: number, bytes: number, align: number): boolean {
    return at % align === 0 && at + bytes <= this.bytes.length
  }

  private claim(bytes: number): boolean {
    this.unclaimedBytes -= bytes
    return this.unclaimedBytes >= 0
  }
}

/** An absent scalar or enum is 0, which may be out of range. */
function absence(required: boolean, shape: Shape): string | undefined {
  return required || (shape.kind === 'scalar' && shape.min > 0) ? 'missing' : undefined
}
