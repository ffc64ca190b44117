/** WebSocket frames (RFC 6455, section 5), and the mailbox behind them. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAILBOX_MAX, MESSAGE_BYTES_MAX } from '../../../../sim/webrtc/signalling/limits.ts'
import { Mailbox } from '../../../../sim/webrtc/signalling/mailbox.ts'
import { encodeFrame, type Frame, FrameReader, maskOf, Opcode, textFrame } from '../../../../sim/webrtc/signalling/websocket.ts'

const MASK = 0x0102_0304

function reader(isFromClient: boolean) {
  const frames: Frame[] = []
  return { frames, it: new FrameReader(isFromClient, (frame) => frames.push({ ...frame, payload: frame.payload.slice() })) }
}

describe('RFC 6455, 5.7: its examples', () => {
  const HELLO = new TextEncoder().encode('Hello')

  it('a text without a mask, and with one; a ping and its pong', () => {
    expect([...encodeFrame(Opcode.text, HELLO, undefined)]).toEqual([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
    expect([...encodeFrame(Opcode.text, HELLO, 0x37fa_213d)]).toEqual([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
    expect([...encodeFrame(Opcode.ping, HELLO, undefined)].slice(0, 2)).toEqual([0x89, 0x05])
    expect([...encodeFrame(Opcode.pong, HELLO, 0x37fa_213d)]).toEqual([0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
  })

  it('256 bytes take a length of two', () => {
    expect([...encodeFrame(2, new Uint8Array(256), undefined)].slice(0, 5)).toEqual([0x82, 0x7e, 0x01, 0x00, 0x00])
    expect(encodeFrame(2, new Uint8Array(125), undefined).length).toBe(127)
    expect(encodeFrame(2, new Uint8Array(126), undefined).length).toBe(130)
  })
})

describe('a stream of frames', () => {
  it('comes back whole, however it is cut, masked by a client and only by one', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 })
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 40 })
    fc.assert(fc.property(payloads, cuts, fc.boolean(), (all, sizes, isClient) => {
      const mask = isClient ? MASK : undefined
      const bytes = Buffer.concat(all.map((payload, i) => encodeFrame(i % 2 === 0 ? Opcode.text : Opcode.ping, payload, mask)))
      const { frames, it } = reader(isClient)
      for (let offset = 0, i = 0; offset < bytes.length; i++) {
        const size = sizes[i % sizes.length]
        it.push(bytes.subarray(offset, offset + size))
        offset += size
      }
      expect(it.isBroken).toBe(false)
      expect(frames.map(({ opcode }) => opcode)).toEqual(all.map((_, i) => (i % 2 === 0 ? Opcode.text : Opcode.ping)))
      expect(frames.map(({ payload }) => [...payload])).toEqual(all.map((payload) => [...payload]))
      const other = reader(!isClient)
      other.it.push(bytes)
      expect([other.it.isBroken, other.frames]).toEqual([true, []])
    }), { seed: 1, numRuns: 100 })
  })

  it('5.2: a fragment, a reserved bit, and a length of eight bytes break it, and nothing comes after', () => {
    for (const head of [[0x01, 0], [0xc1, 0], [0xa1, 0], [0x91, 0], [0x81, 127]]) {
      const { frames, it } = reader(false)
      it.push(Uint8Array.of(...head, 0, 0, 0, 0, 0, 0, 0, 0))
      it.push(encodeFrame(Opcode.text, new Uint8Array(1), undefined))
      expect([it.isBroken, frames]).toEqual([true, []])
    }
    const late = reader(false)
    late.it.push(Uint8Array.of(...encodeFrame(Opcode.text, new Uint8Array(1), undefined), 0, 0))
    expect([late.it.isBroken, late.frames.length]).toEqual([true, 1])
  })

  it('a message has a bound, which its head alone breaks', () => {
    const most = reader(false)
    most.it.push(encodeFrame(Opcode.text, new Uint8Array(MESSAGE_BYTES_MAX), undefined))
    expect([most.it.isBroken, most.frames.length]).toEqual([false, 1])
    const more = reader(false)
    more.it.push(encodeFrame(Opcode.text, new Uint8Array(MESSAGE_BYTES_MAX + 1), undefined).subarray(0, 4))
    expect([more.it.isBroken, more.frames]).toEqual([true, []])
  })

  it('text is JSON in ASCII, masked by another number each time', () => {
    const { frames, it } = reader(true)
    it.push(textFrame({ to: 'Zoë\u007f', n: 1 }, maskOf(5, 1)))
    const text = new TextDecoder().decode(frames[0].payload)
    expect(text).toBe('{"to":"Zo\\u00eb\\u007f","n":1}')
    expect(JSON.parse(text)).toEqual({ to: 'Zoë\u007f', n: 1 })
    expect(new Set([maskOf(5, 1), maskOf(5, 2), maskOf(6, 1)]).size).toBe(3)
  })
})

describe('a mailbox', () => {
  it('keeps what the other side has not said to have, the oldest first', () => {
    const mailbox = new Mailbox<number>()
    for (const message of [1, 2, 3, 4]) expect(mailbox.put(message)).toBe(true)
    mailbox.confirm(2)
    expect(mailbox.kept).toEqual([3, 4])
    mailbox.confirm(2)
    expect(mailbox.kept).toEqual([3, 4])
    mailbox.confirm(3)
    expect(mailbox.kept).toEqual([4])
  })

  it('who counts from less is a new one: it gets what was not confirmed, and its count goes on from there', () => {
    const mailbox = new Mailbox<number>()
    for (const message of [1, 2, 3]) mailbox.put(message)
    mailbox.confirm(2)
    mailbox.confirm(0)
    expect(mailbox.kept).toEqual([3])
    mailbox.put(4)
    mailbox.confirm(1)
    expect(mailbox.kept).toEqual([4])
  })

  it('all that was told may be confirmed at once, or by another one that begins anew', () => {
    const mailbox = new Mailbox<number>()
    for (const message of [1, 2]) mailbox.put(message)
    mailbox.confirmAll()
    mailbox.put(3)
    mailbox.confirm(2)
    expect(mailbox.kept).toEqual([3])
    mailbox.received = 7
    mailbox.beginAnew(10)
    expect([mailbox.received, mailbox.kept]).toEqual([0, [3]])
    mailbox.confirm(11)
    expect(mailbox.kept).toEqual([])
  })

  it('is bounded', () => {
    const mailbox = new Mailbox<number>()
    for (let i = 0; i < MAILBOX_MAX; i++) expect(mailbox.put(i)).toBe(true)
    expect([mailbox.put(0), mailbox.kept.length]).toEqual([false, MAILBOX_MAX])
    mailbox.confirm(1)
    expect(mailbox.put(0)).toBe(true)
  })
})
