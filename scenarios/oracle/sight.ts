/**
 * What somebody sees of a world, the slow and obvious way: every row of its canonical bytes is looked at, every time. The log is
 * everybody's; an entity of the stream is seen where its own rows say that it is, and everywhere where they say nothing.
 */
import { COMPONENTS } from '../../system/ecs/components.ts'

/** 'x y z' of each cell that is seen; undefined where everything is. */
export type Cells = ReadonlySet<string> | undefined

const HEADER_BYTES = 6
const METRES_PER_CELL = 16
const STEPS_PER_METRE = 512
/** What places an entity, the first that it has. */
const PLACING = ['theta.Motion', 'theta.BodyPose', 'theta.HeadPose']

export const cellName = ({ x, y, z }: { readonly x: number; readonly y: number; readonly z: number }): string => `${x} ${y} ${z}`

/** The rows of canonical bytes that are seen, as canonical bytes. */
export function seenBytes(bytes: Uint8Array, cells: Cells): Uint8Array {
  if (cells === undefined) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const kept: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    // The rows of an entity stand together.
    const entity = view.getUint32(at, true)
    const rows: { readonly name: string; readonly source: string; readonly from: number; readonly to: number }[] = []
    while (at < bytes.length && view.getUint32(at, true) === entity) {
      const { name, source, stride } = COMPONENTS[view.getUint16(at + 4, true)]
      rows.push({ name, source, from: at, to: at + HEADER_BYTES + stride })
      at += HEADER_BYTES + stride
    }
    const placing = PLACING.map((name) => rows.find((row) => row.name === name)).find((row) => row !== undefined)
    const isSeen = placing === undefined || cells.has(cellAt(view, placing.from + HEADER_BYTES))
    for (const { source, from, to } of rows) if (source === 'log' || isSeen) kept.push(bytes.subarray(from, to))
  }
  const seen = new Uint8Array(kept.reduce((sum, { length }) => sum + length, 0))
  kept.reduce((at, row) => {
    seen.set(row, at)
    return at + row.length
  }, 0)
  return seen
}

/** Each of these rows begins with x, y and z in steps. */
function cellAt(view: DataView, at: number): string {
  const [x, y, z] = [0, 4, 8].map((offset) => Math.floor(view.getInt32(at + offset, true) / STEPS_PER_METRE / METRES_PER_CELL))
  return cellName({ x, y, z })
}
