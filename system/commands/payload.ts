/** The fixed layouts of command payloads: integer fields, little-endian, back to back. The registry defines one per command. */
import { FIELD_BYTES, type FieldType } from '../ecs/component.ts'

export interface PayloadLayout<F extends string = string> {
  readonly fields: readonly { readonly name: F; readonly type: FieldType; readonly unit: string }[]
  readonly bytes: number
}
export type PayloadOf<L> = L extends PayloadLayout<infer F> ? { readonly [K in F]: number } : never

const RANGES: Readonly<Record<FieldType, readonly [number, number]>> = {
  u8: [0, 0xff], u16: [0, 0xffff], u32: [0, 0xffff_ffff], u64: [0, Number.MAX_SAFE_INTEGER],
  i8: [-0x80, 0x7f], i16: [-0x8000, 0x7fff], i32: [-0x8000_0000, 0x7fff_ffff],
}
const TWO_TO_32 = 0x1_0000_0000

export function payloadLayout<F extends string>(fields: { readonly [K in F]: readonly [type: FieldType, unit: string] }): PayloadLayout<F> {
  const list = (Object.keys(fields) as F[]).map((name) => ({ name, type: fields[name][0], unit: fields[name][1] }))
  return { fields: list, bytes: list.reduce((sum, field) => sum + FIELD_BYTES[field.type], 0) }
}

/** @throws RangeError where a value is no integer or does not fit its field. */
export function encodePayload<F extends string>(layout: PayloadLayout<F>, values: { readonly [K in F]: number }): Uint8Array {
  const bytes = new Uint8Array(layout.bytes)
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const { name, type } of layout.fields) {
    const value = values[name]
    const [low, high] = RANGES[type]
    if (!Number.isInteger(value) || value < low || value > high) throw new RangeError(`${name} must be an integer in [${low}, ${high}], got ${value}`)
    switch (type) {
      case 'u8': view.setUint8(offset, value); break
      case 'i8': view.setInt8(offset, value); break
      case 'u16': view.setUint16(offset, value, true); break
      case 'i16': view.setInt16(offset, value, true); break
      case 'u32': view.setUint32(offset, value, true); break
      case 'i32': view.setInt32(offset, value, true); break
      case 'u64':
        view.setUint32(offset, value % TWO_TO_32, true)
        view.setUint32(offset + 4, Math.floor(value / TWO_TO_32), true)
        break
    }
    offset += FIELD_BYTES[type]
  }
  return bytes
}

/** The values, or undefined where the bytes are not exactly this layout. */
export function decodePayload<F extends string>(layout: PayloadLayout<F>, bytes: Uint8Array): { readonly [K in F]: number } | undefined {
  if (bytes.length !== layout.bytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const values = {} as { [K in F]: number }
  let offset = 0
  for (const { name, type } of layout.fields) {
    switch (type) {
      case 'u8': values[name] = view.getUint8(offset); break
      case 'i8': values[name] = view.getInt8(offset); break
      case 'u16': values[name] = view.getUint16(offset, true); break
      case 'i16': values[name] = view.getInt16(offset, true); break
      case 'u32': values[name] = view.getUint32(offset, true); break
      case 'i32': values[name] = view.getInt32(offset, true); break
      case 'u64': values[name] = view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_TO_32; break
    }
    if (values[name] > Number.MAX_SAFE_INTEGER) return undefined
    offset += FIELD_BYTES[type]
  }
  return values
}
