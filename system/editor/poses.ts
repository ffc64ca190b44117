/** Poses as the device tells them, made integers. */
import { ROTATION_ONE, STEPS_PER_METRE } from '../ecs/components.ts'
import type { PoseQ } from '../protocol/messages.ts'
import type { XRRigidTransformLike } from './webxr.ts'

/** Farther than this from the origin on an axis (8 km, in 1/512 m), a tracked pose is nonsense. */
const TRACKED_STEPS_MAX = 2 ** 22

/** A quaternion shorter than the root of this points nowhere. */
const ORIENTATION_SQUARE_MIN = 1e-6

/** Until the device knows better. */
export const ORIGIN_POSE: PoseQ = { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }

/** To the nearest integer, halves upwards: the same on every engine. */
export const nearest = (value: number): number => Math.floor(value + 0.5)

export const samePose = (a: PoseQ, b: PoseQ): boolean =>
  a.x === b.x && a.y === b.y && a.z === b.z && a.qx === b.qx && a.qy === b.qy && a.qz === b.qz && a.qw === b.qw

/** Undefined where the position is out of reach or the orientation is no direction, NaN and infinities included. */
export function quantizedPose({ position, orientation }: XRRigidTransformLike): PoseQ | undefined {
  const x = nearest(position.x * STEPS_PER_METRE)
  const y = nearest(position.y * STEPS_PER_METRE)
  const z = nearest(position.z * STEPS_PER_METRE)
  if (!(Math.abs(x) <= TRACKED_STEPS_MAX && Math.abs(y) <= TRACKED_STEPS_MAX && Math.abs(z) <= TRACKED_STEPS_MAX)) return undefined
  const { x: i, y: j, z: k, w } = orientation
  const square = i * i + j * j + k * k + w * w
  if (!(square > ORIENTATION_SQUARE_MIN && square < Infinity)) return undefined
  const part = ROTATION_ONE / Math.sqrt(square)
  return { x, y, z, qx: nearest(i * part), qy: nearest(j * part), qz: nearest(k * part), qw: nearest(w * part) }
}
