import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Compressor, NO_DICTIONARY } from '../../../system/ports.ts'
import { concatenate, u32 } from '../../../system/protocol/bytes.ts'
import {
  type Agreement, agreementOn, COMPRESSED_BODY_BYTES_MIN, isOffered, NO_COMPRESSION, offerOf, Packer,
} from '../../../system/protocol/compression.ts'
import { crc32 } from '../../../system/protocol/crc32.ts'
import { BODY_BYTES_MAX } from '../../../system/protocol/envelope.ts'
import { compressorOfThisBuild, DICTIONARY } from '../../support/compressor.ts'

let compressor: Compressor
beforeAll(async () => { compressor = await compressorOfThisBuild() })

const withDictionaries = (...dictionaries: number[]): Compressor => ({
  dictionaries, compress: (bytes, dictionary) => compressor.compress(bytes, dictionary),
  decompress: (bytes, dictionary, bytesMax) => compressor.decompress(bytes, dictionary, bytesMax),
})
const WITH: Agreement = { mode: 'zstd', dictionary: DICTIONARY }
const WITHOUT: Agreement = { mode: 'zstd', dictionary: NO_DICTIONARY }
const noise = (seed: number): Uint8Array => Uint8Array.from({ length: 200 }, (_, i) => Math.imul(seed ^ (i * i), 0x9e3779b1) >>> 24)
/** Bodies as they come: some compress, some do not, some are too small. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300, max: 3 }), fc.integer().map(noise),
  fc.tuple(fc.nat(255), fc.nat(BODY_BYTES_MAX)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
)

describe('an agreement', () => {
  test('R-COMP-1 is the first mode and the first dictionary offered that the host has', () => {
    const agreed = (client: Compressor | undefined, host: Compressor | undefined) => agreementOn(offerOf(client), host)
    expect(agreed(withDictionaries(3, 2, 1), withDictionaries(1, 2))).toEqual({ mode: 'zstd', dictionary: 2 })
    expect(agreed(withDictionaries(2), withDictionaries(1))).toEqual(WITHOUT)
    expect(agreed(withDictionaries(), withDictionaries(1))).toEqual(WITHOUT)
    expect(agreed(undefined, withDictionaries(1))).toEqual(NO_COMPRESSION)
    expect(agreed(withDictionaries(1), undefined)).toEqual(NO_COMPRESSION)
    const reluctant = { compression: ['none', 'zstd'], dictionaries: [DICTIONARY] } as const
    expect(agreementOn(reluctant, compressor)).toEqual(NO_COMPRESSION)
    expect(agreementOn({ compression: [], dictionaries: [DICTIONARY] }, compressor)).toEqual(NO_COMPRESSION)
  })

  test('R-COMP-1 is nothing that was not offered', () => {
    const offer = offerOf(withDictionaries(1, 2))
    const offered = (compression: 'none' | 'zstd', dictionary: number) => isOffered({ compression, dictionary }, offer)
    expect([offered('zstd', 1), offered('zstd', 2), offered('zstd', 0), offered('none', 0)]).toEqual([true, true, true, true])
    expect([offered('zstd', 3), offered('none', 1)]).toEqual([false, false])
    expect(isOffered({ compression: 'zstd', dictionary: 0 }, offerOf(undefined))).toBe(false)
  })
})

describe('packing', () => {
  test('R-COMP-2 leaves alone what is too small or would grow, and makes everything else smaller', () => {
    const packer = new Packer(compressor)
    const seen = new Set<string>()
    fc.assert(fc.property(bodies, fc.constantFrom(WITH, WITHOUT), (body, agreement) => {
      const { packing, bytes } = packer.pack(body, agreement)!
      seen.add(packing)
      if (packing !== 'compressed') expect(bytes).toBe(body)
      expect(packing === 'bypassed').toBe(body.length < COMPRESSED_BODY_BYTES_MIN)
      expect(bytes.length).toBeLessThanOrEqual(body.length)
      if (packing === 'compressed') expect(packer.unpack(bytes, agreement, BODY_BYTES_MAX)).toEqual({ kind: 'unpacked', body })
    }))
    expect([...seen].sort()).toEqual(['bypassed', 'compressed', 'grown'])
    expect(packer.pack(new Uint8Array(500), NO_COMPRESSION)).toBeUndefined()
  })

  test('R-COMP-2 compresses what goes to many once a dictionary', () => {
    const asked: number[] = []
    const packer = new Packer({
      ...compressor, compress: (bytes, dictionary) => (asked.push(dictionary), compressor.compress(bytes, dictionary)),
    })
    const body = new Uint8Array(500)
    for (let member = 0; member < 5; member++) for (const agreement of [WITH, WITHOUT]) packer.pack(body, agreement)
    expect(asked).toEqual([DICTIONARY, NO_DICTIONARY])
  })
})

/** A frame of blocks that each repeat one byte (RFC 8878, 3.1.1.2), with this descriptor and what follows it. */
const [BLOCKS, BLOCK_BYTES] = [750, 128 * 1024]
function bombOf(descriptor: number, header: Uint8Array): Uint8Array {
  const block = (isLast: boolean) => u32((BLOCK_BYTES << 3) | (1 << 1) | Number(isLast))
  return concatenate([Uint8Array.of(descriptor), header, ...Array.from({ length: BLOCKS }, (_, i) => block(i === BLOCKS - 1))])
}

