/**
 * One frame of the stream, cut for members that see different parts of it. What became of a cell is encoded once, whoever gets it:
 *
 *     stay     entities that are in the cell before and after (or come to be there, or end there): what changed
 *     move     entities that go from one cell to another: what changed, for who sees both; whole rows (they enter), for who sees
 *              the second alone; their removal (they leave), for who sees the first alone
 *     whole    every row of a cell, for who sees it from this frame on
 */
import { type CellIndex, type CellKey, EVERYWHERE } from '../ecs/cells.ts'
import { STREAM_COMPONENTS } from '../ecs/components.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { COMPONENT_INDEX } from '../ecs/manifest.ts'
import type { RowChange } from '../ecs/table.ts'
import { World } from '../ecs/world.ts'
import { type EntityId, type Hash64, hash64Sum } from '../ids.ts'
import type { Touched } from './changes.ts'
import { encodeSegment, joinSegments, SegmentCoding, universeBefore } from './delta.ts'
import type { Interest } from './interest.ts'
import { listedSegment } from './listing.ts'

interface Move {
  readonly from: CellKey
  readonly to: CellKey
  readonly changes: RowChange[]
}
interface Segment {
  readonly bytes: Uint8Array
  readonly rows: number
}
/** A frame as one member gets it. */
export interface CutFrame {
  readonly body: Uint8Array
  /** Whether its segments list their rows, and do not rank them among all. */
  readonly listed: boolean
  /** Rows in it. */
  readonly rows: number
  /** Rows that changed, wherever it was. */
  readonly rowsChanged: number
  /** Of those, the ones where the member sees nothing. */
  readonly rowsFiltered: number
}

export class FrameCut {
  readonly #world: World
  readonly #cells: CellIndex
  readonly #coding: SegmentCoding
  readonly #changes: readonly RowChange[]
  readonly #stays = new Map<CellKey, RowChange[]>()
  readonly #moves = new Map<string, Move>()
  readonly #segments = new Map<string, Segment>()
  readonly #frames = new Map<string, CutFrame>()
  readonly #touched: Touched[] = []

  /** Takes the world's changes since the last frame, and brings the index up to it. */
  constructor(world: World, cells: CellIndex, coding = new SegmentCoding()) {
    this.#world = world
    this.#cells = cells
    this.#coding = coding
    this.#changes = world.takeDirty()
    for (const changes of byEntity(this.#changes)) this.#sort(changes)
  }

  /** The entities that changed. */
  get touched(): readonly Touched[] {
    return this.#touched
  }

  /** The digest of what an interest sees. */
  digest(interest: Interest): Hash64 {
    return seenDigest(this.#world, this.#cells, interest)
  }

  /** Rows of cells that only the second interest sees. */
  rowsGained(before: Interest, after: Interest): number {
    return this.#seen(after).reduce((rows, cell) => rows + (before.has(cell) ? 0 : this.#cells.rows(cell)), 0)
  }

  /** The frame for who has seen `before` and sees `after` from this frame on, once it has forgotten what it does not see any more. */
  frame(before: Interest, after: Interest): CutFrame {
    const key = `${before.key} | ${after.key}`
    let frame = this.#frames.get(key)
    if (frame === undefined) this.#frames.set(key, (frame = this.#cut(before, after)))
    return frame
  }

  /** Every row of entities that come into sight. */
  wholeRows(entities: readonly EntityId[]): RowChange[] {
    return entities.flatMap((entity) => this.#rowsOf(entity).map((component): RowChange => ({
      entity, component, componentIndex: COMPONENT_INDEX.get(component)!, op: 'insert', previous: undefined, track: undefined,
      revision: this.#world.revision(entity, component),
    })))
  }

  /** The end of every row that entities had before the frame in which they leave. */
  removals(changes: readonly RowChange[]): RowChange[] {
    return [...byEntity(changes)].flatMap((own): RowChange[] => {
      const { entity } = own[0]
      const changed = own.filter(({ previous }) => previous !== undefined)
      const unchanged = this.#rowsOf(entity).filter((component) => !own.some((change) => change.component === component))
      return [
        ...changed.map((change): RowChange => ({ ...change, op: 'remove' })),
        ...unchanged.map((component): RowChange => ({
          entity, component, componentIndex: COMPONENT_INDEX.get(component)!, op: 'remove', track: this.#world.track(entity, component),
          previous: this.#world.rowBytes(entity, component), revision: this.#world.revision(entity, component) + 1,
        })),
      ]
    })
  }

