/** RFC 9000, section 10: the idle timeout, and what a closed connection still does. */
import { describe, expect, test } from 'vitest'
import { Closing } from '../../../sim/quic/closing.ts'
import type { CloseFrame } from '../../../sim/quic/frames.ts'
import { Idle } from '../../../sim/quic/idle.ts'

const PTO = 100
const FRAME: CloseFrame = { kind: 'close', isApplication: true, code: 7, frameType: 0, reason: new Uint8Array(0) }

describe('section 10.1: the idle timeout', () => {
  test('is the lesser of both offers; 0 is no offer', () => {
    const idle = new Idle(30_000, 0)
    expect(idle.endUs(PTO)).toBe(30_000)
    idle.offered(0)
    expect(idle.endUs(PTO)).toBe(30_000)
    idle.offered(40_000)
    expect(idle.endUs(PTO)).toBe(30_000)
    idle.offered(20_000)
    expect(idle.endUs(PTO)).toBe(20_000)
    const patient = new Idle(0, 0)
    expect(patient.endUs(PTO)).toBe(Infinity)
    patient.offered(5_000)
    expect(patient.endUs(PTO)).toBe(5_000)
  })

  test('is three probe timeouts at the least', () => {
    expect(new Idle(1_000, 50).endUs(400)).toBe(50 + 1_200)
    expect(new Idle(1_000, 50).endUs(300)).toBe(50 + 1_000)
  })

  test('begins anew with what is heard, and with the first question since then', () => {
    const idle = new Idle(1_000, 0)
    idle.heard(100)
    expect(idle.endUs(PTO)).toBe(1_100)
    idle.asked(300)
    expect(idle.endUs(PTO)).toBe(1_300)
    // Nobody answers: asking again does not keep it alive.
    idle.asked(900)
    expect(idle.endUs(PTO)).toBe(1_300)
    idle.heard(1_000)
    idle.asked(1_200)
    expect(idle.endUs(PTO)).toBe(2_200)
  })
})

describe('section 10.2: a connection that is closed', () => {
  test('tells so at once, then with each probe timeout, and is forgotten after three', () => {
    const closing = new Closing('closing', FRAME, PTO, 1_000)
    expect([closing.take(1_000), closing.take(1_000)]).toEqual([0, undefined])
    expect(closing.deadlineUs()).toBe(1_100)
    closing.wake(1_099)
    expect(closing.take(1_099)).toBeUndefined()
    closing.wake(1_100)
    // It is due: nothing else is until it is taken but the end.
    expect(closing.deadlineUs()).toBe(1_300)
    expect(closing.take(1_100)).toBe(1)
    expect(closing.deadlineUs()).toBe(1_200)
    closing.wake(1_200)
    expect(closing.take(1_250)).toBe(2)
    expect(closing.deadlineUs()).toBe(1_300)
    closing.wake(1_299)
    expect(closing.state).toBe('closing')
    closing.wake(1_300)
    expect([closing.state, closing.deadlineUs(), closing.take(1_300)]).toEqual(['forgotten', Infinity, undefined])
  })

  test('section 10.2.1: answers stragglers with the close, four times in all', () => {
    const closing = new Closing('closing', FRAME, PTO, 0)
    const attempts = Array.from({ length: 6 }, (_, i) => {
      const attempt = closing.take(i)
      closing.answer()
      return attempt
    })
    expect(attempts).toEqual([0, 1, 2, 3, undefined, undefined])
    expect(closing.deadlineUs()).toBe(3 * PTO)
    // Two that come together are answered once.
    const other = new Closing('closing', FRAME, PTO, 0)
    other.take(0)
    other.answer()
    other.answer()
    expect([other.take(1), other.take(1)]).toEqual([1, undefined])
  })

  test('section 10.2.2: whose peer closed says nothing, whatever comes', () => {
    const closing = new Closing('draining', undefined, PTO, 0)
    expect(closing.take(0)).toBeUndefined()
    closing.answer()
    expect(closing.take(10)).toBeUndefined()
    expect(closing.deadlineUs()).toBe(3 * PTO)
    closing.wake(3 * PTO - 1)
    expect(closing.state).toBe('draining')
    closing.wake(3 * PTO)
    expect(closing.state).toBe('forgotten')
  })
})
