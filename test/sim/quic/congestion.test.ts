/** RFC 9002, sections 5 to 7, at their edges: the round trip, the window, the pacer, and whose packets count. */
import { describe, expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX } from '../../../sim/bytes.ts'
import { NewReno, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN } from '../../../sim/quic/newreno.ts'
import { BURST_BYTES, Pacer } from '../../../sim/quic/pacer.ts'
import { RoundTrip } from '../../../sim/quic/rtt.ts'

describe('section 5: the round trip', () => {
  test('section 5.2: the least is the least of all, until persistent congestion makes it the last', () => {
    const roundTrip = new RoundTrip(333_000)
    expect([roundTrip.isMeasured, roundTrip.latestUs]).toEqual([false, 333_000])
    for (const sampleUs of [90_000, 70_000, 80_000]) roundTrip.sample(sampleUs, 0)
    expect([roundTrip.isMeasured, roundTrip.leastUs, roundTrip.latestUs]).toEqual([true, 70_000, 80_000])
    roundTrip.forgetLeast()
    expect(roundTrip.leastUs).toBe(80_000)
  })

  test('section 5.3: a delay counts as long as it does not bring the sample below the least', () => {
    const after = (sampleUs: number): number => {
      const roundTrip = new RoundTrip(333_000)
      roundTrip.sample(80_000, 0)
      roundTrip.sample(sampleUs, 16_000)
      return roundTrip.smoothedUs
    }
    // 96 - 16 = 80 ms is the least itself; 95.992 - 16 is below: 7/8 * 80 + 1/8 * 95.992 = 81.999.
    expect(after(96_000)).toBe(80_000)
    expect(after(95_992)).toBe(81_999)
  })

  test('section 6.1.2 and 6.2.1: no timer is shorter than a millisecond', () => {
    const roundTrip = new RoundTrip(333_000)
    roundTrip.sample(400, 0)
    for (let i = 0; i < 100; i++) roundTrip.sample(400, 0)
    expect([roundTrip.lossDelayUs, roundTrip.probeTimeoutUs]).toEqual([1_000, 1_400])
  })

  test('section 6.1.2: time is 9/8 of the larger of the last and the smoothed round trip', () => {
    const roundTrip = new RoundTrip(333_000)
    roundTrip.sample(80_000, 0)
    roundTrip.sample(160_000, 0)
    expect([roundTrip.smoothedUs, roundTrip.lossDelayUs]).toEqual([90_000, 180_000])
    roundTrip.sample(10_000, 0)
    expect([roundTrip.smoothedUs, roundTrip.lossDelayUs]).toEqual([80_000, 90_000])
  })
})

describe('section 7: the window', () => {
  test('section 7: a datagram leaves where all of it fits, and nothing of what is out counts twice', () => {
    const window = new NewReno()
    expect(window.state).toBe('slowStart')
    window.inFlightBytes = WINDOW_BYTES_INITIAL - DATAGRAM_BYTES_MAX
    expect(window.maySend).toBe(true)
    window.inFlightBytes++
    expect(window.maySend).toBe(false)
    window.removed(1)
    expect(window.maySend).toBe(true)
    window.acked(DATAGRAM_BYTES_MAX, 1)
    expect(window.inFlightBytes).toBe(WINDOW_BYTES_INITIAL - 2 * DATAGRAM_BYTES_MAX)
  })

  test('section 7.3.2: the period of recovery ends with a packet that was sent in it, and not by one sent as it began', () => {
    const window = new NewReno()
    window.isLimiting = true
    expect(window.congested(10, 100)).toBe(true)
    expect([window.congested(100, 150), window.windowBytes]).toEqual([false, WINDOW_BYTES_INITIAL / 2])
    window.acked(DATAGRAM_BYTES_MAX, 100)
    expect([window.state, window.windowBytes]).toEqual(['recovery', WINDOW_BYTES_INITIAL / 2])
    window.acked(DATAGRAM_BYTES_MAX, 101)
    // A datagram of a window of five: at the threshold it is no slow start any more.
    expect([window.state, window.windowBytes]).toEqual(['congestionAvoidance', WINDOW_BYTES_INITIAL / 2 + DATAGRAM_BYTES_MAX / 5])
    expect(window.congested(101, 200)).toBe(true)
  })

  test('section 7.8: a window that does not limit does not grow, but recovery ends all the same', () => {
    const window = new NewReno()
    window.congested(10, 100)
    window.acked(DATAGRAM_BYTES_MAX, 101)
    expect([window.state, window.windowBytes]).toEqual(['congestionAvoidance', WINDOW_BYTES_INITIAL / 2])
  })

  test('section 7.6.2: persistent congestion leaves two datagrams, and slow start up to half of what there was', () => {
    const window = new NewReno()
    window.isLimiting = true
    window.congested(10, 100)
    window.collapse()
    expect([window.windowBytes, window.state]).toEqual([WINDOW_BYTES_MIN, 'slowStart'])
    // Appendix B.8: recovery is over, whatever was sent before.
    window.acked(DATAGRAM_BYTES_MAX, 50)
    expect(window.windowBytes).toBe(WINDOW_BYTES_MIN + DATAGRAM_BYTES_MAX)
    expect(window.congested(0, 300)).toBe(true)
    expect(window.windowBytes).toBe(WINDOW_BYTES_MIN)
  })
})

