import RAPIER, { init } from '@dimforge/rapier3d-compat'
import { beforeAll, describe, expect, it } from 'vitest'
import { BodyPose, ROTATION_ONE, STEPS_PER_METRE } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { type BodySpec, Physics } from '../../../system/physics/physics.ts'

const HZ = 30
const pose = (x: number, y: number, z: number) => ({ x, y, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
function crate(y: number, over: Partial<BodySpec> = {}): BodySpec {
  return { shape: 'box', hx: 128, hy: 128, hz: 128, massGrams: 2000, restitution: 60, pose: pose(3 * y, y, -y), ...over }
}

/** Eight bodies, alternately box and ball, dropped on top of each other. */
function tower(): Physics {
  const physics = new Physics(RAPIER, { hz: HZ })
  for (let entity = 1; entity <= 8; entity++) {
    physics.add(entity, crate(0, { shape: entity % 2 === 0 ? 'ball' : 'box', pose: pose(7 * entity, 600 * entity, -5 * entity) }))
  }
  return physics
}
function poses(physics: Physics): (number | boolean)[][] {
  const all: (number | boolean)[][] = []
  physics.forEachPose((...one) => all.push(one))
  return all
}
const run = (physics: Physics, steps: number): void => {
  for (let step = 0; step < steps; step++) physics.step()
}

beforeAll(() => init())

describe('physics', () => {
  it('R-PHYS-2 two_runs_are_the_same_to_the_last_step', () => {
    const [a, b] = [tower(), tower()]
    for (let step = 0; step < 90; step++) {
      if (step === 40) for (const physics of [a, b]) physics.teleport(3, pose(0, 4000, 0))
      if (step === 50) for (const physics of [a, b]) physics.remove(5)
      a.step()
      b.step()
      expect(poses(a)).toEqual(poses(b))
      expect(a.contacts).toBe(b.contacts)
    }
    expect(a.bodies).toBe(7)
    a.free()
    b.free()
  })

  it('bodies_fall_touch_and_come_to_rest_on_the_ground', () => {
    const physics = tower()
    expect(physics.contacts).toBe(0)
    physics.step()
    const heights = poses(physics).map(([, , y]) => y as number)
    heights.forEach((y, index) => expect(y).toBeLessThan(600 * (index + 1)))
    run(physics, 40)
    // At the least each body has touched the ground or another one.
    expect(physics.contacts).toBeGreaterThanOrEqual(8)
    expect(physics.awake).toBeGreaterThan(0)
    run(physics, 30 * HZ)
    expect(physics.awake).toBe(0)
    for (const [, , y, , , , , , asleep] of poses(physics)) {
      // Half a body above the ground, within 1 cm of give.
      expect(y).toBeGreaterThan(128 - 0.01 * STEPS_PER_METRE)
      expect(asleep).toBe(true)
    }
    physics.free()
  })

  it('a_body_falls_as_far_as_gravity_says', () => {
    const physics = new Physics(RAPIER, { hz: HZ, gravity: 10 })
    physics.add(1, crate(100 * STEPS_PER_METRE))
    run(physics, HZ)
    // One second: g/2 plus at most one step's worth of integration error, g / (2 hz) = 0.17 m.
    const fallen = 100 - (poses(physics)[0][2] as number) / STEPS_PER_METRE
    expect(Math.abs(fallen - 5)).toBeLessThan(0.18)
    physics.free()
  })

  it('poses_come_by_ascending_entity_and_as_they_went_in', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    const turned = { x: -2147483648, y: 77777, z: 1, qx: 0, qy: 19660, qz: 0, qw: -26214 }
    physics.add(9, crate(0, { pose: pose(1, 2, 3) }))
    physics.add(4, crate(0, { pose: turned }))
    physics.add(6, crate(0, { pose: { ...pose(-5, 9000, 0), qw: 0 } }))
    expect(poses(physics)).toEqual([
      [4, turned.x, turned.y, turned.z, 0, 19660, 0, -26214, false],
      [6, -5, 9000, 0, 0, 0, 0, ROTATION_ONE, false],
      [9, 1, 2, 3, 0, 0, 0, ROTATION_ONE, false],
    ])
    physics.free()
  })

  it('a_teleported_body_is_elsewhere_at_rest_and_awake', () => {
    const physics = new Physics(RAPIER, { hz: HZ, gravity: 0 })
    physics.add(1, crate(1000))
    run(physics, 5 * HZ)
    expect(physics.awake).toBe(0)
    physics.teleport(1, pose(-400, 2000, 90))
    expect(physics.awake).toBe(1)
    expect(poses(physics)[0].slice(0, 4)).toEqual([1, -400, 2000, 90])
    physics.free()

    const falling = new Physics(RAPIER, { hz: HZ })
    falling.add(1, crate(50_000))
    run(falling, HZ)
    falling.teleport(1, pose(0, 50_000, 0))
    falling.step()
    // From rest: one step of free fall is g / hz^2 = 11 mm or 5.6 steps; with the old speed it would be 330 mm.
    expect(50_000 - (poses(falling)[0][2] as number)).toBeLessThan(8)
    falling.free()
  })

  it('a_contact_counts_where_it_begins_and_not_where_it_ends', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    physics.add(1, crate(128, { restitution: 0 }))
    run(physics, HZ)
    expect(physics.contacts).toBe(1)
    physics.teleport(1, pose(0, 50_000, 0))
    run(physics, 2)
    expect(physics.contacts).toBe(1)
    physics.free()
  })

  it('poses_are_rounded_to_the_nearest_step', () => {
    // One step of fall is at most gravity / hz^2: a quarter of 1/512 m, nearer to where it was than to the next one.
    const physics = new Physics(RAPIER, { hz: HZ, gravity: (0.25 / STEPS_PER_METRE) * HZ * HZ })
    physics.add(1, crate(1000))
    physics.step()
    expect(poses(physics)[0][2]).toBe(1000)
    run(physics, 3)
    expect(poses(physics)[0][2]).toBeLessThan(1000)
    physics.free()
  })

  it('a_removed_body_no_longer_stands_in_the_way', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    physics.add(1, crate(128, { pose: pose(0, 128, 0) }))
    physics.add(2, crate(384, { pose: pose(0, 384, 0) }))
    run(physics, 2 * HZ)
    expect(poses(physics)[1][2]).toBeGreaterThan(370)
    physics.remove(1)
    expect(physics.has(1)).toBe(false)
    run(physics, 2 * HZ)
    expect(poses(physics).map(([entity]) => entity)).toEqual([2])
    expect(poses(physics)[0][2]).toBeLessThan(140)
    physics.free()
  })

  it('a_body_of_no_mass_falls_all_the_same', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    physics.add(1, crate(5000, { massGrams: 0 }))
    run(physics, 10)
    expect(poses(physics)[0][2]).toBeLessThan(5000)
    physics.free()
  })

  it('whatever_an_author_may_write_stays_finite_and_within_the_fields', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    const far = 2147483647
    const odd: Partial<BodySpec>[] = [
      { hx: 0, hy: 0, hz: 0, massGrams: 0 },
      { hx: 65535, hy: 65535, hz: 65535, massGrams: 4294967295, restitution: 255 },
      { shape: 'ball', hx: 0 },
      { pose: pose(far, far, far) },
      { pose: pose(-far - 1, -far - 1, -far - 1), restitution: 255 },
      { pose: { x: 0, y: 0, z: 0, qx: -32768, qy: -32768, qz: -32768, qw: -32768 } },
    ]
    odd.forEach((over, index) => physics.add(index, crate(index, over)))
    const world = new World()
    for (let step = 0; step < 2 * HZ; step++) {
      physics.step()
      physics.forEachPose((entity, x, y, z, qx, qy, qz, qw, asleep) => {
        world.set(entity, BodyPose, { x, y, z, qx, qy, qz, qw, asleep: asleep ? 1 : 0 })
      })
    }
    expect(world.entities(BodyPose)).toEqual(odd.map((_, index) => index))
    physics.free()
  })

  it('what_is_not_finite_is_asserted_before_rapier_sees_it', () => {
    const physics = new Physics(RAPIER, { hz: HZ })
    expect(() => physics.add(1, crate(0, { pose: pose(NaN, 0, 0) }))).toThrow('finite')
    expect(() => physics.add(1, crate(0, { massGrams: Infinity }))).toThrow('finite')
    expect(() => physics.remove(1)).toThrow('has a body')
    physics.add(1, crate(0))
    expect(() => physics.teleport(1, { ...pose(0, 0, 0), qx: NaN })).toThrow('finite')
    physics.free()
  })
})
