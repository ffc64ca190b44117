/** RFC 9002: round trips, loss, probes, congestion, pacing; RFC 9000, section 13.4: ECN. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX } from '../../../sim/bytes.ts'
import { EcnPath } from '../../../sim/quic/ecn.ts'
import { NewReno, WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN } from '../../../sim/quic/newreno.ts'
import { BURST_BYTES, Pacer } from '../../../sim/quic/pacer.ts'
import { Recovery, RecoveryPath, Space } from '../../../sim/quic/recovery.ts'
import { RoundTrip } from '../../../sim/quic/rtt.ts'
import { PING, type SentFrame } from '../../../sim/quic/sentframe.ts'

const MS = 1_000
const SECOND_US = 1_000_000

/** Recovery with its path, and what it told. */
class Bench {
  readonly path = new RecoveryPath(333_000, false)
  readonly lost: number[] = []
  readonly congestion: string[] = []
  readonly recovery: Recovery

  constructor(isClient = true, probeTimeoutUsMax = Infinity) {
    this.recovery = new Recovery({ isClient, probeTimeoutUsMax }, this.path, {
      lost: ({ number }) => this.lost.push(number), congestionChanged: (_path, trigger) => this.congestion.push(trigger),
    })
    this.recovery.isHandshakeConfirmed = true
    this.recovery.isPeerValidated = true
  }

  send(sentUs: number, options: { readonly space?: Space; readonly frames?: readonly SentFrame[] } = {}): void {
    const { space = Space.application, frames = [] } = options
    this.recovery.sent({
      space, number: this.recovery.nextNumber(space), sentUs, bytes: DATAGRAM_BYTES_MAX, isEliciting: true, isInFlight: true,
      isMarked: false, isEarly: false, frames, path: this.path, datagram: 0, keyLo: 0,
    })
  }
  ack(nowUs: number, ranges: readonly number[], delayUs = 0, space: Space = Space.application, waitedUs = 0): boolean {
    const frame = { kind: 'ack', largest: ranges[0], delay: 0, ranges, ecn: undefined } as const
    return this.recovery.acknowledged(space, frame, delayUs, nowUs, waitedUs)
  }
}

describe('section 5: the round trip', () => {
  test('section 5.3: the first sample is taken as it is, the next by 1/8 and 1/4, less the delay that the peer states', () => {
    const roundTrip = new RoundTrip(333_000)
    expect([roundTrip.smoothedUs, roundTrip.variationUs]).toEqual([333_000, 166_500])
    roundTrip.sample(100_000, 25_000)
    expect([roundTrip.smoothedUs, roundTrip.variationUs, roundTrip.leastUs]).toEqual([100_000, 50_000, 100_000])
    // 140 - 25 = 115 ms: 3/4 * 50 + 1/4 * |100 - 115| = 41.25; 7/8 * 100 + 1/8 * 115 = 101.875.
    roundTrip.sample(140_000, 25_000)
    expect([roundTrip.smoothedUs, roundTrip.variationUs]).toEqual([101_875, 41_250])
    // A delay that would bring it below the least is no delay: 3/4 * 41.25 + 1/4 * |101.875 - 110| = 32.968...
    roundTrip.sample(110_000, 25_000)
    expect([roundTrip.smoothedUs, roundTrip.variationUs]).toEqual([102_890, 32_968])
  })

  test('section 5.3: a stated delay counts up to max_ack_delay once the handshake is confirmed', () => {
    const smoothed = (isConfirmed: boolean): number => {
      const bench = new Bench()
      bench.recovery.isHandshakeConfirmed = isConfirmed
      bench.recovery.peerAckDelayUsMax = 25 * MS
      bench.send(0)
      bench.ack(50 * MS, [0, 0])
      bench.send(100 * MS)
      bench.ack(250 * MS, [1, 1], 90 * MS)
      return bench.path.roundTrip.smoothedUs
    }
    expect(smoothed(true)).toBe(Math.floor((7 * 50_000 + 125_000) / 8))
    expect(smoothed(false)).toBe(Math.floor((7 * 50_000 + 60_000) / 8))
  })

  test('section 5.3: what an acknowledgement waited for its keys is no part of the round trip', () => {
    const bench = new Bench()
    bench.send(0)
    bench.ack(500 * MS, [0, 0], 0, Space.application, 440 * MS)
    expect(bench.path.roundTrip.smoothedUs).toBe(60 * MS)
  })

  // Found by the fuzz (quic programs, case 1352590): the variation grew to half an hour, and with it every timeout.
  test('an acknowledgement that came before its packet left, and waited for its keys, measures nothing', () => {
    const bench = new Bench()
    bench.send(10 * MS)
    const before = bench.path.roundTrip.probeTimeoutUs
    expect(bench.ack(60 * MS, [0, 0], 0, Space.application, 55 * MS)).toBe(true)
    expect([bench.path.roundTrip.isMeasured, bench.path.roundTrip.probeTimeoutUs]).toEqual([false, before])
  })
})

