/** RFC 9260, sections 6.3.1 and 7.2, number by number: the retransmission timeout, and the congestion window. */
import { describe, expect, test } from 'vitest'
import { Congestion } from '../../../../sim/webrtc/sctp/congestion.ts'
import { PACKET_BYTES_MAX as PACKET, TIMINGS } from '../../../../sim/webrtc/sctp/limits.ts'
import { RetransmissionTimeout } from '../../../../sim/webrtc/sctp/rto.ts'

describe('6.3.1: the timeout', () => {
  test('C1 to C3: RTO.Initial, then 3 round trips, then by 1/8 and 1/4', () => {
    const rto = new RetransmissionTimeout(TIMINGS)
    expect([rto.rtoUs, rto.srttUs, rto.variationUs]).toEqual([1_000_000, 1_000_000, 0])
    rto.measured(400_000)
    expect([rto.rtoUs, rto.srttUs, rto.variationUs]).toEqual([1_200_000, 400_000, 200_000])
    // 3/4 * 200 + 1/4 * |400 - 240| = 190; 7/8 * 400 + 1/8 * 240 = 380.
    rto.measured(240_000)
    expect([rto.rtoUs, rto.srttUs, rto.variationUs]).toEqual([1_140_000, 380_000, 190_000])
    // 3/4 * 190 + 1/4 * |380 - 780| = 242.5; 7/8 * 380 + 1/8 * 780 = 430.
    rto.measured(780_000)
    expect([rto.rtoUs, rto.srttUs, rto.variationUs]).toEqual([1_400_000, 430_000, 242_500])
  })

  test('C6 and C7: not below RTO.Min, not above RTO.Max', () => {
    const near = new RetransmissionTimeout(TIMINGS)
    near.measured(10_000)
    expect(near.rtoUs).toBe(TIMINGS.rtoUsMin)
    const far = new RetransmissionTimeout(TIMINGS)
    far.measured(4_000_000)
    expect(far.rtoUs).toBe(TIMINGS.rtoUsMax)
    // A round trip of nothing was measured all the same.
    const none = new RetransmissionTimeout(TIMINGS)
    none.measured(0)
    none.measured(800)
    expect([none.srttUs, none.variationUs]).toEqual([100, 199])
  })

  test('E2: doubled up to RTO.Max, until the peer moves or something is measured', () => {
    const rto = new RetransmissionTimeout(TIMINGS)
    rto.measured(400_000)
    const doubled = Array.from({ length: 5 }, () => {
      rto.backOff()
      return rto.rtoUs
    })
    expect(doubled).toEqual([2_400_000, 4_800_000, 9_600_000, 10_000_000, 10_000_000])
    rto.progressed()
    expect(rto.rtoUs).toBe(1_200_000)
    rto.backOff()
    rto.measured(400_000)
    expect(rto.rtoUs).toBe(1_000_000)
    const fresh = new RetransmissionTimeout(TIMINGS)
    fresh.backOff()
    fresh.progressed()
    expect(fresh.rtoUs).toBe(TIMINGS.rtoUsInitial)
  })
})

