/** RFC 5769, section 2: the sample messages, to the byte. Padding of the first three is of spaces, which RFC 8489 (14) has made zeros. */
import { hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { StunAttribute, StunClass, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { checkIntegrity, longTermKey, shortTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { addressAt, decodeStun, placeOf, type StunMessage, u32Of, u64Of, valueOf } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'

const hex = (text: string): Uint8Array => hexToBytes(text.replace(/\s+/g, ''))
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt'

const REQUEST = hex(`
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36 00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2 80 28 00 04 e5 7a 3b cf`)
const RESPONSE_IPV4 = hex(`
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7 80 28 00 04 c0 7d 4c 96`)
const RESPONSE_IPV6 = hex(`
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41 80 28 00 04 c8 fb 0b 4c`)
const LONG_TERM = hex(`
  00 01 00 60 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e
  00 06 00 12 e3 83 9e e3 83 88 e3 83 aa e3 83 83 e3 82 af e3 82 b9 00 00
  00 15 00 1c 66 2f 2f 34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 79 36 34 73 41
  00 14 00 0b 65 78 61 6d 70 6c 65 2e 6f 72 67 00 00 08 00 14 f6 70 24 65 6d d6 4a 3e 02 b8 e0 71 2e 85 c9 a2 8c a8 96 66`)

const decoded = (bytes: Uint8Array): StunMessage => {
  const message = decodeStun(bytes)
  if (message === undefined) throw new Error('not decoded')
  return message
}
const text = (message: StunMessage, type: number): string => new TextDecoder().decode(valueOf(message, type))
/** The message up to its integrity, with zeros for padding. */
const zeroPadded = (bytes: Uint8Array): Uint8Array => {
  const message = decoded(bytes)
  const copy = bytes.slice()
  for (const { offset, length } of message.places) copy.fill(0, offset + length, offset + ((length + 3) & ~3))
  return copy.subarray(0, placeOf(message, StunAttribute.messageIntegrity)!.offset - 4)
}

describe('RFC 5769', () => {
  it('2.1, sample request: attributes, integrity, fingerprint', () => {
    const message = decoded(REQUEST)
    expect([message.class, message.method]).toEqual([StunClass.request, StunMethod.binding])
    expect(message.id).toEqual([0xb7e7a701, 0xbc34d686, 0xfa87dfae])
    expect(text(message, StunAttribute.software)).toBe('STUN test client')
    expect(text(message, StunAttribute.username)).toBe('evtj:h6vY')
    expect(u32Of(message, StunAttribute.priority)).toBe(0x6e0001ff)
    expect(u64Of(message, StunAttribute.iceControlled)).toEqual([0x932ff9b1, 0x51263b36])
    expect(checkIntegrity(message, shortTermKey(PASSWORD))).toBe('sha1')
    expect(checkIntegrity(message, shortTermKey(`${PASSWORD}x`))).toBe('wrong')
    expect(message.hasFingerprint).toBe(true)
  })

  it('2.1, written: the same to the byte, but for padding and what is computed over it', () => {
    const message = decoded(REQUEST)
    const bytes = new StunWriter().begin(StunMethod.binding, StunClass.request, message.id).text(StunAttribute.software, 'STUN test client')
      .u32(StunAttribute.priority, 0x6e0001ff).u64(StunAttribute.iceControlled, [0x932ff9b1, 0x51263b36])
      .text(StunAttribute.username, 'evtj:h6vY').integrity(shortTermKey(PASSWORD)).finish()
    expect(bytes.length).toBe(REQUEST.length)
    expect(bytes.subarray(0, zeroPadded(REQUEST).length)).toEqual(zeroPadded(REQUEST))
    expect(checkIntegrity(decoded(bytes), shortTermKey(PASSWORD))).toBe('sha1')
  })

  it('2.2, sample IPv4 response: 192.0.2.1:32853', () => {
    const message = decoded(RESPONSE_IPV4)
    expect(message.class).toBe(StunClass.success)
    expect(addressAt(message, placeOf(message, StunAttribute.xorMappedAddress)!)).toEqual({ family: 'ipv4', ip: 0xc000_0201, port: 32_853 })
    expect(checkIntegrity(message, shortTermKey(PASSWORD))).toBe('sha1')
    const bytes = new StunWriter().begin(StunMethod.binding, StunClass.success, message.id).text(StunAttribute.software, 'test vector')
      .address(StunAttribute.xorMappedAddress, { family: 'ipv4', ip: 0xc000_0201, port: 32_853 }).integrity(shortTermKey(PASSWORD)).finish()
    expect(bytes.subarray(0, zeroPadded(RESPONSE_IPV4).length)).toEqual(zeroPadded(RESPONSE_IPV4))
  })

  it('2.3, sample IPv6 response: [2001:db8:1234:5678:11:2233:4455:6677]:32853', () => {
    const message = decoded(RESPONSE_IPV6)
    const address = { family: 'ipv6', ip: hex('20010db8123456780011223344556677'), port: 32_853 } as const
    expect(addressAt(message, placeOf(message, StunAttribute.xorMappedAddress)!)).toEqual(address)
    expect(checkIntegrity(message, shortTermKey(PASSWORD))).toBe('sha1')
    const bytes = new StunWriter().begin(StunMethod.binding, StunClass.success, message.id).text(StunAttribute.software, 'test vector')
      .address(StunAttribute.xorMappedAddress, address).integrity(shortTermKey(PASSWORD)).finish()
    expect(bytes.subarray(0, zeroPadded(RESPONSE_IPV6).length)).toEqual(zeroPadded(RESPONSE_IPV6))
  })

  it('2.4, sample request with long-term authentication: read, and written to the byte', () => {
    const message = decoded(LONG_TERM)
    expect(text(message, StunAttribute.username)).toBe('マトリックス')
    expect(text(message, StunAttribute.nonce)).toBe('f//499k954d6OL34oL9FSTvy64sA')
    const username = valueOf(message, StunAttribute.username)!
    const key = longTermKey(username, valueOf(message, StunAttribute.realm)!, 'TheMatrIX')
    expect(checkIntegrity(message, key)).toBe('sha1')
    expect(message.hasFingerprint).toBe(false)
    const bytes = new StunWriter().begin(StunMethod.binding, StunClass.request, message.id).text(StunAttribute.username, 'マトリックス')
      .text(StunAttribute.nonce, 'f//499k954d6OL34oL9FSTvy64sA').text(StunAttribute.realm, 'example.org').integrity(key).finishBare()
    expect(bytes).toEqual(LONG_TERM)
  })
})
