/**
 * Speculative rows over another store: reads fall through to the base where nothing is laid over it, writes stay here.
 * Clearing it takes the speculation back at once. The base may change underneath.
 */
import type { EntityId } from '../ids.ts'
import { readRow, writeRow } from './canonical.ts'
import type { AnyComponent, ReadStore, RowOf, WriteStore } from './store.ts'

/** A row's canonical bytes, or undefined for a row that is removed. */
type Cover = DataView | undefined

export class Overlay implements WriteStore {
  readonly #base: ReadStore
  readonly #covers = new Map<AnyComponent, Map<EntityId, Cover>>()

  constructor(base: ReadStore) {
    this.#base = base
  }

  has(entity: EntityId, component: AnyComponent): boolean {
    const covers = this.#covers.get(component)
    return covers?.has(entity) === true ? covers.get(entity) !== undefined : this.#base.has(entity, component)
  }

  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined {
    const covers = this.#covers.get(component)
    if (covers?.has(entity) !== true) return this.#base.get(entity, component)
    const cover = covers.get(entity)
    return cover === undefined ? undefined : readRow(component, cover, 0)
  }

  entities(component: AnyComponent): readonly EntityId[] {
    const covers = this.#covers.get(component)
    const below = this.#base.entities(component)
    if (covers === undefined) return below
    const merged = below.filter((entity) => !covers.has(entity))
    for (const [entity, cover] of covers) {
      if (cover !== undefined) merged.push(entity)
    }
    return merged.sort((a, b) => a - b)
  }

  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void {
    const cover = new DataView(new ArrayBuffer(component.stride))
    writeRow(component, row, cover)
    this.#lay(entity, component, cover)
  }

  delete(entity: EntityId, component: AnyComponent): void {
    this.#lay(entity, component, undefined)
  }

  /** Takes back everything that was written. */
  clear(): void {
    this.#covers.clear()
  }

  #lay(entity: EntityId, component: AnyComponent, cover: Cover): void {
    let covers = this.#covers.get(component)
    if (covers === undefined) this.#covers.set(component, (covers = new Map()))
    covers.set(entity, cover)
  }
}