describe('unpacking', () => {
  const body = Uint8Array.from({ length: 400 }, (_, i) => (i % 40) + (i >> 5))

  test('R-COMP-3 refuses what was never agreed on, and what another dictionary made', () => {
    const packer = new Packer(compressor)
    const [trained, plain] = [WITH, WITHOUT].map((agreement) => packer.pack(body, agreement)!.bytes)
    expect(packer.unpack(trained, NO_COMPRESSION, BODY_BYTES_MAX)).toEqual({ kind: 'refused', why: 'unagreed' })
    expect(new Packer(undefined).unpack(trained, WITH, BODY_BYTES_MAX)).toEqual({ kind: 'refused', why: 'unagreed' })
    expect(packer.unpack(trained, WITH, BODY_BYTES_MAX)).toEqual({ kind: 'unpacked', body })
    expect(packer.unpack(plain, WITHOUT, BODY_BYTES_MAX)).toEqual({ kind: 'unpacked', body })
    // A real body's frame refers to the dictionary: read with another, it is other bytes, or none.
    const real = concatenate([body, body])
    const frame = new Packer(compressor).pack(real, WITH)!.bytes
    expect(['unpacked', 'refused']).toContain(packer.unpack(frame, WITHOUT, BODY_BYTES_MAX).kind)
  })

  test('R-COMP-3 finds a body that is another one', () => {
    const packer = new Packer(compressor)
    const frame = compressor.compress(body, DICTIONARY)
    const checksum = crc32(body)
    expect(packer.unpack(concatenate([u32(checksum), frame]), WITH, BODY_BYTES_MAX).kind).toBe('unpacked')
    expect(packer.unpack(concatenate([u32(checksum ^ 1), frame]), WITH, BODY_BYTES_MAX)).toEqual({ kind: 'refused', why: 'checksum' })
    let [silent, told] = [0, 0]
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const damaged = frame.slice()
      damaged[bit >> 3] ^= 1 << (bit & 7)
      const unpacked = packer.unpack(concatenate([u32(checksum), damaged]), WITH, BODY_BYTES_MAX)
      // A bit that means nothing may be flipped; no other body ever comes out.
      if (unpacked.kind === 'unpacked') expect(unpacked.body).toEqual(body)
      else if (unpacked.why === 'checksum') silent++
      else told++
    }
    expect(silent).toBeGreaterThan(0)
    expect(told).toBeGreaterThan(0)
  })

  test('R-COMP-4 refuses any bytes without throwing, and never gives more than the bound', () => {
    const packer = new Packer(compressor)
    const cut = (bytes: Uint8Array, at: number) => bytes.subarray(0, at % (bytes.length + 1))
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(bodies, fc.nat(), fc.constantFrom(WITH, WITHOUT))
        .map(([bytes, at, agreement]) => cut(packer.pack(bytes, agreement)!.bytes, at)),
      fc.tuple(bodies, fc.array(fc.nat(), { minLength: 1, maxLength: 4 })).map(([bytes, bits]) => {
        const damaged = packer.pack(bytes, WITH)!.bytes.slice()
        for (const bit of bits) if (damaged.length > 0) damaged[(bit >> 3) % damaged.length] ^= 1 << (bit & 7)
        return damaged
      }),
    )
    fc.assert(fc.property(hostile, fc.constantFrom(WITH, WITHOUT), fc.integer({ min: 0, max: 2000 }), (bytes, agreement, bytesMax) => {
      const unpacked = packer.unpack(bytes, agreement, bytesMax)
      if (unpacked.kind === 'unpacked') expect(unpacked.body.length).toBeLessThanOrEqual(bytesMax)
    }), { numRuns: 500 })
  })

  test('R-COMP-4 a bomb is refused by name, whatever size it claims', () => {
    const packer = new Packer(compressor)
    const unpacked = (frame: Uint8Array, agreement: Agreement) => packer.unpack(concatenate([u32(0), frame]), agreement, BODY_BYTES_MAX)
    for (const agreement of [WITH, WITHOUT]) {
      // What 3 kB can be, what the header can say at most, one byte too many; then one that has more than it claims.
      for (const claimed of [u32(BLOCKS * BLOCK_BYTES), u32(0xffffffff), u32(BODY_BYTES_MAX + 1)]) {
        expect(unpacked(bombOf(0xa0, claimed), agreement)).toEqual({ kind: 'refused', why: 'inflated' })
      }
      expect(unpacked(bombOf(0xe0, new Uint8Array(8).fill(255)), agreement)).toEqual({ kind: 'refused', why: 'inflated' })
      expect(unpacked(bombOf(0xa0, u32(BODY_BYTES_MAX)), agreement)).toEqual({ kind: 'refused', why: 'malformed' })
      // Without a size.
      expect(unpacked(bombOf(0x00, Uint8Array.of(0x58)), agreement)).toEqual({ kind: 'refused', why: 'malformed' })
    }
    // It still works after all that.
    expect(packer.unpack(packer.pack(body, WITH)!.bytes, WITH, BODY_BYTES_MAX)).toEqual({ kind: 'unpacked', body })
  })
})
