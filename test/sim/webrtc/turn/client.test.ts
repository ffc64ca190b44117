/** A TURN client (RFC 8656; RFC 8489, section 9.2.5) whose server, or somebody in its place, says whatever it likes. */
import { describe, expect, it } from 'vitest'
import type { SocketAddress } from '../../../../sim/net/datagram.ts'
import { StunAttribute, StunClass, StunError, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { longTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, type StunMessage, transportAddress, u32Of, valueOf } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'
import { encodeChannelData } from '../../../../sim/webrtc/turn/channeldata.ts'
import { NO_RESPONSE, TurnClient, type TurnEvent } from '../../../../sim/webrtc/turn/client.ts'
import { bytesOf, identity, SERVER, text } from './world.ts'

const SECOND = 1_000_000
const LOCAL = { address: 1, port: 5_000 }
const PEER = { address: 20, port: 7_000 }
const RELAYED = { address: SERVER.address, port: 49_152 }
const KEY = longTermKey(bytesOf('ana'), bytesOf('r'), 'pw')
const writer = new StunWriter()

class Bench {
  nowUs = 0
  readonly client = new TurnClient({
    server: SERVER, username: 'ana', password: 'pw', local: LOCAL, connection: 1, node: 1, ordinal: 1, secret: 1,
  })
  readonly events: TurnEvent[] = []
  readonly sent: Uint8Array[] = []

  /** The requests that leave now. */
  requests(): StunMessage[] {
    this.sent.length = 0
    for (let event = this.client.poll(); event !== undefined; event = this.client.poll()) {
      if (event.kind === 'transmit') this.sent.push(event.datagram.bytes.slice())
      else this.events.push(event)
    }
    return this.sent.flatMap((bytes) => decodeStun(bytes) ?? [])
  }
  give(bytes: Uint8Array, from: SocketAddress = SERVER, to: SocketAddress = LOCAL): boolean {
    const ends = { from: from.address, fromPort: from.port, to: to.address, toPort: to.port }
    return this.client.receive({ id: 0, ecn: 0, bytes, ...ends, ...identity() }, this.nowUs)
  }
  /** Answers a request: `fill` writes what the answer has, `password` signs it. */
  answer({ id, method }: StunMessage, kind: StunClass, fill: (to: StunWriter) => unknown = () => {}, password: string | undefined = 'pw') {
    fill(writer.begin(method, kind, id))
    if (password !== '') writer.integrity(password === 'pw' ? KEY : longTermKey(bytesOf('ana'), bytesOf('r'), password))
    return this.give(writer.finishBare())
  }
  refuse(request: StunMessage, code: number, password = '', nonce: string | undefined = 'n1'): boolean {
    return this.answer(request, StunClass.error, (to) => {
      to.error(code)
      if (nonce !== undefined) to.text(StunAttribute.realm, 'r').text(StunAttribute.nonce, nonce)
    }, password)
  }
  grant(request: StunMessage, seconds = 600, password = 'pw'): boolean {
    return this.answer(request, StunClass.success, (to) => to.address(StunAttribute.xorRelayedAddress, transportAddress(RELAYED))
      .u32(StunAttribute.lifetime, seconds).address(StunAttribute.xorMappedAddress, transportAddress(LOCAL)), password)
  }
  /** The signed request for an allocation. */
  challenged(): StunMessage {
    this.client.allocate(0)
    const [first] = this.requests()
    this.refuse(first, StunError.unauthenticated)
    return this.requests()[0]
  }
  allocated(): this {
    this.grant(this.challenged())
    this.requests()
    if (!this.client.isAllocated) throw new Error('not allocated')
    return this
  }
  permitted(): this {
    this.client.permit(PEER.address, this.nowUs)
    this.answer(this.requests()[0], StunClass.success)
    this.requests()
    return this
  }
  get kinds(): string[] {
    return this.events.map(({ kind }) => kind)
  }
  wakeAt(nowUs: number): StunMessage[] {
    this.nowUs = nowUs
    this.client.wake(nowUs)
    return this.requests()
  }
}

describe('RFC 8489, 9.2.5: what is taken for an answer', () => {
  it('nothing that is not signed, or wrongly, once the request was', () => {
    const bench = new Bench()
    const request = bench.challenged()
    bench.grant(request, 600, '')
    bench.grant(request, 600, 'wrong')
    bench.refuse(request, StunError.forbidden)
    bench.refuse(request, StunError.unauthenticated, 'wrong')
    expect([bench.client.isAllocated, bench.requests(), bench.kinds]).toEqual([false, [], []])
    bench.grant(request)
    expect([bench.client.isAllocated, bench.requests(), bench.kinds]).toEqual([true, [], ['allocated']])
  })

  it('nothing from elsewhere, to elsewhere, of another transaction or another method', () => {
    const bench = new Bench()
    const request = bench.challenged()
    const answers = (change: Partial<StunMessage>, from = SERVER, to = LOCAL): boolean => {
      writer.begin(change.method ?? request.method, StunClass.success, change.id ?? request.id).integrity(KEY)
      return bench.give(writer.finishBare(), from, to)
    }
    const strangers = [
      answers({}, { ...SERVER, port: 1 }), answers({}, { ...SERVER, address: 98 }), answers({}, SERVER, { ...LOCAL, port: 1 }),
      answers({}, SERVER, { ...LOCAL, address: 2 }), answers({ id: [1, 2, 3] }),
    ]
    expect(strangers).toEqual([false, false, false, false, false])
    expect(answers({ method: StunMethod.refresh })).toBe(true)
    expect([bench.give(Uint8Array.of(1, 2, 3)), bench.client.isAllocated, bench.requests()]).toEqual([false, false, []])
  })

  it('not a request of its own that is thrown back at it', () => {
    const bench = new Bench().allocated()
    bench.client.permit(PEER.address, 0)
    bench.requests()
    expect(bench.give(bench.sent[0])).toBe(false)
    expect([bench.requests(), bench.client.isPermitted(PEER.address)]).toEqual([[], false])
  })

  it('not an error without a number', () => {
    const bench = new Bench()
    const request = bench.challenged()
    bench.answer(request, StunClass.error)
    expect(bench.requests()).toEqual([])
    bench.grant(request)
    expect(bench.client.isAllocated).toBe(true)
  })
})

describe('RFC 8489, 9.2.4 and 9.2.5: challenges', () => {
  it('a second 401 says that the password is wrong', () => {
    const bench = new Bench()
    bench.refuse(bench.challenged(), StunError.unauthenticated)
    expect([bench.requests(), bench.events]).toEqual([[], [{ kind: 'failed', code: StunError.unauthenticated }]])
  })

  it('the first request says nothing, the next who asks and what it was told', () => {
    const bench = new Bench()
    bench.client.allocate(0)
    const [first] = bench.requests()
    expect(valueOf(first, StunAttribute.username)).toBeUndefined()
    const signed = new Bench().challenged()
    const told = [StunAttribute.username, StunAttribute.realm, StunAttribute.nonce].map((type) => text(valueOf(signed, type)!))
    expect(told).toEqual(['ana', 'r', 'n1'])
  })

  it('a new nonce is used, three times at the most', () => {
    const bench = new Bench()
    let [request]: (StunMessage | undefined)[] = [bench.challenged()]
    const nonces: string[] = []
    for (let i = 2; request !== undefined && i < 10; i++) {
      bench.refuse(request, StunError.staleNonce, '', `n${i}`)
      ;[request] = bench.requests()
      if (request !== undefined) nonces.push(text(valueOf(request, StunAttribute.nonce)!))
    }
    // The first of the three was the challenge.
    expect([nonces, bench.events]).toEqual([['n2', 'n3'], [{ kind: 'failed', code: StunError.staleNonce }]])
  })

  it('without realm or nonce, or with one that is too long, it is a refusal', () => {
    const fills: readonly ((to: StunWriter) => unknown)[] = [
      (to) => to.text(StunAttribute.realm, 'r'), (to) => to.text(StunAttribute.nonce, 'n'),
      (to) => to.text(StunAttribute.realm, 'r'.repeat(764)).text(StunAttribute.nonce, 'n'),
      (to) => to.text(StunAttribute.realm, 'r').text(StunAttribute.nonce, 'n'.repeat(764)),
    ]
    for (const fill of fills) {
      const bench = new Bench()
      bench.client.allocate(0)
      bench.answer(bench.requests()[0], StunClass.error, (to) => fill(to.error(StunError.unauthenticated)), '')
      expect([bench.requests(), bench.kinds]).toEqual([[], ['failed']])
    }
    const longest = new Bench()
    longest.client.allocate(0)
    longest.answer(longest.requests()[0], StunClass.error, (to) => to.error(StunError.unauthenticated)
      .text(StunAttribute.realm, 'r'.repeat(763)).text(StunAttribute.nonce, 'n'.repeat(763)), '')
    expect(longest.requests().length).toBe(1)
  })

  it('what it has learnt is its own: the datagram may be used again', () => {
    const kept = new Bench()
    kept.client.allocate(0)
    const [asked] = kept.requests()
    writer.begin(asked.method, StunClass.error, asked.id).error(StunError.unauthenticated)
    const reused = writer.text(StunAttribute.realm, 'r').text(StunAttribute.nonce, 'n1').finishBare().slice()
    kept.give(reused)
    reused.fill(0, 20)
    const [signed] = kept.requests()
    kept.grant(signed)
    kept.requests()
    kept.client.permit(PEER.address, 0)
    const [permission] = kept.requests()
    expect([text(valueOf(permission, StunAttribute.realm)!), text(valueOf(permission, StunAttribute.nonce)!)]).toEqual(['r', 'n1'])
  })
})

describe('RFC 8656, 7.3 and 8: an allocation', () => {
  it('needs both addresses', () => {
    for (const attribute of [StunAttribute.xorRelayedAddress, StunAttribute.xorMappedAddress]) {
      const bench = new Bench()
      bench.answer(bench.challenged(), StunClass.success, (to) => to.address(attribute, transportAddress(LOCAL)))
      expect([bench.requests(), bench.events]).toEqual([[], [{ kind: 'failed', code: StunError.badRequest }]])
    }
  })

  it('is refreshed a minute before its end, but not more often than each minute, whatever the server says', () => {
    for (const [seconds, after] of [[600, 540], [3_600, 3_540], [121, 61], [100, 60], [0, 60]]) {
      const afterUs = after * SECOND
      const bench = new Bench()
      bench.grant(bench.challenged(), seconds)
      bench.requests()
      expect(bench.client.nextWakeUs()).toBe(afterUs)
      expect(bench.wakeAt(afterUs - 1)).toEqual([])
      const [refresh] = bench.wakeAt(afterUs)
      expect([refresh.method, u32Of(refresh, StunAttribute.lifetime)]).toEqual([StunMethod.refresh, 600])
      bench.answer(refresh, StunClass.success)
      // Nothing said of it: ten minutes.
      expect(bench.client.nextWakeUs()).toBe(afterUs + 540 * SECOND)
    }
  })

  it('that is refused, or not refreshed any more, is the end of everything', () => {
    const bench = new Bench().allocated().permitted()
    const [permission, refresh] = [240 * SECOND, 540 * SECOND].map((nowUs) => bench.wakeAt(nowUs).at(-1)!)
    expect([permission.method, refresh.method]).toEqual([StunMethod.createPermission, StunMethod.refresh])
    bench.refuse(refresh, StunError.allocationMismatch, 'pw', undefined)
    expect([bench.requests(), bench.events.at(-1)]).toEqual([[], { kind: 'failed', code: StunError.allocationMismatch }])
    expect([bench.client.nextWakeUs(), bench.client.isAllocated, bench.client.isPermitted(PEER.address)]).toEqual([Infinity, false, false])
    bench.client.send(PEER, bytesOf('x'), identity())
    bench.client.permit(PEER.address, 0)
    bench.client.bind(PEER, 0)
    expect([bench.requests(), bench.sent]).toEqual([[], []])
  })

  it('is given back with its requests, and what comes then says nothing', () => {
    const bench = new Bench().allocated().permitted()
    bench.client.permit(21, 0)
    bench.requests()
    const before = bench.kinds.length
    bench.client.close(0)
    const [refresh, ...others] = bench.requests()
    expect([refresh.method, u32Of(refresh, StunAttribute.lifetime), others]).toEqual([StunMethod.refresh, 0, []])
    bench.answer(refresh, StunClass.success)
    expect([bench.client.nextWakeUs(), bench.client.isPermitted(PEER.address)]).toEqual([Infinity, false])
    const silent = new Bench().allocated()
    silent.client.close(0)
    while (silent.client.nextWakeUs() < Infinity) silent.wakeAt(silent.client.nextWakeUs())
    expect([silent.kinds, bench.kinds.length]).toEqual([['allocated'], before])
    const never = new Bench()
    never.client.allocate(0)
    never.requests()
    never.client.close(0)
    expect([never.requests(), never.client.nextWakeUs()]).toEqual([[], Infinity])
  })
})

describe('RFC 8656, 9 to 12: permissions and channels', () => {
  it('a permission that is refused is none, may be asked for again, and leaves the allocation', () => {
    const bench = new Bench().allocated()
    bench.client.permit(PEER.address, 0)
    bench.client.permit(PEER.address, 0)
    const [request, ...others] = bench.requests()
    expect(others).toEqual([])
    bench.refuse(request, StunError.forbidden, 'pw', undefined)
    expect([bench.requests(), bench.events.at(-1)]).toEqual([[], { kind: 'refused', address: 20, code: StunError.forbidden }])
    expect([bench.client.isAllocated, bench.client.isPermitted(20)]).toEqual([true, false])
    bench.permitted()
    expect([bench.client.isPermitted(20), bench.events.at(-1)]).toEqual([true, { kind: 'permitted', address: 20 }])
    // It is renewed after four minutes, and that is no news.
    const count = bench.events.length
    bench.answer(bench.wakeAt(240 * SECOND)[0], StunClass.success)
    expect([bench.requests(), bench.events.length, bench.client.nextWakeUs()]).toEqual([[], count, 480 * SECOND])
  })

  it('437 for a permission says that the allocation is gone; silence, that nobody is there', () => {
    const gone = new Bench().allocated()
    gone.client.permit(20, 0)
    gone.refuse(gone.requests()[0], StunError.allocationMismatch, 'pw', undefined)
    expect([gone.requests(), gone.events.at(-1)]).toEqual([[], { kind: 'failed', code: StunError.allocationMismatch }])
    const silent = new Bench().allocated()
    silent.client.permit(20, 0)
    silent.requests()
    while (silent.client.nextWakeUs() < 60 * SECOND) silent.wakeAt(silent.client.nextWakeUs())
    expect(silent.events.at(-1)).toEqual({ kind: 'refused', address: 20, code: NO_RESPONSE })
  })

  it('a channel that is refused leaves indications, and is asked for again a minute later', () => {
    const bench = new Bench().allocated().permitted()
    bench.client.bind(PEER, 0)
    bench.client.bind(PEER, 0)
    const [request, ...others] = bench.requests()
    expect([request.method, u32Of(request, StunAttribute.channelNumber), others]).toEqual([StunMethod.channelBind, 0x4000_0000, []])
    bench.refuse(request, StunError.insufficientCapacity, 'pw', undefined)
    bench.client.send(PEER, bytesOf('x'), identity())
    expect(bench.requests().map(({ method }) => method)).toEqual([StunMethod.send])
    const [again] = bench.wakeAt(60 * SECOND)
    expect(again.method).toBe(StunMethod.channelBind)
    bench.answer(again, StunClass.success)
    bench.client.send(PEER, bytesOf('x'), identity())
    bench.requests()
    expect(bench.sent).toEqual([encodeChannelData(0x4000, bytesOf('x'))])
    // A refresh that is refused brings the indications back.
    const refreshes = [240, 480, 540, 600].flatMap((seconds) => bench.wakeAt(seconds * SECOND))
    const rebind = refreshes.find(({ method }) => method === StunMethod.channelBind)!
    bench.refuse(rebind, StunError.badRequest, 'pw', undefined)
    bench.client.send(PEER, bytesOf('x'), identity())
    expect(bench.requests().map(({ method }) => method)).toEqual([StunMethod.send])
  })

  it('11.4 and 12.7: data counts from whom there is a permission, on a channel that there is, in an indication that is whole', () => {
    const bench = new Bench().allocated().permitted()
    bench.client.bind(PEER, 0)
    bench.client.bind({ address: 21, port: 1 }, 0)
    for (const request of bench.requests()) bench.answer(request, StunClass.success)
    const indication = (fill: (to: StunWriter) => unknown, method: number = StunMethod.data): boolean => {
      fill(writer.begin(method, StunClass.indication, [1, 2, 3]))
      return bench.give(writer.finishBare())
    }
    const from = (peer: SocketAddress) => (to: StunWriter) =>
      to.address(StunAttribute.xorPeerAddress, transportAddress(peer)).bytes(StunAttribute.data, bytesOf('i'))
    expect([indication(from(PEER)), indication(from({ address: 21, port: 1 }))]).toEqual([true, true])
    expect(indication(from(PEER), StunMethod.send)).toBe(false)
    expect(indication((to) => to.bytes(StunAttribute.data, bytesOf('i')))).toBe(false)
    expect(indication((to) => to.address(StunAttribute.xorPeerAddress, transportAddress(PEER)))).toBe(false)
    for (const channel of [0x4000, 0x4001, 0x4002]) expect(bench.give(encodeChannelData(channel, bytesOf('c')))).toBe(true)
    bench.requests()
    const heard = bench.events.flatMap((event) => (event.kind === 'data' ? [[event.peer, text(event.bytes), event.identity]] : []))
    expect(heard).toEqual([[PEER, 'i', identity()], [PEER, 'c', identity()]])
  })
})
