/** RFC 8656: permissions (section 9), channels (section 12) and the messages on them (section 12.4). */
import { describe, expect, it } from 'vitest'
import { Allocation } from '../../../../sim/webrtc/turn/allocation.ts'
import { decodeChannelData, encodeChannelData, isChannelData } from '../../../../sim/webrtc/turn/channeldata.ts'

const SECOND_US = 1_000_000
const PEER = { address: 7, port: 50 }
const allocation = (): Allocation => new Allocation({
  client: { address: 1, port: 2 }, relayed: { address: 3, port: 49_152 }, username: 'u', allocatedBy: [1, 2, 3], expiresUs: 600 * SECOND_US,
})

describe('permissions', () => {
  it('section 9: last five minutes from their last renewal, for an address, whatever the port', () => {
    const it = allocation()
    expect(it.permits(7, 0)).toBe(false)
    expect(it.permit([7, 8], 0)).toBe(true)
    it.permit([8], 100 * SECOND_US)
    const at = (nowUs: number) => [7, 8, 9].map((address) => it.permits(address, nowUs))
    expect(at(300 * SECOND_US - 1)).toEqual([true, true, false])
    expect(at(300 * SECOND_US)).toEqual([false, true, false])
    expect(at(400 * SECOND_US)).toEqual([false, false, false])
  })

  it('are 128 at the most: those that exist are renewed, those that have ended make room, and a list that is too long adds nothing', () => {
    const it = allocation()
    const addresses = Array.from({ length: 128 }, (_, i) => i)
    expect(it.permit(addresses.slice(0, 127), 0)).toBe(true)
    // An address that stands twice is one.
    expect(it.permit([1, 2, 127, 127], SECOND_US)).toBe(true)
    expect(it.permit([128], SECOND_US)).toBe(false)
    expect(it.permit([3, 129], 2 * SECOND_US)).toBe(false)
    expect(it.permits(3, 300 * SECOND_US)).toBe(false)
    expect(it.permit([128], 300 * SECOND_US)).toBe(true)
    expect([3, 128, 127, 1].map((address) => it.permits(address, 300 * SECOND_US))).toEqual([false, true, true, true])
  })
})

describe('channels', () => {
  it('section 12: last ten minutes, their permission five', () => {
    const it = allocation()
    expect(it.bind(0x4000, PEER, 0)).toBe('bound')
    expect([it.channelOf(PEER, 1), it.peerOf(0x4000, 1), it.permits(7, 1)]).toEqual([0x4000, PEER, true])
    expect([it.peerOf(0x4001, 1), it.channelOf({ address: 7, port: 51 }, 1), it.channelOf({ address: 8, port: 50 }, 1)])
      .toEqual([undefined, undefined, undefined])
    const lastUs = 600 * SECOND_US - 1
    expect([it.channelOf(PEER, lastUs), it.peerOf(0x4000, lastUs), it.permits(7, lastUs)]).toEqual([0x4000, PEER, false])
    expect([it.channelOf(PEER, lastUs + 1), it.peerOf(0x4000, lastUs + 1)]).toEqual([undefined, undefined])
  })

  it('section 12.2: a channel has one peer and a peer one channel, until both are free again; the same pair is renewed', () => {
    const it = allocation()
    const other = { address: 8, port: 50 }
    it.bind(0x4000, PEER, 0)
    expect(it.bind(0x4000, other, 1)).toBe('taken')
    expect(it.bind(0x4001, PEER, 1)).toBe('taken')
    expect(it.permits(8, 1)).toBe(false)
    expect(it.bind(0x4001, other, 1)).toBe('bound')
    expect(it.bind(0x4000, other, 2)).toBe('taken')
    expect(it.bind(0x4000, PEER, 500 * SECOND_US)).toBe('bound')
    expect(it.channelOf(PEER, 1_000 * SECOND_US)).toBe(0x4000)
    expect(it.bind(0x4001, { address: 9, port: 1 }, 700 * SECOND_US)).toBe('bound')
  })

  it('are 128 at the most; one that is there is renewed all the same, and none without a permission', () => {
    const it = allocation()
    for (let i = 0; i < 128; i++) expect(it.bind(0x4000 + i, { address: 7, port: 1 + i }, 0)).toBe('bound')
    expect(it.bind(0x4100, PEER, 1)).toBe('taken')
    expect(it.bind(0x4100, { address: 7, port: 200 }, 1)).toBe('full')
    expect(it.bind(0x4000, { address: 7, port: 1 }, 1)).toBe('bound')
    expect(it.bind(0x4100, { address: 7, port: 200 }, 600 * SECOND_US)).toBe('bound')
    const crowded = allocation()
    crowded.permit(Array.from({ length: 128 }, (_, i) => 100 + i), 0)
    expect(crowded.bind(0x4000, PEER, 0)).toBe('full')
    expect(crowded.channelOf(PEER, 1)).toBeUndefined()
  })
})

describe('section 12.4: ChannelData', () => {
  it('comes back as it was, with padding or without', () => {
    const data = Uint8Array.from({ length: 300 }, (_, i) => i)
    const bytes = encodeChannelData(0x4a5b, data)
    expect([...bytes.subarray(0, 4)]).toEqual([0x4a, 0x5b, 1, 44])
    expect(decodeChannelData(bytes)).toEqual({ channel: 0x4a5b, data })
    expect(decodeChannelData(Uint8Array.of(...bytes, 0, 0))?.data).toEqual(data)
    expect(decodeChannelData(bytes.subarray(0, -1))).toBeUndefined()
    expect(decodeChannelData(encodeChannelData(0x4000, new Uint8Array(0)))).toEqual({ channel: 0x4000, data: new Uint8Array(0) })
  })

  it('RFC 7983, 7: is told by its first byte, 64 to 79', () => {
    const firsts = [0x3f, 0x40, 0x4f, 0x50].map((first) => isChannelData(Uint8Array.of(first, 0, 0, 0)))
    expect(firsts).toEqual([false, true, true, false])
    expect([isChannelData(Uint8Array.of(0x40, 0, 0)), decodeChannelData(Uint8Array.of(0x50, 0, 0, 0))]).toEqual([false, undefined])
  })
})
