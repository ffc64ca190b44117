/** What the path of an interop case does to datagrams before they reach the link. */
import { describe, expect, it } from 'vitest'
import { blackhole, dropList, lossy, overwritten } from '../../scenarios/interop/conditions.ts'
import { mix32, SeededChooser } from '../../sim/choice.ts'
import { type Datagram, Ecn } from '../../sim/net/datagram.ts'

const datagram = (id: number): Datagram => ({
  id, from: 0, to: 1, fromPort: 50_000, toPort: 443, ecn: Ecn.ect0, keyHi: mix32(id, 1), keyLo: mix32(id, 2), bytes: new Uint8Array(100),
  label: { protocol: 'quic', contents: 'stream', connection: 0, channel: 0, start: 0, end: 0, attempt: 0 },
})
const differing = (a: Uint8Array, b: Uint8Array): number => a.filter((byte, index) => byte !== b[index]).length

describe('conditions of an interop path', () => {
  it('a drop list loses those places', () => {
    const condition = dropList([2, 3])
    expect([1, 2, 3, 4].map((id) => condition(datagram(id), 0)?.id)).toEqual([1, undefined, undefined, 4])
  })

  it('a black hole carries for a while and swallows for a while', () => {
    const condition = blackhole(5, 2)
    expect([0, 4, 5, 6, 7, 11, 12].map((nowUs) => condition(datagram(1), nowUs) !== undefined))
      .toEqual([true, true, false, false, true, true, false])
  })

  it.each(['drop', 'corrupt'] as const)('%s: at its rate, never more than three in a row, the same again with the same seed', (fate) => {
    const strikes = (percent: number): boolean[] => {
      const { toServer } = lossy(new SeededChooser(7), fate, percent)
      return Array.from({ length: 5_000 }, (_, id) => {
        const one = datagram(id)
        const onward = toServer!(one, 0)
        if (fate === 'corrupt' && onward !== one) expect(differing(onward!.bytes, one.bytes)).toBe(1)
        return onward !== one
      })
    }
    const few = strikes(10)
    // 500, give or take four standard deviations of 21.
    expect(Math.abs(few.filter(Boolean).length - 500)).toBeLessThan(85)
    expect(strikes(10)).toEqual(few)
    // Three of four, where chance would take them all.
    expect(strikes(100)).toEqual(Array.from({ length: 5_000 }, (_, i) => i % 4 !== 3))
  })

  it('overwrites a word in a copy', () => {
    const one = datagram(1)
    const other = overwritten(one, 1, 0x0102_0304)
    expect([...other.bytes.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 0])
    expect(one.bytes.every((byte) => byte === 0)).toBe(true)
  })
})
