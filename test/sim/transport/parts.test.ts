/** The small parts under a connection: varints, ranges, tags, round-trip times, the window. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Congestion, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN } from '../../../sim/transport/congestion.ts'
import type { SentFrame } from '../../../sim/transport/frames.ts'
import { RangeSet } from '../../../sim/transport/ranges.ts'
import { Recovery } from '../../../sim/transport/recovery.ts'
import { RoundTrip } from '../../../sim/transport/rtt.ts'
import { derive, isSealed, seal, sealKey, TAG_BYTES } from '../../../sim/transport/secret.ts'
import { Reader, VARINT_MAX, varintBytes, Writer } from '../../../sim/transport/wire.ts'

describe('wire', () => {
  test('a varint comes back as it went, in the bytes promised', () => {
    const value = fc.oneof(fc.nat(0x3f), fc.nat(0x3fff), fc.nat(0x3fff_ffff), fc.integer({ min: 0, max: VARINT_MAX }))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 50 }), (values) => {
        const writer = new Writer()
        writer.begin(1_200)
        for (const value of values) writer.varint(value)
        expect(writer.length).toBe(values.reduce((sum, value) => sum + varintBytes(value), 0))
        const bytes = writer.finish()
        const reader = new Reader(bytes, bytes.length)
        expect(values.map(() => reader.varint())).toEqual(values)
        expect(reader.failed).toBe(false)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('examples of RFC 9000, appendix A.1', () => {
    const read = (hex: string): number => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
      return new Reader(bytes, bytes.length).varint()
    }
    expect([read('9d7f3e7d'), read('7bbd'), read('25'), read('4025')]).toEqual([494_878_333, 15_293, 37, 37])
  })

  test('a reader that runs out says so and never throws', () => {
    const reader = new Reader(Uint8Array.of(0xff, 1, 2), 3)
    expect(reader.varint()).toBe(0)
    expect(reader.failed).toBe(true)
    expect(reader.raw(5).length).toBe(0)
    // Eight bytes of ones are more than 2^53 - 1.
    const large = new Reader(new Uint8Array(8).fill(0xff), 8)
    expect([large.varint(), large.failed]).toEqual([0, true])
  })
})

test('every flipped byte breaks the tag, and so does the key of the other direction', () => {
  const secret = derive('secret', [1, 2])
  const key = sealKey(secret, true)
  for (const length of [1, 7, 8, 9, 64, 333]) {
    const writer = new Writer()
    writer.begin(1_200)
    for (let i = 0; i < length; i++) writer.u8(i * 37)
    seal(writer, key)
    const bytes = writer.finish()
    const opens = (of: Uint8Array, by = key): boolean => isSealed(new Reader(of, of.length - TAG_BYTES), by)
    expect(opens(bytes)).toBe(true)
    expect(opens(bytes, sealKey(secret, false))).toBe(false)
    for (let offset = 0; offset < bytes.length; offset++) {
      for (const bits of [1, 0x80, 0xff]) {
        const flipped = bytes.slice()
        flipped[offset] = flipped[offset] ^ bits
        expect(opens(flipped), `byte ${offset} of ${length}`).toBe(false)
      }
    }
  }
})

const INTEGERS = Array.from({ length: 70 }, (_, i) => i)
test('a range set is the set of its integers', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(8))
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), fc.nat(40), (added, floor) => {
      const ranges = new RangeSet()
      const set = new Set<number>()
      for (const [start, count] of added) {
        ranges.add(start, start + count)
        for (let i = start; i < start + count; i++) set.add(i)
      }
      for (let pass = 0; pass < 2; pass++) {
        expect(INTEGERS.filter((i) => ranges.has(i, i + 1) !== set.has(i))).toEqual([])
        // Disjoint, not touching, ascending.
        expect(INTEGERS.filter((i) => i > 0 && i < ranges.count && ranges.start(i) <= ranges.end(i - 1))).toEqual([])
        ranges.removeBelow(floor)
        for (let i = 0; i < floor; i++) set.delete(i)
      }
    }),
    { seed: 2, numRuns: 200 },
  )
})

describe('RFC 9002', () => {
  const owner = { acked() {}, lost() {}, probe: () => false }
  const frames: readonly SentFrame[] = [{ owner, message: 0, start: 0, end: 0, attempt: 0, probed: false }]

  function sent(count: number, everyUs: number, ackDelayUsMax = 0) {
    const lost: number[] = []
    const recovery = new Recovery(100_000, ackDelayUsMax, ({ number }) => lost.push(number))
    for (let number = 0; number < count; number++) {
      recovery.sent({ number, sentUs: number * everyUs, bytes: 1_000, frames, datagram: number, keyHi: 0, keyLo: 0 })
    }
    return { recovery, lost }
  }

  test('5.3: the first sample is taken whole, later ones by an eighth, less the ack delay where the least allows it', () => {
    const roundTrip = new RoundTrip(100_000)
    roundTrip.sample(40_000, 10_000)
    expect([roundTrip.smoothedUs, roundTrip.variationUs]).toEqual([40_000, 20_000])
    roundTrip.sample(66_000, 10_000)
    // 66 - 10 = 56 ms: variation (3 * 20 + |40 - 56|) / 4 = 19, smoothed (7 * 40 + 56) / 8 = 42.
    expect([roundTrip.smoothedUs, roundTrip.variationUs]).toEqual([42_000, 19_000])
    roundTrip.sample(42_000, 10_000)
    // 42 < 40 + 10: the delay is not subtracted.
    expect(roundTrip.smoothedUs).toBe(42_000)
  })

  test('6.1.1: three later packets acknowledged declare one lost, two do not', () => {
    const { recovery, lost } = sent(5, 0)
    recovery.acknowledged({ largest: 2, delayUs: 0, ranges: [2, 1] }, 50_000)
    expect(lost).toEqual([])
    recovery.acknowledged({ largest: 3, delayUs: 0, ranges: [3, 1] }, 50_000)
    expect(lost).toEqual([0])
  })

  test('6.1.2: 9/8 of a round trip after a later one was acknowledged', () => {
    const { recovery, lost } = sent(2, 1_000)
    recovery.acknowledged({ largest: 1, delayUs: 0, ranges: [1, 1] }, 41_000)
    expect(lost).toEqual([])
    expect(recovery.deadlineUs()).toBe(45_000)
    expect(recovery.expired(45_000)).toBe('loss')
    expect(lost).toEqual([0])
  })

  test('6.2: the probe timeout is srtt + 4 rttvar + ack delay, doubled each time', () => {
    const { recovery } = sent(1, 0, 25_000)
    // Initially 100 + 4 * 50 + 25 = 325 ms.
    expect(recovery.deadlineUs()).toBe(325_000)
    expect(recovery.expired(325_000)).toBe('probe')
    expect(recovery.deadlineUs()).toBe(650_000)
    // Doubled again it would be 1300 ms; the wait is bounded by a second.
    recovery.expired(650_000)
    expect(recovery.deadlineUs()).toBe(1_000_000)
  })

  test('an acknowledgement of what was never sent is refused', () => {
    expect(sent(3, 0).recovery.acknowledged({ largest: 3, delayUs: 0, ranges: [3, 0] }, 1)).toBe(false)
  })

  test('7: the window doubles in slow start, halves once a loss episode, never falls below two datagrams', () => {
    const congestion = new Congestion()
    congestion.isLimiting = true
    congestion.inFlightBytes = 100_000
    congestion.acked(12_000, 0)
    expect(congestion.windowBytes).toBe(WINDOW_BYTES_INITIAL + 12_000)
    congestion.lost(1_000, 10, 20)
    congestion.lost(1_000, 15, 25)
    expect(congestion.windowBytes).toBe(12_000)
    // Avoidance: one datagram a window.
    congestion.acked(12_000, 30)
    expect(congestion.windowBytes).toBe(13_200)
    for (let atUs = 100; atUs < 200; atUs++) congestion.lost(100, atUs, atUs)
    expect(congestion.windowBytes).toBe(WINDOW_BYTES_MIN)
    congestion.isLimiting = false
    congestion.acked(1_000, 1_000)
    expect(congestion.windowBytes).toBe(WINDOW_BYTES_MIN)
  })
})