describe('section 6: loss', () => {
  test('section 6.1.1: three packets later it is lost, two later it is not', () => {
    const bench = new Bench()
    for (let i = 0; i < 4; i++) bench.send(i)
    bench.ack(100 * MS, [2, 2])
    expect(bench.lost).toEqual([])
    bench.ack(100 * MS, [3, 3])
    expect(bench.lost).toEqual([0])
  })

  test('section 6.1.2: 9/8 of a round trip after it was sent it is lost', () => {
    const bench = new Bench()
    bench.send(0)
    bench.send(10)
    bench.ack(80 * MS + 10, [1, 1])
    expect(bench.recovery.deadlineUs()).toBe(90 * MS)
    expect(bench.recovery.expired(90 * MS)).toBe('loss')
    expect(bench.lost).toEqual([0])
  })

  test('section 6.2.1: PTO = smoothed + max(4 * variation, 1 ms) + max_ack_delay, doubled each time, from the last packet', () => {
    const bench = new Bench()
    bench.recovery.peerAckDelayUsMax = 25 * MS
    bench.send(0)
    bench.ack(100 * MS, [0, 0])
    bench.send(200 * MS)
    bench.send(210 * MS)
    expect(bench.recovery.deadlineUs()).toBe(210 * MS + 100 * MS + 4 * 50 * MS + 25 * MS)
    expect(bench.recovery.expired(535 * MS)).toBe('probe')
    expect(bench.recovery.deadlineUs()).toBe(210 * MS + 2 * 325 * MS)
    expect(bench.recovery.probes(Space.application)).toBe(2)
    bench.ack(600 * MS, [1, 1])
    expect(bench.recovery.backoff).toBe(0)
  })

  test('section 6.2.1: application data is not probed before the handshake is confirmed; a bound caps the backoff where it is set', () => {
    const bench = new Bench(false)
    bench.recovery.isHandshakeConfirmed = false
    bench.send(0)
    expect(bench.recovery.deadlineUs()).toBe(Infinity)
    bench.send(5, { space: Space.handshake })
    expect(bench.recovery.deadlineUs()).toBe(5 + 333_000 + 4 * 166_500)
    const capped = new Bench(true, SECOND_US)
    capped.send(0)
    capped.ack(100 * MS, [0, 0])
    capped.send(200 * MS)
    for (let i = 0; i < 8; i++) capped.recovery.expired(0)
    expect(capped.recovery.deadlineUs()).toBe(200 * MS + SECOND_US)
  })

  test('section 6.2.2.1: a client with nothing in flight probes until it knows that the server may send', () => {
    const bench = new Bench()
    bench.recovery.isPeerValidated = false
    bench.recovery.isHandshakeConfirmed = false
    bench.send(0, { space: Space.initial })
    bench.ack(100 * MS, [0, 0], 0, Space.initial)
    expect(bench.recovery.deadlineUs()).toBe(100 * MS + 300 * MS)
    bench.recovery.hasHandshakeKeys = true
    expect(bench.recovery.expired(400 * MS)).toBe('probe')
    expect([bench.recovery.probes(Space.initial), bench.recovery.probes(Space.handshake)]).toEqual([0, 2])
    bench.recovery.isPeerValidated = true
    expect(bench.recovery.deadlineUs()).toBe(Infinity)
  })

  test('section 6.2.4: a probe timeout has all spaces send that wait for an answer, two packets each', () => {
    const bench = new Bench(false)
    bench.recovery.isHandshakeConfirmed = false
    const probes = (): number[] => [Space.initial, Space.handshake, Space.application].map((space) => bench.recovery.probes(space))
    bench.send(0, { space: Space.handshake })
    bench.send(10, { space: Space.initial })
    bench.send(20)
    expect(bench.recovery.expired(bench.recovery.deadlineUs())).toBe('probe')
    expect(probes()).toEqual([2, 2, 0])
    bench.send(30, { space: Space.initial })
    expect(probes()).toEqual([1, 2, 0])
  })

  test('section 6.2.4: frames that a probe repeated are not repeated again when their first packet is lost', () => {
    const bench = new Bench()
    const calls: string[] = []
    const owner = { ...PING, lost: () => calls.push('lost'), probe: () => calls.push('probe') > 0 }
    bench.send(0, { frames: [{ owner, id: 0, start: 0, end: 0, attempt: 0, fin: false, probed: false }] })
    expect(bench.recovery.probeOldest(Space.application, 1)).toBe(true)
    expect(bench.recovery.probeOldest(Space.application, 1)).toBe(false)
    for (let i = 0; i < 3; i++) bench.send(2)
    bench.ack(3, [3, 1])
    expect([bench.lost, calls]).toEqual([[0], ['probe']])
  })

  test('section 6.4: keys that are gone take their packets out of flight, and the backoff with them', () => {
    const bench = new Bench()
    bench.send(0, { space: Space.initial })
    bench.recovery.expired(SECOND_US)
    bench.recovery.drop(Space.initial, SECOND_US)
    expect([bench.path.congestion.inFlightBytes, bench.recovery.backoff, bench.recovery.deadlineUs()]).toEqual([0, 0, Infinity])
    // A late acknowledgement of it does no harm.
    expect(bench.ack(SECOND_US, [0, 0], 0, Space.initial)).toBe(true)
  })

  test('section 13.1 of RFC 9000: an acknowledgement of what was never sent is told apart', () => {
    const bench = new Bench()
    bench.send(0)
    expect(bench.ack(1, [1, 0])).toBe(false)
  })

  test('whatever is acknowledged and lost, nothing stays in flight', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (arrivals) => {
      const bench = new Bench()
      let nowUs = 0
      for (const _ of arrivals) bench.send((nowUs += 5 * MS))
      nowUs += 50 * MS
      arrivals.forEach((isThere, number) => {
        if (isThere) bench.ack((nowUs += MS), [number, number])
      })
      bench.send((nowUs += SECOND_US))
      bench.ack((nowUs += 50 * MS), [arrivals.length, arrivals.length])
      while (bench.recovery.deadlineUs() !== Infinity) bench.recovery.expired(bench.recovery.deadlineUs())
      expect(bench.path.congestion.inFlightBytes).toBe(0)
      expect(bench.lost.length).toBe(arrivals.filter((isThere) => !isThere).length)
    }))
  })
})

