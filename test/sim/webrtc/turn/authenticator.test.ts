/** RFC 8489, section 9.2.4: whom a server knows, and what it says to others. */
import { describe, expect, it } from 'vitest'
import { StunAttribute, StunClass, StunError, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { type IntegrityAlgorithm, longTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, type StunMessage, valueOf } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'
import { Authenticator } from '../../../../sim/webrtc/turn/authenticator.ts'
import { NONCE_US } from '../../../../sim/webrtc/turn/limits.ts'
import { bytesOf } from './world.ts'

const server = new Authenticator('r', new Map([['ana', 'pw'], ['ben', 'wp']]), 5)
const writer = new StunWriter()

function nonceAt(nowUs: number, from = server): Uint8Array {
  writer.begin(StunMethod.allocate, StunClass.error, [1, 2, 3])
  from.challenge(writer, nowUs)
  const message = decodeStun(writer.finishBare())!
  expect(valueOf(message, StunAttribute.realm)).toEqual(bytesOf('r'))
  return valueOf(message, StunAttribute.nonce)!.slice()
}

interface Asked {
  readonly name?: string
  readonly password?: string
  readonly algorithm?: IntegrityAlgorithm
  readonly nonce?: Uint8Array
  readonly without?: 'username' | 'realm' | 'nonce' | 'integrity'
}
function asked({ name = 'ana', password = 'pw', algorithm = 'sha1', nonce = nonceAt(0), without }: Asked): StunMessage {
  writer.begin(StunMethod.allocate, StunClass.request, [1, 2, 3])
  if (without !== 'username') writer.text(StunAttribute.username, name)
  if (without !== 'realm') writer.text(StunAttribute.realm, 'r')
  if (without !== 'nonce') writer.bytes(StunAttribute.nonce, nonce)
  if (without !== 'integrity') writer.integrity(longTermKey(bytesOf(name), bytesOf('r'), password), algorithm)
  return decodeStun(writer.finishBare())!
}

describe('a caller', () => {
  it('is known by name and password, under either algorithm', () => {
    for (const algorithm of ['sha1', 'sha256'] as const) {
      expect(server.check(asked({ algorithm }), 0)).toMatchObject({ kind: 'known', username: 'ana', algorithm })
      expect(server.check(asked({ algorithm, name: 'ben', password: 'wp' }), 0)).toMatchObject({ kind: 'known', username: 'ben' })
    }
  })

  it('who signs nothing, under another\'s name or with another password is challenged: 401', () => {
    const refused = { kind: 'refused', error: StunError.unauthenticated, isChallenge: true }
    const wrong: readonly Asked[] = [{ without: 'integrity' }, { password: 'wp' }, { name: 'eve' }, { name: 'ben' }]
    for (const one of wrong) expect(server.check(asked(one), 0)).toEqual(refused)
  })

  it('who signs, and leaves out name, realm or nonce, asks badly: 400', () => {
    for (const without of ['username', 'realm', 'nonce'] as const) {
      expect(server.check(asked({ without }), 0)).toEqual({ kind: 'refused', error: StunError.badRequest, isChallenge: false })
    }
  })

  it('RFC 8656, 5: a nonce lives for its hour, and is another at another server: 438', () => {
    const nonce = nonceAt(NONCE_US - 1)
    expect(server.check(asked({ nonce }), 0)).toMatchObject({ kind: 'known' })
    expect(server.check(asked({ nonce }), NONCE_US)).toEqual({ kind: 'refused', error: StunError.staleNonce, isChallenge: true })
    const other = new Authenticator('r', new Map([['ana', 'pw']]), 6)
    expect(other.check(asked({ nonce }), 0)).toMatchObject({ error: StunError.staleNonce })
    expect(nonceAt(0).length).toBe(16)
    expect(nonceAt(0).subarray(0, 8)).not.toEqual(nonceAt(0).subarray(8))
  })
})
