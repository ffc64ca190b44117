/**
 * Where two worlds differ, from their canonical bytes and the component manifest alone.
 *
 * Canonical bytes are rows back to back: u32 entity, u16 component (its index in the manifest), then the component's
 * fields as the manifest lays them out, all little-endian; rows ascend by entity, then by component.
 */

/** What is needed of a component of the manifest. */
export interface ManifestComponent {
  readonly name: string
  /** Bytes of a row, without its header. */
  readonly stride: number
  readonly fields: readonly {
    readonly name: string
    readonly type: 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32' | 'u64'
    /** In bytes from the start of the row. */
    readonly offset: number
    readonly bytes: number
  }[]
}

interface Place {
  /** In bytes from the start of the canonical bytes. */
  readonly offset: number
  readonly entity: number
  readonly component: string
}
/** Both have the row. `offset` is that of the first byte that differs; values are decimal, since a corrupted u64 may fit no number. */
export interface ValueDifference extends Place {
  readonly kind: 'value'
  readonly field: string
  readonly valueA: string
  readonly valueB: string
}
/** One lacks the row. `offset` is where the row starts in the other, and would start in this one. */
export interface PresenceDifference extends Place {
  readonly kind: 'missing in a' | 'missing in b'
  readonly field: undefined
  readonly valueA: undefined
  readonly valueB: undefined
}
export type WorldDifference = ValueDifference | PresenceDifference

interface Row {
  readonly entity: number
  readonly componentIndex: number
  readonly component: ManifestComponent
}
const ROW_HEADER_BYTES = 6

/**
 * The first difference in canonical order, or undefined where the bytes are equal.
 * @throws {RangeError} where either is no canonical bytes of this manifest, up to the first difference.
 */
export function firstDifference(a: Uint8Array, b: Uint8Array, manifest: readonly ManifestComponent[]): WorldDifference | undefined {
  return differences(a, b, manifest).next().value
}

/**
 * Every row that differs, in canonical order, at its first byte that does. Offsets are those in `a`, but for rows that it lacks.
 * @throws {RangeError} where either is no canonical bytes of this manifest, up to the difference that is asked for.
 */
export function* differences(a: Uint8Array, b: Uint8Array, manifest: readonly ManifestComponent[]): Generator<WorldDifference, undefined> {
  const viewA = viewOf(a)
  const viewB = viewOf(b)
  for (let atA = 0, atB = 0; atA < a.length || atB < b.length; ) {
    const rowA = rowAt(viewA, atA, manifest)
    const rowB = rowAt(viewB, atB, manifest)
    const order = compare(rowA, rowB)
    const { entity, component } = (order <= 0 ? rowA : rowB)!
    const rowBytes = ROW_HEADER_BYTES + component.stride
    if (order !== 0) {
      const [kind, offset] = order < 0 ? ['missing in b', atA] as const : ['missing in a', atB] as const
      yield { kind, offset, entity, component: component.name, field: undefined, valueA: undefined, valueB: undefined }
    } else {
      for (let at = ROW_HEADER_BYTES; at < rowBytes; at++) {
        if (a[atA + at] === b[atB + at]) continue
        const field = component.fields.find((candidate) => at - ROW_HEADER_BYTES < candidate.offset + candidate.bytes)!
        const [valueA, valueB] = [valueOf(viewA, atA + ROW_HEADER_BYTES, field), valueOf(viewB, atB + ROW_HEADER_BYTES, field)]
        yield { kind: 'value', offset: atA + at, entity, component: component.name, field: field.name, valueA, valueB }
        break
      }
    }
    if (order <= 0) atA += rowBytes
    if (order >= 0) atB += rowBytes
  }
  return undefined
}

/** The row that starts at `offset`, or undefined at the end of the bytes. */
function rowAt(view: DataView, offset: number, manifest: readonly ManifestComponent[]): Row | undefined {
  if (offset === view.byteLength) return undefined
  if (offset + ROW_HEADER_BYTES > view.byteLength) throw new RangeError(`canonical bytes end within the row header at byte ${offset}`)
  const componentIndex = view.getUint16(offset + 4, true)
  const component = manifest[componentIndex]
  if (component === undefined) throw new RangeError(`the manifest has no component ${componentIndex}, named at byte ${offset + 4}`)
  const end = offset + ROW_HEADER_BYTES + component.stride
  if (end > view.byteLength) throw new RangeError(`canonical bytes end within the row at byte ${offset}`)
  return { entity: view.getUint32(offset, true), componentIndex, component }
}

/** Negative where `a` comes first in canonical order; the end of the bytes comes last. */
function compare(a: Row | undefined, b: Row | undefined): number {
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1
  return a.entity - b.entity || a.componentIndex - b.componentIndex
}

function valueOf(view: DataView, rowAt: number, { offset, type }: ManifestComponent['fields'][number]): string {
  const at = rowAt + offset
  switch (type) {
    case 'u8': return String(view.getUint8(at))
    case 'u16': return String(view.getUint16(at, true))
    case 'u32': return String(view.getUint32(at, true))
    case 'i8': return String(view.getInt8(at))
    case 'i16': return String(view.getInt16(at, true))
    case 'i32': return String(view.getInt32(at, true))
    case 'u64': return String(view.getBigUint64(at, true))
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
