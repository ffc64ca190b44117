/** The frames on their way: the host's ring, and the client's order, gaps and requests. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRAME_BUFFER_MAX, FRAME_RING, NACK_DELAY_US, NACK_INTERVAL_US } from '../../../system/limits.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { FRAME_MAX, FrameBuffer, FrameRing } from '../../../system/replication/frames.ts'

/** Takes what can be taken, in order. */
function taken(buffer: FrameBuffer<number>, nowUs = 0): number[] {
  const frames: number[] = []
  for (let frame = buffer.peek(); frame !== undefined; frame = buffer.peek()) {
    frames.push(frame)
    buffer.advance(nowUs)
  }
  return frames
}

describe('the ring', () => {
  it('R-REPL-3 holds the last frames and no others', () => {
    const ring = new FrameRing<string>()
    expect(ring.get(0, 'ana')).toBeUndefined()
    for (let frame = 0; frame < 100; frame++) {
      ring.push(frame, new Map([['ana', Uint8Array.of(frame)]]))
      const held = Array.from({ length: frame + 40 }, (_, asked) => ring.get(asked, 'ana')?.[0])
      expect(held).toEqual(held.map((_, asked) => (asked <= frame && asked > frame - FRAME_RING ? asked : undefined)))
      expect(ring.get(frame, 'ben')).toBeUndefined()
    }
  })

  it('R-REPL-3 tells from which frame to which it has them, and of how many bytes', () => {
    const ring = new FrameRing<string>()
    expect(ring.held).toEqual({ fromFrame: -1, toFrame: -1, bytes: 0 })
    const held = Array.from({ length: FRAME_RING + 3 }, (_, frame) => {
      const shared = new Uint8Array(6)
      ring.push(frame, new Map([['ana', shared], ['ben', shared], ['cas', new Uint8Array(4)]]))
      return ring.held
    })
    expect(held[0]).toEqual({ fromFrame: 0, toFrame: 0, bytes: 10 })
    expect(held[FRAME_RING - 1]).toEqual({ fromFrame: 0, toFrame: FRAME_RING - 1, bytes: 10 * FRAME_RING })
    expect(held[FRAME_RING + 2]).toEqual({ fromFrame: 3, toFrame: FRAME_RING + 2, bytes: 10 * FRAME_RING })
  })
})

