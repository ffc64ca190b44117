/** One end of the connection under signalling, segment by segment: RFC 9293 in small. */
import { describe, expect, it } from 'vitest'
import { Writer } from '../../../../sim/bytes.ts'
import {
  RESET_US, SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES, SEGMENT_RTO_US, SEGMENTS_MAX, STREAM_BYTES_MAX,
} from '../../../../sim/webrtc/signalling/limits.ts'
import {
  isFirst, isReset, readSegment, resetFor, type Segment, SignallingStream,
} from '../../../../sim/webrtc/signalling/stream.ts'
import type { OutgoingDatagram } from '../../../../sim/transport/session.ts'

const IDENTITY = { keyHi: 1, keyLo: 2, label: { protocol: 'x', contents: 'x', connection: 0, channel: 0, start: 0, end: 0, attempt: 0 } }
const A = { address: 1, port: 10 }
const B = { address: 2, port: 20 }

class End {
  readonly sent: OutgoingDatagram[] = []
  received: number[] = []
  readonly stream: SignallingStream

  constructor(isClient: boolean) {
    this.stream = new SignallingStream({
      local: isClient ? A : B, remote: isClient ? B : A, token: 77, name: 'ana', node: 1, isClient,
      transmit: (datagram) => this.sent.push({ ...datagram, bytes: datagram.bytes.slice() }),
      received: (bytes) => this.received.push(...bytes),
    }, new Writer(), 0)
  }
  take(): Segment[] {
    return this.sent.splice(0).map(({ bytes }) => readSegment(bytes)!)
  }
  give(segments: readonly Segment[], nowUs = 0): void {
    for (const segment of segments) this.stream.receive(segment, IDENTITY, nowUs)
  }
}
/** Both ends of a connection that is open. */
function open() {
  const [client, server] = [new End(true), new End(false)]
  const [first] = client.take()
  client.give(server.take())
  server.give(client.take())
  expect([isFirst(first), client.stream.state, server.stream.state]).toEqual([true, 'open', 'open'])
  expect([client.stream.isIdle, server.stream.isIdle, client.take(), server.take()]).toEqual([true, true, [], []])
  return { client, server }
}
const numbers = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7)

describe('a segment', () => {
  it('comes back as it was; any byte that changes makes it none', () => {
    const { client } = open()
    client.stream.send(Uint8Array.of(1, 2, 3), 'x', 0, 0)
    const { bytes } = client.sent[0]
    expect(readSegment(bytes)).toMatchObject({ token: 77, sequence: 1, acknowledgement: 1, bytes: Uint8Array.of(1, 2, 3) })
    expect(bytes.length).toBe(SEGMENT_HEADER_BYTES + 3)
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice()
      damaged[i] ^= 0x10
      expect(readSegment(damaged), `byte ${i}`).toBeUndefined()
    }
    expect(readSegment(bytes.subarray(0, SEGMENT_HEADER_BYTES - 1))).toBeUndefined()
  })

  it('RFC 9293, 3.10.7.1: of a connection that nobody knows is answered by a reset of that connection', () => {
    const [first] = new End(true).take()
    const reset = resetFor({ ...first, acknowledgement: 9 }, B, A, IDENTITY)
    expect([reset.local, reset.remote]).toEqual([B, A])
    const segment = readSegment(reset.bytes)!
    expect([isReset(segment), isFirst(segment), segment.token, segment.sequence, segment.bytes.length]).toEqual([true, false, 77, 9, 0])
    expect([isReset(first), isFirst({ ...first, flags: 3 })]).toEqual([false, false])
    const { client, server } = open()
    client.give([segment])
    expect([client.stream.state, client.stream.nextWakeUs()]).toEqual(['reset', Infinity])
    expect(client.stream.send(new Uint8Array(1), 'x', 0, 0)).toBe(false)
    server.stream.send(new Uint8Array(1), 'x', 0, 0)
    client.give(server.take())
    client.stream.wake(RESET_US)
    expect([client.received, client.take()]).toEqual([[], []])
  })
})

