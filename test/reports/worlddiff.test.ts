import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstDifference } from '../../reports/worlddiff.ts'
import { ROW_HEADER_BYTES } from '../../system/ecs/canonical.ts'
import { Bounds, COMPONENTS, ScopeVersion, Selection } from '../../system/ecs/components.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import { World } from '../../system/ecs/world.ts'
import { apply, arbitraryWrites, ENTITIES } from '../system/ecs/worlds.ts'

const { components } = manifest()
const property = { seed: 20261121, numRuns: 100 }

/** Where each row's fields stand in the canonical bytes. */
function layout(world: World) {
  const rows = []
  let offset = 0
  for (const { entity, component } of world.rows()) {
    rows.push({ entity, component, offset })
    offset += ROW_HEADER_BYTES + component.stride
  }
  return rows
}

describe('firstDifference', () => {
  it('names_exactly_the_flipped_bit', () => {
    fc.assert(fc.property(arbitraryWrites(), fc.nat(), fc.nat(), (writes, anyRow, anyBit) => {
      const world = new World()
      apply(world, writes)
      fc.pre(world.rowCount > 0)
      const rows = layout(world)
      const { entity, component, offset } = rows[anyRow % rows.length]
      const bit = anyBit % (component.stride * 8)
      const field = component.fields.find((candidate) => (bit >> 3) < candidate.offset + candidate.bytes)!
      const before = world.canonicalBytes()
      world.rowBytes(entity, component)![bit >> 3] ^= 1 << (bit & 7)
      const after = world.canonicalBytes()
      const at = offset + ROW_HEADER_BYTES + field.offset
      const decimal = (bytes: Uint8Array): string => {
        const unsigned = bytes.slice(at, at + field.bytes).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
        return String(field.type.startsWith('i') ? BigInt.asIntN(field.bytes * 8, unsigned) : unsigned)
      }
      const valueA = decimal(before)
      const valueB = decimal(after)
      const flipped = offset + ROW_HEADER_BYTES + (bit >> 3)
      const expected = { kind: 'value', offset: flipped, entity, component: component.name, field: field.name }
      expect(firstDifference(before, after, components)).toEqual({ ...expected, valueA, valueB })
      expect(firstDifference(after, before, components)).toEqual({ ...expected, valueA: valueB, valueB: valueA })
      expect(firstDifference(after, after, components)).toBeUndefined()
    }), property)
  })

  it('names_exactly_the_row_that_one_lacks', () => {
    fc.assert(fc.property(arbitraryWrites(), fc.constantFrom(...ENTITIES), fc.constantFrom(...COMPONENTS), (writes, entity, component) => {
      const world = new World()
      apply(world, writes)
      const before = world.canonicalBytes()
      const present = world.has(entity, component)
      const rowsBefore = layout(world)
      world.corruptPresence(entity, component)
      const after = world.canonicalBytes()
      const { offset } = (present ? rowsBefore : layout(world)).find((row) => row.entity === entity && row.component === component)!
      const missing = { offset, entity, component: component.name, field: undefined, valueA: undefined, valueB: undefined }
      expect(firstDifference(before, after, components)).toEqual({ ...missing, kind: present ? 'missing in b' : 'missing in a' })
      expect(firstDifference(after, before, components)).toEqual({ ...missing, kind: present ? 'missing in a' : 'missing in b' })
    }), property)
  })

  it('names_the_first_of_several', () => {
    const [a, b] = [new World(), new World()]
    for (const world of [a, b]) for (const entity of [1, 2, 3]) world.set(entity, Bounds, { hx: 1, hy: 2, hz: 3 })
    b.set(3, Bounds, { hx: 9, hy: 2, hz: 3 })
    b.set(2, Bounds, { hx: 1, hy: 2, hz: 9 })
    b.set(2, Selection, { author: 1 })
    expect(firstDifference(a.canonicalBytes(), b.canonicalBytes(), components))
      .toMatchObject({ entity: 2, component: 'theta.Bounds', field: 'hz', valueA: '3', valueB: '9' })
  })

  it('tells_a_value_that_no_number_can_hold', () => {
    const [a, b] = [new World(), new World()]
    for (const world of [a, b]) world.set(1, ScopeVersion, { lamport: 5, author: 1 })
    b.rowBytes(1, ScopeVersion)![7] = 0x10
    expect(firstDifference(a.canonicalBytes(), b.canonicalBytes(), components))
      .toMatchObject({ field: 'lamport', valueA: '5', valueB: '1152921504606846981' })
  })

  it('refuses_bytes_that_are_not_canonical', () => {
    const world = new World()
    world.set(1, Bounds, { hx: 1, hy: 2, hz: 3 })
    const bytes = world.canonicalBytes()
    expect(() => firstDifference(bytes, bytes.slice(0, 5), components)).toThrow('row header')
    expect(() => firstDifference(bytes, bytes.slice(0, 9), components)).toThrow('within the row')
    const stranger = bytes.slice()
    stranger[5] = 0xff
    expect(() => firstDifference(bytes, stranger, components)).toThrow(RangeError)
    expect(firstDifference(bytes, new Uint8Array(), components)).toMatchObject({ kind: 'missing in b', offset: 0 })
  })
})
