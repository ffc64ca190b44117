import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Placement } from '../../../system/ecs/components.ts'
import { Raycaster } from '../../../system/editor/raycast.ts'
import { MapStore } from '../../support/mapstore.ts'
import { putBox, putPlacement } from './rig.ts'

/** Looking along -Z from a place in metres. */
const lookingFrom = (x: number, y: number, z: number) => ({ position: { x, y, z }, orientation: { x: 0, y: 0, z: 0, w: 1 } })

describe('a ray', () => {
  test('hits the nearest box, and tells distance and face', () => {
    const world = new MapStore()
    putBox(world, 5, [0, 0, -4])
    putBox(world, 9, [0, 0, -2])
    const hit = new Raycaster().cast(world, lookingFrom(0, 0, 0))!
    expect(hit).toMatchObject({ entity: 9, distanceMetres: 1.75 })
    expect(hit.normal.toArray()).toEqual([0, 0, 1])
  })

  test('hits, of equally near boxes, the one with the lowest id, placement or not', () => {
    const world = new MapStore()
    putPlacement(world, 4, [0, 0, -2])
    putBox(world, 7, [0, 0, -2])
    putBox(world, 6, [0, 0, -2])
    expect(new Raycaster().cast(world, lookingFrom(0, 0, 0))?.entity).toBe(4)
    world.delete(4, Placement)
    expect(new Raycaster().cast(world, lookingFrom(0, 0, 0))?.entity).toBe(6)
  })

  test('misses what is behind it or beside it, and hits what a scale brought into its way', () => {
    const world = new MapStore()
    putBox(world, 1, [0, 0, 2])
    putBox(world, 2, [0.375, 0, -2])
    const raycaster = new Raycaster()
    expect(raycaster.cast(world, lookingFrom(0, 0, 0))).toBeUndefined()
    putBox(world, 2, [0.375, 0, -2], undefined, 512)
    expect(raycaster.cast(world, lookingFrom(0, 0, 0))).toMatchObject({ entity: 2, distanceMetres: 1.5 })
  })

  test('meets the slanted face of a turned box', () => {
    const world = new MapStore()
    // (0, 1, 0, 3) / sqrt(10) turns +Z to (0.6, 0, 0.8); at x = 0.1 m that face is (0.25 - 0.06) / 0.8 m before the centre.
    putBox(world, 1, [0, 0, -2], { qx: 0, qy: 10362, qz: 0, qw: 31085 })
    const hit = new Raycaster().cast(world, lookingFrom(0.1, 0, 0))!
    expect(hit.distanceMetres).toBeCloseTo(2 - 0.2375, 3)
    expect(hit.normal.x).toBeCloseTo(0.6, 3)
    expect(hit.normal.z).toBeCloseTo(0.8, 3)
  })

  test('agrees with the plain reckoning for boxes that are not turned', () => {
    const place = fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 }), fc.integer({ min: -12, max: 12 }))
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 12 }), (places) => {
        const world = new MapStore()
        for (const [index, [x, y, z]] of places.entries()) putBox(world, index + 1, [x / 8, y / 8, z / 2])
        const ahead = places
          .map(([x, y, z], index) => ({ entity: index + 1, x: x / 8, y: y / 8, z: z / 2 }))
          .filter(({ x, y, z }) => Math.abs(x) <= 0.25 && Math.abs(y) <= 0.25 && z - 0.25 <= 0)
          .map(({ entity, z }) => ({ entity, distance: z + 0.25 <= 0 ? -(z + 0.25) : 0.25 - z }))
          .sort((a, b) => a.distance - b.distance || a.entity - b.entity)
        const hit = new Raycaster().cast(world, lookingFrom(0, 0, 0))
        expect(hit?.entity).toBe(ahead[0]?.entity)
      }),
      { seed: 2, numRuns: 300 },
    )
  })
})
