/** RFC 9260, sections 6.5, 6.6 and 6.9; RFC 3758, section 3.6: what is handed on, in which order, and what is kept until then. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DataFlag } from '../../../../sim/webrtc/sctp/chunks.ts'
import { CHUNK_COST_BYTES, MESSAGE_BYTES_MAX } from '../../../../sim/webrtc/sctp/limits.ts'
import { Reassembly } from '../../../../sim/webrtc/sctp/reassembly.ts'

const { begin: BEGIN, end: END, unordered: UNORDERED } = DataFlag
const WHOLE = BEGIN | END

class Receiver {
  readonly messages: (readonly [stream: number, bytes: readonly number[], datagrams: readonly number[]])[] = []
  readonly reassembly = new Reassembly(({ stream, bytes, datagrams }) => this.messages.push([stream, [...bytes], datagrams]))

  add(tsn: number, flags: number, ssn: number, bytes: readonly number[], stream = 0, datagram = tsn): boolean {
    return this.reassembly.add(tsn, { tsn, flags, stream, ssn, ppid: 51, bytes: Uint8Array.from(bytes) }, datagram)
  }
  forward(tsn: number, ...skipped: readonly (readonly [stream: number, ssn: number])[]): void {
    this.reassembly.forward(tsn, { cumulativeTsn: tsn, skipped: skipped.map(([stream, ssn]) => ({ stream, ssn })) })
  }
  get bytes(): readonly (readonly number[])[] {
    return this.messages.map(([, bytes]) => bytes)
  }
  get kept(): number {
    return this.reassembly.keptBytes
  }
}

describe('fragments', () => {
  test('6.9: make their message in whatever order they come, beside those of others, and nothing is kept of them', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
    fc.assert(fc.property(sizes, fc.infiniteStream(fc.nat()), (counts, order) => {
      const receiver = new Receiver()
      let tsn = 10
      const chunks = counts.flatMap((count, ssn) => Array.from({ length: count }, (_, i) =>
        ({ tsn: tsn++, ssn, byte: ssn * 10 + i, flags: (i === 0 ? BEGIN : 0) | (i === count - 1 ? END : 0) })))
      while (chunks.length > 0) {
        const [{ tsn: next, ssn, byte, flags }] = chunks.splice(order.next().value % chunks.length, 1)
        expect(receiver.add(next, flags, ssn, [byte], 0, next >>> 1)).toBe(true)
      }
      expect(receiver.bytes).toEqual(counts.map((count, ssn) => Array.from({ length: count }, (_, i) => ssn * 10 + i)))
      for (const [, , datagrams] of receiver.messages) expect(new Set(datagrams).size).toBe(datagrams.length)
      expect([receiver.kept, receiver.reassembly.keptBytesOf(0)]).toEqual([0, 0])
    }), { seed: 1, numRuns: 200 })
  })

  test('cost their bytes and what a chunk costs, by stream and in all', () => {
    const receiver = new Receiver()
    receiver.add(1, BEGIN, 0, [1, 2, 3], 4)
    receiver.add(9, 0, 0, [1], 5)
    expect([receiver.kept, receiver.reassembly.keptBytesOf(4), receiver.reassembly.keptBytesOf(5), receiver.reassembly.keptBytesOf(6)])
      .toEqual([4 + 2 * CHUNK_COST_BYTES, 3 + CHUNK_COST_BYTES, 1 + CHUNK_COST_BYTES, 0])
    receiver.add(2, END, 0, [4], 4)
    expect([receiver.kept, receiver.messages]).toEqual([1 + CHUNK_COST_BYTES, [[4, [1, 2, 3, 4], [1, 2]]]])
  })

  test('of one TSN after the other are of one message: another stream, order or SSN is no honest peer\'s', () => {
    for (const [stream, flags, ssn, isFine] of [
      [0, END, 3, true], [1, END, 3, false], [0, END | UNORDERED, 3, false], [0, END, 4, false],
    ] as const) {
      const receiver = new Receiver()
      receiver.add(1, BEGIN, 3, [1])
      expect(receiver.add(2, flags, ssn, [2], stream)).toBe(isFine)
      const backwards = new Receiver()
      backwards.add(2, flags, ssn, [2], stream)
      expect(backwards.add(1, BEGIN, 3, [1])).toBe(isFine)
    }
    // Unordered ones have no SSN.
    const unordered = new Receiver()
    unordered.add(1, BEGIN | UNORDERED, 3, [1])
    expect(unordered.add(2, END | UNORDERED, 4, [2])).toBe(true)
  })

  test('a middle after an end, and before a beginning, is no honest peer\'s; a beginning after an end is another message', () => {
    const after = new Receiver()
    after.add(1, END, 0, [1])
    expect(after.add(2, 0, 0, [2])).toBe(false)
    const before = new Receiver()
    before.add(2, BEGIN, 0, [1])
    expect(before.add(1, 0, 0, [2])).toBe(false)
    const between = new Receiver()
    between.add(1, END, 0, [1])
    expect([between.add(2, BEGIN, 1, [2]), between.add(3, END, 1, [3]), between.add(0, BEGIN, 0, [0])]).toEqual([true, true, true])
    expect(between.bytes).toEqual([[0, 1], [2, 3]])
  })

  test('a message has 64 KiB at the most, in one chunk or in many', () => {
    const half = Array.from({ length: MESSAGE_BYTES_MAX / 2 }, () => 1)
    const fits = new Receiver()
    expect([fits.add(1, BEGIN, 0, half), fits.add(2, END, 0, half), fits.bytes.length]).toEqual([true, true, 1])
    const tooLong = new Receiver()
    expect([tooLong.add(1, BEGIN, 0, half), tooLong.add(2, 0, 0, half), tooLong.add(3, 0, 0, [1])]).toEqual([true, true, false])
    expect(new Receiver().add(1, WHOLE, 0, [...half, ...half])).toBe(true)
    expect(new Receiver().add(1, WHOLE, 0, [...half, ...half, 1])).toBe(false)
  })
})

describe('6.6: order', () => {
  test('an ordered message waits for those before it, an unordered one for nobody, a stream for no other', () => {
    const receiver = new Receiver()
    receiver.add(2, WHOLE, 1, [1])
    receiver.add(3, WHOLE, 2, [2])
    expect([receiver.kept, receiver.reassembly.keptBytesOf(0)]).toEqual([2 + 2 * CHUNK_COST_BYTES, 2 + 2 * CHUNK_COST_BYTES])
    receiver.add(4, WHOLE | UNORDERED, 9, [9])
    receiver.add(5, WHOLE, 0, [7], 1)
    expect(receiver.bytes).toEqual([[9], [7]])
    receiver.add(1, WHOLE, 0, [0])
    expect([receiver.bytes, receiver.kept]).toEqual([[[9], [7], [0], [1], [2]], 0])
  })

  test('an SSN that was used, or waits, is no honest peer\'s; numbers go round', () => {
    const receiver = new Receiver()
    receiver.add(1, WHOLE, 0, [0])
    expect([receiver.add(2, WHOLE, 0, [0]), receiver.add(3, WHOLE, 65_535, [0])]).toEqual([false, false])
    expect([receiver.add(4, WHOLE, 3, [3]), receiver.add(5, WHOLE, 3, [3])]).toEqual([true, false])
    const round = new Receiver()
    round.forward(0, [0, 0x7fff])
    round.forward(0, [0, 65_534])
    expect([round.add(6, WHOLE, 0, [0]), round.add(7, WHOLE, 65_535, [255])]).toEqual([true, true])
    expect(round.bytes).toEqual([[255], [0]])
  })
})

describe('RFC 3758, 3.6: what is not coming', () => {
  test('pieces up to the new TSN are dropped, those beyond stay', () => {
    const receiver = new Receiver()
    receiver.add(1, BEGIN, 0, [0])
    receiver.add(5, BEGIN, 1, [1])
    receiver.forward(3, [0, 0])
    expect(receiver.kept).toBe(1 + CHUNK_COST_BYTES)
    expect([receiver.add(6, END, 1, [2]), receiver.bytes, receiver.kept]).toEqual([true, [[1, 2]], 0])
    const exact = new Receiver()
    exact.add(3, BEGIN, 0, [0])
    exact.forward(3, [0, 0])
    expect(exact.kept).toBe(0)
  })

  test('a stream moves on behind what was skipped: what waits up to there is handed on in order, and what follows it', () => {
    const receiver = new Receiver()
    for (const ssn of [4, 2, 1, 6]) receiver.add(10 + ssn, WHOLE, ssn, [ssn])
    receiver.forward(9, [0, 3], [7, 0])
    expect(receiver.bytes).toEqual([[1], [2], [4]])
    // What was skipped already says nothing new.
    receiver.forward(9, [0, 3])
    expect(receiver.add(15, WHOLE, 5, [5])).toBe(true)
    expect([receiver.bytes, receiver.kept]).toEqual([[[1], [2], [4], [5], [6]], 0])
    expect(receiver.add(30, WHOLE, 1, [8], 7)).toBe(true)
    expect(receiver.messages.at(-1)).toEqual([7, [8], [30]])
  })
})

test('RFC 6525, 5.2.2: after a reset the first message of a stream is its first again', () => {
  const receiver = new Receiver()
  for (const ssn of [0, 1, 2]) receiver.add(ssn, WHOLE, ssn, [ssn])
  receiver.add(4, WHOLE, 4, [4])
  receiver.reassembly.reset(0)
  expect([receiver.bytes, receiver.kept]).toEqual([[[0], [1], [2], [4]], 0])
  receiver.add(5, WHOLE, 0, [10])
  expect(receiver.bytes.at(-1)).toEqual([10])
})
