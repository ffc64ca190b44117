import { describe, expect, it } from 'vitest'
import { hexdump } from '../../reports/hexdump.ts'

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index)

describe('hexdump', () => {
  it('marks_each_byte_that_differs_on_both_sides', () => {
    const peer = bytes(40)
    peer[17] = 0xff
    peer[31] = 0xfe
    expect(hexdump(bytes(40), peer, 17, 16)).toEqual([
      '00000000  both  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f',
      '00000010  host  10 11*12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f*',
      '          peer  10 ff*12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e fe*',
      '00000020  both  20 21 22 23 24 25 26 27',
    ])
  })

  it('shows_where_a_side_has_ended', () => {
    expect(hexdump(bytes(3), bytes(1), 1, 4)).toEqual(['00000000  host  00 01*02*', '          peer  00 --*--*'])
    expect(hexdump(new Uint8Array(), new Uint8Array(), 0, 4)).toEqual([])
  })

  it('shows_no_more_than_the_context', () => {
    expect(hexdump(bytes(200), bytes(200), 100, 8).map((line) => line.slice(0, 8))).toEqual(['00000050', '00000060'])
  })
})
