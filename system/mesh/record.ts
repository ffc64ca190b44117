/**
 * What the log keeps of a mesh's edits: how many there were, and a digest chained over them in the order of the log. Two
 * peers whose records are equal have applied the same edits in the same order, and so have the same mesh, whoever builds it.
 *
 *     digest = SipHash-2-4(former digest u64 | command u16 | author u16 | lamport u64 | payload), little-endian; 0 before the first
 */
import type { RowOf } from '../ecs/component.ts'
import type { MeshEdit } from '../ecs/components.ts'
import { concatenate, u32 } from '../protocol/bytes.ts'
import type { CommandEntry } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'

type MeshRecord = RowOf<typeof MeshEdit>

const U16_STEPS = 0x1_0000
const U32_STEPS = 0x1_0000_0000

/** The record after one more edit; undefined where there was none yet. The count may wrap. */
export function recorded(former: MeshRecord | undefined, { command, author, lamport, payload }: CommandEntry): MeshRecord {
  const { edits, digestHi, digestLo } = former ?? { edits: 0, digestHi: 0, digestLo: 0 }
  const lamportHalves = [u32(lamport % U32_STEPS), u32(Math.floor(lamport / U32_STEPS))]
  const digest = sipHash24(concatenate([u32(digestLo), u32(digestHi), u32(command + author * U16_STEPS), ...lamportHalves, payload]))
  return { edits: (edits + 1) >>> 0, digestHi: digest.hi, digestLo: digest.lo }
}
