import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSealed, SEAL_BLANK, seal } from '../../platform/digests.ts'
import { canonicalJson } from '../../reports/json.ts'

const property = { seed: 20261121, numRuns: 100 }
const { plain } = fc.letrec<{ plain: unknown }>((tie) => ({
  plain: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null),
    fc.array(tie('plain'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 3 }).filter((key) => key !== '__proto__'), tie('plain'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

/** The same value with the keys of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).reverse().map(([key, field]) => [key, turned(field)]))
}

describe('canonicalJson', () => {
  it('reads_back_as_the_value', () => {
    fc.assert(fc.property(plain, (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }), property)
  })

  it('does_not_depend_on_the_order_of_keys', () => {
    fc.assert(fc.property(plain, (value) => { expect(canonicalJson(turned(value))).toBe(canonicalJson(value)) }), property)
  })

  it('sorts_keys_by_code_units_even_those_that_look_like_numbers', () => {
    expect(canonicalJson({ é: 1, b: { 9: [], 10: {} }, B: [1n, -0] }))
      .toBe('{\n  "B": [\n    "1",\n    0\n  ],\n  "b": {\n    "10": {},\n    "9": []\n  },\n  "é": 1\n}\n')
  })

  it('leaves_out_what_is_undefined', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{\n  "b": 1\n}\n')
  })

  it.each([
    [{ a: [1, 0.5] }, 'a[1]: expected a safe integer, got 0.5'],
    [2 ** 53, 'value: expected a safe integer, got 9007199254740992'],
    [{ a: { b: NaN } }, 'a.b: expected a safe integer, got NaN'],
    [[undefined], '[0]: expected plain data, got undefined'],
    [Object.assign([], { length: 1 }), '[0]: expected plain data, got undefined'],
    [{ bytes: new Uint8Array(1) }, 'bytes: expected a plain object, got [object Uint8Array]'],
    [{ map: new Map() }, 'map: expected a plain object, got [object Map]'],
  ])('refuses %j', (value, message) => {
    expect(() => canonicalJson(value)).toThrow(message)
  })
})

describe('a sealed report', () => {
  const text = seal(canonicalJson({ run: { seed: 7, text: `"seal": "${SEAL_BLANK}"` }, zeal: 1, array: [1, 2], seal: SEAL_BLANK }))

  it('is_what_the_command_line_accepts', () => {
    expect(isSealed(text)).toBe(true)
    expect(JSON.parse(text)).toMatchObject({ run: { seed: 7 }, zeal: 1 })
  })

  it('no_byte_can_change_unnoticed', () => {
    for (let at = 0; at < text.length; at++) {
      const edited = `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`
      expect(isSealed(edited), `byte ${at}`).toBe(false)
    }
  })
})
