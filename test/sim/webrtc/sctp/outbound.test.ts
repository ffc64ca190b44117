/** The sending half alone, SACK by SACK: RFC 9260, sections 6 and 7.2; RFC 3758, section 3.5. */
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../../sim/bytes.ts'
import type { Delivery } from '../../../../sim/port.ts'
import { ChunkType, type Forward, readChunk, readData, readForward } from '../../../../sim/webrtc/sctp/chunks.ts'
import {
  FRAGMENT_BYTES_MAX, MAX_BURST_PACKETS, PACKET_BYTES_MAX, TIMINGS, WINDOW_PACKETS_INITIAL,
} from '../../../../sim/webrtc/sctp/limits.ts'
import { Outbound } from '../../../../sim/webrtc/sctp/outbound.ts'
import { PacketBuilder, readPacket } from '../../../../sim/webrtc/sctp/packet.ts'
import { SendQueue } from '../../../../sim/webrtc/sctp/queue.ts'
import { RetransmissionTimeout } from '../../../../sim/webrtc/sctp/rto.ts'

const RELIABLE: Delivery = { kind: 'reliable' }
const ONCE: Delivery = { kind: 'retransmits', max: 0 }
const WIDE = 1_000_000

interface Sent {
  readonly tsns: readonly number[]
  readonly forward: Forward | undefined
  readonly name: string
}

/** Its first TSN is 100. */
class Sender {
  nowUs = 0
  readonly queue = new SendQueue()
  readonly streams = [0, 1].map((stream) => this.queue.addStream({ stream, channel: stream, priority: stream }))
  readonly rto = new RetransmissionTimeout(TIMINGS)
  readonly lost: number[] = []
  readonly abandoned: string[] = []
  readonly probes: number[] = []
  readonly outbound: Outbound
  #datagrams = 0
  readonly #packet = new PacketBuilder(new Writer())

  constructor(peerWindowBytes = WIDE) {
    this.outbound = new Outbound({
      queue: this.queue, rto: this.rto, initialTsn: 100, peerWindowBytes, isPartiallyReliable: true,
      events: {
        declaredLost: (datagram) => this.lost.push(datagram),
        abandoned: (channel, message) => this.abandoned.push(`${channel}/${message}`),
        probe: (errors) => this.probes.push(errors),
      },
    })
  }