describe('section 7: congestion', () => {
  test('section 7.2: ten datagrams to begin with, two at the least', () => {
    expect([WINDOW_BYTES_INITIAL, WINDOW_BYTES_MIN]).toEqual([12_000, 2_400])
  })

  test('section 7.3: slow start by what arrives, half on a loss, once a round trip, then a datagram a window', () => {
    const window = new NewReno()
    window.isLimiting = true
    window.inFlightBytes = 100_000
    for (let i = 0; i < 10; i++) window.acked(1_200, 10)
    expect([window.windowBytes, window.state]).toEqual([24_000, 'slowStart'])
    expect(window.congested(20, 100)).toBe(true)
    expect([window.windowBytes, window.state]).toEqual([12_000, 'recovery'])
    // Sent before the answer to it: the same congestion.
    expect(window.congested(99, 120)).toBe(false)
    window.acked(1_200, 99)
    expect(window.windowBytes).toBe(12_000)
    for (let i = 0; i < 10; i++) window.acked(1_200, 101)
    expect(window.state).toBe('congestionAvoidance')
    // Ten datagrams of a window of ten: one more, less what rounding leaves.
    expect(window.windowBytes).toBeGreaterThan(13_000)
    expect(window.windowBytes).toBeLessThanOrEqual(13_200)
    for (let i = 0; i < 9; i++) window.congested(200 + 100 * i, 250 + 100 * i)
    expect(window.windowBytes).toBe(WINDOW_BYTES_MIN)
  })

  test('section 7.8: a window that is not used does not grow', () => {
    const window = new NewReno()
    window.inFlightBytes = 1_200
    window.acked(1_200, 10)
    expect(window.windowBytes).toBe(WINDOW_BYTES_INITIAL)
  })

  test('section 7.6.3: the example of persistent congestion, with its times', () => {
    const bench = new Bench()
    // The example speaks of a connection that knows its round trip: a packet 0 before it.
    bench.send(0)
    bench.ack(200 * MS, [0, 0])
    const at = (seconds: number): number => (1 + seconds) * SECOND_US
    for (const seconds of [0, 1]) bench.send(at(seconds))
    bench.ack(at(1.2), [1, 1])
    for (const seconds of [2, 3, 4, 5, 6, 8, 12]) bench.send(at(seconds))
    // "Assume smoothed_rtt + max(4 * rttvar, kGranularity) + max_ack_delay = 2": so it is once the sample of packet 9 is in.
    Object.assign(bench.path.roundTrip, { smoothedUs: 200_000, variationUs: 600_000, leastUs: 200_000 })
    bench.ack(at(12.2), [9, 9])
    expect(bench.path.roundTrip.probeTimeoutUs).toBe(2 * SECOND_US)
    // Packets 2 through 8: 8 - 1 = 7 s, more than 3 * 2 = 6 s.
    expect(bench.lost).toEqual([2, 3, 4, 5, 6, 7, 8])
    expect(bench.congestion).toEqual(['loss', 'persistent_congestion'])
    expect(bench.path.congestion.windowBytes).toBe(WINDOW_BYTES_MIN)
  })

  test('section 7.6.2: what is persistent, and what is not', () => {
    const collapse = (sentSeconds: readonly number[], acked: readonly number[]): boolean => {
      const bench = new Bench()
      bench.send(0)
      bench.ack(100 * MS, [0, 0])
      for (const seconds of sentSeconds) bench.send(seconds * SECOND_US)
      bench.send(30 * SECOND_US)
      const last = sentSeconds.length + 1
      bench.ack(30 * SECOND_US + 100 * MS, [last, last, ...acked])
      return bench.congestion.includes('persistent_congestion') && bench.path.congestion.windowBytes === WINDOW_BYTES_MIN
    }
    expect(collapse([1, 2, 3, 4, 5, 6, 7, 8], [])).toBe(true)
    // Too short a time.
    expect(collapse([1, 1.1, 1.2, 1.3, 1.4], [])).toBe(false)
    // One between them arrived.
    expect(collapse([1, 1.4, 1.8, 2.2, 2.6], [3, 3])).toBe(false)
    expect(collapse([1, 1.4, 1.8, 2.2, 2.6], [])).toBe(true)
  })

  test('section 7.7: a burst of ten leaves at once, more at 5/4 of a window a round trip', () => {
    const pacer = new Pacer()
    const windowBytes = 60_000
    const roundTripUs = 100_000
    let sent = 0
    let nowUs = 0
    for (; pacer.readyUs(nowUs, windowBytes, roundTripUs) === nowUs; sent += DATAGRAM_BYTES_MAX) {
      pacer.sent(DATAGRAM_BYTES_MAX, nowUs, windowBytes, roundTripUs)
    }
    expect(sent).toBe(BURST_BYTES)
    for (sent = 0; nowUs < 10 * roundTripUs; ) {
      const readyUs = pacer.readyUs(nowUs, windowBytes, roundTripUs)
      if (readyUs > nowUs) expect(readyUs - nowUs).toBeGreaterThanOrEqual(MS)
      nowUs = readyUs
      pacer.sent(DATAGRAM_BYTES_MAX, nowUs, windowBytes, roundTripUs)
      sent += DATAGRAM_BYTES_MAX
    }
    expect(sent / (10 * windowBytes)).toBeGreaterThan(1.2)
    expect(sent / (10 * windowBytes)).toBeLessThanOrEqual(1.27)
  })
})

