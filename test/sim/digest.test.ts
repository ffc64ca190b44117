import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex64, Mixer } from '../../sim/digest.ts'

const folded = (...folds: ((mixer: Mixer) => void)[]): string => {
  const mixer = new Mixer()
  for (const fold of folds) fold(mixer)
  return hex64(mixer.hi, mixer.lo)
}
const ofNumber = (value: number): string => folded((m) => m.number(value))

describe('the mixer', () => {
  it('folds every number by its value, whatever its form', () => {
    expect(ofNumber(-0)).toBe(ofNumber(0))
    expect(ofNumber(new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0])).toBe(ofNumber(Number.NaN))
    const values = [
      0, 1, -1, 0.5, -0.5, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 32 + 1, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 53, 1e300,
      Number.NaN, Infinity, -Infinity,
    ]
    expect(new Set(values.map(ofNumber)).size).toBe(values.length)
    fc.assert(fc.property(fc.double(), fc.double(), (a, b) => {
      expect(ofNumber(a) === ofNumber(b)).toBe(a === b || (Number.isNaN(a) && Number.isNaN(b)))
    }), { seed: 1, numRuns: 500 })
  })

  it('tells types, lengths and the borders between values apart', () => {
    const all = [
      folded((m) => m.u32(1)), folded((m) => m.number(1)), folded((m) => m.string('1')), folded((m) => m.bigint(1n)),
      folded((m) => m.bytes(Uint8Array.of(1))), folded((m) => m.bytes(Uint8Array.of())), folded((m) => m.bytes(Uint8Array.of(1, 0))),
      folded((m) => m.bigint(-1n)), folded((m) => m.string('')), folded((m) => m.string('abc')), folded((m) => m.string('abc\0')),
      folded((m) => m.string('ab'), (m) => m.string('c')), folded((m) => m.string('a'), (m) => m.string('bc')),
      folded((m) => m.u32(1), (m) => m.u32(2)), folded((m) => m.u32(2), (m) => m.u32(1)), folded(),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  it('sees every single byte and code unit', () => {
    const bytes = Uint8Array.from({ length: 41 }, (_, i) => i)
    const text = 'the quick brown föx 🦊 jumps'
    const seen = new Set([folded((m) => m.bytes(bytes)), folded((m) => m.string(text))])
    for (let i = 0; i < bytes.length; i++) seen.add(folded((m) => m.bytes(bytes.with(i, 99))))
    for (let i = 0; i < text.length; i++) seen.add(folded((m) => m.string(`${text.slice(0, i)}X${text.slice(i + 1)}`)))
    expect(seen.size).toBe(2 + bytes.length + text.length)
  })

  it('never lets two digests meet again while the same values follow, and spreads 100,000 counters', () => {
    const a = new Mixer()
    const b = new Mixer()
    a.u32(1)
    b.u32(1 + 2 ** 31)
    const seen = new Set<string>()
    for (let i = 0; i < 50_000; i++) {
      a.number(i)
      b.number(i)
      seen.add(hex64(a.hi, a.lo)).add(hex64(b.hi, b.lo))
    }
    expect(seen.size).toBe(100_000)
  })

  it('gives the digest that every machine must give', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)
    expect(folded(
      (m) => m.u32(0xdead_beef), (m) => m.number(1.25), (m) => m.string('theta'),
      (m) => m.bytes(bytes), (m) => m.bigint(-12345678901234567890n),
    )).toBe('5e9eb98ae69a1727')
  })
})
