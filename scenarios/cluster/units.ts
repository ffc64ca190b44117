/** Metres of a story to the integers of the system, and back. */
import { STEPS_PER_METRE } from '../../system/ecs/components.ts'
import type { Metres } from './vocabulary.ts'

/** Metres to steps of 1/512 m, to the nearest. @throws {RangeError} where it is no number. */
export function steps(metres: number): number {
  if (!Number.isFinite(metres)) throw new RangeError(`expected metres, got ${metres}`)
  return Math.floor(metres * STEPS_PER_METRE + 0.5)
}
export const stepsOf = ([x, y, z]: Metres) => ({ x: steps(x), y: steps(y), z: steps(z) })
export const metresOf = ({ x, y, z }: { readonly x: number; readonly y: number; readonly z: number }): Metres => [x / STEPS_PER_METRE, y / STEPS_PER_METRE, z / STEPS_PER_METRE]
export const US_PER_MS = 1000
export const US_PER_SECOND = 1_000_000
