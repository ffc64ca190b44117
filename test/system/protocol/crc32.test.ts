import { crc32 as reference } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../../system/protocol/crc32.ts'

test('check_value_of_the_catalogue', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

test('any_part_agrees_with_zlib_and_continues_what_came_before', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
    const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)]
    expect(crc32(bytes, from, to)).toBe(reference(bytes.subarray(from, to)))
    expect(crc32(bytes, from, bytes.length, crc32(bytes, 0, from))).toBe(reference(bytes))
  }), { seed: 1, numRuns: 300 })
})
