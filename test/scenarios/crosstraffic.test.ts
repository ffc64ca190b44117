/** The TCP that an interop connection has to share its path with: RFC 5681, RFC 6675, RFC 6298. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BulkReceiver, BulkSender, type Segment } from '../../scenarios/interop/crosstraffic.ts'

const HEADER_BYTES = 24
const SEGMENT_BYTES = 1_448
const ONE_WAY_US = 15_000

/** A sender and a receiver; the path loses what it is told to, by place. */
function transfer(untilUs: number, isLost: (place: number, segment: Segment) => boolean) {
  const [sender, receiver] = [new BulkSender(), new BulkReceiver()]
  const sent: (Segment & { readonly atUs: number })[] = []
  const under: { readonly atUs: number; readonly isData: boolean; readonly bytes: Uint8Array }[] = []
  let nowUs = 0
  sender.start(0)
  for (;;) {
    for (let segment = sender.poll(); segment !== undefined; segment = sender.poll()) {
      sent.push({ ...segment, atUs: nowUs })
      if (!isLost(sent.length, segment)) under.push({ atUs: nowUs + ONE_WAY_US, isData: true, bytes: segment.bytes })
    }
    for (let segment = receiver.poll(); segment !== undefined; segment = receiver.poll()) {
      under.push({ atUs: nowUs + ONE_WAY_US, isData: false, bytes: segment.bytes })
    }
    const timerUs = Math.min(sender.nextWakeUs(), receiver.nextWakeUs())
    const next = under[0]
    nowUs = Math.min(timerUs, next?.atUs ?? Infinity)
    if (nowUs > untilUs) return { sent, receiver }
    if (next !== undefined && next.atUs <= timerUs) {
      under.shift()
      if (next.isData) receiver.receive(next.bytes, 0, nowUs)
      else sender.receive(next.bytes, nowUs)
    } else {
      sender.wake(nowUs)
      receiver.wake(nowUs)
    }
  }
}

describe('a TCP bulk transfer', () => {
  it('RFC 6928, RFC 5681 section 3.1: begins with ten segments and doubles each round trip', () => {
    const { sent } = transfer(100_000, () => false)
    const inRound = (round: number): number =>
      sent.filter(({ atUs }) => atUs >= 2 * round * ONE_WAY_US && atUs < 2 * (round + 1) * ONE_WAY_US).length
    expect([0, 1, 2].map(inRound)).toEqual([10, 20, 40])
    expect(sent[0].bytes).toHaveLength(HEADER_BYTES + SEGMENT_BYTES)
  })

  it('RFC 6675 section 5: fills all holes of a window in one round trip, and sends nothing else again', () => {
    const holes = [13, 15, 17, 20]
    const { sent, receiver } = transfer(200_000, (place) => holes.includes(place))
    const again = sent.filter(({ attempt }) => attempt > 0)
    expect(again.map(({ sequence }) => sequence / SEGMENT_BYTES + 1)).toEqual(holes)
    expect(again.at(-1)!.atUs - again[0].atUs).toBeLessThanOrEqual(2 * ONE_WAY_US)
    expect(receiver.receivedBytes).toBeGreaterThan(30 * SEGMENT_BYTES)
  })

  it('RFC 6298 section 5: sends the last segments again when the timer says so', () => {
    // Nothing after the tenth arrives, until the timer has struck once.
    const { sent, receiver } = transfer(2_000_000, (place) => place > 10 && place <= 30)
    const again = sent.find(({ attempt }) => attempt > 0)!
    expect(again.atUs).toBeGreaterThanOrEqual(200_000)
    expect(again.sequence).toBe(10 * SEGMENT_BYTES)
    expect(receiver.receivedBytes).toBeGreaterThan(30 * SEGMENT_BYTES)
  })

  it('RFC 5681 section 4.2: acknowledges every second segment, a single one after 40 ms, and at once what is out of order', () => {
    const receiver = new BulkReceiver()
    const segments = transfer(0, () => true).sent.map(({ bytes }) => bytes)
    const acknowledged = (): number | undefined => {
      const segment = receiver.poll()
      return segment && new DataView(segment.bytes.buffer, segment.bytes.byteOffset).getUint32(4) / SEGMENT_BYTES
    }
    receiver.receive(segments[0], 0, 0)
    expect([acknowledged(), receiver.nextWakeUs()]).toEqual([undefined, 40_000])
    receiver.receive(segments[1], 0, 1_000)
    expect([acknowledged(), receiver.nextWakeUs()]).toEqual([2, Infinity])
    receiver.receive(segments[2], 0, 2_000)
    receiver.wake(42_000)
    expect(acknowledged()).toBe(3)
    receiver.receive(segments[4], 0, 50_000)
    expect(acknowledged()).toBe(3)
    receiver.receive(segments[3], 0, 51_000)
    expect(acknowledged()).toBe(5)
  })

  it('goes on whatever the path loses', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 40 }), (lost) => {
      const { receiver } = transfer(60_000_000, (place) => lost.includes(place) || place > 400)
      expect(receiver.receivedBytes).toBeGreaterThan(150 * SEGMENT_BYTES)
    }), { numRuns: 60 })
  })

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const [sender, receiver] = [new BulkSender(), new BulkReceiver()]
      sender.start(0)
      sender.receive(bytes, 1)
      receiver.receive(bytes, 0, 1)
    }))
  })
})
