import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NAT_ADDRESS_MIN } from '../../../../sim/net/internet.ts'
import { addressOf, dottedIpv4, ipv4Of, parseDottedIpv4 } from '../../../../sim/net/ipv4.ts'
import { ATTRIBUTES_MAX, StunAttribute, StunClass, StunError, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { checkIntegrity, shortTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import {
  addressAt, decodeStun, errorCodeOf, placeOf, socketOf, type TransactionId, unknownAttributes, valueOf,
} from '../../../../sim/webrtc/stun/message.ts'
import { retransmission, TRANSACTION_US, Transactions } from '../../../../sim/webrtc/stun/transactions.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'

const KEY = shortTermKey('password')
const ID: TransactionId = [1, 2, 0xffff_ffff]
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const writer = new StunWriter()

describe('addresses', () => {
  it('are IPv4 addresses of two nets, and come back', () => {
    fc.assert(fc.property(fc.nat(4_095), (address) => {
      expect(addressOf(ipv4Of(address))).toBe(address)
      expect(parseDottedIpv4(dottedIpv4(address))).toBe(address)
    }))
    expect([0, 259, NAT_ADDRESS_MIN, 4_095].map(dottedIpv4)).toEqual(['10.0.0.0', '10.0.1.3', '203.0.113.0', '203.0.113.255'])
    expect([0, ipv4Of(NAT_ADDRESS_MIN - 1) + 1, 0xcb00_7200].map(addressOf)).toEqual([undefined, undefined, undefined])
  })
})

describe('STUN messages', () => {
  it('RFC 8489, 5: every class and method comes back from its bits', () => {
    for (const kind of Object.values(StunClass)) {
      for (const method of [1, 3, 0x7f, 0x80, 0xff]) {
        expect(decodeStun(writer.begin(method, kind, ID).finish())).toMatchObject({ class: kind, method, id: ID })
      }
    }
  })

  it('RFC 8489, 14: attributes of any length come back', () => {
    const attribute = fc.tuple(fc.integer({ min: 0x4000, max: 0x7fff }), fc.uint8Array({ maxLength: 60 }))
    fc.assert(fc.property(fc.array(attribute, { maxLength: 10 }), (attributes) => {
      writer.begin(StunMethod.binding, StunClass.request, ID)
      for (const [type, value] of attributes) writer.bytes(type, value)
      const message = decodeStun(writer.integrity(KEY).finish())!
      for (const [type] of attributes) expect(valueOf(message, type)).toEqual(attributes.find((one) => one[0] === type)![1])
      expect(checkIntegrity(message, KEY)).toBe('sha1')
    }))
  })

  it('RFC 8489, 14.1 and 14.2: addresses of both families, plain and by XOR', () => {
    const address = fc.oneof(
      fc.record({ family: fc.constant('ipv4' as const), ip: u32, port: fc.nat(65_535) }),
      fc.record({ family: fc.constant('ipv6' as const), ip: fc.uint8Array({ minLength: 16, maxLength: 16 }), port: fc.nat(65_535) }),
    )
    fc.assert(fc.property(address, fc.tuple(u32, u32, u32), fc.boolean(), (one, id, isPlain) => {
      const type = isPlain ? StunAttribute.mappedAddress : StunAttribute.xorMappedAddress
      const message = decodeStun(writer.begin(StunMethod.binding, StunClass.success, id).address(type, one).finish())!
      expect(addressAt(message, placeOf(message, type)!)).toEqual(one)
    }))
  })

  it('RFC 8489, 14.5: what stands behind an integrity attribute is not looked at, but for a stronger one and the fingerprint', () => {
    writer.begin(StunMethod.binding, StunClass.request, ID).integrity(KEY).text(StunAttribute.username, 'eve')
    const message = decodeStun(writer.integrity(KEY, 'sha256').text(StunAttribute.realm, 'eve').finish())!
    expect(placeOf(message, StunAttribute.username)).toBeUndefined()
    expect(placeOf(message, StunAttribute.realm)).toBeUndefined()
    expect(message.hasFingerprint).toBe(true)
  })

  it('RFC 8489, 14.6: SHA-256 counts where it is there, and is not to be fooled by a good SHA-1', () => {
    const message = decodeStun(writer.begin(1, 0, ID).integrity(KEY).integrity(KEY, 'sha256').finish())!
    expect(checkIntegrity(message, KEY)).toBe('sha256')
    const other = decodeStun(writer.begin(1, 0, ID).integrity(KEY).integrity(shortTermKey('other'), 'sha256').finish())!
    expect(checkIntegrity(other, KEY)).toBe('wrong')
    expect(checkIntegrity(decodeStun(writer.begin(1, 0, ID).finish())!, KEY)).toBe('missing')
  })

  it('RFC 8489, 14.7: a wrong fingerprint, or anything behind it, makes it none', () => {
    const good = writer.begin(1, 0, ID).text(StunAttribute.software, 'x').finish()
    for (let i = 0; i < good.length; i++) {
      const bad = good.slice()
      bad[i] ^= 1
      // The type of the attribute itself may change: then it is another attribute, which need not be understood.
      if (i !== good.length - 8 && i !== good.length - 7) expect(decodeStun(bad)).toBeUndefined()
    }
    expect(decodeStun(writer.begin(1, 0, ID).u32(StunAttribute.fingerprint, 0).finish())).toBeUndefined()
  })

  it('RFC 8489, 14.8: error codes; 14: attributes that must be understood', () => {
    for (const code of Object.values(StunError)) {
      expect(errorCodeOf(decodeStun(writer.begin(1, StunClass.error, ID).error(code).finish())!)).toBe(code)
    }
    const odd = decodeStun(writer.begin(1, 0, ID).flag(0x7001).flag(0x8001).flag(StunAttribute.useCandidate).finish())!
    expect(unknownAttributes(odd, new Set([StunAttribute.useCandidate]))).toEqual([0x7001])
  })

  it('has a bound on attributes, and never throws on bytes', () => {
    writer.begin(1, 0, ID)
    for (let i = 0; i <= ATTRIBUTES_MAX; i++) writer.flag(0x8001)
    expect(decodeStun(writer.finishBare())).toBeUndefined()
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, hasHeader) => {
      if (hasHeader && bytes.length >= 20) {
        bytes.set([0, 1, 0, bytes.length - 20, 0x21, 0x12, 0xa4, 0x42])
      }
      const message = decodeStun(bytes)
      if (message === undefined) return
      checkIntegrity(message, KEY)
      errorCodeOf(message)
      for (const type of Object.values(StunAttribute)) socketOf(message, type)
    }), { numRuns: 2_000 })
  })
})

