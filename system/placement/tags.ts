/** The tags of a placement: one bit each of an unsigned 32-bit set. */

/** Bit i is the i-th name. Never reorder: add at the end, 32 at most. */
export const PLACEMENT_TAGS = [
  'structure', 'terrain', 'prop', 'light', 'vegetation', 'vehicle', 'decoration', 'interactive',
  'walkable', 'hazard', 'spawnPoint', 'locked', 'hidden', 'draft', 'reviewed', 'imported',
] as const
export type PlacementTag = (typeof PLACEMENT_TAGS)[number]

/** @throws RangeError on a name that is no tag. */
export function tagBits(tags: readonly PlacementTag[]): number {
  let bits = 0
  for (const tag of tags) {
    const index = PLACEMENT_TAGS.indexOf(tag)
    if (index < 0) throw new RangeError(`no such tag: ${tag}`)
    bits |= 1 << index
  }
  return bits >>> 0
}

/** The names in the set, in the order of their bits. A bit without a name (a later version's) has none here. */
export const tagNames = (bits: number): PlacementTag[] => PLACEMENT_TAGS.filter((_, index) => (bits & (1 << index)) !== 0)

/** The tags whose presence differs. */
export const tagsChanged = (from: number, to: number): number => (from ^ to) >>> 0

/** Live tags with the changes of a draft on top: each tag that the draft flipped is flipped. */
export const mergedTags = (live: number, before: number, after: number): number => (live ^ before ^ after) >>> 0
