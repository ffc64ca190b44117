/**
 * The rotations that the stream can have: the smallest three parts of a unit quaternion in whole levels, from which the largest follows.
 * A rotation is made one of them where it is stored, so that what is sent is what is stored, to the bit; every part is within 1/1000 of
 * what it was made from. Integers and square roots alone: the same on every engine.
 *
 *     largest  which part is not told; it is never negative
 *     levels   of the other three, in the order x, y, z, w: -ROTATION_LEVEL_MAX to ROTATION_LEVEL_MAX, in 1/ROTATION_LEVELS
 */
import { ROTATION_ONE } from './components.ts'

/** The parts of a quaternion, in 1/32767. */
export interface Rotation {
  readonly qx: number
  readonly qy: number
  readonly qz: number
  readonly qw: number
}

/**
 * Levels in one. Three parts are half a level off at most, 1/3072; the fourth, which is as large as each of them at least, is off by their
 * sum at most: 3/3072, less than 1/1000.
 */
export const ROTATION_LEVELS = 1536
/** No part but the largest is above the root of one half; a level more for rounding. */
export const ROTATION_LEVEL_MAX = 1087

const PARTS = 4

/** To the nearest integer, halves upwards: the same on every engine. */
const nearest = (value: number): number => Math.floor(value + 0.5)

const partOf = (level: number): number => nearest((level * ROTATION_ONE) / ROTATION_LEVELS)
/** The largest part, of what the squares of the other three's levels leave. */
const largestOf = (left: number): number => nearest((Math.sqrt(Math.max(0, left)) * ROTATION_ONE) / ROTATION_LEVELS)

/** Which of four parts is farthest from zero; of equal ones the first. */
export function largestPart(parts: ArrayLike<number>): number {
  let largest = 0
  for (let k = 1; k < PARTS; k++) if (Math.abs(parts[k]) > Math.abs(parts[largest])) largest = k
  return largest
}

/** Writes the four parts, in 1/32767, of what `largest` and three `levels` tell. */
export function partsOfLevels(largest: number, levels: ArrayLike<number>, parts: Int32Array | number[]): void {
  let left = ROTATION_LEVELS * ROTATION_LEVELS
  for (let k = 0, at = 0; k < PARTS; k++) {
    if (k === largest) continue
    const level = levels[at++]
    left -= level * level
    parts[k] = partOf(level)
  }
  parts[largest] = largestOf(left)
}

/** Whether {@link partsOfLevels} would write these parts. */
function areTold(largest: number, levels: ArrayLike<number>, parts: ArrayLike<number>): boolean {
  let left = ROTATION_LEVELS * ROTATION_LEVELS
  for (let k = 0, at = 0; k < PARTS; k++) {
    if (k === largest) continue
    const level = levels[at++]
    left -= level * level
    if (parts[k] !== partOf(level)) return false
  }
  return parts[largest] === largestOf(left)
}

/** The largest part of a rotation of the stream, and its `levels`, which are written; -1 where it is none of them. */
export function levelsOfParts(parts: ArrayLike<number>, levels: Int32Array | number[]): number {
  const first = largestPart(parts)
  // Where two parts are nearly equal, rounding may have made the one that is not told the smaller one.
  for (let turn = 0; turn < PARTS; turn++) {
    const largest = (first + turn) % PARTS
    for (let k = 0, at = 0; k < PARTS; k++) if (k !== largest) levels[at++] = nearest((parts[k] * ROTATION_LEVELS) / ROTATION_ONE)
    if (Math.max(Math.abs(levels[0]), Math.abs(levels[1]), Math.abs(levels[2])) > ROTATION_LEVEL_MAX) continue
    if (areTold(largest, levels, parts)) return largest
  }
  return -1
}

/** The nearest rotation that the stream can have; that without a turn for parts that are all zero. One of the stream stays as it is. */
export function streamRotation({ qx, qy, qz, qw }: Rotation): Rotation {
  const parts = [qx, qy, qz, qw]
  const levels = [0, 0, 0]
  if (levelsOfParts(parts, levels) >= 0) return { qx, qy, qz, qw }
  const length = Math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw)
  if (length === 0) return { qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }
  const largest = largestPart(parts)
  const scale = parts[largest] < 0 ? -ROTATION_LEVELS : ROTATION_LEVELS
  for (let k = 0, at = 0; k < PARTS; k++) if (k !== largest) levels[at++] = nearest((parts[k] / length) * scale)
  partsOfLevels(largest, levels, parts)
  return { qx: parts[0], qy: parts[1], qz: parts[2], qw: parts[3] }
}