describe('7.2: the congestion window', () => {
  const FIRST = 10 * PACKET
  /** A sender that is past its threshold: its window is six packets. */
  function avoiding(): Congestion {
    const congestion = new Congestion(1_000_000)
    congestion.windowBytes = 10 * PACKET
    congestion.missed(50)
    congestion.acked(50, PACKET, 10 * PACKET)
    expect([congestion.windowBytes, congestion.isRecovering]).toEqual([5 * PACKET, false])
    // At the threshold it is slow start still.
    congestion.acked(51, PACKET, 5 * PACKET)
    expect(congestion.windowBytes).toBe(6 * PACKET)
    return congestion
  }

  test('7.2.1: slow start grows by what is acknowledged, a packet at the most, where the window is full', () => {
    const congestion = new Congestion(1_000_000)
    congestion.acked(1, 300, FIRST)
    expect(congestion.windowBytes).toBe(FIRST + 300)
    congestion.acked(2, 3 * PACKET, FIRST + 300)
    expect(congestion.windowBytes).toBe(FIRST + 300 + PACKET)
    // Where another packet just fits in it is not full.
    congestion.acked(3, PACKET, FIRST + 300)
    expect(congestion.windowBytes).toBe(FIRST + 300 + PACKET)
    congestion.acked(4, PACKET, FIRST + 301)
    expect(congestion.windowBytes).toBe(FIRST + 300 + 2 * PACKET)
  })

  test('7.2.1: the first threshold is the peer\'s window', () => {
    const congestion = new Congestion(FIRST - 1)
    congestion.acked(1, PACKET, FIRST)
    expect(congestion.windowBytes).toBe(FIRST)
    const other = new Congestion(FIRST)
    other.acked(1, PACKET, FIRST)
    expect(other.windowBytes).toBe(FIRST + PACKET)
  })

  test('7.2.2: congestion avoidance grows by a packet for each window that is acknowledged', () => {
    const congestion = avoiding()
    for (let i = 0; i < 5; i++) congestion.acked(52 + i, PACKET, 6 * PACKET)
    expect(congestion.windowBytes).toBe(6 * PACKET)
    congestion.acked(57, 2 * PACKET, 6 * PACKET)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    // One packet was acknowledged beyond the window and counts for the next.
    for (let i = 0; i < 5; i++) congestion.acked(58 + i, PACKET, 7 * PACKET)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    congestion.acked(63, PACKET, 7 * PACKET)
    expect(congestion.windowBytes).toBe(8 * PACKET)
  })

  test('7.2.2: what was acknowledged while the window was not full is kept up to one window, and forgotten with the last chunk', () => {
    const congestion = avoiding()
    for (let i = 0; i < 20; i++) congestion.acked(52 + i, PACKET, 3 * PACKET)
    expect(congestion.windowBytes).toBe(6 * PACKET)
    congestion.acked(80, PACKET, 6 * PACKET)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    congestion.acked(81, 5 * PACKET, 7 * PACKET)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    congestion.emptied()
    congestion.acked(82, 6 * PACKET, 7 * PACKET)
    expect(congestion.windowBytes).toBe(7 * PACKET)
  })

  test('7.2.4: half of it, four packets at the least, once until what was highest is acknowledged; it does not grow meanwhile', () => {
    const congestion = new Congestion(1_000_000)
    congestion.missed(20)
    congestion.missed(30)
    expect([congestion.windowBytes, congestion.isRecovering]).toEqual([5 * PACKET, true])
    congestion.acked(19, PACKET, 5 * PACKET)
    expect([congestion.windowBytes, congestion.isRecovering]).toEqual([5 * PACKET, true])
    congestion.acked(20, PACKET, 5 * PACKET)
    expect([congestion.windowBytes, congestion.isRecovering]).toEqual([5 * PACKET, false])
    congestion.missed(40)
    expect(congestion.windowBytes).toBe(4 * PACKET)
    // The first TSN of all may be the one that ends it.
    const first = new Congestion(1_000_000)
    first.missed(0)
    expect(first.isRecovering).toBe(true)
  })

  test('7.2.3: one packet after T3-rtx, and slow start up to half of what there was', () => {
    const congestion = new Congestion(1_000_000)
    congestion.missed(20)
    congestion.windowBytes = 12 * PACKET
    congestion.timedOut()
    expect([congestion.windowBytes, congestion.isRecovering]).toEqual([PACKET, false])
    for (let i = 0; i < 6; i++) congestion.acked(i, PACKET, congestion.windowBytes)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    congestion.acked(7, PACKET, congestion.windowBytes)
    expect(congestion.windowBytes).toBe(7 * PACKET)
    congestion.timedOut()
    for (let i = 0; i < 4; i++) congestion.acked(i, PACKET, congestion.windowBytes)
    expect(congestion.windowBytes).toBe(5 * PACKET)
  })

  test('7.2.2 and 7.2.4: a loss forgets what was acknowledged towards the next packet', () => {
    for (const lose of ['missed', 'timedOut'] as const) {
      const congestion = avoiding()
      congestion.acked(52, 5 * PACKET, 6 * PACKET)
      if (lose === 'missed') congestion.missed(60)
      else congestion.timedOut()
      congestion.windowBytes = 6 * PACKET
      congestion.acked(60, PACKET, 6 * PACKET)
      congestion.acked(61, PACKET, 6 * PACKET)
      expect(congestion.windowBytes).toBe(6 * PACKET)
    }
  })
})
