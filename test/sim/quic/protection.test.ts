/** Packet protection against the samples of RFC 9001, appendix A (A.5 is ChaCha20, which is not offered), and its laws. */
import { gcm } from '@noble/ciphers/aes.js'
import { bytesToHex, hexToBytes as hex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Aes128Gcm } from '../../../sim/quic/aesgcm.ts'
import { expandLabel, extract } from '../../../sim/quic/keyderivation.ts'
import { initialKeys, packetKeys, type PacketKeys, type ProtectionKind, TAG_BYTES, updatedKeys } from '../../../sim/quic/protection.ts'
import { CLIENT_CRYPTO, CLIENT_HEADER, CLIENT_PACKET, DESTINATION, SERVER_HEADER, SERVER_PACKET, SERVER_PAYLOAD } from './vectors.ts'

const NONE = new Uint8Array(0)
const KINDS: readonly ProtectionKind[] = ['tag', 'aead']
const SALT = hex('38762cf7f55934b34d179ae6a4c80cadccbb7f0a')

function sealed(keys: PacketKeys, header: Uint8Array, pnBytes: number, payload: Uint8Array, packetNumber: number, before = 0): Uint8Array {
  const bytes = new Uint8Array(before + header.length + payload.length + TAG_BYTES)
  bytes.set(header, before)
  bytes.set(payload, before + header.length)
  keys.seal(bytes, before, pnBytes, before + header.length, bytes.length - TAG_BYTES, packetNumber)
  return bytes
}

describe('RFC 9001 appendix A', () => {
  it('A.1: the initial secrets and the keys of both ends', () => {
    const secret = extract('aead', SALT, DESTINATION)
    expect(bytesToHex(secret)).toBe('7db5df06e7a69e432496adedb00851923595221596ae2ae9fb8115c1e9ed0a44')
    const expected = {
      'client in': ['c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea', '1f369613dd76d5467730efcbe3b1a22d',
        'fa044b2f42a3fd3b46fb255c', '9f50449e04a0e810283a1e9933adedd2'],
      'server in': ['3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b', 'cf3a5331653c364c88f0f379b6067e37',
        '0ac1493ca1905853b0bba03e', 'c206b8d9b9f0f37644430b490eeaa314'],
    }
    for (const [label, [own, key, iv, hp]] of Object.entries(expected)) {
      const side = expandLabel('aead', secret, label, NONE, 32)
      expect(bytesToHex(side)).toBe(own)
      expect(bytesToHex(expandLabel('aead', side, 'quic key', NONE, 16))).toBe(key)
      expect(bytesToHex(expandLabel('aead', side, 'quic iv', NONE, 12))).toBe(iv)
      expect(bytesToHex(expandLabel('aead', side, 'quic hp', NONE, 16))).toBe(hp)
    }
  })

  const padded = new Uint8Array(1162)
  padded.set(CLIENT_CRYPTO)
  it.each([
    ['A.2: the client Initial', 'client', CLIENT_HEADER, 4, padded, 2, CLIENT_PACKET, 0xc3],
    ['A.3: the server Initial', 'server', SERVER_HEADER, 2, SERVER_PAYLOAD, 1, SERVER_PACKET, 0xc1],
  ] as const)('%s, sealed and opened', (_, by, header, pnBytes, payload, number, packet, first) => {
    const keys = initialKeys('aead', DESTINATION, by)
    expect(bytesToHex(sealed(keys, header, pnBytes, payload, number))).toBe(bytesToHex(packet))

    const bytes = packet.slice()
    const pnOffset = header.length - pnBytes
    expect(keys.unmask(bytes, 0, pnOffset, bytes.length)).toEqual({ first, pnBytes, truncated: number })
    expect(keys.open(bytes, 0, header.length, bytes.length, number)).toBe(true)
    expect(bytesToHex(bytes.subarray(0, -TAG_BYTES))).toBe(bytesToHex(header) + bytesToHex(payload))
  })

  it('A.5: the secret after a key update, which asks for no cipher', () => {
    const secret = hex('9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b')
    const updated = updatedKeys('aead', secret, packetKeys('aead', secret))
    expect(bytesToHex(updated.secret)).toBe('1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9')
  })
})

describe('NIST SP 800-38D', () => {
  it('AES-128-GCM agrees with another implementation for every length', () => {
    const byteArrays = (most: number) => fc.uint8Array({ maxLength: most })
    const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    const inputs = [exactly(16), exactly(12), byteArrays(60), byteArrays(200), fc.maxSafeNat()] as const
    fc.assert(fc.property(...inputs, (key, iv, header, payload, number) => {
      const nonce = iv.slice()
      const view = new DataView(nonce.buffer)
      view.setUint32(4, view.getUint32(4) ^ Math.floor(number / 2 ** 32))
      view.setUint32(8, view.getUint32(8) ^ number)
      const bytes = new Uint8Array(header.length + payload.length + TAG_BYTES)
      bytes.set(header)
      bytes.set(payload, header.length)
      const cipher = new Aes128Gcm(key, iv)
      cipher.seal(new DataView(bytes.buffer), 0, header.length, header.length + payload.length, number)
      expect(bytes.subarray(header.length)).toEqual(gcm(key, nonce, header).encrypt(payload))
      expect(cipher.open(new DataView(bytes.buffer), 0, header.length, header.length + payload.length, number)).toBe(true)
      expect(bytes.subarray(header.length, header.length + payload.length)).toEqual(payload)
    }))
  })
})