describe('STUN transactions', () => {
  it('RFC 8489, 6.2.1: RTO 500 ms, Rc 7, Rm 16: sent at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, failed at 39500 ms', () => {
    const sentMs: number[] = []
    const failedMs: number[] = []
    const transactions = new Transactions<string>(
      (_, nowUs) => void sentMs.push(nowUs / 1_000), (_, nowUs) => void failedMs.push(nowUs / 1_000),
    )
    transactions.begin(ID, new Uint8Array(0), 'x', retransmission(), 0)
    while (transactions.nextWakeUs() < Infinity) transactions.wake(transactions.nextWakeUs())
    expect(sentMs).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500])
    expect(failedMs).toEqual([39_500])
    expect(TRANSACTION_US).toBe(39_500_000)
  })

  it('RFC 8445, 7.3.1.4: a silenced one is sent no more and does not fail, but takes its response', () => {
    let count = 0
    const transactions = new Transactions<string>(() => void count++, () => void (count += 100))
    transactions.begin(ID, new Uint8Array(0), 'x', retransmission(), 0)
    transactions.silence(() => true)
    transactions.wake(transactions.nextWakeUs())
    expect(transactions.find(ID)?.context).toBe('x')
    expect(transactions.answered([1, 2, 3])).toBeUndefined()
    expect(transactions.answered(ID)?.context).toBe('x')
    expect([count, transactions.nextWakeUs()]).toEqual([1, Infinity])
  })
})
