/**
 * How a component is defined: its fields, their integer types, what one step of each means, and its one source of
 * truth. The definition fixes the canonical bytes: fields in the order written, little-endian, without padding.
 */
import { assert } from '../assert.ts'
import { type Hash64, hash64Equal, type Source } from '../ids.ts'
import { sipHash24 } from '../protocol/siphash.ts'

/** `u64` holds a safe integer (at most 2^53 - 1) in eight bytes. */
export type FieldType = 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32' | 'u64'
const FIELD_BYTES: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, i8: 1, i16: 2, i32: 4, u64: 8 }
/** Of a layout. */
export const FIELDS_MAX = 32
const ROTATION_PARTS = 4

/**
 * How changes of a field are told: as values; as what is left of them after a prediction of the motion; or, four parts together, as what is
 * left of a rotation after such a prediction.
 */
export type Diff = 'value' | 'motion' | 'rotation'

export interface FieldSpec {
  readonly type: FieldType
  /** What one step means, for people and for the manifest: '1/512 m', 'author', 'bit set'. */
  readonly unit: string
  /** 'value' where it is left out. The fields of a rotation are four `i16` parts of a quaternion, in the order x, y, z, w. */
  readonly diff?: Diff
}
export interface Field extends FieldSpec {
  readonly name: string
  readonly diff: Diff
  /** Position in the definition; bit of the field mask. */
  readonly index: number
  /** In bytes from the start of the row. */
  readonly offset: number
  readonly bytes: number
}

/** A fixed row of integers: the fields of a component, or the payload of a command. */
export interface Layout<F extends string = string> {
  readonly name: string
  readonly fields: readonly Field[]
  readonly field: { readonly [K in F]: Field }
  /** The fields by their {@link Diff}. Of a rotation there are four parts or none. */
  readonly values: readonly Field[]
  readonly motion: readonly Field[]
  readonly rotation: readonly Field[]
  /** Bytes of a row. */
  readonly stride: number
}
// Rows of unknown fields: what tables and codecs handle.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyLayout = Layout<any>
export type RowOf<L> = L extends Layout<infer F> ? { readonly [K in F]: number } : never

export interface Component<F extends string = string> extends Layout<F> {
  /** SipHash-2-4 of the name: stable across builds. */
  readonly id: Hash64
  readonly source: Source
  readonly sinceVersion: string
  /** The version that stops writing it; undefined while it is in use. */
  readonly deprecatedIn: string | undefined
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyComponent = Component<any>

export interface ComponentSpec<F extends string> {
  readonly name: string
  readonly source: Source
  readonly sinceVersion: string
  readonly deprecatedIn?: string
  readonly fields: { readonly [K in F]: FieldSpec }
}

export function defineLayout<F extends string>(name: string, specs: { readonly [K in F]: FieldSpec }): Layout<F> {
  const names = Object.keys(specs) as F[]
  assert(names.length >= 1 && names.length <= FIELDS_MAX, `${name} has 1 to ${FIELDS_MAX} fields`)
  let offset = 0
  const fields = names.map((field, index): Field => {
    const { type, unit, diff = 'value' } = specs[field]
    const placed = { name: field, index, type, unit, diff, offset, bytes: FIELD_BYTES[type] }
    offset += placed.bytes
    return placed
  })
  const told = (by: Diff) => fields.filter(({ diff }) => diff === by)
  const [values, motion, rotation] = [told('value'), told('motion'), told('rotation')]
  assert(rotation.length === 0 || rotation.length === ROTATION_PARTS, `${name} has one rotation at most`)
  assert(motion.every(({ type }) => type === 'i32'), `${name} moves in i32`)
  assert(rotation.every(({ type }) => type === 'i16'), `${name} turns in i16`)
  const byName = Object.fromEntries(fields.map((field) => [field.name, field])) as { [K in F]: Field }
  return { name, fields, field: byName, values, motion, rotation, stride: offset }
}

/** Ascending by id, the canonical order. Two full names with one id are caught here: one of the components needs another name. */
export function inOrderOfId(components: readonly AnyComponent[]): readonly AnyComponent[] {
  const ordered = components.toSorted((a, b) => a.id.hi - b.id.hi || a.id.lo - b.id.lo)
  ordered.slice(1).forEach((component, index) => {
    const { name, id } = ordered[index]
    assert(!hash64Equal(id, component.id), `the ids of ${name} and ${component.name} differ`)
  })
  return ordered
}

export const defineComponent = <F extends string>({ name, source, sinceVersion, deprecatedIn, fields }: ComponentSpec<F>): Component<F> =>
  ({ ...defineLayout(name, fields), id: sipHash24(name), source, sinceVersion, deprecatedIn })