describe('the buffer', () => {
  it('R-FRAME-3 whatever order they come in, and doubled, frames are taken in order, each once', () => {
    const orders = fc.shuffledSubarray(Array.from({ length: 30 }, (_, i) => i + 5), { minLength: 30 })
    fc.assert(fc.property(orders, fc.array(fc.nat(29)), (order, again) => {
      const buffer = new FrameBuffer<number>(5, NO_PROBE)
      const frames = [...order, ...again.map((i) => order[i])].flatMap((frame) => {
        buffer.add(frame, frame, 0)
        return taken(buffer)
      })
      expect(frames).toEqual(Array.from({ length: 30 }, (_, i) => i + 5))
    }), { seed: 25, numRuns: 50 })
  })

  it('R-REPL-3 a gap is asked for after a delay, and again after an interval', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    for (const frame of [5, 8, 9, 12]) buffer.add(frame, frame, 1000)
    taken(buffer, 1000)
    expect(buffer.missing(1000 + NACK_DELAY_US - 1)).toBeUndefined()
    const gap = { fromFrame: 6, toFrame: 7, beyondRing: false }
    expect(buffer.missing(1000 + NACK_DELAY_US)).toEqual(gap)
    expect(buffer.missing(1000 + NACK_DELAY_US + NACK_INTERVAL_US - 1)).toBeUndefined()
    expect(buffer.missing(1000 + NACK_DELAY_US + NACK_INTERVAL_US)).toEqual(gap)
    for (const frame of [7, 6]) buffer.add(frame, frame, 200_000)
    expect(taken(buffer, 200_000)).toEqual([6, 7, 8, 9])
    // The next gap is a new one, with a delay of its own.
    expect(buffer.missing(200_000 + NACK_DELAY_US - 1)).toBeUndefined()
    expect(buffer.missing(200_000 + NACK_DELAY_US)).toMatchObject({ fromFrame: 10, toFrame: 11 })
  })

  it('R-REPL-3 a gap that closes by itself is not asked for', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    for (const frame of [6, 5]) buffer.add(frame, frame, 0)
    taken(buffer)
    expect(buffer.missing(10 * NACK_DELAY_US)).toBeUndefined()
  })

  it('R-REPL-3 a gap beyond the host\'s ring is told, however far the newest frame is', () => {
    const gapTo = (newest: number) => {
      const buffer = new FrameBuffer<number>(5, NO_PROBE)
      buffer.add(newest, newest, 0)
      return buffer.missing(NACK_DELAY_US)
    }
    expect(gapTo(5 + FRAME_RING - 1)).toEqual({ fromFrame: 5, toFrame: 5 + FRAME_RING - 2, beyondRing: false })
    expect(gapTo(5 + FRAME_RING + 9)).toEqual({ fromFrame: 5, toFrame: 5 + FRAME_RING, beyondRing: true })
    expect(gapTo(5 + FRAME_RING)).toMatchObject({ beyondRing: true })
    // A frame that nobody sends honestly must not cost a walk to it.
    expect(gapTo(FRAME_MAX)).toMatchObject({ fromFrame: 5, beyondRing: true })
    expect(gapTo(FRAME_MAX + 1)).toBeUndefined()
  })

  it('R-REPL-3 a snapshot takes the place of the frames up to it; those after it are kept, as many as fit', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    for (let frame = 6; frame < 2 * FRAME_BUFFER_MAX; frame++) buffer.add(frame, frame, 0)
    buffer.skipTo(200, 0)
    expect(taken(buffer)).toEqual(Array.from({ length: 5 + FRAME_BUFFER_MAX - 201 }, (_, i) => 201 + i))
    expect(buffer.missing(NACK_DELAY_US)).toMatchObject({ fromFrame: 5 + FRAME_BUFFER_MAX, beyondRing: true })
  })

  it('R-REPL-3 tells what it keeps, what it has heard of, and since when frames have been missing', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    expect([buffer.held, buffer.newest, buffer.gapSinceUs]).toEqual([[], 4, Infinity])
    for (const [index, frame] of [12, 7, 4, 9, 5].entries()) buffer.add(frame, frame, 100 + index)
    expect([buffer.held, buffer.newest, buffer.gapSinceUs]).toEqual([[5, 7, 9, 12], 12, 100])
    expect(taken(buffer, 300)).toEqual([5])
    expect([buffer.held, buffer.next, buffer.gapSinceUs]).toEqual([[7, 9, 12], 6, 300])
    buffer.skipTo(9, 400)
    expect([buffer.held, buffer.newest, buffer.gapSinceUs]).toEqual([[12], 12, 400])
    buffer.skipTo(11, 500)
    expect([buffer.held, buffer.next, buffer.gapSinceUs]).toEqual([[12], 12, Infinity])
    buffer.skipTo(20, 600)
    expect([buffer.held, buffer.newest, buffer.gapSinceUs]).toEqual([[], 20, Infinity])
    expect(buffer.missing(10 * NACK_INTERVAL_US)).toBeUndefined()
  })

  it('R-REPL-3 a frame that is there and waits for its turn is not asked for, and nothing after the newest is', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    buffer.add(5, 5, 0)
    expect(buffer.missing(NACK_DELAY_US)).toBeUndefined()
    taken(buffer, 0)
    expect(buffer.missing(NACK_DELAY_US)).toBeUndefined()
  })

  it('R-REPL-3 the newest frame is asked for where it came too early to be kept', () => {
    const newest = 5 + FRAME_BUFFER_MAX
    const one = { fromFrame: newest, toFrame: newest, beyondRing: false }
    const buffers = [new FrameBuffer<number>(5, NO_PROBE), new FrameBuffer<number>(5, NO_PROBE)]
    for (const buffer of buffers) for (let frame = newest; frame >= 5; frame--) buffer.add(frame, frame, 0)
    taken(buffers[0], 0)
    buffers[1].skipTo(newest - 1, 0)
    for (const buffer of buffers) expect(buffer.missing(NACK_DELAY_US)).toEqual(one)
  })

  it('R-REPL-3 what waits beyond a gap can be lost, and is asked for like the rest', () => {
    const buffer = new FrameBuffer<number>(5, NO_PROBE)
    expect(buffer.isGapped).toBe(false)
    buffer.add(5 + FRAME_BUFFER_MAX, 0, 0)
    // Too far ahead to be kept: there is nothing to lose.
    expect(buffer.isGapped).toBe(false)
    buffer.add(7, 7, 0)
    expect(buffer.isGapped).toBe(true)
    buffer.forget()
    expect([buffer.held, buffer.newest, buffer.isGapped]).toEqual([[], 5 + FRAME_BUFFER_MAX, false])
    expect(buffer.missing(NACK_DELAY_US)).toMatchObject({ fromFrame: 5 })
    for (const frame of [6, 5]) buffer.add(frame, frame, 0)
    taken(buffer)
    buffer.skipTo(5 + FRAME_BUFFER_MAX, 0)
    buffer.add(6 + FRAME_BUFFER_MAX, 0, 0)
    expect([buffer.held.length, buffer.isGapped]).toEqual([1, false])
  })
})