describe.each(KINDS)('RFC 9001 section 5: packets protected by %s', (kind) => {
  const secret = new Uint8Array(32).map((_, i) => i * 7)

  it('5.3, 5.4: every packet opens again, wherever it stands in the datagram', () => {
    fc.assert(fc.property(
      fc.nat(300), fc.integer({ min: 1, max: 4 }), fc.uint8Array({ minLength: 3, maxLength: 1200 }), fc.maxSafeNat(), fc.boolean(),
      (before, pnBytes, payload, number, long) => {
        const keys = packetKeys(kind, secret)
        const header = new Uint8Array(9 + pnBytes)
        header[0] = (long ? 0xc0 : 0x40) | (pnBytes - 1)
        let rest = number
        for (let i = header.length - 1; i >= 9; i--, rest = Math.floor(rest / 256)) header[i] = rest % 256
        const bytes = sealed(keys, header, pnBytes, payload, number, before)
        const kept = bytes.slice()
        const modulus = [2 ** 8, 2 ** 16, 2 ** 24, 2 ** 32][pnBytes - 1]
        expect(keys.unmask(bytes, before, before + 9, bytes.length)).toEqual({ first: header[0], pnBytes, truncated: number % modulus })
        expect(keys.open(bytes, before, before + header.length, bytes.length, number)).toBe(true)
        expect(bytes.subarray(before + header.length, -TAG_BYTES)).toEqual(payload)
        if (kind === 'tag') expect(bytes).toEqual(kept)
        else expect(kept.subarray(before + header.length, -TAG_BYTES)).not.toEqual(payload)
      }))
  })

  it('5.3: no damaged byte, other number or other key opens', () => {
    const header = hex('40112233445566778800')
    const payload = new Uint8Array(101).map((_, i) => i)
    const opens = (change: (bytes: Uint8Array) => void, number = 9, keys = packetKeys(kind, secret)): boolean => {
      const bytes = sealed(packetKeys(kind, secret), header, 1, payload, 9)
      change(bytes)
      const unmasked = keys.unmask(bytes, 0, 9, bytes.length)!
      return keys.open(bytes, 0, 9 + unmasked.pnBytes, bytes.length, number)
    }
    expect(opens(() => {})).toBe(true)
    for (let i = 0; i < header.length + payload.length + TAG_BYTES; i++) {
      for (const bit of [0x01, 0x80]) expect(opens((bytes) => { bytes[i] ^= bit }), `byte ${i}`).toBe(false)
    }
    expect(opens(() => {}, 10)).toBe(false)
    expect(opens(() => {}, 9 + 2 ** 32)).toBe(false)
    expect(opens(() => {}, 9, packetKeys(kind, secret.map((byte) => byte ^ 1)))).toBe(false)
  })

  it('5.2: the keys of both ends, and of other connection ids, differ', () => {
    const packet = sealed(initialKeys(kind, DESTINATION, 'client'), hex('c000'), 1, new Uint8Array(20), 0)
    const opens = (keys: PacketKeys): boolean => {
      const bytes = packet.slice()
      const { pnBytes } = keys.unmask(bytes, 0, 1, bytes.length)!
      return keys.open(bytes, 0, 1 + pnBytes, bytes.length, 0)
    }
    expect(opens(initialKeys(kind, DESTINATION, 'client'))).toBe(true)
    expect(opens(initialKeys(kind, DESTINATION, 'server'))).toBe(false)
    expect(opens(initialKeys(kind, DESTINATION.slice(1), 'client'))).toBe(false)
  })

  it('6.1: after a key update the header is read with the old keys, the payload with the new ones alone', () => {
    const keys = packetKeys(kind, secret)
    const next = updatedKeys(kind, secret, keys)
    const bytes = sealed(next.keys, hex('410000'), 2, hex('0102030405'), 7)
    expect(next.secret).not.toEqual(secret)
    expect(keys.unmask(bytes, 0, 1, bytes.length)).toEqual({ first: 0x41, pnBytes: 2, truncated: 0 })
    expect(keys.open(bytes.slice(), 0, 3, bytes.length, 7)).toBe(false)
    expect(next.keys.open(bytes, 0, 3, bytes.length, 7)).toBe(true)
  })

  it('5.4.2: what is too short for a sample has no header to read', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, pnOffset) => {
      const keys = packetKeys(kind, secret)
      const unmasked = keys.unmask(bytes.slice(), 0, pnOffset, bytes.length)
      expect(unmasked === undefined).toBe(bytes.length - pnOffset < 20)
      expect(keys.open(bytes.slice(), 0, Math.min(pnOffset, bytes.length), bytes.length, 0)).toBe(false)
    }))
  })
})
