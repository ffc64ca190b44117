/** The key roster by itself: what a client adopts. */
import { describe, expect, it } from 'vitest'
import type { KeyRoster } from '../../../system/protocol/messages.ts'
import { Roster } from '../../../system/session/roster.ts'
import { EPOCH, publicKeyOf, SESSION_ID, tagSigner, tagVerifier } from '../../support/loopback.ts'

const HOST = tagSigner(publicKeyOf('host'))
const member = (author: number, name: string, present = true) => ({ author, publicKey: publicKeyOf(name), displayName: name, present })
const rosterOf = (...members: ReturnType<typeof member>[]) => {
  const roster = new Roster()
  for (const one of members) roster.set(one)
  return roster.toMessage(EPOCH, SESSION_ID, HOST)
}
const adopts = (roster: Roster, message: KeyRoster, sessionId = SESSION_ID) => roster.adopt(message, sessionId, HOST.publicKey, tagVerifier)

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
    ['author', { members: [member(0, 'host'), member(2, 'ana')] }],
    ['key', { members: [member(0, 'host'), { ...member(1, 'ana'), publicKey: publicKeyOf('eve') }] }],
    ['name', { members: [member(0, 'host'), { ...member(1, 'ana'), displayName: 'anna' }] }],
    ['presence', { members: [member(0, 'host'), member(1, 'ana', false)] }],
  ]
  it.each(forgeries)('R-SESSION-3 refuses one whose %s is not what the host signed', (_, change) => {
    const roster = new Roster()
    expect(adopts(roster, { ...first, ...change })).toBe('forged')
    expect(roster.members).toEqual([])
  })
  it('R-SESSION-3 refuses one of another session', () => expect(adopts(new Roster(), first, SESSION_ID.with(0, 0))).toBe('forged'))

  it('R-SESSION-3 refuses a change of a member\'s key, even by the host', () => {
    const roster = new Roster()
    adopts(roster, first)
    expect(adopts(roster, rosterOf(member(0, 'host'), member(1, 'ana'), member(1, 'eve')))).toBe('forged')
    expect(roster.get(1)?.publicKey).toEqual(publicKeyOf('ana'))
  })
})
