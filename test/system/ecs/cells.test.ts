/** Where entities are, and that the sums of cells are those of their rows, whatever was written. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyPose, HeadPose, LeftHandPose, Motion, ROTATION_ONE, Spawned, STREAM_COMPONENTS } from '../../../system/ecs/components.ts'
import { CellIndex, cellOf, EVERYWHERE } from '../../../system/ecs/cells.ts'
import { World } from '../../../system/ecs/world.ts'
import { HASH64_ZERO, hash64Difference, hash64Sum } from '../../../system/ids.ts'
import { CELL_STEPS } from '../../../system/limits.ts'
import { apply, arbitraryWrites } from './worlds.ts'

const at = (x: number, y = 0, z = 0) => ({ x, y, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })

describe('sums of 64 bits', () => {
  it('are those of the integers modulo 2^64', () => {
    const half = fc.integer({ min: 0, max: 0xffffffff })
    const hash = fc.record({ hi: half, lo: half })
    const big = ({ hi, lo }: { hi: number; lo: number }) => (BigInt(hi) << 32n) + BigInt(lo)
    fc.assert(fc.property(hash, hash, (a, b) => {
      expect(big(hash64Sum(a, b))).toBe(BigInt.asUintN(64, big(a) + big(b)))
      expect(big(hash64Difference(a, b))).toBe(BigInt.asUintN(64, big(a) - big(b)))
    }), { seed: 1 })
  })
})

describe('the cell of an entity', () => {
  it.each([
    [0, '0,0,0'], [CELL_STEPS - 1, '0,0,0'], [CELL_STEPS, '1,0,0'], [-1, '-1,0,0'], [-CELL_STEPS, '-1,0,0'], [-CELL_STEPS - 1, '-2,0,0'],
    [2 ** 31 - 1, '262143,0,0'], [-(2 ** 31), '-262144,0,0'],
  ])('R-INTEREST-1 at x = %i it is %s', (x, cell) => {
    const world = new World()
    world.set(1, Motion, at(x))
    expect(cellOf(world, 1)).toBe(cell)
  })

  it('R-INTEREST-1 follows where it moves, else its body, else its head; without any of them it is everywhere', () => {
    const world = new World()
    expect(cellOf(world, 1)).toBeUndefined()
    world.set(1, Spawned, { kind: 1, bornFrame: 0 })
    world.set(1, LeftHandPose, at(9 * CELL_STEPS))
    expect(cellOf(world, 1)).toBe(EVERYWHERE)
    world.set(1, HeadPose, at(0, CELL_STEPS))
    expect(cellOf(world, 1)).toBe('0,1,0')
    world.set(1, BodyPose, { ...at(0, 0, -1), asleep: 0 })
    expect(cellOf(world, 1)).toBe('0,0,-1')
    world.set(1, Motion, at(CELL_STEPS))
    expect(cellOf(world, 1)).toBe('1,0,0')
  })
})

describe('the index', () => {
  it('R-INTEREST-5 told of what changed, it is what a new one would be, and its sums add up to the stream\'s digest', () => {
    fc.assert(fc.property(fc.array(arbitraryWrites(STREAM_COMPONENTS, 12), { minLength: 1, maxLength: 6 }), (frames) => {
      const world = new World({ tracksChanges: true })
      const index = new CellIndex(world)
      for (const writes of frames) {
        apply(world, writes)
        for (const { entity } of world.takeDirty()) index.follow(entity)
        const anew = new CellIndex(world)
        const told = (one: CellIndex) => [...one.cells()].sort().map((cell) => [cell, one.entities(cell), one.rows(cell), one.sum(cell)])
        expect(told(index)).toEqual(told(anew))
        const total = [...index.cells()].reduce((sum, cell) => hash64Sum(sum, index.sum(cell)), HASH64_ZERO)
        expect(total).toEqual(world.sourceDigest('stream'))
      }
    }), { seed: 2, numRuns: 60 })
  })
})
