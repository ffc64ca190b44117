/**
 * Where the entities of the stream are: cubes of CELL_STEPS, and of each the entities in it and the sum of their rows' hashes, so
 * that the digest of a part of the world costs no more than the cells of that part.
 *
 * The cell of an entity is a pure function of its own rows in the stream, the same on every peer: where it moves, else where its body
 * is, else where its head is. One that has none of these is everywhere.
 */
import { type EntityId, HASH64_ZERO, hash64Difference, type Hash64, hash64Sum } from '../ids.ts'
import { CELL_STEPS } from '../limits.ts'
import { BodyPose, HeadPose, Motion, STREAM_COMPONENTS } from './components.ts'
import type { World } from './world.ts'

/** 'x,y,z', in cells: text, because three coordinates of 19 bits are more than a number holds exactly. */
export type CellKey = string
/** Of what has no place: it concerns everybody. */
export const EVERYWHERE: CellKey = ''

const PLACES = [Motion, BodyPose, HeadPose] as const

/** The coordinate of the cell that a position is in, on one axis. */
export const cellCoordinate = (steps: number): number => Math.floor(steps / CELL_STEPS)
export const cellKey = (x: number, y: number, z: number): CellKey => `${x},${y},${z}`

/** The cell of an entity as its rows stand; undefined where it has no row in the stream. */
export function cellOf(world: World, entity: EntityId): CellKey | undefined {
  const spot = spotOf(world, entity)
  return spot && nameOf(spot)
}

/** Coordinates of a cell. */
type Spot = readonly [x: number, y: number, z: number]
const EVERY_SPOT: Spot = [NaN, NaN, NaN]
const nameOf = (spot: Spot): CellKey => (spot === EVERY_SPOT ? EVERYWHERE : cellKey(...spot))

/** Undefined where the entity has no row in the stream. */
function spotOf(world: World, entity: EntityId): Spot | undefined {
  for (const place of PLACES) {
    const { x, y, z } = place.field
    const along = world.value(entity, place, x)
    if (along === undefined) continue
    return [cellCoordinate(along), cellCoordinate(world.value(entity, place, y)!), cellCoordinate(world.value(entity, place, z)!)]
  }
  return STREAM_COMPONENTS.some((component) => world.has(entity, component)) ? EVERY_SPOT : undefined
}

interface CellState {
  readonly name: CellKey
  readonly entities: Set<EntityId>
  rows: number
  sum: Hash64
}
/** An entity as the index knows it. */
interface Inhabitant {
  readonly spot: Spot
  readonly cell: CellState
  readonly rows: number
  readonly sum: Hash64
}

export class CellIndex {
  readonly #world: World
  readonly #inhabitants = new Map<EntityId, Inhabitant>()
  readonly #cells = new Map<CellKey, CellState>()

  /** Begins with the world as it is; what changes there afterwards is told to {@link follow}. */
  constructor(world: World) {
    this.#world = world
    this.rebuild()
  }

  /** The cell of an entity as of when it was last looked at. */
  cellOf(entity: EntityId): CellKey | undefined {
    return this.#inhabitants.get(entity)?.cell.name
  }
  /** Cells that have an entity, in no particular order. */
  cells(): Iterable<CellKey> {
    return this.#cells.keys()
  }
  /** The entities of a cell, ascending. */
  entities(cell: CellKey): readonly EntityId[] {
    return [...(this.#cells.get(cell)?.entities ?? [])].sort((a, b) => a - b)
  }
  /** How many rows the entities of a cell have. */
  rows(cell: CellKey): number {
    return this.#cells.get(cell)?.rows ?? 0
  }
  /** The sum of the hashes of all rows in a cell. */
  sum(cell: CellKey): Hash64 {
    return this.#cells.get(cell)?.sum ?? HASH64_ZERO
  }

  /** Looks at an entity anew, and tells where it is now. */
  follow(entity: EntityId): CellKey | undefined {
    const known = this.#inhabitants.get(entity)
    const spot = spotOf(this.#world, entity)
    if (known !== undefined) {
      known.cell.rows -= known.rows
      known.cell.sum = hash64Difference(known.cell.sum, known.sum)
    }
    // Most of what changes stays where it is: nothing is named or looked up for it.
    const isThere = known !== undefined && spot !== undefined && isSame(known.spot, spot)
    const cell = isThere ? known.cell : this.#settle(entity, known?.cell, spot)
    if (cell === undefined || spot === undefined) return undefined
    const { rows, sum } = this.#world.entityDigest(entity, 'stream')
    this.#inhabitants.set(entity, { spot, cell, rows, sum })
    cell.rows += rows
    cell.sum = hash64Sum(cell.sum, sum)
    return cell.name
  }

  /** Looks at every entity anew: where rows had changed without anybody's knowing. */
  rebuild(): void {
    this.#inhabitants.clear()
    this.#cells.clear()
    for (const component of STREAM_COMPONENTS) {
      for (const entity of this.#world.entities(component)) if (!this.#inhabitants.has(entity)) this.follow(entity)
    }
  }

  /** Takes an entity out of one cell and into another. */
  #settle(entity: EntityId, from: CellState | undefined, spot: Spot | undefined): CellState | undefined {
    from?.entities.delete(entity)
    if (from?.entities.size === 0) this.#cells.delete(from.name)
    if (spot === undefined) {
      this.#inhabitants.delete(entity)
      return undefined
    }
    const name = nameOf(spot)
    let to = this.#cells.get(name)
    if (to === undefined) this.#cells.set(name, (to = { name, entities: new Set(), rows: 0, sum: HASH64_ZERO }))
    to.entities.add(entity)
    return to
  }
}

const isSame = (a: Spot, b: Spot): boolean => a === b || (a[0] === b[0] && a[1] === b[1] && a[2] === b[2])
