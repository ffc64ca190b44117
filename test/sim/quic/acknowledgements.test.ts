/** What an acknowledgement says of its delay: RFC 9000, sections 13.2.5 and 18.2. */
import { describe, expect, it } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { Acknowledgements } from '../../../sim/quic/acknowledgements.ts'
import type { Frame } from '../../../sim/quic/frames.ts'

const EXPONENT = 3

/** The delay of the frame that is written at that instant, in microseconds. */
function delayUs(acks: Acknowledgements, nowUs: number): number {
  const logged: Frame[] = []
  const writer = new Writer()
  writer.begin(1_200)
  acks.write({ writer, room: 1_200, logged, nowUs, add: () => {}, identify: () => {}, suggest: () => {} })
  const [frame] = logged
  if (frame?.kind !== 'ack') throw new Error('no acknowledgement')
  return frame.delay * 2 ** EXPONENT
}

describe('RFC 9000 section 13.2.5: the delay of an acknowledgement', () => {
  it('is how long the newest packet has been there', () => {
    const acks = new Acknowledgements(25_000, EXPONENT)
    acks.received(0, true, Ecn.notCapable, 1_000, 0, 0)
    expect(delayUs(acks, 9_000)).toBe(8_000)
  })

  it('includes what a packet waited for its keys', () => {
    const acks = new Acknowledgements(0, EXPONENT)
    acks.received(0, true, Ecn.notCapable, 5_000_000, 0, 0, 4_000_000)
    expect(delayUs(acks, 5_000_000)).toBe(4_000_000)
    // A newer one that did not wait counts from its own arrival.
    acks.received(1, true, Ecn.notCapable, 5_000_000, 0, 0)
    expect(delayUs(acks, 5_000_000)).toBe(0)
  })
})
