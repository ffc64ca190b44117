/** Frames cut by interest, against a naive filter of the whole world. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cellName, seenBytes } from '../../../scenarios/oracle/sight.ts'
import { CellIndex } from '../../../system/ecs/cells.ts'
import { BodyPose, HeadPose, Motion, ROTATION_ONE, Spawned, STREAM_COMPONENTS, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { hash64Equal } from '../../../system/ids.ts'
import { CELL_STEPS } from '../../../system/limits.ts'
import { applyDelta } from '../../../system/replication/delta.ts'
import { FrameCut, seenWorld } from '../../../system/replication/cut.ts'
import { applyListed } from '../../../system/replication/listing.ts'
import { cellsOf, EVERYTHING, forgetUnseen, type Interest, interestOf } from '../../../system/replication/interest.ts'
import { rowOf } from '../ecs/worlds.ts'

const at = (x: number, y = 0, z = 0) => ({ x, y, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
const PROP = 1 << 30
const CELLS = [-1, 0, 1, 2].flatMap((x) => [0, 1].map((z) => ({ x, y: 0, z })))
const seeing = (...cells: readonly number[]): Interest => interestOf({ everything: false, cells: cells.map((x) => ({ x, y: 0, z: 0 })) })

/** A host, and clients that take its frames as a replica does. */
class Session {
  readonly world = new World({ tracksChanges: true })
  readonly cells = new CellIndex(this.world)
  /** What clients could not take. */
  readonly refused: string[] = []
  readonly clients = new Map<string, { readonly world: World; interest: Interest }>()

  join(name: string, interest = EVERYTHING): World {
    this.world.takeDirty()
    this.cells.rebuild()
    const world = new World()
    world.copyFrom(seenWorld(this.world, this.cells, interest))
    this.clients.set(name, { world, interest })
    return world
  }
  /** One frame; those who are named see something else from it on. */
  frame(changes: Readonly<Record<string, Interest>> = {}): FrameCut {
    const cut = new FrameCut(this.world, this.cells)
    for (const [name, client] of this.clients) {
      const [before, after] = [client.interest, changes[name] ?? client.interest]
      if (after !== before) forgetUnseen(client.world, after)
      const { body, listed } = cut.frame(before, after)
      const why = listed ? applyListed(client.world, body) : applyDelta(client.world, body)
      if (why !== undefined) this.refused.push(`${name}: ${why}`)
      client.interest = after
      client.world.copyFrom(this.world, 'log')
      if (!hash64Equal(client.world.digest(), cut.digest(after))) this.refused.push(`${name}: digest`)
    }
    return cut
  }
  sees(name: string): boolean {
    const { world, interest } = this.clients.get(name)!
    const cells = interest.cells && new Set(interest.cells.map((cell) => cell.replaceAll(',', ' ')))
    return Buffer.compare(world.canonicalBytes(), seenBytes(this.world.canonicalBytes(), cells)) === 0
  }
}

const arbitraryInterest = fc.option(fc.subarray(CELLS), { nil: undefined, freq: 5 })
  .map((cells) => (cells === undefined ? EVERYTHING : interestOf({ everything: false, cells })))
const coordinate = (least: number, most: number) => fc.oneof(
  fc.integer({ min: least * CELL_STEPS, max: most * CELL_STEPS }),
  fc.integer({ min: least, max: most }).chain((cell) => fc.constantFrom(cell * CELL_STEPS, cell * CELL_STEPS - 1)),
)
const arbitraryChange = fc.record({
  entity: fc.integer({ min: PROP, max: PROP + 9 }),
  component: fc.constantFrom(...STREAM_COMPONENTS),
  x: coordinate(-2, 4), z: coordinate(-1, 3),
  ends: fc.integer({ min: 0, max: 3 }),
})
const arbitraryFrame = fc.record({
  changes: fc.array(arbitraryChange, { maxLength: 16 }),
  interests: fc.array(fc.option(arbitraryInterest, { nil: undefined, freq: 2 }), { minLength: 3, maxLength: 3 }),
})

