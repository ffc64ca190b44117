/** RFC 6525, sections 5.1 and 5.2, request by request; RFC 9260, sections 8.3 and 9.2: heartbeats, and the orderly end. */
import { describe, expect, test } from 'vitest'
import { Reader, Writer } from '../../../../sim/bytes.ts'
import {
  ChunkType, DataFlag, readChunk, readReconfig, type ResetRequest, ResetResult,
} from '../../../../sim/webrtc/sctp/chunks.ts'
import { Heartbeat } from '../../../../sim/webrtc/sctp/heartbeat.ts'
import { Inbound } from '../../../../sim/webrtc/sctp/inbound.ts'
import { HEARTBEAT_INTERVAL_US, RESET_STREAMS_MAX, TIMINGS } from '../../../../sim/webrtc/sctp/limits.ts'
import { Outbound } from '../../../../sim/webrtc/sctp/outbound.ts'
import { PacketBuilder, readPacket } from '../../../../sim/webrtc/sctp/packet.ts'
import { SendQueue } from '../../../../sim/webrtc/sctp/queue.ts'
import { StreamReset } from '../../../../sim/webrtc/sctp/reset.ts'
import { RetransmissionTimeout } from '../../../../sim/webrtc/sctp/rto.ts'
import type { SendPacket } from '../../../../sim/webrtc/sctp/setup.ts'
import { Shutdown } from '../../../../sim/webrtc/sctp/shutdown.ts'

const RTO_US = TIMINGS.rtoUsInitial
const PEER_TAG = 7
const CAUSE = { id: 1, keyHi: 2, keyLo: 3 }

/** The halves that an association joins, and what it sends of its own: `name attempt`, and chunk. */
class Bench {
  readonly queue = new SendQueue()
  readonly rto = new RetransmissionTimeout(TIMINGS)
  readonly delivered: number[] = []
  readonly inbound = new Inbound(1_000, TIMINGS.sackDelayUs, ({ bytes }) => this.delivered.push(bytes[0]))
  readonly outbound = new Outbound({
    queue: this.queue, rto: this.rto, initialTsn: 100, peerWindowBytes: 100_000, isPartiallyReliable: true,
    events: { declaredLost: () => {}, abandoned: () => {}, probe: () => {} },
  })
  readonly packet = new PacketBuilder(new Writer())
  readonly sent: { readonly name: string; readonly type: number; readonly value: Uint8Array }[] = []
  readonly send: SendPacket = (tag, { contents, attempt }, write) => {
    if (tag !== PEER_TAG) throw new Error(`a packet for ${tag}`)
    this.packet.begin(tag)
    write(this.packet)
    const { type, value } = readChunk(readPacket(this.packet.finish())!.reader)!
    this.sent.push({ name: `${contents} ${attempt}`, type, value: value.raw(value.remaining).slice() })
  }

  /** One message is sent, and waits for its answer. */
  transmit(stream = this.queue.addStream({ stream: 9, channel: 9, priority: 0 })): void {
    this.queue.write(stream, 53, new Uint8Array(10), { kind: 'reliable' }, false, 0)
    this.outbound.open(0)
    this.packet.begin(7)
    this.outbound.pack(this.packet, 0)
  }
  arrive(tsn: number, ssn: number): void {
    const flags = DataFlag.begin | DataFlag.end
    this.inbound.data({ flags, tsn, stream: 4, ssn, ppid: 53, bytes: Uint8Array.of(tsn & 0xff) }, CAUSE, 0)
  }
  get names(): string[] {
    return this.sent.map(({ name }) => name)
  }
}

