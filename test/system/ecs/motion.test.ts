/** Tracks: what the changes of a row tell of the next one. */
import { describe, expect, it } from 'vitest'
import { BodyPose, Motion, Spawned } from '../../../system/ecs/components.ts'
import { advanceTrack, predicted, type Track, TRACK_PARTS, trackWords, UNREST_MAX, unrestAt } from '../../../system/ecs/motion.ts'
import type { RowOf } from '../../../system/ecs/store.ts'
import { streamRotation } from '../../../system/ecs/rotation.ts'
import { World } from '../../../system/ecs/world.ts'

const UPRIGHT = { qx: 0, qy: 0, qz: 0, qw: 32767 }
const rowOf = (world: World, entity: number): Uint8Array => world.rowBytes(entity, Motion)!.slice()
/** Follows a row through its states; `each` is told before every change what its part 0 was foreseen to be, in steps. */
function follow(states: readonly RowOf<typeof Motion>[], each: (foreseen: number, frame: number, track: Track) => void): Track {
  const world = new World()
  const track = new Int32Array(trackWords(Motion))
  states.forEach((state, frame) => {
    const before = frame === 0 ? undefined : rowOf(world, 1)
    world.set(1, Motion, state)
    if (before === undefined) return
    each(predicted(track, 0, states[frame - 1].x * TRACK_PARTS) / TRACK_PARTS, frame, track)
    advanceTrack(Motion, track, before, rowOf(world, 1))
  })
  return track
}

describe('tracks', () => {
  it('R-CODE-3 steady motion is foreseen from its second change on, steady acceleration soon', () => {
    const missedOf = (place: (frame: number) => number) => {
      const missed: number[] = []
      const states = Array.from({ length: 60 }, (_, i) => ({ x: place(i), y: 0, z: 0, ...UPRIGHT }))
      follow(states, (foreseen, frame) => missed.push(Math.abs(foreseen - place(frame))))
      return missed
    }
    expect(Math.max(...missedOf((frame) => 7 * frame).slice(1))).toBe(0)
    expect(Math.max(...missedOf((frame) => 6 * frame * frame).slice(30))).toBeLessThan(1)
  })

  it('R-CODE-3 a bounce keeps its acceleration and takes its new velocity at once', () => {
    const heights = Array.from({ length: 60 }, (_, i) => (i < 40 ? 6 * i * i : 9600 - (i - 40) * 470 + 6 * (i - 40) ** 2))
    const states = heights.map((x) => ({ x, y: 0, z: 0, ...UPRIGHT }))
    const missed: number[] = []
    follow(states, (foreseen, frame) => missed.push(Math.abs(states[frame].x - foreseen)))
    expect(missed[40]).toBeGreaterThan(500)
    expect(Math.max(...missed.slice(41))).toBeLessThan(8)
  })

  it('R-CODE-3 unrest rises with a miss at once and falls by and by', () => {
    const unrest: number[] = []
    const states = [0, 0, 5000, 5000, 5000, 5000, 5000, 5000, 5000].map((x) => ({ x, y: 0, z: 0, ...UPRIGHT }))
    follow(states, (_foreseen, _frame, track) => unrest.push(track[unrestAt(Motion)]))
    expect(unrest.slice(0, 4)).toEqual([0, 0, UNREST_MAX, UNREST_MAX])
    expect(unrest.at(-1)).toBeLessThan(UNREST_MAX)
  })

  it('R-CODE-3 a rotation goes on through the change of sign that its largest part brings', () => {
    const turn = (frame: number) => {
      const half = frame / 20
      return streamRotation({ qx: 0, qy: Math.floor(32767 * Math.sin(half)), qz: 0, qw: Math.floor(32767 * Math.cos(half)) })
    }
    const states = Array.from({ length: 200 }, (_, i) => ({ x: 0, y: 0, z: 0, ...turn(i) }))
    expect(states.some(({ qy }, i) => i > 0 && Math.abs(qy - states[i - 1].qy) > 30_000)).toBe(true)
    follow(states, (_foreseen, frame, track) => {
      if (frame > 20) expect(track[unrestAt(Motion) + 3]).toBeLessThanOrEqual(2)
    })
  })

  it('R-CODE-3 no motion, however far, leaves a track that is not whole words', () => {
    const ends = [-(2 ** 31), 2 ** 31 - 1]
    const turned = { qx: -32768, qy: 32767, qz: -32768 }
    const states = Array.from({ length: 40 }, (_, i) => ({ x: ends[i % 2], y: ends[(i >> 1) % 2], z: 0, ...turned, qw: i }))
    for (const word of follow(states, () => {})) expect(Number.isInteger(word)).toBe(true)
    expect(trackWords(Spawned)).toBe(0)
    expect(trackWords(BodyPose)).toBe(trackWords(Motion))
  })

  it('R-CODE-3 a world advances the tracks of what it tells, once a change, whatever came and went between', () => {
    const world = new World({ tracksChanges: true })
    const state = (x: number) => ({ x, y: 0, z: 0, ...UPRIGHT })
    const move = (x: number) => {
      world.set(1, Motion, state(x))
      return world.takeDirty()[0]
    }
    expect(move(0).track).toBeUndefined()
    expect([...move(5).track!].every((word) => word === 0)).toBe(true)
    const before = [...world.track(1, Motion)!]
    expect(before[1]).toBe(5 * TRACK_PARTS)
    world.delete(1, Motion)
    world.set(1, Motion, state(5))
    expect([world.takeDirty(), [...world.track(1, Motion)!]]).toEqual([[], before])
    world.delete(1, Motion)
    expect([...move(10).track!]).toEqual(before)
    expect(world.track(1, Motion)![1]).toBe(5 * TRACK_PARTS)
    const copy = new World()
    copy.copyFrom(world)
    expect(copy.track(1, Motion)).toEqual(world.track(1, Motion))
    world.set(0, Motion, state(1))
    world.delete(1, Motion)
    world.set(1, Motion, state(1))
    expect([...world.track(1, Motion)!].every((word) => word === 0)).toBe(true)
  })
})
