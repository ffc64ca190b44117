/** RFC 9260, section 6.9: whose message is cut next, and how its stream counts. */
import { describe, expect, test } from 'vitest'
import { Ppid } from '../../../../sim/webrtc/dcep.ts'
import { type OutgoingStream, SendQueue } from '../../../../sim/webrtc/sctp/queue.ts'
import type { Delivery } from '../../../../sim/port.ts'

const RELIABLE: Delivery = { kind: 'reliable' }

class Sender {
  readonly queue = new SendQueue()

  stream(stream: number, priority = 0): OutgoingStream {
    return this.queue.addStream({ stream, channel: stream, priority })
  }
  write(stream: OutgoingStream, bytes: number, delivery = RELIABLE, mustBeOrdered = false, ppid: number = Ppid.binary, nowUs = 0): void {
    this.queue.write(stream, ppid, new Uint8Array(bytes), delivery, mustBeOrdered, nowUs)
  }
  /** Cuts pieces of so many bytes until nothing is left: which stream each was of. */
  drain(pieceBytes: number): number[] {
    const streams: number[] = []
    for (let message = this.queue.next(); message !== undefined; message = this.queue.next()) {
      streams.push(message.stream.stream)
      this.queue.cut(message, Math.min(pieceBytes, message.bytes.length - message.cutBytes))
    }
    if (!this.queue.isEmpty) throw new Error('nothing is due, and something waits')
    return streams
  }
}

describe('whose turn it is', () => {
  test('a message is cut to its end before the next begins, whatever comes meanwhile', () => {
    const sender = new Sender()
    const [low, high] = [sender.stream(0, 5), sender.stream(1, 1)]
    sender.write(low, 10)
    sender.queue.cut(sender.queue.next()!, 4)
    sender.write(high, 4)
    expect([low.waitingBytes, high.waitingBytes]).toEqual([6, 4])
    expect(sender.drain(4)).toEqual([0, 0, 1])
    expect([low.waitingBytes, high.waitingBytes]).toEqual([0, 0])
  })

  test('lower priorities go first; equal ones take turns by message', () => {
    const sender = new Sender()
    const streams = [sender.stream(0, 2), sender.stream(1, 1), sender.stream(2, 1), sender.stream(3, 1)]
    for (const stream of streams) for (let i = 0; i < 2; i++) sender.write(stream, 8)
    expect(sender.drain(8)).toEqual([1, 2, 3, 1, 2, 3, 0, 0])
    // Who was served last comes last, also after a rest.
    for (const stream of [streams[3], streams[1]]) sender.write(stream, 8)
    expect(sender.drain(8)).toEqual([1, 3])
  })

  test('a stream of a higher number waits, however long ago it had its turn', () => {
    const sender = new Sender()
    for (const stream of [sender.stream(0, 1), sender.stream(1, 2)]) for (let i = 0; i < 2; i++) sender.write(stream, 8)
    expect(sender.drain(8)).toEqual([0, 0, 1, 1])
  })

  test('a stream that is paused waits, and holds nobody up', () => {
    const sender = new Sender()
    const [paused, open] = [sender.stream(0), sender.stream(1)]
    paused.isPaused = true
    sender.write(paused, 8)
    expect(sender.queue.isEmpty).toBe(true)
    sender.write(open, 8)
    expect(sender.drain(8)).toEqual([1])
    paused.isPaused = false
    expect(sender.drain(8)).toEqual([0])
  })
})

describe('a stream', () => {
  test('6.5 and 6.6: numbers its ordered messages as they are cut, round 65,536; what is written unordered is so as it is cut', () => {
    const sender = new Sender()
    const stream = sender.stream(0)
    stream.nextSsn = 65_535
    const cut = (mustBeOrdered = false) => {
      sender.write(stream, 1, RELIABLE, mustBeOrdered)
      const message = sender.queue.next()!
      sender.queue.cut(message, 1)
      return [message.isOrdered, message.ssn]
    }
    expect([cut(), cut()]).toEqual([[true, 65_535], [true, 0]])
    stream.isOrdered = false
    expect([cut(), cut(true)]).toEqual([[false, 0], [true, 1]])
    expect(stream.nextSsn).toBe(2)
  })

  test('names messages of the application and of DCEP each by itself, and keeps those with a lifetime', () => {
    const sender = new Sender()
    const stream = sender.stream(0)
    sender.write(stream, 1, RELIABLE, true, Ppid.control)
    sender.write(stream, 1, { kind: 'lifetime', maxUs: 50 }, false, Ppid.binary, 7)
    sender.write(stream, 1, { kind: 'retransmits', max: 2 })
    const told = stream.waiting.map(({ ordinal, expiresUs, retransmissionsMax }) => [ordinal, expiresUs, retransmissionsMax])
    expect(told).toEqual([[0, Infinity, Infinity], [0, 57, Infinity], [1, Infinity, 2]])
    expect(stream.expiring).toEqual([stream.waiting[1]])
    expect([stream.writtenControls, stream.writtenMessages]).toEqual([1, 2])
  })

  test('forgets a message that is dropped: the one that is being cut, or one that waits', () => {
    const sender = new Sender()
    const stream = sender.stream(0)
    for (const bytes of [10, 20, 30]) sender.write(stream, bytes)
    const [first, second, third] = stream.waiting
    sender.queue.cut(first, 4)
    sender.queue.drop(second)
    expect([stream.waitingBytes, stream.waiting]).toEqual([36, [third]])
    expect(sender.queue.next()).toBe(first)
    sender.queue.drop(first)
    expect([stream.waitingBytes, sender.queue.next(), first.isAbandoned, third.isAbandoned]).toEqual([30, third, true, false])
  })
})
