/** Leaps: one delta in place of many frames, from what the host remembers of what changed. */
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { CellIndex, cellOf } from '../../../system/ecs/cells.ts'
import type { AnyComponent } from '../../../system/ecs/component.ts'
import { BodyPose, Motion, ROTATION_ONE, Spawned } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { CELL_STEPS, CHANGE_MEMORY_FRAMES, CHANGE_MEMORY_ROWS, FRAME_RING } from '../../../system/limits.ts'
import { ChangeMemory } from '../../../system/replication/changes.ts'
import { FrameCut, seenWorld } from '../../../system/replication/cut.ts'
import { EVERYTHING, Interest } from '../../../system/replication/interest.ts'
import { encodeLeap } from '../../../system/replication/leap.ts'
import { applyListed } from '../../../system/replication/listing.ts'
import { type Carried, disagreement, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const at = (x: number) => ({ x, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
const dropsFrames = (from: number, to: number) => (carried: Carried) => {
  const frame = carried.channel === 'replication' ? carried.as('ComponentDelta')?.frame : undefined
  return frame !== undefined && frame >= from && frame <= to ? NEVER : ONCE
}
/** Props that stand still, of which `moving` move a little in every frame. */
function crowded(entities: number, moving: number) {
  const loopback = new Loopback()
  const place = (prop: number) => ({ x: (prop * 7919) % 40_961, y: (prop * 104_729) % 2053, z: (prop * 1_299_709) % 40_961 })
  for (let prop = 1; prop <= entities; prop++) loopback.host.intend({ kind: 'propSpawn', prop, ...place(prop) })
  loopback.run(Math.ceil(entities / 256) + 1)
  const [ana] = loopback.joined('ana')
  loopback.until(() => ana.peer.state === 'live')
  loopback.run(10)
  const move = (frames: number) => {
    for (let frame = 0; frame < frames; frame++) {
      for (let prop = 1; prop <= moving; prop++) loopback.host.intend({ kind: 'propMove', prop, ...place(prop + frame) })
      loopback.run(1)
    }
  }
  return { loopback, ana, move }
}

describe('the memory of changes', () => {
  it('R-LEAP-1 tells how each row was before the first of many changes, and not what it has forgotten', () => {
    const memory = new ChangeMemory()
    expect(memory.since(-1)).toEqual([])
    memory.note(0, [{ entity: 2, from: undefined, rows: new Map([[Motion, false]]) }])
    memory.note(1, [{ entity: 2, from: '0,0,0', rows: new Map<AnyComponent, boolean>([[Motion, true], [Spawned, false]]) }])
    memory.note(2, [{ entity: 1, from: 'a', rows: new Map([[Motion, true]]) }])
    expect(memory.since(-1)).toEqual([
      { entity: 1, from: 'a', rows: new Map([[Motion, true]]) },
      { entity: 2, from: undefined, rows: new Map<AnyComponent, boolean>([[Motion, false], [Spawned, false]]) },
    ])
    expect(memory.since(1)?.map(({ entity }) => entity)).toEqual([1])
    expect([memory.since(2), memory.since(3)]).toEqual([[], undefined])
    for (let frame = 3; frame <= CHANGE_MEMORY_FRAMES; frame++) memory.note(frame, [])
    expect([memory.since(-1), memory.since(0)?.length]).toEqual([undefined, 2])
  })

  it('R-LEAP-1 is bounded in rows', () => {
    const memory = new ChangeMemory()
    const touched = Array.from({ length: 1 << 14 }, (_, entity) => ({ entity, from: '', rows: new Map([[Motion, true]]) }))
    const frames = CHANGE_MEMORY_ROWS / touched.length
    for (let frame = 0; frame <= frames; frame++) memory.note(frame, touched)
    expect([memory.since(-1), memory.since(0)?.length]).toEqual([undefined, touched.length])
  })
})

describe('a leap', () => {
  it('R-LEAP-2 makes what a member had what it is to have, whatever happened between, for every interest', () => {
    const interests = [EVERYTHING, new Interest(['0,0,0']), new Interest(['0,0,0', '1,0,0']), new Interest(['5,5,5'])]
    const write = fc.record({
      entity: fc.integer({ min: 1, max: 12 }), cell: fc.integer({ min: 0, max: 2 }),
      what: fc.constantFrom('move', 'body', 'spawn', 'end', 'still'),
    })
    fc.assert(fc.property(
      fc.array(fc.array(write, { maxLength: 6 }), { minLength: 2, maxLength: 12 }), fc.nat(), fc.constantFrom(...interests),
      (frames, chosen, interest) => {
        const world = new World({ tracksChanges: true })
        const cells = new CellIndex(world)
        const memory = new ChangeMemory()
        // Enough stands still that a leap is worth it.
        for (let entity = 100; entity < 200; entity++) world.set(entity, Motion, at((entity % 3) * CELL_STEPS))
        const base = chosen % frames.length
        const member = new World()
        frames.forEach((writes, frame) => {
          for (const { entity, cell, what } of writes) {
            if (what === 'move') world.set(entity, Motion, at(cell * CELL_STEPS + frame))
            else if (what === 'body') world.set(entity, BodyPose, { ...at(cell * CELL_STEPS), asleep: 0 })
            else if (what === 'spawn') world.set(entity, Spawned, { kind: 1, bornFrame: frame })
            else if (what === 'end') for (const component of [Motion, BodyPose, Spawned]) world.delete(entity, component)
          }
          memory.note(frame, new FrameCut(world, cells).touched)
          if (frame === base) member.copyFrom(seenWorld(world, cells, interest))
        })
        const wanted = seenWorld(world, cells, interest)
        const leap = encodeLeap(world, cells, interest, memory.since(base)!)
        if (leap === undefined) {
          expect(wanted.rowCount).toBeLessThan(100)
          return
        }
        expect(applyListed(member, leap.body)).toBeUndefined()
        expect(member.canonicalBytes()).toEqual(wanted.canonicalBytes())
        for (const { entity, component, revision } of wanted.rows()) {
          expect([member.revision(entity, component), member.track(entity, component)]).toEqual([revision, world.track(entity, component)])
          expect(cellOf(world, entity)).toBeDefined()
        }
      },
    ), { numRuns: 300, seed: 11 })
  })

  it('R-LEAP-3 is sent in place of a snapshot where a member lacks what has left the ring; the frames that it skips are named', () => {
    const { loopback, ana, move } = crowded(500, 5)
    const first = loopback.frame + 5
    const drops = dropsFrames(first, first + FRAME_RING + 20)
    // It is slow enough to be asked for again, and is not sent again.
    loopback.carry = (carried) =>
      (carried.channel === 'control' && carried.as('ComponentDelta') !== undefined ? [{ delayUs: 300_000 }] : drops(carried))
    const snapshots = ana.heard('snapshotApplied').length
    move(FRAME_RING + 90)
    loopback.settle()
    expect(ana.heard('snapshotApplied')).toHaveLength(snapshots)
    const [leap] = loopback.host.heard('leapSent')
    expect(leap).toMatchObject({ baseFrame: first - 1, rows: 5 })
    expect(ana.heard('framesSkipped')).toEqual([{ event: 'framesSkipped', fromFrame: first, toFrame: leap.frame - 1, snapshotId: 0 }])
    expect(ana.heard('frameConfirmed').map(({ frame }) => frame)).toContain(leap.frame)
    expect(loopback.host.heard('leapSent')).toHaveLength(1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LEAP-3 a snapshot comes where most has changed, where the interest changed meanwhile, or where nobody remembers', () => {
    const { loopback, ana, move } = crowded(8, 8)
    loopback.host.intend({ kind: 'propSpawn', prop: 9, x: 0, y: 0, z: 0 })
    loopback.run(5)
    const snapshots = ana.heard('snapshotApplied').length
    const first = loopback.frame + 5
    loopback.carry = dropsFrames(first, first + FRAME_RING + 20)
    loopback.run(8)
    for (let prop = 10; prop < 20; prop++) loopback.host.intend({ kind: 'propSpawn', prop, x: prop, y: 0, z: 0 })
    move(FRAME_RING + 52)
    loopback.carry = () => ONCE
    loopback.settle()
    expect([loopback.host.heard('leapSent').length, ana.heard('snapshotApplied').length]).toEqual([0, snapshots + 1])
    const wide = crowded(500, 5)
    const later = wide.loopback.frame + 20
    wide.loopback.carry = dropsFrames(later - 12, later + FRAME_RING + 20)
    wide.move(12)
    wide.ana.intend({ kind: 'subscribeToRegion', min: { x: 0, y: 0, z: 0 }, max: { x: 9000, y: 100, z: 100 }, tools: [] })
    wide.move(FRAME_RING + 90)
    wide.loopback.settle()
    expect(wide.loopback.host.heard('leapSent')).toEqual([])
    expect(wide.ana.last('snapshotApplied')?.reason).toBe('resync')
  })

  it('R-LEAP-3 of 10,000 entities 100 move, and who was cut off for 2 s gets a leap of a twentieth of the snapshot', () => {
    const { loopback, ana, move } = crowded(10_000, 100)
    const first = loopback.frame + 2
    loopback.carry = dropsFrames(first, first + 180)
    move(200)
    loopback.settle()
    const [leap] = loopback.host.heard('leapSent')
    const snapshot = loopback.host.last('snapshotSent')!
    expect(leap.rows).toBe(100)
    expect([ana.heard('snapshotApplied').length, disagreement(loopback)]).toEqual([1, undefined])
    // 1,711 bytes against 36,204.
    expect(leap.bytes * 20).toBeLessThan(snapshot.bytes)
  })
})
