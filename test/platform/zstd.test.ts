import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { readDictionaries } from '../../platform/dictionaries.ts'
import { rememberingCompressor } from '../../platform/zstd-memo.ts'
import { type Compressor, zstdCompressor } from '../../platform/zstd.ts'
import { NO_DICTIONARY } from '../../system/ports.ts'
import { DICTIONARIES } from '../../system/protocol/dictionaries.ts'
import { compressorOfThisBuild, DICTIONARY } from '../support/compressor.ts'

const DICTIONARY_BYTES_MAX = 32 * 1024
const BYTES_MAX = 64 * 1024

let compressor: Compressor
beforeAll(async () => { compressor = await compressorOfThisBuild() })

describe('a dictionary', () => {
  test('R-COMP-5 is the one that the code means, and small', () => {
    const contents = readDictionaries(DICTIONARIES)
    expect([...contents.keys()]).toEqual(DICTIONARIES.map(({ version }) => version))
    expect(DICTIONARIES.every(({ version }) => Number.isInteger(version) && version > 0)).toBe(true)
    for (const content of contents.values()) expect(content.length).toBeLessThanOrEqual(DICTIONARY_BYTES_MAX)
    expect(() => readDictionaries([{ version: DICTIONARY, sha256: '00' }])).toThrow(/expected dictionary 2 to have the SHA-256 00, got /)
  })
  test('that is not there is our own mistake', () => {
    expect(() => compressor.compress(new Uint8Array(100), 99)).toThrow(RangeError)
  })
})

describe('zstd', () => {
  const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.uint8Array({ minLength: 1, maxLength: 3000, max: 2 }))
  const dictionaries = fc.constantFrom(NO_DICTIONARY, DICTIONARY)

  test('R-COMP-5 gives back what was compressed, and the same bytes each time', () => {
    const first = new Map<string, Uint8Array>()
    const check = () => fc.assert(fc.property(bytes, dictionaries, (content, dictionary) => {
      const frame = compressor.compress(content, dictionary)
      expect(compressor.decompress(frame, dictionary, BYTES_MAX)).toEqual(content)
      const name = `${dictionary} ${Buffer.from(content).toString('latin1')}`
      expect(frame).toEqual(first.get(name) ?? frame)
      first.set(name, frame)
    }), { seed: 7 })
    check()
    check()
  })

  // The same on Node 20, 22 and 24: where the library changes, so does what goes over the wire, and a run of a seed.
  test('R-COMP-5 gives the same bytes on every machine', async () => {
    const content = (length: number, factor: number) => Uint8Array.from({ length }, (_, i) => (i * i * factor) >> 9)
    const synthetic = await zstdCompressor(new Map([[5, content(16_384, 3)]]))
    const hash = createHash('sha256')
    for (const dictionary of [NO_DICTIONARY, 5]) {
      for (let length = 64; length < 60_000; length *= 2) hash.update(synthetic.compress(content(length, 7), dictionary))
    }
    expect(hash.digest('hex')).toBe('9c19ab26e10e4d353b9b1aa46da3a7a97d2a121521455fc556b4619b03649edd')
  })

  test('takes no more memory however often it is called', () => {
    const body = Uint8Array.from({ length: 300 }, (_, i) => (i * i) >> 5)
    const large = new Uint8Array(60_000).fill(3)
    const frame = compressor.compress(body, DICTIONARY)
    const call = (times: number) => {
      for (let i = 0; i < times; i++) {
        const content = i % 100 === 0 ? large : body
        compressor.decompress(compressor.compress(content, DICTIONARY), DICTIONARY, BYTES_MAX)
        compressor.decompress(frame.with(i % frame.length, i & 0xff), DICTIONARY, BYTES_MAX)
      }
    }
    call(1000)
    const before = process.memoryUsage().external
    call(50_000)
    expect(process.memoryUsage().external - before).toBeLessThan(16 * 1024 * 1024)
    expect(compressor.compress(body, DICTIONARY)).toEqual(frame)
  })
})

describe('a compressor that remembers', () => {
  test('answers as the one that it asks does, and asks once', () => {
    let asked = 0
    const remembering = rememberingCompressor({
      ...compressor,
      compress: (bytes, dictionary) => (asked++, compressor.compress(bytes, dictionary)),
      decompress: (bytes, dictionary, bytesMax) => (asked++, compressor.decompress(bytes, dictionary, bytesMax)),
    })
    const body = new Uint8Array(200).fill(9)
    for (const dictionary of [NO_DICTIONARY, DICTIONARY, NO_DICTIONARY, DICTIONARY]) {
      const frame = remembering.compress(body, dictionary)
      expect(frame).toEqual(compressor.compress(body, dictionary))
      expect(remembering.decompress(frame, dictionary, BYTES_MAX)).toEqual(body)
      expect(remembering.decompress(frame, dictionary, 10)).toBe('inflated')
      frame.fill(0)
    }
    expect(asked).toBe(2 + 4)
    const large = new Uint8Array(5000)
    expect(remembering.compress(large, DICTIONARY)).toEqual(compressor.compress(large, DICTIONARY))
    expect(remembering.decompress(Uint8Array.of(1, 2), DICTIONARY, BYTES_MAX)).toBe('malformed')
  })
})
