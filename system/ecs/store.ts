/**
 * What the fold, the placement layer and the editor see of a world: rows of a component on an entity. A row is a plain
 * object of integers, one for each field of the component. `World` keeps rows as canonical bytes; `Overlay` lays
 * speculative rows over another store.
 */
import type { EntityId } from '../ids.ts'
import type { AnyComponent, Component, RowOf } from './component.ts'

export interface ReadStore {
  has(entity: EntityId, component: AnyComponent): boolean
  /** A copy of the row, or undefined. */
  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined
  /** The entities that have this component, ascending. */
  entities(component: AnyComponent): readonly EntityId[]
}

export interface WriteStore extends ReadStore {
  /** Writes the whole row, inserting it where it is missing. Every value must be an integer within its field's range (else RangeError). */
  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void
  /** Removes the row; nothing happens where it is missing. */
  delete(entity: EntityId, component: AnyComponent): void
}

export type { AnyComponent, Component, RowOf }