describe('bytes', () => {
  it('arrive in order and once, whatever comes early, late or twice', () => {
    const { client, server } = open()
    const bytes = numbers(2 * SEGMENT_BYTES_MAX + 5)
    expect(client.stream.send(bytes, 'x', 0, 0)).toBe(true)
    const [one, two, three] = client.take()
    expect([one.bytes.length, two.bytes.length, three.bytes.length]).toEqual([SEGMENT_BYTES_MAX, SEGMENT_BYTES_MAX, 5])
    server.give([three, two, two, one, one])
    expect(server.received).toEqual([...bytes])
    // Each is answered with what is expected next: nothing new, then all.
    const answers = server.take()
    expect(answers.map(({ acknowledgement }) => acknowledgement)).toEqual([1, 1, 1, 1 + bytes.length, 1 + bytes.length])
    client.give(answers)
    expect(client.stream.isIdle).toBe(true)
    // An old acknowledgement, and one of what was never sent, say nothing.
    client.stream.send(Uint8Array.of(1, 2), 'x', 0, 0)
    client.give([answers[0], { ...answers[4], acknowledgement: 10_000 }])
    expect(client.stream.isIdle).toBe(false)
    client.give([{ ...answers[4], acknowledgement: bytes.length + 2 }])
    expect(client.stream.isIdle).toBe(false)
    client.give([{ ...answers[4], acknowledgement: bytes.length + 3 }])
    expect(client.stream.isIdle).toBe(true)
  })

  it('are not sent before the connection is open, and then as many segments as may be under way', () => {
    const [client, server] = [new End(true), new End(false)]
    client.take()
    client.stream.send(numbers((SEGMENTS_MAX + 2) * SEGMENT_BYTES_MAX), 'x', 0, 0)
    expect(client.take()).toEqual([])
    client.give(server.take())
    const sent = client.take().filter(({ bytes }) => bytes.length > 0)
    expect([sent.length, client.stream.isIdle]).toEqual([SEGMENTS_MAX, false])
    server.give(sent.slice(0, 1))
    client.give(server.take())
    expect(client.take().filter(({ bytes }) => bytes.length > 0).length).toBe(1)
  })

  it('that came before what opens the connection are sent again, and open nothing', () => {
    const { client } = open()
    client.stream.send(Uint8Array.of(5), 'x', 0, 0)
    const [data] = client.take()
    for (const change of [{ acknowledgement: 0 }, { acknowledgement: 1 }, { sequence: 0 }]) {
      const late = new End(true)
      late.give([{ ...data, ...change }])
      expect([late.received, late.stream.state]).toEqual([[], 'connecting'])
    }
    const server = new End(false)
    server.give([{ ...data, acknowledgement: 0 }])
    expect([server.received, server.stream.state]).toEqual([[5], 'connecting'])
  })

  it('that fill segments exactly take no more of them', () => {
    const { client } = open()
    client.stream.send(numbers(2 * SEGMENT_BYTES_MAX), 'x', 0, 0)
    expect(client.take().map(({ bytes }) => bytes.length)).toEqual([SEGMENT_BYTES_MAX, SEGMENT_BYTES_MAX])
  })

  it('that came early are copies, 64 segments of them, and nothing without bytes takes their place', () => {
    const { client, server } = open()
    const bytes = numbers((SEGMENTS_MAX + 2) * SEGMENT_BYTES_MAX)
    const segments = Array.from({ length: SEGMENTS_MAX + 2 }, (_, i) => ({
      flags: 2, token: 77, sequence: 1 + i * SEGMENT_BYTES_MAX, acknowledgement: 1,
      bytes: bytes.slice(i * SEGMENT_BYTES_MAX, (i + 1) * SEGMENT_BYTES_MAX),
    }))
    server.give(segments.slice(1))
    server.give([{ ...segments[1], bytes: new Uint8Array(0) }])
    segments[1].bytes.fill(0)
    server.give(segments.slice(0, 1))
    expect(server.received).toEqual([...bytes.subarray(0, (SEGMENTS_MAX + 1) * SEGMENT_BYTES_MAX)])
    expect(client.stream.isIdle).toBe(true)
  })

  it('that wait have a bound, and what is sent makes room', () => {
    const client = new End(true)
    expect(client.stream.send(new Uint8Array(STREAM_BYTES_MAX), 'x', 0, 0)).toBe(true)
    expect(client.stream.send(new Uint8Array(1), 'x', 0, 0)).toBe(false)
    client.give(new End(false).take())
    expect(client.stream.send(new Uint8Array(SEGMENTS_MAX * SEGMENT_BYTES_MAX), 'x', 0, 0)).toBe(true)
    expect(client.stream.send(new Uint8Array(1), 'x', 0, 0)).toBe(false)
  })
})

describe('a segment that is not answered', () => {
  it('goes again after 200 ms, 400, 800, then each second, and after ten seconds the connection is reset', () => {
    const { client } = open()
    client.stream.send(Uint8Array.of(1), 'x', 0, 1_000)
    const times: number[] = []
    expect(client.stream.nextWakeUs()).toBe(1_000 + SEGMENT_RTO_US)
    client.take()
    for (let atUs = client.stream.nextWakeUs(); atUs < Infinity; atUs = client.stream.nextWakeUs()) {
      client.stream.wake(atUs - 1)
      expect(client.take()).toEqual([])
      client.stream.wake(atUs)
      const again = client.sent.splice(0)
      if (again.length > 0) times.push((atUs - 1_000) / 1_000)
      for (const { label } of again) expect(label.attempt).toBe(times.length)
    }
    expect(times).toEqual([200, 600, 1_400, 2_400, 3_400, 4_400, 5_400, 6_400, 7_400, 8_400, 9_400])
    expect(client.stream.state).toBe('reset')
  })

  it('what opens the connection is no exception, at either end', () => {
    for (const isClient of [true, false]) {
      const end = new End(isClient)
      end.take()
      end.stream.wake(SEGMENT_RTO_US)
      expect(end.take().map((segment) => [isFirst(segment), segment.sequence])).toEqual([[isClient, 0]])
    }
    const { client, server } = open()
    client.stream.send(numbers(9), 'x', 0, 0)
    server.give(client.take())
    server.take()
    const [first] = new End(true).take()
    server.give([first])
    expect(server.take().map(({ acknowledgement }) => acknowledgement)).toEqual([10])
  })

  it('resets at ten seconds to the microsecond, whenever it was sent', () => {
    for (const [afterUs, state] of [[RESET_US - 1, 'open'], [RESET_US, 'reset']] as const) {
      const { client } = open()
      client.stream.send(Uint8Array.of(1), 'x', 0, 100_000_000)
      client.stream.wake(100_000_000 + afterUs)
      expect(client.stream.state).toBe(state)
    }
  })
})
