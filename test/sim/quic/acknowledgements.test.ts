/** What is acknowledged, and how late: RFC 9000, sections 13.2.4, 13.2.5 and 18.2. */
import { describe, expect, it } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import { Acknowledgements } from '../../../sim/quic/acknowledgements.ts'
import type { Frame } from '../../../sim/quic/frames.ts'
import { CLIENT, pattern, SECOND_US, World } from './world.ts'

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

describe('RFC 9000 section 13.2.4: who only receives asks for an acknowledgement now and then', () => {
  it('with the twentieth in a row', () => {
    const acks = new Acknowledgements(0, EXPONENT)
    for (let number = 0; number < 60; number++) {
      acks.received(number, true, Ecn.notCapable, number, 0, 0)
      const isPing = acks.isPingWanted
      expect(isPing).toBe(number % 20 === 19)
      acks.sent(isPing)
    }
  })

  it('so that ranges are forgotten, and both ends fall silent afterwards', () => {
    const links = { latencyUsMin: 10_000, latencyUsMax: 10_000, dropPpm: 100_000 }
    const world = new World({ isQlogged: true, links, settings: { streamWindowBytes: 2 ** 24, connectionWindowBytes: 2 ** 24 } })
    const { client, server } = world.open()
    world.run(SECOND_US)
    const from = client.qlog.length
    const id = server.act((connection) => connection.openStream('uni'))!
    server.act((connection) => connection.write(id, pattern(500_000), true))
    expect(world.until(() => client.finished.has(id), 60 * SECOND_US)).toBe(true)
    const sent = client.qlog.slice(from).flatMap((event) => (event.name === 'packet_sent' ? [event.data.frames] : []))
    const acks = sent.flat().filter((frame) => frame.frame_type === 'ack')
    const pings = sent.filter((frames) => frames.some((frame) => frame.frame_type === 'ping'))
    expect(acks.length).toBeGreaterThan(200)
    expect(pings.length).toBeGreaterThanOrEqual(Math.floor(acks.length / 40))
    expect(pings.length).toBeLessThanOrEqual(Math.ceil(acks.length / 10))
    // A tenth of what was not acknowledged yet: of all 500 packets it would be 50.
    expect(Math.max(...acks.map((frame) => frame.acked_ranges.length))).toBeLessThan(25)
    world.run(2 * SECOND_US)
    const asleep = world.sent.length
    world.run(5 * SECOND_US)
    expect(world.sent.length).toBe(asleep)
    expect(new Set(world.sent.filter(({ local }) => local.address === CLIENT).map(({ keyHi, keyLo }) => `${keyHi}.${keyLo}`)).size)
      .toBe(world.sent.filter(({ local }) => local.address === CLIENT).length)
  })
})
