/** What a placement's state is made of, and the comparisons that conflicts are judged by. All integers. */
import type { FieldType } from '../ecs/component.ts'
import { Placement, SCALE_ONE } from '../ecs/components.ts'
import type { PlacementState } from '../protocol/messages.ts'

/** Half the edge of the box that a placement of scale one fills for the overlap check: a quarter of a metre, in 1/512 m. */
export const PLACEMENT_HALF_EXTENT = 128

interface PlacementField {
  readonly name: keyof PlacementState
  readonly type: FieldType
  readonly bytes: number
}
/** In the order of their canonical bytes. */
export const PLACEMENT_FIELDS = Placement.fields as readonly PlacementField[]

/** Whether every value is an integer that its field of the Placement row holds. */
export const isPlacementState = (state: PlacementState): boolean =>
  PLACEMENT_FIELDS.every(({ name, type, bytes }) => {
    const span = 2 ** (8 * bytes)
    const low = type.startsWith('i') ? -span / 2 : 0
    return Number.isInteger(state[name]) && state[name] >= low && state[name] < low + span
  })

/** Where a placement is, how it is turned and how large. */
export type PlacementTransform = Omit<PlacementState, 'asset' | 'region' | 'tags'>

export const transformOf = ({ x, y, z, qx, qy, qz, qw, scale }: PlacementState): PlacementTransform => ({ x, y, z, qx, qy, qz, qw, scale })

export const sameTransform = (a: PlacementState, b: PlacementState): boolean =>
  a.x === b.x && a.y === b.y && a.z === b.z &&
  a.qx === b.qx && a.qy === b.qy && a.qz === b.qz && a.qw === b.qw &&
  a.scale === b.scale

export const sameAssetAndRegion = (a: PlacementState, b: PlacementState): boolean => a.asset === b.asset && a.region === b.region

export const sameState = (a: PlacementState, b: PlacementState): boolean =>
  sameAssetAndRegion(a, b) && sameTransform(a, b) && a.tags === b.tags

/** Whether the axis-aligned boxes of two placements share volume; boxes that only touch do not. Rotation is ignored. */
export function boxesOverlap(a: PlacementState, b: PlacementState): boolean {
  // |d| < extent * (scale a + scale b) / SCALE_ONE, without the division: at most 2^32 * 2^8.
  const reach = PLACEMENT_HALF_EXTENT * (a.scale + b.scale)
  const apart = (from: number, to: number) => Math.abs(from - to) * SCALE_ONE >= reach
  return !apart(a.x, b.x) && !apart(a.y, b.y) && !apart(a.z, b.z)
}
