/** Ranges, views, and bytes of streams in pieces. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { ControlFrames } from '../../../sim/quic/control.ts'
import { Reassembly } from '../../../sim/quic/reassembly.ts'
import { SendBuffer } from '../../../sim/quic/sendbuffer.ts'
import { RangeSet } from '../../../sim/ranges.ts'
import { pattern } from './world.ts'

test('a set of ranges knows what it meets', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(10)).map(([start, length]) => [start, start + length] as const)
  fc.assert(fc.property(fc.array(range, { maxLength: 12 }), range, (ranges, [start, end]) => {
    const set = new RangeSet()
    const numbers = new Set<number>()
    for (const [from, to] of ranges) {
      set.add(from, to)
      for (let number = from; number < to; number++) numbers.add(number)
    }
    let isMet = false
    for (let number = start; number < end; number++) isMet ||= numbers.has(number)
    expect(set.intersects(start, end)).toBe(isMet)
  }))
})

test('a writer shows what it has written', () => {
  const writer = new Writer()
  writer.begin(10)
  writer.raw(Uint8Array.of(1, 2, 3, 4))
  expect(writer.written(1)).toEqual(Uint8Array.of(2, 3, 4))
  writer.finish()
  writer.begin(10)
  writer.u8(9)
  expect(writer.written(0)).toEqual(Uint8Array.of(9))
})

test('pieces in any order, overlapping and repeated, leave whole and in order', () => {
  const length = 300
  const bytes = pattern(length)
  const cut = fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 60 }))
  fc.assert(fc.property(fc.array(cut, { maxLength: 60 }), (cuts) => {
    const reassembly = new Reassembly()
    const parts: Uint8Array[] = []
    const covered = new RangeSet()
    for (const [start, size] of cuts) {
      covered.add(start, Math.min(length, start + size))
      expect(reassembly.receive(start, bytes.subarray(start, start + size), 1, (part) => parts.push(part))).toBe(true)
      const there = covered.count > 0 && covered.start(0) === 0 ? covered.end(0) : 0
      expect(reassembly.offset).toBe(there)
      expect(Buffer.compare(Buffer.concat(parts), bytes.subarray(0, there))).toBe(0)
    }
    for (let start = 0; start < length; start += 50) {
      reassembly.receive(start, bytes.subarray(start, start + 50), 1, (part) => parts.push(part))
    }
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
    expect(reassembly.keptBytes).toBe(0)
  }))
})

test('the name of a frame of control follows from what it says, not from what went before it', () => {
  const namesOf = (limits: readonly number[]): string[] => {
    const control = new ControlFrames()
    const names: string[] = []
    const writer = new Writer()
    for (const limit of limits) {
      control.enqueue({ kind: 'maxData', limit }, 'credit', 0, limit)
      writer.begin(100)
      control.pack({
        writer, nowUs: 0, room: 100, add: () => {}, logged: undefined, identify: () => {},
        suggest: (...name) => names.push(name.join(' ')),
      })
    }
    return names
  }
  expect(namesOf([5, 7])).toEqual(['credit 0 5 0', 'credit 0 7 0'])
  expect(namesOf([7])).toEqual(['credit 0 7 0'])
})

test('what is lost is sent again as it was, what has arrived is not', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(lengths, fc.infiniteStream(fc.nat(3)), (writes, fates) => {
    const buffer = new SendBuffer()
    const all = writes.map((length, i) => pattern(length, i))
    for (const bytes of all) buffer.write(bytes)
    const expected = Buffer.concat(all)
    const writer = new Writer()
    const got = new RangeSet()
    for (let rounds = 0; !buffer.isAcked; rounds++) {
      expect(rounds).toBeLessThan(2_000)
      const chunk = buffer.repeated(100) ?? buffer.fresh(100)
      const { start, end, attempt } = chunk
      writer.begin(200)
      buffer.copy(writer, start, end)
      expect(Buffer.compare(writer.written(0), expected.subarray(start, end))).toBe(0)
      expect(got.has(start, end)).toBe(false)
      if (rounds < 1_000 && fates.next().value === 0) buffer.again(start, end, attempt + 1)
      else {
        got.add(start, end)
        buffer.acked(start, end)
      }
    }
    expect(got.has(0, expected.length)).toBe(true)
  }))
})