describe('frames cut by interest', () => {
  it('R-INTEREST-2 whatever moves, and whatever anybody wants to see: each holds what a naive filter leaves of the world', () => {
    fc.assert(fc.property(fc.array(arbitraryFrame, { minLength: 1, maxLength: 12 }), (frames) => {
      const session = new Session()
      session.world.set(1, Transform, rowOf(Transform, 1))
      const names = ['ana', 'ben', 'cas']
      for (const name of names) session.join(name)
      for (const { changes, interests } of frames) {
        for (const { entity, component, x, z, ends } of changes) {
          if (ends === 0) session.world.delete(entity, component)
          else if (component === Spawned) session.world.set(entity, Spawned, { kind: ends, bornFrame: 1 })
          else session.world.set(entity, component, component === BodyPose ? { ...at(x, 0, z), asleep: 0 } : at(x, 0, z))
        }
        session.frame(Object.fromEntries(names.flatMap((name, i) => (interests[i] === undefined ? [] : [[name, interests[i]]]))))
        expect(session.refused).toEqual([])
        for (const name of names) expect(session.sees(name)).toBe(true)
        for (const { world } of session.clients.values()) {
          for (const { entity, component, revision } of world.rows('stream')) {
            expect(revision).toBe(session.world.revision(entity, component))
          }
        }
      }
    }), { seed: 11, numRuns: 150 })
  })

  it('R-INTEREST-4 what enters comes whole, what leaves is removed, and what moves within sight is a change as any other', () => {
    const session = new Session()
    session.world.set(PROP, Spawned, { kind: 1, bornFrame: 0 })
    session.world.set(PROP, Motion, at(0))
    for (const [name, interest] of [['left', seeing(0)], ['right', seeing(1)], ['both', seeing(0, 1)], ['far', seeing(2)]] as const) {
      session.join(name, interest)
    }
    session.world.set(PROP, Motion, at(CELL_STEPS))
    const cut = session.frame()
    const rows = (interest: Interest) => cut.frame(interest, interest).rows
    expect([seeing(0), seeing(1), seeing(0, 1), seeing(2), EVERYTHING].map(rows)).toEqual([2, 2, 1, 0, 1])
    expect([...session.clients.keys()].map((name) => session.clients.get(name)!.world.rowCount)).toEqual([0, 2, 2, 0])
    expect(session.refused).toEqual([])
    expect(cut.frame(seeing(2), seeing(2))).toMatchObject({ rowsChanged: 1, rowsFiltered: 1 })
  })

  it('R-INTEREST-3 cells gained come whole with the frame, and their rows are counted before', () => {
    const session = new Session()
    for (let i = 0; i < 5; i++) session.world.set(PROP + i, Motion, at(i * CELL_STEPS))
    const world = session.join('ana', seeing(0))
    expect(world.rowCount).toBe(1)
    session.world.set(PROP, Motion, at(1))
    const cut = session.frame({ ana: seeing(1, 2) })
    expect(cut.rowsGained(seeing(0), seeing(1, 2))).toBe(2)
    expect(cut.rowsGained(seeing(1, 2), EVERYTHING)).toBe(3)
    expect(world.entities(Motion)).toEqual([PROP + 1, PROP + 2])
  })

  it('R-INTEREST-8 what became of a cell is encoded once, whoever sees it', () => {
    const session = new Session()
    const rows = 50
    for (let i = 0; i < rows; i++) session.world.set(PROP + i, HeadPose, at((i * CELL_STEPS) / 16))
    session.world.takeDirty()
    session.cells.rebuild()
    for (let i = 0; i < rows; i++) session.world.set(PROP + i, HeadPose, at((i * CELL_STEPS) / 16, 1))
    let read = 0
    const rowBytes = session.world.rowBytes.bind(session.world)
    session.world.rowBytes = (entity, component) => {
      read++
      return rowBytes(entity, component)
    }
    const cut = new FrameCut(session.world, session.cells)
    const interests = [seeing(0, 1, 2), seeing(1, 2, 3), seeing(0, 1, 2, 3, 4), seeing(2)]
    for (const interest of interests) cut.frame(interest, interest)
    expect(read).toBe(rows)
    expect(cut.frame(seeing(2), seeing(2))).toBe(cut.frame(seeing(2), seeing(2)))
  })
})

describe('an interest', () => {
  it('R-INTEREST-2 is the same in whatever order and however often its cells are told, and only then', () => {
    expect(seeing(1, 2, 2)).toMatchObject({ key: seeing(2, 1).key, mark: seeing(2, 1).mark })
    const marks = [EVERYTHING, seeing(), seeing(0), seeing(1), seeing(0, 1)].map(({ mark }) => mark)
    expect(new Set(marks).size).toBe(marks.length)
    expect(marks[0]).toBe(0)
    for (const mark of marks.slice(1)) expect(Number.isInteger(mark) && mark > 0 && mark <= 0xffffffff).toBe(true)
  })

  it('R-INTEREST-6 a box touches the cells of its corners and those between; one of more than 1024 is none', () => {
    const most = CELL_STEPS - 1
    expect(cellsOf({ x: 0, y: 0, z: 0 }, { x: most, y: most, z: most })).toEqual([{ x: 0, y: 0, z: 0 }])
    const cells = cellsOf({ x: -1, y: 0, z: most }, { x: 0, y: 0, z: most + 1 })!
    expect(cells.map(cellName).sort()).toEqual(['-1 0 0', '-1 0 1', '0 0 0', '0 0 1'].sort())
    const box = (width: number, height: number, depth: number) =>
      cellsOf({ x: 0, y: 0, z: 0 }, { x: width * CELL_STEPS - 1, y: height * CELL_STEPS - 1, z: depth * CELL_STEPS - 1 })?.length
    expect([box(16, 8, 8), box(1024, 1, 1), box(1025, 1, 1), box(11, 11, 11)]).toEqual([1024, 1024, undefined, undefined])
    expect(cellsOf({ x: 5 * CELL_STEPS, y: 0, z: 0 }, { x: 0, y: 0, z: 0 })).toEqual([])
  })
})
