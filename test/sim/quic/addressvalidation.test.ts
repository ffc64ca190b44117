/** Tokens, Retry and stateless reset: RFC 9000, sections 8.1 and 10.3; RFC 9001, section 5.8. */
import { bytesToHex, hexToBytes as hex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProtectionKind } from '../../../sim/quic/protection.ts'
import {
  isRetryIntact, NEW_TOKEN_LIFETIME_US, newToken, readToken, RETRY_TOKEN_LIFETIME_US, retryIntegrityTag, retryToken,
} from '../../../sim/quic/retry.ts'
import { isStatelessReset, resetToken, statelessReset } from '../../../sim/quic/statelessreset.ts'
import { DESTINATION, RETRY_PACKET } from './vectors.ts'

const KINDS: readonly ProtectionKind[] = ['tag', 'aead']
const KEY = hex('000102030405060708090a0b0c0d0e0f')

describe('RFC 9001 section 5.8', () => {
  it('A.4: the integrity tag of a Retry packet', () => {
    expect(bytesToHex(retryIntegrityTag('aead', DESTINATION, RETRY_PACKET.subarray(0, -16)))).toBe('04a265ba2eff4d829058fb3f0f2496ba')
    expect(isRetryIntact('aead', DESTINATION, RETRY_PACKET)).toBe(true)
  })

  it.each(KINDS)('a Retry with a changed byte, or for another Initial, is not intact (%s)', (kind) => {
    const packet = RETRY_PACKET.slice()
    packet.set(retryIntegrityTag(kind, DESTINATION, packet.subarray(0, -16)), packet.length - 16)
    expect(isRetryIntact(kind, DESTINATION, packet)).toBe(true)
    expect(isRetryIntact(kind, DESTINATION.slice(1), packet)).toBe(false)
    expect(isRetryIntact(kind, DESTINATION, packet.subarray(0, 10))).toBe(false)
    for (let at = 0; at < packet.length; at++) {
      const changed = packet.slice()
      changed[at] ^= 0x10
      expect(isRetryIntact(kind, DESTINATION, changed), `byte ${at}`).toBe(false)
    }
  })
})

describe.each(KINDS)('RFC 9000 section 8.1: tokens by %s', (kind) => {
  const client = { address: 7, port: 5000 }
  const [original, chosen] = [hex('0102030405060708'), hex('a1a2a3a4')]
  const issuedUs = 5_000_000_000_000
  const retry = retryToken(kind, KEY, { client, originalDestinationConnectionId: original, retrySourceConnectionId: chosen }, issuedUs)
  const kept = newToken(kind, KEY, client.address, 3, issuedUs)
  const read = (token: Uint8Array, { from = client, to = chosen, nowUs = issuedUs + 1000, key = KEY } = {}) =>
    readToken(kind, key, token, from, to, nowUs)

  it('8.1.2: a Retry token gives back the first Destination Connection ID, to the same client and connection id alone', () => {
    expect(read(retry)).toEqual({ kind: 'retry', originalDestinationConnectionId: original })
    const forged = { kind: 'invalidRetry', why: 'forged' }
    expect(read(retry, { from: { address: 8, port: 5000 } })).toEqual(forged)
    expect(read(retry, { from: { address: 7, port: 5001 } })).toEqual(forged)
    expect(read(retry, { to: hex('a1a2a3a5') })).toEqual(forged)
    expect(read(retry, { key: hex('ff') })).toEqual(forged)
  })

  it('8.1.3: a NEW_TOKEN token holds for the address, whatever port and connection id', () => {
    expect(read(kept)).toEqual({ kind: 'newToken' })
    expect(read(kept, { from: { address: 7, port: 1 }, to: hex('') })).toEqual({ kind: 'newToken' })
    expect(read(kept, { from: { address: 8, port: 5000 } })).toEqual({ kind: 'unknown', why: 'forged' })
    expect(kept).not.toEqual(newToken(kind, KEY, client.address, 4, issuedUs))
  })

  it('8.1.3: tokens expire, those of a Retry soon', () => {
    expect(read(retry, { nowUs: issuedUs + RETRY_TOKEN_LIFETIME_US }).kind).toBe('retry')
    expect(read(retry, { nowUs: issuedUs + RETRY_TOKEN_LIFETIME_US + 1 })).toEqual({ kind: 'invalidRetry', why: 'expired' })
    expect(read(kept, { nowUs: issuedUs + NEW_TOKEN_LIFETIME_US }).kind).toBe('newToken')
    expect(read(kept, { nowUs: issuedUs + NEW_TOKEN_LIFETIME_US + 1 })).toEqual({ kind: 'unknown', why: 'expired' })
  })

  it('8.1.4: no changed token is taken, and no bytes throw', () => {
    for (const token of [retry, kept]) {
      for (let at = 0; at < token.length; at++) {
        const changed = token.slice()
        changed[at] ^= 0x02
        expect(['invalidRetry', 'unknown'], `byte ${at}`).toContain(read(changed).kind)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (token) => { expect(['invalidRetry', 'unknown']).toContain(read(token).kind) }))
  })
})

describe.each(KINDS)('RFC 9000 section 10.3: stateless reset by %s', (kind) => {
  it('10.3.2: a token follows from key and connection id', () => {
    const tokens = [resetToken(kind, KEY, hex('0102')), resetToken(kind, KEY, hex('0103')), resetToken(kind, hex('00'), hex('0102'))]
    expect(resetToken(kind, KEY, hex('0102'))).toEqual(tokens[0])
    expect(new Set(tokens.map(bytesToHex)).size).toBe(3)
    expect(tokens[0]).toHaveLength(16)
  })

  it('10.3, 10.3.3: a reset looks like a short header, is shorter than what it answers, and ends with the token', () => {
    const id = hex('0102030405060708')
    for (let answered = 0; answered <= 100; answered++) {
      const reset = statelessReset(kind, KEY, id, answered)
      expect(reset?.length).toBe([42, 27, 21].find((length) => length < answered))
      if (reset === undefined) continue
      expect(reset[0] & 0xc0).toBe(0x40)
      expect(isStatelessReset(reset, resetToken(kind, KEY, id))).toBe(true)
      expect(isStatelessReset(reset, resetToken(kind, KEY, hex('09')))).toBe(false)
      expect(isStatelessReset(reset.subarray(-20), resetToken(kind, KEY, id))).toBe(false)
    }
  })
})
