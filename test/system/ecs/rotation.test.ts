/** The rotations that the stream can have. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ROTATION_ONE } from '../../../system/ecs/components.ts'
import { levelsOfParts, partsOfLevels, type Rotation, ROTATION_LEVEL_MAX, streamRotation } from '../../../system/ecs/rotation.ts'

const PARTS_PER_THOUSANDTH = ROTATION_ONE / 1000
const property = { seed: 61, numRuns: 4000 }
const part = fc.integer({ min: -32768, max: 32767 })
const anyRotation = fc.record({ qx: part, qy: part, qz: part, qw: part })
const partsOf = ({ qx, qy, qz, qw }: Rotation) => [qx, qy, qz, qw]
const levelsOf = (rotation: Rotation) => {
  const levels = [0, 0, 0]
  return { largest: levelsOfParts(partsOf(rotation), levels), levels }
}

describe('streamRotation', () => {
  it('R-CODE-2 keeps every part within a thousandth of the unit quaternion, up to its sign', () => {
    // Where all four parts are alike, the fourth gathers the errors of the other three.
    const halves = fc.integer({ min: 16_000, max: 16_800 })
    const worst = fc.record({ qx: halves, qy: halves, qz: halves, qw: halves })
    fc.assert(fc.property(fc.oneof(anyRotation, worst), (rotation) => {
      const parts = partsOf(rotation)
      const length = Math.sqrt(parts.reduce((sum, one) => sum + one * one, 0))
      fc.pre(length > 100)
      const kept = partsOf(streamRotation(rotation))
      const sign = parts.reduce((sum, one, k) => sum + one * kept[k], 0) < 0 ? -1 : 1
      parts.forEach((one, k) => expect(Math.abs(kept[k] - (sign * one * ROTATION_ONE) / length)).toBeLessThan(PARTS_PER_THOUSANDTH))
    }), property)
  })

  it('R-CODE-2 makes rotations that it leaves alone, and of which three levels tell all four parts', () => {
    const nearTies = fc.tuple(fc.nat(3), fc.integer({ min: -40, max: 40 }), part).map(([k, off, rest]) => {
      const parts = [20_000, 20_000, rest % 2000, 20_000]
      parts[k] += off
      return { qx: parts[0], qy: parts[1], qz: parts[2], qw: parts[3] }
    })
    fc.assert(fc.property(fc.oneof(anyRotation, nearTies), (rotation) => {
      const kept = streamRotation(rotation)
      expect(streamRotation(kept)).toEqual(kept)
      const { largest, levels } = levelsOf(kept)
      expect(largest).toBeGreaterThanOrEqual(0)
      const told = [0, 0, 0, 0]
      partsOfLevels(largest, levels, told)
      expect(told).toEqual(partsOf(kept))
    }), property)
  })

  it('R-CODE-2 takes nothing for no turn, and tells what is none of its rotations', () => {
    expect(streamRotation({ qx: 0, qy: 0, qz: 0, qw: 0 })).toEqual({ qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
    expect(streamRotation({ qx: 0, qy: 0, qz: 0, qw: -7 })).toEqual({ qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
    expect(levelsOf({ qx: 1, qy: 2, qz: 3, qw: 4 }).largest).toBe(-1)
    expect(levelsOf({ qx: 0, qy: 0, qz: 0, qw: -ROTATION_ONE }).largest).toBe(-1)
    // Levels that no rotation has give parts all the same.
    const parts = [0, 0, 0, 0]
    partsOfLevels(1, [ROTATION_LEVEL_MAX, ROTATION_LEVEL_MAX, ROTATION_LEVEL_MAX], parts)
    expect(parts[1]).toBe(0)
  })
})