  #sort(changes: RowChange[]): void {
    const [{ entity }] = changes
    const [from, to] = [this.#cells.cellOf(entity), this.#cells.follow(entity)]
    // Of a row that goes and comes whole, the first counts.
    this.#touched.push({ entity, from, rows: new Map(changes.toReversed().map(({ component, op }) => [component, op !== 'insert'])) })
    if (from === undefined || to === undefined || from === to) {
      const cell = from ?? to ?? EVERYWHERE
      const stays = this.#stays.get(cell)
      if (stays === undefined) this.#stays.set(cell, changes)
      else stays.push(...changes)
      return
    }
    const key = `${from} > ${to}`
    const move = this.#moves.get(key)
    if (move === undefined) this.#moves.set(key, { from, to, changes })
    else move.changes.push(...changes)
  }

  #cut(before: Interest, after: Interest): CutFrame {
    const total = this.#changes.length
    if (before.cells === undefined && after.cells === undefined) {
      const all = () => encodeSegment(this.#changes, universeBefore(this.#world, this.#changes), this.#world, this.#coding)
      return { body: joinSegments(total === 0 ? [] : [all()]), listed: false, rows: total, rowsChanged: total, rowsFiltered: 0 }
    }
    const keeps = (cell: CellKey) => before.has(cell) && after.has(cell)
    const segments: Segment[] = []
    let concerned = 0
    for (const [cell, changes] of this.#stays) {
      if (!keeps(cell)) continue
      concerned += changes.length
      segments.push(this.#segment(`stay ${cell}`, () => changes))
    }
    for (const [key, { from, to, changes }] of this.#moves) {
      if (!keeps(from) && !keeps(to)) continue
      concerned += changes.length
      if (!keeps(from)) segments.push(this.#segment(`enter ${key}`, () => this.wholeRows(entitiesOf(changes))))
      else if (!keeps(to)) segments.push(this.#segment(`leave ${key}`, () => this.removals(changes)))
      else segments.push(this.#segment(`move ${key}`, () => changes))
    }
    for (const cell of this.#seen(after)) {
      if (!before.has(cell)) segments.push(this.#segment(`whole ${cell}`, () => this.wholeRows(this.#cells.entities(cell))))
    }
    const rows = segments.reduce((sum, segment) => sum + segment.rows, 0)
    const body = joinSegments(segments.map(({ bytes }) => bytes))
    return { body, listed: true, rows, rowsChanged: total, rowsFiltered: total - concerned }
  }

  #segment(key: string, changes: () => readonly RowChange[]): Segment {
    let segment = this.#segments.get(key)
    if (segment === undefined) {
      const rows = changes()
      this.#segments.set(key, (segment = { bytes: listedSegment(rows, this.#world, this.#coding), rows: rows.length }))
    }
    return segment
  }

  /** Cells with something in them that an interest sees, in an order that depends on the interest and the world alone. */
  #seen(interest: Interest): CellKey[] {
    if (interest.cells === undefined) return [...this.#cells.cells()].sort()
    return [EVERYWHERE, ...interest.cells.filter((cell) => this.#cells.rows(cell) > 0)]
  }

  #rowsOf(entity: EntityId): readonly AnyComponent[] {
    return STREAM_COMPONENTS.filter((component) => this.#world.has(entity, component))
  }
}

/** The digest of what an interest sees: the log, and its part of the stream. */
export function seenDigest(world: World, cells: CellIndex, { cells: seen }: Interest): Hash64 {
  if (seen === undefined) return world.digest()
  return [EVERYWHERE, ...seen].reduce((sum, cell) => hash64Sum(sum, cells.sum(cell)), world.sourceDigest('log'))
}

/** A world of what an interest sees. */
export function seenWorld(world: World, cells: CellIndex, interest: Interest): World {
  if (interest.cells === undefined) return world
  const seen = new World()
  seen.copyFrom(world, 'log')
  for (const entity of [EVERYWHERE, ...interest.cells].flatMap((cell) => cells.entities(cell))) {
    for (const component of STREAM_COMPONENTS) {
      const row = world.rowBytes(entity, component)
      if (row !== undefined) seen.setBytes(entity, component, row, world.revision(entity, component), world.track(entity, component))
    }
  }
  return seen
}

/** Changes in canonical order, an entity at a time. */
function* byEntity(changes: readonly RowChange[]): Generator<RowChange[]> {
  for (let from = 0, to = 0; from < changes.length; from = to) {
    while (to < changes.length && changes[to].entity === changes[from].entity) to++
    yield changes.slice(from, to)
  }
}
const entitiesOf = (changes: readonly RowChange[]): EntityId[] => [...new Set(changes.map(({ entity }) => entity))]
