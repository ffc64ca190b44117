import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StunAttribute, StunClass, StunError, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { longTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, errorCodeOf, transportAddress, type TransportAddress, u32Of, valueOf } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'
import { CHANNEL_FIRST, decodeChannelData, encodeChannelData, isChannelData } from '../../../../sim/webrtc/turn/channeldata.ts'
import { NO_RESPONSE } from '../../../../sim/webrtc/turn/client.ts'
import { NONCE_US, USER_ALLOCATIONS_MAX } from '../../../../sim/webrtc/turn/limits.ts'
import { bytesOf, identity, SERVER, text, TurnWorld } from './world.ts'

const PEER = { address: 20, port: 7_000 }
const OTHER = { address: 21, port: 7_000 }
const SECOND = 1_000_000
const writer = new StunWriter()

/** Signed requests of one's own making, and the server's answer to each. */
class Caller {
  readonly world: TurnWorld
  readonly local = { address: 30, port: 6_000 }
  #nonce = new Uint8Array(0)
  #count = 0

  constructor(world: TurnWorld) {
    this.world = world
    this.ask(StunMethod.allocate, (one) => one, false)
  }
  ask(method: number, fill: (one: StunWriter) => StunWriter, isSigned = true, username = 'ana', id = ++this.#count): number | undefined {
    fill(writer.begin(method, StunClass.request, [id, 0, 0]))
    if (isSigned) {
      writer.text(StunAttribute.username, username).text(StunAttribute.realm, 'example.org').bytes(StunAttribute.nonce, this.#nonce)
      writer.integrity(longTermKey(bytesOf(username), bytesOf('example.org'), 'pw'))
    }
    this.world.send(this.local, SERVER, writer.finishBare())
    const answer = decodeStun(this.world.outside.at(-1)!.bytes)!
    if (answer.id[0] !== id) throw new Error('another answer')
    this.#nonce = valueOf(answer, StunAttribute.nonce)?.slice() ?? this.#nonce
    return errorCodeOf(answer)
  }
  allocate(): void {
    const code = this.ask(StunMethod.allocate, (one) => one.u32(StunAttribute.requestedTransport, 17 << 24))
    if (code !== undefined) throw new Error(`refused: ${code}`)
  }
}

describe('a TURN client at its server', () => {
  it('RFC 8656, 7: allocates after a challenge, and learns both its addresses', () => {
    const world = new TurnWorld()
    const { client } = world.allocated()
    expect(client.isAllocated).toBe(true)
    expect(world.events[0]).toEqual([{ kind: 'allocated', relayed: { address: 99, port: 49_152 }, mapped: { address: 0, port: 5_000 } }])
    expect(world.sent.map(({ label }) => label.contents)).toEqual([
      'turn allocate', 'turn allocate error', 'turn allocate', 'turn allocate success',
    ])
  })

  it('RFC 8656, 9 and 11: relays by permission only, both ways, as indications', () => {
    const world = new TurnWorld()
    const { client, relayed } = world.allocated()
    client.send(PEER, bytesOf('too soon'), identity())
    world.send(PEER, relayed, bytesOf('uninvited'))
    client.permit(PEER.address, 0)
    world.settle()
    expect(client.isPermitted(PEER.address)).toBe(true)
    client.send(PEER, bytesOf('hello'), identity())
    world.settle()
    world.send(PEER, relayed, bytesOf('back'))
    world.send({ ...PEER, port: 1 }, relayed, bytesOf('another port'))
    world.send(OTHER, relayed, bytesOf('another address'))
    expect(world.outside.map(({ bytes, fromPort }) => [text(bytes), fromPort])).toEqual([['hello', relayed.port]])
    expect(world.heard(0)).toEqual(['back', 'another port'])
  })

  it('RFC 8656, 12: a channel makes it four bytes in the place of 36, both ways', () => {
    const world = new TurnWorld()
    const { client, relayed } = world.allocated()
    client.permit(PEER.address, 0)
    client.bind(PEER, 0)
    world.settle()
    world.send(PEER, relayed, bytesOf('ping'))
    client.send(PEER, bytesOf('pong'), identity())
    world.settle()
    const framed = world.sent.filter(({ bytes }) => isChannelData(bytes))
    expect(framed.map(({ bytes }) => [bytes.length, decodeChannelData(bytes)!.channel])).toEqual([[8, CHANNEL_FIRST], [8, CHANNEL_FIRST]])
    expect([world.heard(0), text(world.outside[0].bytes)]).toEqual([['ping'], 'pong'])
  })

  it('RFC 8656, 8, 9 and 12: keeps allocation, permission and channel alive for two hours, across a new nonce', () => {
    const world = new TurnWorld()
    const { client, relayed } = world.allocated()
    client.permit(PEER.address, 0)
    client.bind(OTHER, 0)
    client.permit(OTHER.address, 0)
    world.settle()
    for (let minute = 1; minute <= 120; minute++) {
      world.run(minute * 60 * SECOND)
      world.send(PEER, relayed, bytesOf('p'))
      world.send(OTHER, relayed, bytesOf('o'))
      client.send(OTHER, bytesOf('c'), identity())
      world.settle()
    }
    expect(world.heard(0)).toHaveLength(240)
    expect(world.outside).toHaveLength(120)
    const errors = world.sent.flatMap(({ label, bytes }) => (label.contents.endsWith('error') ? [errorCodeOf(decodeStun(bytes)!)] : []))
    expect(errors).toContain(StunError.staleNonce)
    expect(world.nowUs).toBeGreaterThan(NONCE_US)
  })

  it('RFC 8656, 3.2: without a refresh an allocation ends after 600 s, a permission after 300 s, a channel after 600 s', () => {
    const world = new TurnWorld()
    const { client, relayed } = world.allocated()
    client.permit(PEER.address, 0)
    world.settle()
    world.loses = ({ to }) => to === SERVER.address
    world.nowUs = 299 * SECOND
    const datagram = { ...world.sent[0], from: 20, fromPort: 7_000, toPort: relayed.port }
    expect(world.server.receive({ ...datagram, bytes: bytesOf('x') }, world.nowUs)).toBe(true)
    world.settle()
    expect(world.heard(0)).toEqual(['x'])
    world.nowUs = 300 * SECOND
    world.server.receive({ ...datagram, bytes: bytesOf('y') }, world.nowUs)
    world.settle()
    expect(world.heard(0)).toEqual(['x'])
    expect(world.server.nextWakeUs()).toBe(600 * SECOND)
    world.server.wake(600 * SECOND)
    expect(world.server.allocations).toBe(0)
  })

  it('RFC 8656, 7.2: the same request again gets the same allocation', () => {
    const world = new TurnWorld()
    let isFirst = true
    world.loses = ({ label }) => {
      const isLost = isFirst && label.contents === 'turn allocate success'
      if (isLost) isFirst = false
      return isLost
    }
    const client = world.add()
    client.allocate(0)
    world.settle()
    expect([client.isAllocated, world.server.allocations]).toEqual([false, 1])
    world.run(SECOND)
    expect([client.isAllocated, world.server.allocations]).toEqual([true, 1])
  })

  it('RFC 8489, 9.2.5: a wrong password is refused for good; a server that is silent is given up after 39.5 s', () => {
    const world = new TurnWorld()
    world.add({ password: 'wrong' }).allocate(0)
    world.settle()
    expect(world.events[0]).toEqual([{ kind: 'failed', code: StunError.unauthenticated }])
    world.loses = () => true
    world.add().allocate(0)
    world.run(39_499_999)
    expect(world.events[1]).toEqual([])
    world.run(39_500_000)
    expect(world.events[1]).toEqual([{ kind: 'failed', code: NO_RESPONSE }])
  })

  it('RFC 8656, 8: gives the allocation back', () => {
    const world = new TurnWorld()
    const { client } = world.allocated()
    client.close(0)
    world.settle()
    expect(world.server.allocations).toBe(0)
    expect(client.nextWakeUs()).toBe(Infinity)
  })

  it('two clients of one server reach each other through both their relays', () => {
    const world = new TurnWorld()
    const a = world.allocated()
    const b = world.allocated({ username: 'ben' })
    a.client.permit(SERVER.address, 0)
    b.client.permit(SERVER.address, 0)
    world.settle()
    a.client.send(b.relayed, bytesOf('over'), identity())
    world.settle()
    expect(world.events[1].at(-1)).toMatchObject({ kind: 'data', peer: a.relayed, bytes: bytesOf('over') })
  })

  it('names every datagram by what it is: what is relayed keeps its name, and no two requests share one', () => {
    const world = new TurnWorld()
    const { client } = world.allocated()
    client.permit(PEER.address, 0)
    client.bind(PEER, 0)
    world.settle()
    world.run(3_000 * SECOND)
    const asked = world.sent.filter(({ from }) => from === 0)
    expect(new Set(asked.map(({ keyHi, keyLo }) => `${keyHi} ${keyLo}`)).size).toBe(asked.length)
    client.send(PEER, bytesOf('x'), identity(77))
    world.settle()
    expect(world.sent.slice(-2).map(({ keyHi }) => keyHi)).toEqual([77, 77])
  })
})

describe('a TURN server', () => {
  it('RFC 8489, 6.3.1: answers Binding requests of anybody, and names what it does not understand', () => {
    const world = new TurnWorld()
    world.send(PEER, SERVER, writer.begin(StunMethod.binding, StunClass.request, [1, 2, 3]).finish())
    world.send(PEER, SERVER, writer.begin(StunMethod.binding, StunClass.request, [1, 2, 4]).flag(0x7777).finish())
    const [good, bad] = world.outside.map(({ bytes }) => decodeStun(bytes)!)
    expect(good).toMatchObject({ class: StunClass.success, id: [1, 2, 3] })
    expect(errorCodeOf(bad)).toBe(StunError.unknownAttribute)
    expect(valueOf(bad, StunAttribute.unknownAttributes)).toEqual(Uint8Array.of(0x77, 0x77))
  })

  it('RFC 8656, 7.2 and 8.2: 400, 437, 440, 442', () => {
    const caller = new Caller(new TurnWorld())
    const udp = 17 << 24
    expect(caller.ask(StunMethod.refresh, (one) => one)).toBe(StunError.allocationMismatch)
    expect(caller.ask(StunMethod.allocate, (one) => one)).toBe(StunError.badRequest)
    const { requestedTransport, requestedAddressFamily } = StunAttribute
    expect(caller.ask(StunMethod.allocate, (one) => one.u32(requestedTransport, 6 << 24))).toBe(StunError.unsupportedTransport)
    expect(caller.ask(StunMethod.allocate, (one) => one.u32(requestedTransport, udp).u32(requestedAddressFamily, 2 << 24)))
      .toBe(StunError.addressFamilyNotSupported)
    caller.allocate()
    expect(caller.ask(StunMethod.allocate, (one) => one.u32(StunAttribute.requestedTransport, udp))).toBe(StunError.allocationMismatch)
    expect(caller.ask(0x0b, (one) => one)).toBe(StunError.badRequest)
  })

  it('RFC 8656, 5: 401, 438, 441', () => {
    const world = new TurnWorld()
    const caller = new Caller(world)
    caller.allocate()
    expect(caller.ask(StunMethod.refresh, (one) => one, true, 'ben')).toBe(StunError.wrongCredentials)
    expect(caller.ask(StunMethod.refresh, (one) => one, true, 'eve')).toBe(StunError.unauthenticated)
    world.nowUs = NONCE_US
    expect(caller.ask(StunMethod.allocate, (one) => one)).toBe(StunError.staleNonce)
    expect(caller.ask(StunMethod.allocate, (one) => one)).toBe(StunError.badRequest)
  })

  it('RFC 8656, 9.2 and 12.2: 400, 403, 420, 443', () => {
    const caller = new Caller(new TurnWorld())
    caller.allocate()
    const peer = (one: StunWriter): StunWriter => one.address(StunAttribute.xorPeerAddress, transportAddress(PEER))
    const other = (one: StunWriter): StunWriter => one.address(StunAttribute.xorPeerAddress, transportAddress(OTHER))
    const channel = (one: StunWriter, number: number): StunWriter => one.u32(StunAttribute.channelNumber, number * 2 ** 16)
    expect(caller.ask(StunMethod.createPermission, (one) => one)).toBe(StunError.badRequest)
    const permit = (address: TransportAddress): number | undefined =>
      caller.ask(StunMethod.createPermission, (one) => one.address(StunAttribute.xorPeerAddress, address))
    expect(permit({ family: 'ipv4', ip: 1, port: 1 })).toBe(StunError.forbidden)
    expect(permit({ family: 'ipv6', ip: new Uint8Array(16), port: 1 })).toBe(StunError.peerAddressFamilyMismatch)
    expect(caller.ask(StunMethod.createPermission, (one) => peer(one).flag(0x7001))).toBe(StunError.unknownAttribute)
    expect(caller.ask(StunMethod.createPermission, (one) => other(peer(one)))).toBeUndefined()
    expect(caller.ask(StunMethod.channelBind, (one) => channel(peer(one), 0x3fff))).toBe(StunError.badRequest)
    expect(caller.ask(StunMethod.channelBind, (one) => channel(peer(one), 0x4000))).toBeUndefined()
    expect(caller.ask(StunMethod.channelBind, (one) => channel(peer(one), 0x4000))).toBeUndefined()
    expect(caller.ask(StunMethod.channelBind, (one) => channel(peer(one), 0x4001))).toBe(StunError.badRequest)
    expect(caller.ask(StunMethod.channelBind, (one) => channel(other(one), 0x4000))).toBe(StunError.badRequest)
  })

  it('RFC 8656, 5: 486 where one user has too many, 508 where there are too many permissions', () => {
    const world = new TurnWorld()
    for (let i = 0; i < USER_ALLOCATIONS_MAX; i++) world.allocated()
    const last = world.add()
    last.allocate(0)
    world.settle()
    expect(world.events.at(-1)).toEqual([{ kind: 'failed', code: StunError.allocationQuotaReached }])
    const caller = new Caller(new TurnWorld())
    caller.allocate()
    const codes = Array.from({ length: 130 }, (_, i) => {
      const peer = transportAddress({ address: 100 + i, port: 1 })
      return caller.ask(StunMethod.createPermission, (one) => one.address(StunAttribute.xorPeerAddress, peer))
    })
    expect(codes.filter((code) => code === StunError.insufficientCapacity)).toHaveLength(2)
  })

  it('RFC 8656, 7.2: grants the lifetime that is asked for between its bounds', () => {
    const world = new TurnWorld()
    const caller = new Caller(world)
    caller.allocate()
    const granted = [1, 700, 99_999, 0].map((seconds) => {
      caller.ask(StunMethod.refresh, (one) => one.u32(StunAttribute.lifetime, seconds))
      return u32Of(decodeStun(world.outside.at(-1)!.bytes)!, StunAttribute.lifetime)
    })
    expect([granted, world.server.allocations]).toEqual([[600, 700, 3_600, 0], 0])
  })
})

describe('ChannelData', () => {
  it('RFC 8656, 12.4: comes back, padding aside, and never throws', () => {
    const channels = fc.integer({ min: 0x4000, max: 0x4fff })
    fc.assert(fc.property(channels, fc.uint8Array({ maxLength: 50 }), fc.nat(3), (channel, data, padding) => {
      const bytes = encodeChannelData(channel, data)
      expect(decodeChannelData(Uint8Array.of(...bytes, ...new Uint8Array(padding)))).toEqual({ channel, data })
      if (data.length > 0) expect(decodeChannelData(bytes.subarray(0, bytes.length - 1))).toBeUndefined()
    }))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      decodeChannelData(bytes)
    }))
  })
})