describe('RFC 6525: resets', () => {
  class Resetting extends Bench {
    readonly incoming: (readonly number[])[] = []
    readonly outgoing: (readonly number[])[] = []
    readonly reset = new StreamReset({
      queue: this.queue, inbound: this.inbound, outbound: this.outbound, rto: this.rto, ownInitialTsn: 100, peerInitialTsn: 1_000,
      incomingReset: (streams) => this.incoming.push(streams), outgoingReset: (streams) => this.outgoing.push(streams),
    })
    readonly streams = [3, 4].map((stream) => this.queue.addStream({ stream, channel: stream + 10, priority: 0 }))
    room = 1_000

    /** The request that is written now, and its packet's name. */
    pack(nowUs = 0): (ResetRequest & { readonly name: string }) | undefined {
      this.packet.begin(7)
      const filler = this.packet.room - this.room
      if (filler > 0) this.packet.writer.zeros(filler)
      this.reset.pack(this.packet, nowUs)
      const { identity } = this.packet
      const { reader } = readPacket(this.packet.finish())!
      reader.raw(Math.max(0, filler))
      const chunk = readChunk(reader)
      const [request] = chunk === undefined ? [] : readReconfig(chunk) ?? []
      if (request?.kind !== 'request') return undefined
      return { ...request, name: `${identity!.contents} ${identity!.channel} ${identity!.start} ${identity!.end} ${identity!.attempt}` }
    }
    answer(response: number, result: number = ResetResult.performed, nowUs = 0): void {
      this.reset.answered({ kind: 'response', response, result }, nowUs)
    }
    ask(request: number, lastTsn = 999, streams: readonly number[] = [4]): number {
      return this.reset.requested({ kind: 'request', request, response: 0, lastTsn, streams })
    }
  }

  test('5.1.1: one request at a time, of streams whose messages have all been sent, numbered from the first TSN', () => {
    const bench = new Resetting()
    const [first, second] = bench.streams
    expect([bench.reset.isReady, bench.pack()]).toEqual([false, undefined])
    bench.queue.write(second, 53, new Uint8Array(10), { kind: 'reliable' }, false, 0)
    second.nextSsn = 5
    first.nextSsn = 6
    bench.reset.request(first)
    bench.reset.request(second)
    expect(bench.reset.isReady).toBe(true)
    expect(bench.pack(5)).toMatchObject({ request: 100, response: 999, lastTsn: 99, streams: [3], name: 'reset 13 0 0 0' })
    expect([bench.reset.isReady, bench.pack(), bench.reset.nextWakeUs()]).toEqual([false, undefined, 5 + RTO_US])
    bench.transmit(second)
    expect(bench.reset.isReady).toBe(false)
    bench.answer(100)
    expect([bench.outgoing, first.nextSsn, second.nextSsn, bench.reset.nextWakeUs()]).toEqual([[[3]], 0, 7, Infinity])
    expect([bench.reset.isReady, bench.pack()]).toMatchObject([true, { request: 101, lastTsn: 101, streams: [4], name: 'reset 14 2 2 0' }])
    bench.answer(101, ResetResult.denied)
    expect([bench.outgoing, bench.reset.isReady]).toEqual([[[3], [4]], false])
  })

  test('5.1.1: is said again after a timeout, as it was, until it is answered', () => {
    const bench = new Resetting()
    bench.reset.request(bench.streams[0])
    bench.pack(0)
    bench.reset.request(bench.streams[1])
    bench.reset.wake(RTO_US - 1)
    expect([bench.reset.isReady, bench.outbound.errors]).toEqual([false, 0])
    bench.reset.wake(RTO_US)
    expect([bench.reset.isReady, bench.outbound.errors, bench.reset.nextWakeUs()]).toEqual([true, 1, Infinity])
    expect(bench.pack(RTO_US)).toMatchObject({ request: 100, streams: [3], name: 'reset 13 0 0 1' })
    bench.reset.wake(2 * RTO_US)
    // An answer to something else is none; the right one is none any more the second time.
    for (const response of [99, 101]) bench.answer(response)
    expect([bench.outgoing, bench.outbound.errors]).toEqual([[], 2])
    bench.answer(100)
    expect([bench.outgoing, bench.outbound.errors]).toEqual([[[3]], 0])
    bench.answer(100)
    bench.answer(101)
    expect(bench.outgoing).toEqual([[3]])
    bench.reset.wake(10 * RTO_US)
    expect([bench.outbound.errors, bench.pack()]).toMatchObject([0, { request: 101, streams: [4] }])
  })

  test('5.2.7: a peer that is not ready yet is asked again later', () => {
    const bench = new Resetting()
    bench.reset.request(bench.streams[0])
    bench.pack(0)
    bench.answer(100, ResetResult.inProgress, 50)
    expect([bench.outgoing, bench.reset.isReady, bench.reset.nextWakeUs()]).toEqual([[], false, 50 + RTO_US])
    bench.reset.wake(50 + RTO_US)
    expect(bench.pack()).toMatchObject({ request: 100, streams: [3] })
    bench.answer(100)
    expect(bench.outgoing).toEqual([[3]])
  })

  test('a request waits for a packet with room for it, and names 128 streams at the most', () => {
    const bench = new Resetting()
    bench.reset.request(bench.streams[0])
    bench.room = 24 + 1
    expect([bench.pack(), bench.reset.isReady]).toEqual([undefined, true])
    bench.room = 24 + 2
    expect(bench.pack()?.streams).toEqual([3])
    const many = new Resetting()
    for (let stream = 0; stream < RESET_STREAMS_MAX + 1; stream++) {
      many.reset.request(many.queue.addStream({ stream, channel: 0, priority: 0 }))
    }
    expect(many.pack()?.streams.length).toBe(RESET_STREAMS_MAX)
    many.answer(100)
    expect(many.pack()?.streams).toEqual([RESET_STREAMS_MAX])
  })

  test('5.2.1: requests count from the peer\'s first TSN; the last one is answered as it was, another number is wrong', () => {
    const bench = new Resetting()
    expect(bench.ask(999)).toBe(ResetResult.nothingToDo)
    expect([bench.ask(1_001), bench.ask(998), bench.incoming]).toEqual([ResetResult.badSequence, ResetResult.badSequence, []])
    expect([bench.ask(1_000), bench.incoming]).toEqual([ResetResult.performed, [[4]]])
    expect([bench.ask(1_000), bench.incoming.length]).toEqual([ResetResult.performed, 1])
    expect([bench.ask(1_001), bench.incoming.length, bench.ask(999)]).toEqual([ResetResult.performed, 2, ResetResult.badSequence])
    // What we ask then says which one we had.
    bench.reset.request(bench.streams[0])
    expect(bench.pack()?.response).toBe(1_001)
  })

  test('5.2.2: not before everything that was sent has arrived; the messages are numbered anew then', () => {
    const bench = new Resetting()
    bench.arrive(1_001, 1)
    expect([bench.ask(1_000, 1_001), bench.incoming]).toEqual([ResetResult.inProgress, []])
    bench.arrive(1_000, 0)
    expect(bench.ask(1_000, 1_001)).toBe(ResetResult.performed)
    bench.arrive(1_002, 0)
    expect(bench.delivered).toEqual([1_000 & 0xff, 1_001 & 0xff, 1_002 & 0xff])
  })

  test('5.2.2: a request without streams means all of them', () => {
    const bench = new Resetting()
    bench.ask(1_000, 999, [])
    expect(bench.incoming).toEqual([[3, 4]])
  })
})

