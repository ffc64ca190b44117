/** Poses of a simulated headset: metres, right-handed, +Y up, looking along -Z. Only + - * / and sqrt: exact on every engine. */

export interface Vector {
  readonly x: number
  readonly y: number
  readonly z: number
}
export interface Orientation extends Vector {
  readonly w: number
}
export interface Pose {
  /** Metres. */
  readonly position: Vector
  /** A quaternion of any length but zero. */
  readonly orientation: Orientation
}

export const FORWARD_ORIENTATION: Orientation = { x: 0, y: 0, z: 0, w: 1 }

/** @throws RangeError for a zero or non-finite quaternion */
export function normalized({ x, y, z, w }: Orientation): Orientation {
  const length = Math.sqrt(x * x + y * y + z * z + w * w)
  if (!(length > 0 && length < Infinity)) throw new RangeError(`expected a quaternion with a direction, got (${x}, ${y}, ${z}, ${w})`)
  return { x: x / length, y: y / length, z: z / length, w: w / length }
}

/**
 * The shortest rotation that takes -Z to the direction from `origin` to `target`; half a turn about Y where they are opposite.
 * @throws RangeError where origin and target coincide
 */
export function aimedOrientation(origin: Vector, target: Vector): Orientation {
  const x = target.x - origin.x
  const y = target.y - origin.y
  const z = target.z - origin.z
  const length = Math.sqrt(x * x + y * y + z * z)
  if (!(length > 0 && length < Infinity)) throw new RangeError('expected a target away from the origin')
  const across = x * x + y * y
  if (across === 0 && z > 0) return { x: 0, y: 1, z: 0, w: 0 }
  // For unit vectors a and b, (a x b, 1 + a.b) is the rotation from a to b; here a = (0, 0, -1). Behind, 1 - z would cancel.
  const w = z > 0 ? across / (length * (length + z)) : 1 - z / length
  return normalized({ x: y / length, y: -x / length, z: 0, w })
}
