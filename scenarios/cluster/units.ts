/** Metres of a story to the integers of the system, and back. */
import { STEPS_PER_METRE } from '../../system/ecs/components.ts'
import { within } from '../arguments.ts'
import type { Metres } from './vocabulary.ts'

/** A place in steps of 1/512 m. */
export interface Steps {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** What an i32 of steps holds, each way. */
const METRES_MAX = 2 ** 31 / STEPS_PER_METRE - 1

/** Metres to steps of 1/512 m, to the nearest. @throws {RangeError} where it is no number, or too far away. */
export function steps(metres: number, least = -METRES_MAX, most = METRES_MAX): number {
  return Math.floor(within('metres', metres, least, most) * STEPS_PER_METRE + 0.5)
}
/** @throws {TypeError | RangeError} where it is no place. */
export function stepsOf(place: Metres): Steps {
  const [x, y, z] = triple(place)
  return { x: steps(x), y: steps(y), z: steps(z) }
}
/** @throws {TypeError} where it is not three of something. */
export function triple(metres: Metres): Metres {
  if (!Array.isArray(metres) || metres.length !== 3) throw new TypeError(`expected [x, y, z] in metres, got ${JSON.stringify(metres)}`)
  return metres
}
export const metresOf = ({ x, y, z }: Steps): Metres => [x / STEPS_PER_METRE, y / STEPS_PER_METRE, z / STEPS_PER_METRE]
export const US_PER_MS = 1000
