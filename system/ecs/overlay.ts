/**
 * Speculative rows over another store: reads fall through to the base where nothing is laid over it, writes stay here. They
 * stay in layers, one for each `begin()`: the newest can be taken back, and the oldest settled once the base holds what they
 * wrote. Both cost what those layers wrote, however many others there are. The base may change underneath.
 */
import type { EntityId } from '../ids.ts'
import { readRow, writeRow } from './canonical.ts'
import type { AnyComponent, ReadStore, RowOf, WriteStore } from './store.ts'

/** The rows that were written in it, each once. */
type Layer = { readonly entity: EntityId; readonly covers: Covers }[]
interface Cover {
  readonly layer: Layer
  /** The row's canonical bytes, or undefined for a row that is removed. */
  row: Uint8Array | undefined
}
/** What lies over each row of a component, oldest first; never empty. */
type Covers = Map<EntityId, Cover[]>

export class Overlay implements WriteStore {
  readonly #base: ReadStore
  readonly #covers = new Map<AnyComponent, Covers>()
  /** Oldest first. */
  #layers: Layer[] = []

  constructor(base: ReadStore) {
    this.#base = base
  }

  has(entity: EntityId, component: AnyComponent): boolean {
    const cover = this.#covers.get(component)?.get(entity)?.at(-1)
    return cover === undefined ? this.#base.has(entity, component) : cover.row !== undefined
  }

  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined {
    const cover = this.#covers.get(component)?.get(entity)?.at(-1)
    if (cover === undefined) return this.#base.get(entity, component)
    return cover.row === undefined ? undefined : readRow(component, cover.row, 0)
  }

  entities(component: AnyComponent): readonly EntityId[] {
    const covers = this.#covers.get(component)
    const below = this.#base.entities(component)
    if (covers === undefined) return below
    const merged = below.filter((entity) => !covers.has(entity))
    for (const [entity, stack] of covers) {
      if (stack.at(-1)?.row !== undefined) merged.push(entity)
    }
    return merged.sort((a, b) => a - b)
  }

  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void {
    const bytes = new Uint8Array(component.stride)
    writeRow(component, row, bytes)
    this.#lay(entity, component, bytes)
  }

  delete(entity: EntityId, component: AnyComponent): void {
    this.#lay(entity, component, undefined)
  }

  /** Layers that lie over the base. */
  get depth(): number {
    return this.#layers.length
  }

  /** What is written from here on is a layer of its own. */
  begin(): void {
    this.#layers.push([])
  }

  /** Takes back what was written, down to the oldest `depth` layers. */
  rewind(depth: number): void {
    while (this.#layers.length > depth) for (const { entity, covers } of this.#layers.pop()!) uncover(entity, covers, 'newest')
  }

  /** Forgets the oldest `count` layers: the base holds by now what they wrote. */
  settle(count: number): void {
    for (const layer of this.#layers.splice(0, count)) for (const { entity, covers } of layer) uncover(entity, covers, 'oldest')
  }

  #lay(entity: EntityId, component: AnyComponent, row: Uint8Array | undefined): void {
    if (this.#layers.length === 0) this.begin()
    const layer = this.#layers[this.#layers.length - 1]
    let covers = this.#covers.get(component)
    if (covers === undefined) this.#covers.set(component, (covers = new Map()))
    let stack = covers.get(entity)
    if (stack === undefined) covers.set(entity, (stack = []))
    const top = stack.at(-1)
    if (top?.layer === layer) {
      top.row = row
      return
    }
    stack.push({ layer, row })
    layer.push({ entity, covers })
  }
}

function uncover(entity: EntityId, covers: Covers, end: 'oldest' | 'newest'): void {
  const stack = covers.get(entity)!
  if (stack.length === 1) covers.delete(entity)
  else if (end === 'newest') stack.pop()
  else stack.shift()
}
