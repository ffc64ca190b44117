/**
 * What a member sees of the stream: everything, or the entities of some cells, and with them those that are everywhere. The log is
 * everybody's. An interest is named by its mark, a digest of its cells: equal interests of different members have one name.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { cellCoordinate, cellKey, type CellKey, cellOf, EVERYWHERE } from '../ecs/cells.ts'
import { STREAM_COMPONENTS } from '../ecs/components.ts'
import type { World } from '../ecs/world.ts'
import type { EntityId } from '../ids.ts'
import type { Cell, InterestSet } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'

/** A place in steps of 1/512 m. */
export interface Corner {
  readonly x: number
  readonly y: number
  readonly z: number
}

export class Interest {
  /** Each once, in one order; undefined: everything. */
  readonly cells: readonly CellKey[] | undefined
  /** Equal for equal interests alone, within a peer. */
  readonly key: string
  /** The same on the wire: 32 bits, 0 for everything. */
  readonly mark: number
  readonly #cells: ReadonlySet<CellKey>

  constructor(cells: readonly CellKey[] | undefined) {
    this.#cells = new Set(cells)
    this.cells = cells && [...this.#cells].sort()
    this.key = this.cells === undefined ? 'everything' : this.cells.join(' ')
    // 0 is taken; that two other interests of one member share a mark is found by the digest of the frame.
    this.mark = this.cells === undefined ? 0 : sipHash24(this.key).lo || 1
  }

  has(cell: CellKey): boolean {
    return this.cells === undefined || cell === EVERYWHERE || this.#cells.has(cell)
  }
}

export const EVERYTHING = new Interest(undefined)

export const interestOf = ({ everything, cells }: Pick<InterestSet, 'everything' | 'cells'>): Interest =>
  (everything ? EVERYTHING : new Interest(cells.map(({ x, y, z }) => cellKey(x, y, z))))

/** The cells that a box touches, corners included; undefined where they are more than a message carries. */
export function cellsOf(least: Corner, most: Corner): readonly Cell[] | undefined {
  const [from, to] = [least, most].map(({ x, y, z }) => ({ x: cellCoordinate(x), y: cellCoordinate(y), z: cellCoordinate(z) }))
  const [width, height, depth] = [to.x - from.x + 1, to.y - from.y + 1, to.z - from.z + 1]
  if (width * height * depth > COUNT_MAX.InterestSet.cells) return undefined
  return Array.from({ length: Math.max(0, width) * Math.max(0, height) * Math.max(0, depth) }, (_, index): Cell => ({
    x: from.x + (index % width), y: from.y + (Math.floor(index / width) % height), z: from.z + Math.floor(index / (width * height)),
  }))
}

/** Removes what an interest does not see. */
export function forgetUnseen(world: World, interest: Interest): void {
  if (interest.cells === undefined) return
  const unseen = new Set<EntityId>()
  for (const component of STREAM_COMPONENTS) {
    for (const entity of world.entities(component)) if (!interest.has(cellOf(world, entity)!)) unseen.add(entity)
  }
  for (const entity of unseen) for (const component of STREAM_COMPONENTS) world.delete(entity, component)
}