describe('9.2: the orderly end', () => {
  class Ending extends Bench {
    readonly ends: string[] = []
    readonly shutdown = new Shutdown({
      inbound: this.inbound, outbound: this.outbound, rto: this.rto, peerTag: PEER_TAG, send: this.send, ended: (by) => this.ends.push(by),
    })
    get may(): readonly boolean[] {
      const { isNone, maySend, mayReceive } = this.shutdown
      return [isNone, maySend, mayReceive]
    }
  }
  /** The answer came at once, so that the timeout is the least. */
  const MEASURED_US = TIMINGS.rtoUsMin
  const settle = (bench: Ending): void => {
    bench.outbound.sack({ cumulativeTsn: 100, windowBytes: 1_000, gaps: [] }, 0)
    bench.shutdown.settle(0)
  }

  test('whoever begins waits for its answers, says SHUTDOWN, and COMPLETE to SHUTDOWN ACK', () => {
    const bench = new Ending()
    expect(bench.may).toEqual([true, true, true])
    bench.transmit()
    bench.shutdown.start(0)
    bench.shutdown.start(0)
    expect([bench.names, bench.may]).toEqual([[], [false, true, true]])
    bench.shutdown.acknowledged(CAUSE)
    settle(bench)
    bench.shutdown.settle(0)
    expect([bench.names, bench.may, bench.shutdown.nextWakeUs()]).toEqual([['shutdown 0'], [false, false, true], MEASURED_US])
    expect([bench.sent[0].type, new Reader(bench.sent[0].value, 4).u32()]).toEqual([ChunkType.shutdown, 999])
    bench.shutdown.completed()
    expect(bench.ends).toEqual([])
    // It says so again to data, and after its timer.
    bench.shutdown.dataCame(5)
    bench.shutdown.wake(5 + MEASURED_US - 1)
    expect(bench.names.length).toBe(2)
    bench.shutdown.wake(5 + MEASURED_US)
    expect([bench.names, bench.outbound.errors]).toEqual([['shutdown 0', 'shutdown 0', 'shutdown 1'], 1])
    expect(bench.shutdown.nextWakeUs()).toBe(5 + MEASURED_US + 2 * MEASURED_US)
    bench.shutdown.acknowledged(CAUSE)
    expect([bench.sent.at(-1)!.type, bench.ends]).toEqual([ChunkType.shutdownComplete, ['local']])
  })

  test('whoever is asked waits for its answers, takes no more data, and says SHUTDOWN ACK until COMPLETE', () => {
    const bench = new Ending()
    bench.transmit()
    bench.shutdown.receive(0)
    expect([bench.names, bench.may, bench.shutdown.initCame(0)]).toEqual([[], [false, true, false], false])
    bench.shutdown.completed()
    settle(bench)
    expect([bench.names, bench.may]).toEqual([['shutdown ack 0'], [false, false, false]])
    expect([bench.sent[0].type, bench.sent[0].value.length]).toEqual([ChunkType.shutdownAck, 0])
    bench.shutdown.dataCame(0)
    expect(bench.names.length).toBe(1)
    bench.shutdown.receive(0)
    expect([bench.shutdown.initCame(0), bench.names.length, bench.ends]).toEqual([true, 3, []])
    bench.shutdown.wake(MEASURED_US)
    bench.shutdown.receive(MEASURED_US)
    expect(bench.names.slice(3)).toEqual(['shutdown ack 1', 'shutdown ack 1'])
    bench.shutdown.completed()
    expect(bench.ends).toEqual(['remote'])
  })

  test('two that begin at once answer each other', () => {
    const bench = new Ending()
    bench.shutdown.start(0)
    bench.shutdown.wake(RTO_US)
    bench.shutdown.receive(RTO_US)
    expect(bench.names).toEqual(['shutdown 0', 'shutdown 1', 'shutdown ack 0'])
    bench.shutdown.acknowledged(CAUSE)
    expect([bench.ends, bench.sent.at(-1)!.type]).toEqual([['local'], ChunkType.shutdownComplete])
  })
})

