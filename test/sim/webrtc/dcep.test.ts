/** DCEP on the wire (RFC 8832, section 5), and what a peer may not do with it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { TransportCode } from '../../../sim/transport/codes.ts'
import { readControl, writeAck, writeOpen } from '../../../sim/webrtc/dcep.ts'
import { DataFlag, ChunkType, readChunk, readData, writeChunk } from '../../../sim/webrtc/sctp/chunks.ts'
import { PacketBuilder, readPacket } from '../../../sim/webrtc/sctp/packet.ts'
import { chunksOf, lifetime, Pair, RELIABLE, retransmits, UNORDERED } from './pair.ts'

describe('RFC 8832, 5.1 and 5.2', () => {
  test.each([
    ['reliable', RELIABLE, [3, 0x00, 4, 0, 0, 0, 0, 0, 0, 7, 0, 0, ...Array.from('control', (one) => one.charCodeAt(0))]],
    ['reliable unordered', { ...UNORDERED, label: 'b' }, [3, 0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x62]],
    ['so many retransmissions', { ...retransmits(5, true), label: '' }, [3, 0x01, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0]],
    ['so many, unordered', { ...retransmits(0), label: '' }, [3, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a lifetime in milliseconds', { ...lifetime(150_000, true), label: '' }, [3, 0x02, 1, 0, 0, 0, 0, 150, 0, 0, 0, 0]],
    ['a lifetime, unordered, of low priority', { ...lifetime(1), priority: 9, label: 'é€😀' },
      [3, 0x82, 0, 128, 0, 0, 0, 1, 0, 9, 0, 0, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]],
  ])('%s', (_, spec, bytes) => {
    expect([...writeOpen(spec)]).toEqual(bytes)
    expect(readControl(Uint8Array.from(bytes))).toBe('open')
  })

  test('DATA_CHANNEL_ACK is one byte', () => {
    expect([...writeAck()]).toEqual([2])
    expect(readControl(writeAck())).toBe('ack')
  })

  test('arbitrary bytes never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      expect(readControl(bytes)).toBeOneOf(['open', 'ack', undefined])
    }))
  })
})

describe('streams', () => {
  test('section 6: whoever opens as DTLS server has odd streams, and all OPENs go first, ordered', () => {
    const pair = new Pair({ specs: [UNORDERED, RELIABLE] })
    pair.write(0, 0, Uint8Array.of(9))
    pair.run(200_000)
    const data = pair.sent.filter(({ from }) => from === 0).flatMap(({ bytes }) => {
      const { reader } = readPacket(bytes)!
      const found = []
      while (reader.remaining > 0) {
        const chunk = readChunk(reader)!
        if (chunk.type === ChunkType.data) found.push(readData(chunk)!)
      }
      return found
    })
    // The message on the unordered channel is ordered, for its OPEN is not acknowledged yet.
    expect(data.map(({ stream, ssn, ppid, flags }) => [stream, ssn, ppid, flags & DataFlag.unordered])).toEqual([
      [3, 0, 50, 0], [1, 0, 50, 0], [1, 1, 53, 0],
    ])
    pair.write(0, 0, Uint8Array.of(8))
    pair.run(5_000)
    const { reader } = readPacket(pair.sent.at(-1)!.bytes)!
    expect(readData(readChunk(reader)!)!.flags & DataFlag.unordered).toBe(DataFlag.unordered)
  })

  test('two tables that differ make no connection', () => {
    const pair = new Pair({ specs: [RELIABLE] })
    const other = new Pair({ specs: [UNORDERED] })
    // The initiator of one pair, the responder of the other.
    const mixed: Pair = Object.assign(pair, { ends: [pair.a, other.b] })
    other.send = (from, bytes, identity) => pair.send(from, bytes, identity)
    mixed.run(200_000)
    expect(other.b.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
    expect(pair.a.closed).toMatchObject({ by: 'remote', code: TransportCode.protocolViolation })
  })

  test.each([
    ['user data where nothing was opened', 1, 53],
    ['a stream that no channel has', 2, 53],
    ['a payload that nobody knows', 1, 99],
    ['an OPEN from the wrong side', 1, 50],
  ])('section 6: %s is an error', (what, stream, ppid) => {
    const isFromInitiator = what.startsWith('user')
    const pair = new Pair({ specs: [RELIABLE] })
    // The initiator's OPEN never arrives, so that nothing is open.
    if (isFromInitiator) pair.fate = ({ bytes }) => (chunksOf(bytes).includes(ChunkType.data) ? [] : [0])
    pair.run(100_000)
    const from = isFromInitiator ? 0 : 1
    const last = pair.sent.filter((packet) => packet.from === from && packet.identity.contents !== 'init').at(-1)!
    const initAck = pair.sent.find((packet) => packet.from === from && packet.identity.contents === 'init ack')!
    const tsn = new DataView(initAck.bytes.buffer, initAck.bytes.byteOffset).getUint32(12 + 16)
    const packet = new PacketBuilder(new Writer())
    packet.begin(readPacket(last.bytes)!.tag)
    const value = new Uint8Array(24)
    const view = new DataView(value.buffer)
    view.setUint32(0, isFromInitiator ? tsn : tsn + 1)
    view.setUint16(4, stream)
    view.setUint16(6, isFromInitiator || stream === 2 ? 0 : 1)
    view.setUint32(8, ppid)
    value.set([3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], 12)
    writeChunk(packet.writer, ChunkType.data, DataFlag.begin | DataFlag.end, value)
    const end = pair.ends[1 - from]
    end.channels.receive(packet.finish(), { id: 0, keyHi: 0, keyLo: 0 }, pair.nowUs)
    expect(end.closed).toMatchObject({ by: 'local', code: TransportCode.protocolViolation })
  })
})
