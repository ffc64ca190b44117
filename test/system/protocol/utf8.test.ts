import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8Bytes, utf8Text } from '../../../system/protocol/utf8.ts'

const EDGES = [
  '', '\u0000', '\u007f\u0080', '\u07ff\u0800', '\ud7ff\ue000', '\uffff', '\u{10000}\u{10ffff}', 'a\ud800b', '\udc00', '\ud800\ud800\udc00',
]

// Any code points, lone surrogates among them.
const codePoint = fc.oneof(fc.integer({ min: 0, max: 0x10ffff }), fc.integer({ min: 0xd7f0, max: 0xe010 }))
const texts = fc.array(codePoint, { maxLength: 8 }).map((codes) => String.fromCodePoint(...codes))

test('encoding_is_that_of_TextEncoder', () => {
  for (const text of EDGES) expect(utf8Bytes(text)).toEqual(new TextEncoder().encode(text))
  fc.assert(fc.property(texts, (text) => { expect(utf8Bytes(text)).toEqual(new TextEncoder().encode(text)) }), { seed: 1, numRuns: 200 })
})

test('decoding_accepts_and_refuses_as_a_fatal_TextDecoder', () => {
  const reference = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const expected = (bytes: Uint8Array) => {
    try {
      return reference.decode(bytes)
    } catch {
      return undefined
    }
  }
  const edge = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff]
  const leads = fc.constantFrom(...edge)
  const crafted = fc.array(leads, { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes))
  let refused = 0
  fc.assert(fc.property(crafted, (bytes) => {
    const text = utf8Text(bytes, 0, bytes.length)
    if (text === undefined) refused++
    expect(text).toBe(expected(bytes))
  }), { seed: 2, numRuns: 4000 })
  expect(refused).toBeGreaterThan(100)
  for (const text of EDGES) {
    const bytes = new TextEncoder().encode(`x${text}y`)
    expect(utf8Text(bytes, 1, bytes.length - 1)).toBe(new TextDecoder().decode(bytes).slice(1, -1))
  }
})