describe('8.3: heartbeats', () => {
  test('each 30 s and a timeout, later where data was sent; an answer in time measures, and counts once', () => {
    const bench = new Bench()
    const heartbeat = new Heartbeat({ outbound: bench.outbound, rto: bench.rto, peerTag: PEER_TAG, send: bench.send }, 0)
    const answer = (nowUs: number, value = bench.sent.at(-1)!.value): void => {
      heartbeat.acknowledged(new Reader(value, value.length), nowUs)
    }
    const firstUs = HEARTBEAT_INTERVAL_US + RTO_US
    heartbeat.wake(firstUs - 1)
    expect([heartbeat.nextWakeUs(), bench.sent]).toEqual([firstUs, []])
    heartbeat.rest(1_000)
    expect(heartbeat.nextWakeUs()).toBe(firstUs + 1_000)
    heartbeat.wake(firstUs + 1_000)
    expect([bench.names, bench.sent[0].type, bench.outbound.errors]).toEqual([['heartbeat 0'], ChunkType.heartbeat, 0])
    // What comes back that was never said, or not whole, is no answer.
    const { value } = bench.sent[0]
    const other = value.slice()
    other[7]++
    answer(firstUs + 41_000, other)
    answer(firstUs + 41_000, value.subarray(0, 15))
    expect(bench.rto.rtoUs).toBe(RTO_US)
    answer(firstUs + 301_000)
    expect([bench.rto.srttUs, bench.rto.rtoUs]).toEqual([300_000, 900_000])
    answer(firstUs + 999_000)
    expect(bench.rto.srttUs).toBe(300_000)
  })

  test('one that is not answered is an error, which the next answer forgives', () => {
    const bench = new Bench()
    const heartbeat = new Heartbeat({ outbound: bench.outbound, rto: bench.rto, peerTag: PEER_TAG, send: bench.send }, 0)
    const old: Uint8Array[] = []
    for (let errors = 0; errors < 3; errors++) {
      heartbeat.wake(heartbeat.nextWakeUs())
      expect(bench.outbound.errors).toBe(errors)
      old.push(bench.sent.at(-1)!.value)
    }
    expect(new Set(old.map((value) => value.join())).size).toBe(3)
    heartbeat.acknowledged(new Reader(old[0], 16), 0)
    expect(bench.outbound.errors).toBe(2)
    heartbeat.acknowledged(new Reader(old[2], 16), heartbeat.nextWakeUs() - HEARTBEAT_INTERVAL_US)
    expect(bench.outbound.errors).toBe(0)
    heartbeat.wake(heartbeat.nextWakeUs())
    expect(bench.outbound.errors).toBe(0)
  })

  test('3.3.5: says which one it is, and when it was sent', () => {
    const bench = new Bench()
    const heartbeat = new Heartbeat({ outbound: bench.outbound, rto: bench.rto, peerTag: PEER_TAG, send: bench.send }, 2 ** 33)
    heartbeat.wake(heartbeat.nextWakeUs())
    const view = new DataView(bench.sent[0].value.buffer)
    expect([view.getUint16(0), view.getUint16(2), view.getUint32(4)]).toEqual([1, 16, 1])
    expect(view.getUint32(8) * 2 ** 32 + view.getUint32(12)).toBe(2 ** 33 + HEARTBEAT_INTERVAL_US + RTO_US)
  })
})
