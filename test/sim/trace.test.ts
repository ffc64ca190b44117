import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NETWORK_NODE, type NoteData, type RecordBody, Trace, type TraceLevel } from '../../sim/trace.ts'

interface Entry {
  readonly atUs: number
  readonly node: number
  readonly body: RecordBody
}

const note = (data: { readonly [field: string]: NoteData }, name = 'thing'): RecordBody => ({ kind: 'note', name, data })
const filled = (entries: readonly Entry[], level: TraceLevel = 'digest', payload?: Uint8Array): Trace => {
  const trace = new Trace(level)
  for (const { atUs, node, body } of entries) trace.record(atUs, node, body, payload)
  return trace
}
const lone = (body: RecordBody): string => filled([{ atUs: 0, node: 0, body }]).digest

const ENTRIES: readonly Entry[] = Array.from({ length: 2500 }, (_, i) => ({
  atUs: i * 1000, node: i % 3 === 0 ? NETWORK_NODE : i % 3,
  body: i % 3 === 0
    ? { kind: 'delivered', datagram: i, from: 0, to: 1, bytes: 1200 }
    : note({ frame: i, big: BigInt(i) ** 5n, where: [0.5, -i], bytes: Uint8Array.of(i), deep: { on: true, off: null } }),
}))

describe('the trace', () => {
  it('keeps every record as it was given', () => {
    const trace = filled(ENTRIES)
    expect(trace.length).toBe(ENTRIES.length)
    expect(trace.records()).toEqual(ENTRIES.map(({ atUs, node, body }) => ({ atUs, node, ...body })))
    expect(trace.at(3)).toEqual({ atUs: 3000, node: NETWORK_NODE, kind: 'delivered', datagram: 3, from: 0, to: 1, bytes: 1200 })
    for (const index of [-1, 2500, 0.5]) expect(() => trace.at(index)).toThrow(RangeError)
  })

  it('has a chain digest that does not depend on the level', () => {
    const payload = Uint8Array.of(1, 2, 3)
    const digest = filled(ENTRIES, 'digest', payload)
    const full = filled(ENTRIES, 'full', payload)
    expect(Trace.firstDifference(digest, full)).toBeUndefined()
    expect(full.digest).toBe(digest.digest)
    expect([digest.payloadAt(5), full.payloadAt(5)]).toEqual([undefined, Uint8Array.of(1, 2, 3)])
    payload[0] = 9
    expect(full.payloadAt(5)).toEqual(Uint8Array.of(1, 2, 3))
    const chain = filled(ENTRIES, 'chain', Uint8Array.of(1))
    expect({ digest: chain.digest, length: chain.length }).toEqual({ digest: filled(ENTRIES).digest, length: 0 })
  })

  it('names the first record that differs, in whatever field, and the first that is missing', () => {
    const trace = filled(ENTRIES)
    for (const index of [0, 1, 1024, 2499]) {
      const { atUs, node, body } = ENTRIES[index]
      const otherBody = { ...body, name: 'else' } as RecordBody
      const changes: Entry[] = [{ atUs: atUs + 1, node, body }, { atUs, node: node + 1, body }, { atUs, node, body: otherBody }]
      for (const change of changes) expect(Trace.firstDifference(trace, filled(ENTRIES.with(index, change)))).toBe(index)
    }
    expect(Trace.firstDifference(trace, filled(ENTRIES.slice(0, 100)))).toBe(100)
    expect(Trace.firstDifference(filled(ENTRIES), trace)).toBeUndefined()
    expect(trace.digestAt(2499)).toBe(trace.digest)
    expect(trace.digestAt(99)).toBe(filled(ENTRIES.slice(0, 100)).digest)
    expect(() => trace.digestAt(2500)).toThrow(RangeError)
  })

  it('folds the names, values, types, order and nesting of all fields', () => {
    const data: { readonly [field: string]: NoteData }[] = [
      {}, { a: 1 }, { b: 1 }, { a: 2 }, { a: '1' }, { a: 1n }, { a: true }, { a: false }, { a: null }, { a: Uint8Array.of(1) },
      { a: [1] }, { a: [[1]] }, { a: { a: 1 } }, { a: [] }, { a: {} }, { a: 1, b: 2 }, { b: 2, a: 1 }, { a: { b: 1 }, c: 2 },
      { a: { b: 1, c: 2 } }, { a: [1, 2] }, { a: [1, [2]] }, { a: [[1], 2] }, { a: [[1, 2]] },
    ]
    expect(new Set(data.map((one) => lone(note(one)))).size).toBe(data.length)
    expect(lone(note({ a: 1 }, 'other'))).not.toBe(lone(note({ a: 1 })))
    expect(lone({ kind: 'note', name: 'thing', data: { a: 1, b: undefined } })).toBe(lone(note({ a: 1 })))
  })

  it('digests equal data equally, and a change of one leaf differently', () => {
    // Adding 0 makes 0 of -0, which is the same value to the digest and another one to isDeepStrictEqual.
    const double = fc.double().map((value) => value + 0)
    const leaf = fc.oneof(fc.integer(), double, fc.string(), fc.boolean(), fc.bigInt(), fc.uint8Array({ maxLength: 20 }))
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 }, leaf, fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value as fc.Arbitrary<NoteData>
    fc.assert(fc.property(tree, leaf, leaf, (value, a, b) => {
      expect(lone(note({ value, a }))).toBe(lone(note({ value: structuredClone(value), a: structuredClone(a) })))
      expect(lone(note({ value, a })) === lone(note({ value, a: b }))).toBe(isDeepStrictEqual(a, b))
    }), { seed: 1, numRuns: 200 })
  })

  it('forgets no name because there are many', () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ atUs: 0, node: 0, body: note({ [`field${i}`]: i }) }))
    const trace = filled(many)
    const again = new Trace('digest')
    for (const { body } of many.slice(0, 4999)) again.record(0, 0, body)
    again.record(0, 0, note({ field5000: 4999 }))
    expect(Trace.firstDifference(trace, again)).toBe(4999)
  })

  it('asserts that data does not nest without end', () => {
    const endless: Record<string, NoteData> = {}
    endless['self'] = endless
    expect(() => lone(note(endless))).toThrow('nests within its bound')
  })
})
