/** Arbitrary writes to a store, and rows by formula, for the tests of the component system. */
import * as fc from 'fast-check'
import { FIELD_RANGE } from '../../../system/ecs/canonical.ts'
import { COMPONENTS } from '../../../system/ecs/components.ts'
import type { AnyComponent, RowOf, WriteStore } from '../../../system/ecs/store.ts'
import { type EntityId, entityId } from '../../../system/ids.ts'

export type Write = { readonly entity: EntityId; readonly component: AnyComponent; readonly row: RowOf<AnyComponent> | undefined }

/** Few entities, so that writes meet; both sources, and the ends of the range. */
export const ENTITIES: readonly EntityId[] = [
  0, 1, 2, 3, entityId('log', 7, 5), entityId('log', 1023, 9), entityId('stream', 0, 1), entityId('stream', 1023, (1 << 20) - 1),
]

function arbitraryRow(component: AnyComponent): fc.Arbitrary<RowOf<AnyComponent>> {
  return fc.record(Object.fromEntries(component.fields.map((field) => {
    const { min, max } = FIELD_RANGE[field.type]
    return [field.name, fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0))]
  })))
}

const arbitraryWrite = (components: readonly AnyComponent[] = COMPONENTS): fc.Arbitrary<Write> =>
  fc.constantFrom(...components).chain((component) => fc.record({
    entity: fc.constantFrom(...ENTITIES),
    component: fc.constant(component),
    row: fc.option(arbitraryRow(component), { nil: undefined, freq: 3 }),
  }))
export const arbitraryWrites = (components?: readonly AnyComponent[], maxLength = 60): fc.Arbitrary<Write[]> =>
  fc.array(arbitraryWrite(components), { maxLength })

export function apply(store: WriteStore, writes: readonly Write[]): void {
  for (const { entity, component, row } of writes) {
    if (row === undefined) store.delete(entity, component)
    else store.set(entity, component, row)
  }
}

/** A row whose values follow from `seed`, each within its field's range. */
export function rowOf<C extends AnyComponent>(component: C, seed: number): RowOf<C> {
  return Object.fromEntries(component.fields.map((field, index) => {
    const { min, max } = FIELD_RANGE[field.type]
    return [field.name, min + ((Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0) % (max - min + 1)]
  })) as RowOf<C>
}