  write(bytes: number, delivery = RELIABLE, stream = 0): this {
    this.queue.write(this.streams[stream], 53, new Uint8Array(bytes), delivery, false, this.nowUs)
    return this
  }
  /** What leaves now, packet by packet. */
  flush(): Sent[] {
    const sent: Sent[] = []
    this.outbound.open(this.nowUs)
    while (this.outbound.isReady) {
      this.#packet.begin(1)
      this.outbound.pack(this.#packet, this.nowUs)
      const { identity } = this.#packet
      const { reader } = readPacket(this.#packet.finish())!
      const tsns: number[] = []
      let forward: Forward | undefined
      while (reader.remaining > 0) {
        const chunk = readChunk(reader)!
        if (chunk.type === ChunkType.data) tsns.push(readData(chunk)!.tsn)
        else forward = readForward(chunk)
      }
      const { contents, channel, start, attempt } = identity!
      sent.push({ tsns, forward, name: `${contents} ${channel}/${start} ${attempt}` })
      for (const chunk of this.#packet.carried) chunk.datagram = this.#datagrams
      this.#datagrams++
    }
    this.outbound.close(this.nowUs)
    return sent
  }
  /** One message a packet. */
  send(count: number, delivery = RELIABLE, stream = 0): number[] {
    const tsns: number[] = []
    for (let i = 0; i < count; i++) {
      this.write(1_000, delivery, stream)
      tsns.push(...this.flush().flatMap((sent) => sent.tsns))
    }
    return tsns
  }
  sack(cumulativeTsn: number, gaps: readonly number[] = [], windowBytes = WIDE): boolean {
    return this.outbound.sack({ cumulativeTsn, windowBytes, gaps }, this.nowUs)
  }
  at(nowUs: number): this {
    this.nowUs = nowUs
    return this
  }
  wake(): this {
    this.nowUs = this.outbound.nextWakeUs()
    this.outbound.wake(this.nowUs)
    return this
  }
}

describe('RFC 9260, 7.2.4: fast retransmit', () => {
  test('comes exactly at the third report, once, whatever the window says', () => {
    const sender = new Sender()
    expect(sender.send(5)).toEqual([100, 101, 102, 103, 104])
    sender.at(20_000)
    sender.sack(99, [2, 2])
    expect(sender.flush()).toEqual([])
    sender.sack(99, [2, 3])
    expect(sender.flush()).toEqual([])
    expect(sender.lost).toEqual([])
    const windowBytes = sender.outbound.congestion.windowBytes
    sender.sack(99, [2, 4])
    expect(sender.lost).toEqual([0])
    expect(sender.flush()).toEqual([{ tsns: [100], forward: undefined, name: 'message 0/0 1' }])
    expect(sender.outbound.congestion.windowBytes).toBe(windowBytes >> 1)
    sender.sack(99, [2, 5])
    sender.write(10).flush()
    sender.sack(99, [2, 6])
    expect(sender.flush()).toEqual([])
  })

  test('a report that says nothing new counts nothing (HTNA)', () => {
    const sender = new Sender()
    sender.send(3)
    for (let i = 0; i < 5; i++) sender.sack(99, [2, 2])
    expect(sender.lost).toEqual([])
  })

  test('chunks above the newest one are not missing', () => {
    const sender = new Sender()
    sender.send(6)
    sender.sack(99, [2, 2])
    sender.sack(99, [2, 3])
    sender.sack(99, [2, 4])
    // 105 was never passed by; 100 was, three times.
    expect(sender.lost).toEqual([0])
  })

  test('fast recovery halves the window once for all losses of one round trip', () => {
    const sender = new Sender()
    sender.send(8)
    for (const end of [6, 7, 8]) sender.sack(99, [4, end])
    expect(sender.lost).toEqual([0, 1, 2])
    expect(sender.outbound.congestion.windowBytes).toBe((WINDOW_PACKETS_INITIAL * PACKET_BYTES_MAX) >> 1)
  })
})

describe('RFC 9260, 6.3: T3-rtx', () => {
  test('backs off: RTO, doubled each time, up to RTO.Max', () => {
    const sender = new Sender()
    sender.send(1)
    const wakes: number[] = []
    for (let i = 0; i < 6; i++) {
      sender.wake()
      wakes.push(sender.nowUs / 1_000_000)
      expect(sender.flush()[0].name).toBe(`message 0/0 ${i + 1}`)
    }
    // 1 s, 2 s, 4 s, 8 s, then 10 s.
    expect(wakes).toEqual([1, 3, 7, 15, 25, 35])
    expect(sender.probes).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('6.3.1: the RTO follows the round trip; what was sent twice measures nothing (Karn)', () => {
    const sender = new Sender()
    sender.send(1)
    sender.at(50_000).sack(100)
    expect(sender.rto.srttUs).toBe(50_000)
    // 50 ms + 4 * 25 ms is below RTO.Min.
    expect(sender.rto.rtoUs).toBe(200_000)
    sender.send(1)
    sender.wake().flush()
    expect(sender.rto.rtoUs).toBe(400_000)
    sender.at(sender.nowUs + 3_000).sack(101)
    expect(sender.rto.srttUs).toBe(50_000)
    // The peer has moved.
    expect(sender.rto.rtoUs).toBe(200_000)
  })

  test('6.3.2, R3: starts anew when the oldest is acknowledged, R2: stops with the last', () => {
    const sender = new Sender()
    sender.send(2)
    sender.at(900_000).sack(100)
    expect(sender.outbound.nextWakeUs()).toBe(900_000 + sender.rto.rtoUs)
    sender.sack(101)
    expect(sender.outbound.nextWakeUs()).toBe(Infinity)
  })

  test('7.2.3: the window is one packet afterwards, and grows again from there', () => {
    const sender = new Sender()
    sender.send(6)
    sender.wake()
    expect(sender.outbound.congestion.windowBytes).toBe(PACKET_BYTES_MAX)
    expect(sender.flush().flatMap(({ tsns }) => tsns)).toEqual([100, 101])
    sender.sack(101)
    expect(sender.outbound.congestion.windowBytes).toBeGreaterThan(PACKET_BYTES_MAX)
  })

  test('what was sent less than a timeout ago stays under way', () => {
    const sender = new Sender()
    sender.send(1, ONCE)
    sender.at(900_000).send(1, ONCE)
    sender.wake()
    expect(sender.nowUs).toBe(1_000_000)
    expect(sender.abandoned).toEqual(['0/0'])
    sender.sack(101)
    expect(sender.abandoned).toEqual(['0/0'])
  })
})

describe('RFC 9260, 6.1 and 7.2: windows', () => {
  test('rule D: no more than Max.Burst packets at once', () => {
    const sender = new Sender()
    sender.write(20_000)
    expect(sender.flush()).toHaveLength(MAX_BURST_PACKETS)
  })

  test('rule B: no more than the congestion window', () => {
    const sender = new Sender()
    sender.write(60_000)
    let packets = 0
    for (let i = 0; i < 10; i++) packets += sender.flush().length
    // A packet is sent while less than the window is in flight.
    expect(packets).toBe(Math.ceil((WINDOW_PACKETS_INITIAL * PACKET_BYTES_MAX) / (FRAGMENT_BYTES_MAX + 16)))
  })

  test('rule A: into a closed window goes one chunk, again and again, and that is no failure', () => {
    const sender = new Sender(2_500)
    expect(sender.send(5)).toEqual([100, 101])
    sender.sack(101, [], 0)
    expect(sender.flush().flatMap(({ tsns }) => tsns)).toEqual([102])
    for (let i = 0; i < 20; i++) {
      sender.wake()
      expect(sender.flush().map(({ tsns }) => tsns)).toEqual([[102]])
      // Answered, not taken.
      sender.sack(101, [], 0)
      expect(sender.outbound.errors).toBe(0)
    }
    sender.sack(102, [], 5_000)
    expect(sender.flush().flatMap(({ tsns }) => tsns)).toEqual([103, 104])
  })

  test('7.2.1: slow start adds a packet a SACK; a window that is not used does not grow', () => {
    const sender = new Sender()
    const initial = sender.outbound.congestion.windowBytes
    sender.send(2)
    sender.sack(101)
    expect(sender.outbound.congestion.windowBytes).toBe(initial)
    sender.write(60_000)
    for (let i = 0; i < 5; i++) sender.flush()
    sender.sack(103)
    expect(sender.outbound.congestion.windowBytes).toBe(initial + PACKET_BYTES_MAX)
  })
})

describe('RFC 3758, 3.5: messages that are given up', () => {
  test('the figure of C2: the advanced ack point moves from 102 to 104, and no further', () => {
    const sender = new Sender()
    sender.send(3)
    sender.send(2, ONCE, 1)
    sender.send(2)
    sender.at(20_000)
    // 102 is acknowledged; 103 and 104 are lost, 105 and 106 have arrived, and 107 on.
    sender.sack(102)
    sender.send(3)
    sender.sack(102, [4, 4])
    sender.sack(102, [4, 5])
    expect(sender.abandoned).toEqual([])
    sender.sack(102, [4, 6])
    expect(sender.abandoned).toEqual(['1/0', '1/1'])
    const [{ forward, name }] = sender.flush()
    // C3: up to 104, with the last SSN that was skipped on the ordered stream 1.
    expect(forward).toEqual({ cumulativeTsn: 104, skipped: [{ stream: 1, ssn: 1 }] })
    expect(name).toBe('forward 1/1 0')
  })

  test('what was acknowledged between two that are given up is passed over with them', () => {
    const sender = new Sender()
    for (let i = 0; i < 3; i++) {
      sender.send(1, ONCE)
      sender.send(1)
    }
    for (const end of [2, 4, 6]) sender.sack(99, end === 2 ? [2, 2] : end === 4 ? [2, 2, 4, 4] : [2, 2, 4, 4, 6, 6])
    sender.wake()
    expect(sender.abandoned).toEqual(['0/0', '0/2', '0/4'])
    expect(sender.flush().map(({ forward }) => forward)).toEqual([{ cumulativeTsn: 104, skipped: [{ stream: 0, ssn: 4 }] }])
  })

  test('C3: said again while the peer has not moved, but not within a round trip; then not any more', () => {
    const sender = new Sender()
    sender.send(1)
    sender.at(40_000).sack(100)
    sender.send(1, ONCE)
    sender.wake()
    expect(sender.flush().map(({ name }) => name)).toEqual(['forward 0/1 0'])
    sender.sack(100)
    expect(sender.flush()).toEqual([])
    sender.at(sender.nowUs + 45_000).sack(100)
    expect(sender.flush().map(({ name }) => name)).toEqual(['forward 0/1 1'])
    // T3 stands behind it too.
    sender.wake()
    expect(sender.flush().map(({ name }) => name)).toEqual(['forward 0/1 2'])
    sender.sack(101)
    expect(sender.flush()).toEqual([])
    expect(sender.outbound.nextWakeUs()).toBe(Infinity)
    expect(sender.outbound.isSettled).toBe(true)
  })

  test.each([0, 1, 3])('maxRetransmits %i: transmitted at most that often more', (max) => {
    const sender = new Sender()
    sender.write(1_000, { kind: 'retransmits', max })
    let transmissions = 0
    for (let i = 0; i < 10 && sender.abandoned.length === 0; i++) {
      transmissions += sender.flush().filter(({ tsns }) => tsns.includes(100)).length
      sender.wake()
    }
    expect(transmissions).toBe(max + 1)
    expect(sender.abandoned).toEqual(['0/0'])
  })

  test('a message is given up as a whole: fragments under way, acknowledged and unsent alike', () => {
    const sender = new Sender()
    sender.write(20 * FRAGMENT_BYTES_MAX, ONCE)
    sender.write(100)
    expect(sender.flush().flatMap(({ tsns }) => tsns)).toEqual([100, 101, 102, 103])
    sender.sack(99, [2, 2])
    sender.sack(99, [2, 3])
    expect(sender.streams[0].waitingBytes).toBe(16 * FRAGMENT_BYTES_MAX + 100)
    sender.sack(99, [2, 4])
    // The third report: 100 had its one transmission.
    expect(sender.abandoned).toEqual(['0/0'])
    expect(sender.streams[0].waitingBytes).toBe(100)
    expect(sender.streams[0].unansweredBytes).toBe(0)
    const [{ forward, tsns }] = sender.flush()
    // TSN 104 stands for all that was not sent.
    expect(forward).toEqual({ cumulativeTsn: 104, skipped: [{ stream: 0, ssn: 0 }] })
    expect(tsns).toEqual([105])
  })

  test('were all that was sent acknowledged, one TSN more tells that the rest is not coming', () => {
    const sender = new Sender()
    sender.write(10 * FRAGMENT_BYTES_MAX, { kind: 'lifetime', maxUs: 30_000 })
    expect(sender.flush().flatMap(({ tsns }) => tsns)).toEqual([100, 101, 102, 103])
    sender.at(20_000).sack(103, [], 0)
    sender.flush()
    sender.sack(104, [], 0)
    sender.at(30_000)
    const [{ forward }] = sender.flush()
    expect(sender.abandoned).toEqual(['0/0'])
    expect(forward).toEqual({ cumulativeTsn: 105, skipped: [{ stream: 0, ssn: 0 }] })
  })

  test('a message that was never sent takes no TSN with it', () => {
    const sender = new Sender(1_000)
    sender.write(1_000).flush()
    sender.write(900, { kind: 'lifetime', maxUs: 5_000 })
    expect(sender.flush()).toEqual([])
    expect(sender.outbound.nextWakeUs()).toBe(5_000)
    sender.wake()
    expect(sender.abandoned).toEqual(['0/1'])
    expect(sender.flush()).toEqual([])
    sender.write(10)
    sender.sack(100)
    expect(sender.flush()[0].tsns).toEqual([101])
  })

  test('a lifetime that ends while all is under way waits for the first sign of a loss', () => {
    const sender = new Sender()
    sender.send(1, { kind: 'lifetime', maxUs: 10_000 })
    sender.send(1)
    sender.wake()
    expect([sender.nowUs, sender.abandoned]).toEqual([10_000, []])
    sender.at(20_000).sack(99, [2, 2])
    // One report is enough.
    expect(sender.abandoned).toEqual(['0/0'])
  })

  test('a lifetime that has ended is the end of it when T3-rtx expires, too', () => {
    const sender = new Sender()
    sender.send(1, { kind: 'lifetime', maxUs: 10_000 })
    sender.wake()
    sender.wake()
    expect([sender.nowUs, sender.abandoned]).toEqual([1_000_000, ['0/0']])
    expect(sender.flush().map(({ tsns, forward }) => [tsns, forward?.cumulativeTsn])).toEqual([[[], 100]])
  })

  test('nothing sent is given up where the peer does not know FORWARD TSN', () => {
    const sender = new Sender()
    const deaf = new Outbound({
      queue: sender.queue, rto: sender.rto, initialTsn: 1, peerWindowBytes: WIDE, isPartiallyReliable: false,
      events: { declaredLost: () => {}, abandoned: () => sender.abandoned.push('given up'), probe: () => {} },
    })
    sender.write(100, ONCE)
    const packet = new PacketBuilder(new Writer())
    for (let i = 0; i < 3; i++) {
      deaf.open(sender.nowUs)
      packet.begin(1)
      deaf.pack(packet, sender.nowUs)
      expect(packet.identity).toMatchObject({ contents: 'message', attempt: i })
      sender.nowUs = deaf.nextWakeUs()
      deaf.wake(sender.nowUs)
    }
    expect(sender.abandoned).toEqual([])
  })
})
