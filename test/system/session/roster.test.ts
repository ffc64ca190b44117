/** The key roster by itself: what a client adopts. */
import { describe, expect, it } from 'vitest'
import { COUNT_MAX } from '../../../schemas/generated/layout.ts'
import { MEMBERS_MAX } from '../../../system/limits.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import { BODY_BYTES_MAX } from '../../../system/protocol/envelope.ts'
import type { KeyRoster } from '../../../system/protocol/messages.ts'
import { Roster } from '../../../system/session/roster.ts'
import { NonceMarks } from '../../../system/security/nonces.ts'
import { EPOCH, publicKeyOf, SESSION_ID, tagSigner, tagVerifier } from '../../support/loopback.ts'

const HOST = tagSigner(publicKeyOf('host'))
const member = (author: number, name: string, present = true) =>
  ({ author, publicKey: publicKeyOf(name), displayName: name, present, banned: false })
const told = (author: number, name: string, present = true) =>
  ({ ...member(author, name, present), nonceHighWater: 0n, wrappedKey: new Uint8Array(0) })
const rosterOf = (...members: ReturnType<typeof member>[]) => {
  const roster = new Roster()
  for (const one of members) roster.set(one)
  return roster.toMessage(EPOCH, SESSION_ID, HOST, new NonceMarks())
}
const adopts = (roster: Roster, message: KeyRoster, sessionId = SESSION_ID, nonces = new NonceMarks()) =>
  roster.adopt(message, sessionId, HOST.publicKey, tagVerifier, nonces)

describe('a client\'s roster', () => {
  const first = rosterOf(member(0, 'host'), member(1, 'ana'))
  const second = rosterOf(member(0, 'host'), member(1, 'ana'), member(1, 'ana', false))

  it('R-SESSION-3 takes newer versions, and keeps who has left', () => {
    const roster = new Roster()
    expect(adopts(roster, first)).toBe('adopted')
    expect(adopts(roster, second)).toBe('adopted')
    expect(adopts(roster, first)).toBe('stale')
    expect(adopts(roster, second)).toBe('stale')
    expect(roster.get(1)).toEqual(member(1, 'ana', false))
    expect(roster.withKey(publicKeyOf('ana'))?.author).toBe(1)
    expect(roster.version).toBe(3)
  })

  const forgeries: readonly [string, Partial<KeyRoster>][] = [
    ['signature', { signature: new Uint8Array(64) }],
    ['epoch', { epoch: 8 }],
    ['version', { version: 9 }],
    ['members', { members: first.members.slice(1) }],
    ['author', { members: [told(0, 'host'), told(2, 'ana')] }],
    ['key', { members: [told(0, 'host'), { ...told(1, 'ana'), publicKey: publicKeyOf('eve') }] }],
    ['name', { members: [told(0, 'host'), { ...told(1, 'ana'), displayName: 'anna' }] }],
    ['presence', { members: [told(0, 'host'), told(1, 'ana', false)] }],
    ['group key', { members: [told(0, 'host'), { ...told(1, 'ana'), wrappedKey: new Uint8Array(48) }] }],
    ['key generation', { keyGeneration: 1 }],
    ['ban', { members: [told(0, 'host'), { ...told(1, 'ana'), banned: true }] }],
    ['nonce', { members: [told(0, 'host'), { ...told(1, 'ana'), nonceHighWater: 1n }] }],
  ]
  it.each(forgeries)('R-SESSION-3 refuses one whose %s is not what the host signed', (_, change) => {
    const roster = new Roster()
    expect(adopts(roster, { ...first, ...change })).toBe('forged')
    expect(roster.members).toEqual([])
  })
  it('R-SESSION-3 refuses one of another session', () => expect(adopts(new Roster(), first, SESSION_ID.with(0, 0))).toBe('forged'))

  it('R-SESSION-3 the largest there can be fits a message', () => {
    const roster = new Roster()
    for (let author = 0; author < COUNT_MAX.KeyRoster.members; author++) roster.set(member(author, 'é'.repeat(32)))
    const keys = { generation: 1, of: (author: number) => new Uint8Array(author < MEMBERS_MAX ? 48 : 0) }
    const body = new Codec().encode(roster.toMessage(EPOCH, SESSION_ID, HOST, new NonceMarks(), keys))
    expect(body.length).toBeLessThanOrEqual(BODY_BYTES_MAX)
  })

  it('R-SEC-4 tells the nonces that the host knows to be spent, and lowers none', () => {
    const roster = new Roster()
    roster.set(member(1, 'ana'))
    const message = roster.toMessage(EPOCH, SESSION_ID, HOST, new NonceMarks([[1, 7n], [2, 9n]]))
    expect(message.members).toEqual([{ ...member(1, 'ana'), nonceHighWater: 7n, wrappedKey: new Uint8Array(0) }])
    const lower = new NonceMarks([[1, 3n]])
    adopts(new Roster(), message, SESSION_ID, lower)
    expect([...lower]).toEqual([[1, 7n]])
    const higher = new NonceMarks([[1, 8n]])
    adopts(new Roster(), message, SESSION_ID, higher)
    expect([...higher]).toEqual([[1, 8n]])
  })

  it('R-SESSION-3 refuses a change of a member\'s key, even by the host', () => {
    const roster = new Roster()
    adopts(roster, first)
    expect(adopts(roster, rosterOf(member(0, 'host'), member(1, 'ana'), member(1, 'eve')))).toBe('forged')
    expect(roster.get(1)?.publicKey).toEqual(publicKeyOf('ana'))
  })
})
