/**
 * Which rows of the stream changed in which frame, for as long as the host remembers: from these it can tell a member what became of the
 * world since a frame that is long gone. Bounded in frames and in rows; the oldest frames go first.
 */
import type { CellKey } from '../ecs/cells.ts'
import type { AnyComponent } from '../ecs/component.ts'
import type { EntityId } from '../ids.ts'
import { CHANGE_MEMORY_FRAMES, CHANGE_MEMORY_ROWS } from '../limits.ts'

/** An entity that changed. */
export interface Touched {
  readonly entity: EntityId
  /** The cell that it was in before; undefined where it was nowhere. */
  readonly from: CellKey | undefined
  /** The rows that changed, and whether each was there before. */
  readonly rows: ReadonlyMap<AnyComponent, boolean>
}

export class ChangeMemory {
  readonly #frames = new Map<number, readonly Touched[]>()
  #newest = -1
  #rows = 0

  /** Frames come in order, each once. */
  note(frame: number, touched: readonly Touched[]): void {
    this.#frames.set(frame, touched)
    this.#newest = frame
    this.#rows += rowsOf(touched)
    for (const [oldest, gone] of this.#frames) {
      if (oldest > frame - CHANGE_MEMORY_FRAMES && this.#rows <= CHANGE_MEMORY_ROWS) break
      this.#frames.delete(oldest)
      this.#rows -= rowsOf(gone)
    }
  }

  /** What has changed since `frame`, each entity as it was then, ascending; undefined where that is not remembered. */
  since(frame: number): readonly Touched[] | undefined {
    if (frame > this.#newest || (frame < this.#newest && !this.#frames.has(frame + 1))) return undefined
    const first = new Map<EntityId, { readonly from: CellKey | undefined; readonly rows: Map<AnyComponent, boolean> }>()
    for (let later = frame + 1; later <= this.#newest; later++) {
      for (const { entity, from, rows } of this.#frames.get(later) ?? []) {
        let known = first.get(entity)
        if (known === undefined) first.set(entity, (known = { from, rows: new Map() }))
        for (const [component, wasThere] of rows) if (!known.rows.has(component)) known.rows.set(component, wasThere)
      }
    }
    return [...first].sort(([a], [b]) => a - b).map(([entity, { from, rows }]) => ({ entity, from, rows }))
  }
}

const rowsOf = (touched: readonly Touched[]): number => touched.reduce((sum, { rows }) => sum + rows.size, 0)
