/** A WriteStore on plain maps, and one that fails on demand: what tests of the log's layers write to. */
import { COMPONENTS } from '../../system/ecs/components.ts'
import type { AnyComponent, ReadStore, RowOf, WriteStore } from '../../system/ecs/store.ts'
import type { EntityId } from '../../system/ids.ts'

export class MapStore implements WriteStore {
  readonly #rows = new Map<AnyComponent, Map<EntityId, Record<string, number>>>()

  has(entity: EntityId, component: AnyComponent): boolean {
    return this.#rows.get(component)?.has(entity) ?? false
  }

  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined {
    const row = this.#rows.get(component)?.get(entity)
    return row && ({ ...row } as RowOf<C>)
  }

  entities(component: AnyComponent): readonly EntityId[] {
    return [...(this.#rows.get(component)?.keys() ?? [])].sort((a, b) => a - b)
  }

  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void {
    const values = row as Record<string, number>
    const kept: Record<string, number> = {}
    for (const { name, type, bytes } of component.fields) {
      const low = type.startsWith('i') ? -(2 ** (8 * bytes - 1)) : 0
      if (!Number.isInteger(values[name]) || values[name] < low || values[name] >= low + 2 ** (8 * bytes)) {
        throw new RangeError(`${component.name}.${name} cannot hold ${values[name]}`)
      }
      kept[name] = values[name]
    }
    let rows = this.#rows.get(component)
    if (rows === undefined) this.#rows.set(component, (rows = new Map()))
    rows.set(entity, kept)
  }

  delete(entity: EntityId, component: AnyComponent): void {
    this.#rows.get(component)?.delete(entity)
  }

  copy(): MapStore {
    const copy = new MapStore()
    for (const [component, rows] of this.#rows) for (const [entity, row] of rows) copy.set(entity, component, row)
    return copy
  }
}

/** Every row as text, in canonical order: equal texts are equal states. */
export const storeText = (store: ReadStore, components: readonly AnyComponent[] = COMPONENTS): string =>
  components
    .flatMap((component) =>
      store.entities(component).map((entity) => {
        const row = store.get(entity, component) as Record<string, number>
        return `${component.name} ${entity} ${component.fields.map(({ name }) => row[name]).join(' ')}`
      }),
    )
    .join('\n')

/** Passes everything on to `inner`, and throws `error` once: at its write number `failAt`, before or after that write took effect. */
export class FailingStore implements WriteStore {
  writes = 0
  readonly #inner: WriteStore
  readonly #failAt: number
  readonly #moment: 'before' | 'after'
  readonly #error: Error

  constructor(inner: WriteStore, failAt: number, moment: 'before' | 'after', error: Error) {
    this.#inner = inner
    this.#failAt = failAt
    this.#moment = moment
    this.#error = error
  }

  has = (entity: EntityId, component: AnyComponent): boolean => this.#inner.has(entity, component)
  get = <C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined => this.#inner.get(entity, component)
  entities = (component: AnyComponent): readonly EntityId[] => this.#inner.entities(component)
  set = <C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void =>
    this.#write(() => this.#inner.set(entity, component, row))
  delete = (entity: EntityId, component: AnyComponent): void => this.#write(() => this.#inner.delete(entity, component))

  #write(write: () => void): void {
    const fails = this.writes++ === this.#failAt
    if (fails && this.#moment === 'before') throw this.#error
    write()
    if (fails) throw this.#error
  }
}
