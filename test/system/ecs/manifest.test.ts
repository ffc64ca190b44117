import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { inOrderOfId } from '../../../system/ecs/component.ts'
import { COMPONENTS, Selection, Transform } from '../../../system/ecs/components.ts'
import { COMPONENT_INDEX, componentOfId, manifest, manifestHash, manifestText } from '../../../system/ecs/manifest.ts'
import { hash64Hex } from '../../../system/ids.ts'
import { sipHash24 } from '../../../system/protocol/siphash.ts'

describe('manifest', () => {
  it('R-WIRE-6 schemas_schema_manifest_json_is_current', () => {
    const committed = readFileSync(new URL('../../../schemas/schema_manifest.json', import.meta.url), 'utf8')
    expect(committed, 'npm run schemas writes it anew').toBe(manifestText())
  })

  it('lists_every_component_ascending_by_id_with_fields_that_fill_its_stride', () => {
    const { components } = manifest()
    expect(components.map(({ name }) => name)).toEqual(COMPONENTS.map(({ name }) => name))
    expect(components.map(({ id }) => id)).toEqual(components.map(({ id }) => id).sort())
    expect(new Set(components.map(({ id }) => id)).size).toBe(components.length)
    for (const { name, id, stride, fields } of components) {
      expect(id).toBe(hash64Hex(sipHash24(name)))
      let offset = 0
      for (const field of fields) {
        expect(field.offset).toBe(offset)
        offset += field.bytes
      }
      expect(stride).toBe(offset)
    }
  })

  it('R-WIRE-6 two_names_with_one_id_are_caught_by_name', () => {
    const other = { ...Selection, name: 'theta.Other', id: { ...Transform.id } }
    expect(() => inOrderOfId([Selection, Transform, other])).toThrow('the ids of theta.Transform and theta.Other differ')
    expect(inOrderOfId([Transform, Selection])).toEqual([Selection, Transform])
  })

  it('R-WIRE-6 tells_what_a_reader_of_an_unknown_component_needs', () => {
    for (const { name, sinceVersion, deprecatedIn, fields } of manifest().components) {
      expect(name).toMatch(/^theta\.[A-Z]/)
      expect(sinceVersion).toMatch(/^\d+\.\d+\.\d+$/)
      expect(deprecatedIn === null || /^\d+\.\d+\.\d+$/.test(deprecatedIn)).toBe(true)
      for (const { unit } of fields) expect(unit).not.toBe('')
    }
  })

  it('its_hash_covers_the_whole_of_it', () => {
    expect(manifestHash()).toEqual(sipHash24(JSON.stringify(JSON.parse(manifestText()))))
  })

  it('an_id_finds_its_component_and_an_unknown_one_none', () => {
    COMPONENTS.forEach((component, index) => {
      expect(componentOfId({ ...component.id })).toBe(component)
      expect(COMPONENT_INDEX.get(component)).toBe(index)
    })
    expect(componentOfId({ hi: Transform.id.hi, lo: Transform.id.lo ^ 1 })).toBeUndefined()
  })
})
