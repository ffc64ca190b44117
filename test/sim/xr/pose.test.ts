import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { aimedOrientation, normalized, type Orientation, type Vector } from '../../../sim/xr/pose.ts'

const metres = fc.double({ min: -50, max: 50, noNaN: true })
const point = fc.record({ x: metres, y: metres, z: metres })

/** Where -Z points after the rotation. */
const forward = ({ x, y, z, w }: Orientation): Vector => ({ x: -2 * (x * z + w * y), y: -2 * (y * z - w * x), z: 2 * (x * x + y * y) - 1 })

test('an aimed controller points at its target', () => {
  fc.assert(
    fc.property(point, point, (origin, target) => {
      const away = { x: target.x - origin.x, y: target.y - origin.y, z: target.z - origin.z }
      const length = Math.sqrt(away.x * away.x + away.y * away.y + away.z * away.z)
      fc.pre(length > 0.001)
      const ray = forward(aimedOrientation(origin, target))
      expect(ray.x * length).toBeCloseTo(away.x, 3)
      expect(ray.y * length).toBeCloseTo(away.y, 3)
      expect(ray.z * length).toBeCloseTo(away.z, 3)
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('straight back is half a turn about Y', () => {
  expect(aimedOrientation({ x: 1, y: 1, z: 1 }, { x: 1, y: 1, z: 9 })).toEqual({ x: 0, y: 1, z: 0, w: 0 })
})

test('a pose without a direction is refused', () => {
  expect(() => aimedOrientation({ x: 1, y: 2, z: 3 }, { x: 1, y: 2, z: 3 })).toThrow(RangeError)
  expect(() => aimedOrientation({ x: NaN, y: 2, z: 3 }, { x: 1, y: 2, z: 3 })).toThrow(RangeError)
  expect(() => normalized({ x: 0, y: 0, z: 0, w: 0 })).toThrow(RangeError)
})
