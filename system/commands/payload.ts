/** Command payloads: rows of a fixed layout, in the same canonical bytes as rows of a component. */
import { isCanonicalRow, readRow, writeRow } from '../ecs/canonical.ts'
import type { Layout, RowOf } from '../ecs/component.ts'

/** @throws {TypeError | RangeError} where a value is missing, no integer, or outside its field's range. */
export function encodePayload<F extends string>(layout: Layout<F>, values: RowOf<Layout<F>>): Uint8Array {
  const bytes = new Uint8Array(layout.stride)
  writeRow(layout, values, bytes)
  return bytes
}

/** The values, or undefined where the bytes, which a peer sent, are not exactly this layout. */
export function decodePayload<F extends string>(layout: Layout<F>, bytes: Uint8Array): RowOf<Layout<F>> | undefined {
  return isCanonicalRow(layout, bytes) ? readRow(layout, bytes, 0) : undefined
}