describe('RFC 9000 section 13.4.2: ECN', () => {
  const none = { ect0: 0, ect1: 0, ce: 0 }
  const sent = (path: EcnPath, count: number): void => {
    for (let i = 0; i < count; i++) path.sent()
  }

  test('counts that add up validate the path, and CE is congestion', () => {
    const path = new EcnPath(true)
    sent(path, 10)
    expect(path.state).toBe('unknown')
    expect(path.acknowledged(2, { ect0: 2, ect1: 0, ce: 0 }, none, 10)).toBe('fine')
    expect([path.state, path.mark]).toEqual(['capable', 2])
    expect(path.acknowledged(2, { ect0: 3, ect1: 0, ce: 1 }, { ect0: 2, ect1: 0, ce: 0 }, 10)).toBe('congestion')
  })

  test.each([
    ['no counts', undefined], ['too few', { ect0: 1, ect1: 0, ce: 0 }], ['another mark', { ect0: 2, ect1: 1, ce: 0 }],
    ['more than were sent', { ect0: 12, ect1: 0, ce: 0 }],
  ])('%s: the mark is given up', (_why, counts) => {
    const path = new EcnPath(true)
    sent(path, 10)
    expect(path.acknowledged(2, counts, none, 10)).toBe('failed')
    expect(path.mark).toBe(0)
  })

  test('a path that loses all that is marked is used without', () => {
    const path = new EcnPath(true)
    sent(path, 10)
    for (let i = 0; i < 10; i++) path.lost()
    expect([path.state, path.mark]).toEqual(['failed', 0])
  })
})