describe('section 7.7: the pacer', () => {
  const WINDOW = 12_000
  const ROUND_TRIP_US = 100_000
  /** A datagram takes 1200 / (5/4 * 12000 / 100 ms) = 8 ms. */
  const DATAGRAM_US = 8_000
  const drained = (nowUs: number): Pacer => {
    const pacer = new Pacer()
    pacer.sent(BURST_BYTES, nowUs, WINDOW, ROUND_TRIP_US)
    return pacer
  }

  test('the next one leaves when it has been earned, seen from whenever', () => {
    const pacer = drained(0)
    expect(pacer.readyUs(0, WINDOW, ROUND_TRIP_US)).toBe(DATAGRAM_US)
    expect(pacer.readyUs(2_000, WINDOW, ROUND_TRIP_US)).toBe(DATAGRAM_US)
    expect(pacer.readyUs(DATAGRAM_US, WINDOW, ROUND_TRIP_US)).toBe(DATAGRAM_US)
    pacer.sent(DATAGRAM_BYTES_MAX, DATAGRAM_US, WINDOW, ROUND_TRIP_US)
    expect(pacer.readyUs(DATAGRAM_US, WINDOW, ROUND_TRIP_US)).toBe(2 * DATAGRAM_US)
  })

  test('a small one costs what it is', () => {
    const pacer = drained(0)
    pacer.sent(300, 20_000, WINDOW, ROUND_TRIP_US)
    // 3000 bytes earned, 300 spent: two more datagrams at once, and 300 bytes of the third.
    for (let i = 0; i < 2; i++) {
      expect(pacer.readyUs(20_000, WINDOW, ROUND_TRIP_US)).toBe(20_000)
      pacer.sent(DATAGRAM_BYTES_MAX, 20_000, WINDOW, ROUND_TRIP_US)
    }
    expect(pacer.readyUs(20_000, WINDOW, ROUND_TRIP_US)).toBe(20_000 + (DATAGRAM_US * 3) / 4)
  })

  test('a long rest earns a burst, and no more', () => {
    const pacer = drained(0)
    const nowUs = 3_600_000_000
    for (let bytes = 0; bytes < BURST_BYTES; bytes += DATAGRAM_BYTES_MAX) {
      expect(pacer.readyUs(nowUs, WINDOW, ROUND_TRIP_US)).toBe(nowUs)
      pacer.sent(DATAGRAM_BYTES_MAX, nowUs, WINDOW, ROUND_TRIP_US)
    }
    expect(pacer.readyUs(nowUs, WINDOW, ROUND_TRIP_US)).toBe(nowUs + DATAGRAM_US)
  })

  test('nobody is woken twice in a millisecond, however fast the path is', () => {
    const pacer = new Pacer()
    pacer.sent(BURST_BYTES, 0, 12_000_000, 1_000)
    expect(pacer.readyUs(0, 12_000_000, 1_000)).toBe(1_000)
    // A round trip of nothing is one of a microsecond.
    expect(pacer.readyUs(1, WINDOW, 0)).toBe(1)
  })
})
