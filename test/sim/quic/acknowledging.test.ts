/** RFC 9000, section 13.2: which packets are acknowledged, when, and which ranges an acknowledgement names. */
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { Acknowledgements } from '../../../sim/quic/acknowledgements.ts'
import type { AckFrame, Frame } from '../../../sim/quic/frames.ts'

const DELAY_US = 25_000

class Space {
  readonly acks = new Acknowledgements(DELAY_US, 3)

  receive(number: number, nowUs = 0, isEliciting = true, ecn: Ecn = Ecn.notCapable): void {
    this.acks.received(number, isEliciting, ecn, nowUs, number, number + 1)
  }
  /** The frame that is written where there is so much room; undefined for none. */
  frame(room = 1_200, nowUs = 0): AckFrame | undefined {
    const logged: Frame[] = []
    const writer = new Writer()
    writer.begin(1_200)
    const isWritten = this.acks.write({ writer, room, logged, nowUs, add: () => {}, identify: () => {}, suggest: () => {} })
    const [frame] = logged
    if (isWritten !== (frame !== undefined) || writer.length > 0 !== isWritten) throw new Error('what is written is not what is told')
    return frame?.kind === 'ack' ? frame : undefined
  }
  get wait(): number {
    return this.acks.dueUs
  }
}

describe('section 13.2.1: when', () => {
  test('the second packet is told at once, the first after max_ack_delay at the latest', () => {
    const space = new Space()
    expect(space.wait).toBe(Infinity)
    space.receive(0, 100)
    expect([space.wait, space.acks.keyHi, space.acks.keyLo]).toEqual([100 + DELAY_US, 0, 1])
    space.receive(1, 200)
    expect([space.wait, space.acks.keyHi, space.acks.keyLo]).toEqual([200, 1, 2])
    space.acks.sent(false)
    expect([space.wait, space.frame()]).toEqual([Infinity, undefined])
    space.receive(2, 300)
    expect(space.wait).toBe(300 + DELAY_US)
  })

  test('packets that ask for nothing are not answered by themselves, but told with the next', () => {
    const space = new Space()
    space.receive(0, 100, false)
    space.receive(1, 100, false)
    expect([space.wait, space.frame()]).toEqual([Infinity, undefined])
    space.receive(2, 200)
    expect([space.wait, space.frame()?.ranges]).toEqual([200 + DELAY_US, [2, 0]])
    // Nor do they name the datagram.
    expect(space.acks.keyHi).toBe(2)
  })

  test('a gap is told at once, and so is what comes late', () => {
    const space = new Space()
    space.receive(0)
    space.acks.sent(false)
    space.receive(2, 500)
    expect(space.wait).toBe(500)
    space.acks.sent(false)
    space.receive(1, 600)
    expect(space.wait).toBe(600)
    expect(space.acks.largest).toBe(2)
  })

  test('congestion is told at once (section 13.4.1), another mark is not', () => {
    for (const [ecn, isAtOnce] of [[Ecn.ect0, false], [Ecn.ect1, false], [Ecn.congestionExperienced, true]] as const) {
      const space = new Space()
      space.receive(0, 700, true, ecn)
      expect(space.wait).toBe(isAtOnce ? 700 : 700 + DELAY_US)
    }
  })

  test('a packet that waits is not put off by those behind it', () => {
    const space = new Space()
    space.receive(0, 100)
    space.receive(1, 150, false)
    expect(space.wait).toBe(100 + DELAY_US)
  })
})

describe('section 13.2.3: what', () => {
  test('all ranges, the newest first, and marks only where there were any', () => {
    const space = new Space()
    for (const number of [0, 1, 4, 7, 8]) space.receive(number)
    expect(space.frame()).toMatchObject({ largest: 8, ranges: [8, 7, 4, 4, 1, 0], ecn: undefined })
    space.receive(9, 0, true, Ecn.ect0)
    space.receive(10, 0, true, Ecn.ect0)
    space.receive(11, 0, true, Ecn.congestionExperienced)
    expect(space.frame()?.ecn).toEqual({ ect0: 2, ect1: 0, ce: 1 })
    const marks = [[Ecn.ect1, { ect0: 0, ect1: 1, ce: 0 }], [Ecn.congestionExperienced, { ect0: 0, ect1: 0, ce: 1 }]] as const
    for (const [ecn, counts] of marks) {
      const other = new Space()
      other.receive(0, 0, true, ecn)
      expect(other.frame()?.ecn).toEqual(counts)
    }
  })

  test('as many ranges as there is room for, the newest of them; where there is none, nothing', () => {
    const space = new Space()
    for (let number = 0; number < 40; number += 2) space.receive(number)
    // 27 bytes without ranges, 8 each.
    expect(space.frame(27 + 3 * 8)?.ranges).toEqual([38, 38, 36, 36, 34, 34])
    expect(space.frame(27 + 3 * 8 - 1)?.ranges).toEqual([38, 38, 36, 36])
    expect([space.frame(35)?.ranges.length, space.frame(34)]).toEqual([2, undefined])
    expect(space.frame()?.ranges.length).toBe(40)
  })

  test('64 ranges are remembered; what is below counts as received', () => {
    const space = new Space()
    for (let number = 0; number < 128; number += 2) space.receive(number)
    expect(space.frame()?.ranges.slice(-2)).toEqual([0, 0])
    expect(space.acks.isRepeated(1)).toBe(false)
    space.receive(128)
    expect(space.frame()?.ranges.slice(-2)).toEqual([2, 2])
    expect([0, 1, 2, 3, 128, 129].map((number) => space.acks.isRepeated(number))).toEqual([true, true, true, false, true, false])
  })

  test('section 13.2.4: what the peer knows to be acknowledged is told no more, but for the packet at its top', () => {
    const space = new Space()
    for (const number of [0, 1, 2, 5, 6]) space.receive(number)
    const known = space.acks.sentFrame()
    expect(known.end).toBe(7)
    space.receive(8)
    space.acks.acked(known)
    expect(space.frame()?.ranges).toEqual([8, 8, 6, 6])
    expect([4, 5, 6, 7].map((number) => space.acks.isRepeated(number))).toEqual([true, true, true, false])
    // An older one says nothing new.
    space.acks.acked({ ...known, end: 3 })
    expect([space.frame()?.ranges, space.acks.isRepeated(5)]).toEqual([[8, 8, 6, 6], true])
    space.acks.acked(space.acks.sentFrame())
    expect(space.frame()?.ranges).toEqual([8, 8])
  })

  test('section 13.2.5: the delay is a time since the newest packet, in units of the exponent, and bounded', () => {
    const space = new Space()
    space.receive(0, 1_000)
    expect(space.frame(1_200, 1_799)?.delay).toBe(99)
    // Older ones that come late leave it.
    space.receive(2, 2_000)
    space.receive(1, 4_000)
    expect(space.frame(1_200, 4_000)?.delay).toBe(250)
    expect(space.frame(1_200, 2_000 + 8 * 2 ** 30)?.delay).toBe(2 ** 30)
    expect(space.frame(1_200, 2_000 + 8 * 2 ** 31)?.delay).toBe(2 ** 30)
  })

  test('it is neither sent again when it is lost nor by a probe', () => {
    const space = new Space()
    space.receive(0)
    space.acks.sent(false)
    space.acks.lost()
    expect([space.acks.probe(), space.frame()]).toEqual([false, undefined])
    expect(space.acks.sentFrame()).toMatchObject({ owner: space.acks, start: 0, end: 1, attempt: 0, fin: false, probed: false })
  })
})
