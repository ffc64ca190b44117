/** RFC 8445, sections 7.1 to 7.3; RFC 8489, sections 6.3.1 and 9.1: connectivity checks as they stand in messages. */
import { describe, expect, it } from 'vitest'
import {
  CheckKeys, type CheckRequest, readCheck, writeCheck, writeCheckError, writeCheckSuccess,
} from '../../../../sim/webrtc/ice/checkmessages.ts'
import { iceCredentials } from '../../../../sim/webrtc/ice/credentials.ts'
import { StunAttribute, StunClass, StunError, StunMethod } from '../../../../sim/webrtc/stun/constants.ts'
import { checkIntegrity, shortTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, errorCodeOf, placeOf, socketOf, type StunMessage, valueOf } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'

const OURS = { ufrag: 'ours', password: 'a password of 24 letters' }
const THEIRS = { ufrag: 'them', password: 'the other of 24 letters!' }
const CHECK: CheckRequest = { id: [1, 2, 3], isControlling: true, tieBreaker: [4, 5], priority: 77, isNominating: false }
const writer = new StunWriter()

/** The side that answers, and the one that asks it. */
function sides() {
  const [answering, asking] = [new CheckKeys(OURS), new CheckKeys(THEIRS)]
  asking.learn(OURS)
  return { answering, asking }
}
const decoded = (bytes: Uint8Array): StunMessage => decodeStun(bytes.slice())!
const check = (change: Partial<CheckRequest> = {}): StunMessage => {
  const { asking } = sides()
  return decoded(writeCheck(writer, asking, asking.asking!, { ...CHECK, ...change }))
}
/** A request of these attributes, signed as it should be, or not. */
function request(write: (to: StunWriter) => void, password: string | undefined = OURS.password): StunMessage {
  writer.begin(StunMethod.binding, StunClass.request, CHECK.id).text(StunAttribute.username, 'ours:them')
  write(writer)
  if (password !== '') writer.integrity(shortTermKey(password))
  return decoded(writer.finish())
}

describe('a check', () => {
  it('section 7.1: comes back as it was sent, of either role, naming or not', () => {
    for (const isControlling of [true, false]) {
      for (const isNominating of [true, false]) {
        for (const priority of [1, 2 ** 31 - 1]) {
          const message = check({ isControlling, isNominating, priority })
          const expected = { ...CHECK, isControlling, isNominating, priority }
          expect(readCheck(message, sides().answering)).toEqual({ kind: 'check', check: expected })
          expect(message.hasFingerprint).toBe(true)
        }
      }
    }
  })

  it('RFC 8489, 9.1.3: without integrity it is a bad request, with another\'s it is not authenticated', () => {
    const { answering } = sides()
    const full = (to: StunWriter): void => { to.u32(StunAttribute.priority, 77).u64(StunAttribute.iceControlling, [4, 5]) }
    expect(readCheck(request(full), answering)).toMatchObject({ kind: 'check' })
    expect(readCheck(request(full, ''), answering)).toEqual({ kind: 'refused', error: StunError.badRequest, unknown: [] })
    expect(readCheck(request(full, 'wrong'), answering)).toEqual({ kind: 'refused', error: StunError.unauthenticated, unknown: [] })
  })

  it('RFC 8489, 6.3.1: what must be understood and is not is named; what need not be is read over', () => {
    const { answering } = sides()
    const strange = (type: number) => readCheck(request((to) => {
      to.u32(StunAttribute.priority, 77).u64(StunAttribute.iceControlled, [4, 5]).u32(type, 1)
    }), answering)
    expect(strange(0x7777)).toEqual({ kind: 'refused', error: StunError.unknownAttribute, unknown: [0x7777] })
    expect(strange(0x8777)).toMatchObject({ kind: 'check' })
  })

  it('section 7.3: without a priority of [1, 2^31), or a tie-breaker, it is a bad request', () => {
    const { answering } = sides()
    const bad = { kind: 'refused', error: StunError.badRequest, unknown: [] }
    expect(readCheck(request((to) => to.u32(StunAttribute.priority, 77)), answering)).toEqual(bad)
    expect(readCheck(request((to) => to.u64(StunAttribute.iceControlled, [4, 5])), answering)).toEqual(bad)
    for (const priority of [0, 2 ** 31]) expect(readCheck(check({ priority }), answering)).toEqual(bad)
    expect(readCheck(request((to) => to.u64(StunAttribute.iceControlled, [4, 5]).flag(StunAttribute.priority)), answering)).toEqual(bad)
  })
})

describe('a user name', () => {
  it('section 7.2.2: is theirs:ours, and theirs counts once it is known', () => {
    const { answering, asking } = sides()
    expect([asking.username, answering.username, asking.remoteUfrag]).toEqual(['ours:them', ':ours', 'ours'])
    const message = check()
    expect([answering.isFor(message), asking.isFor(message)]).toEqual([true, false])
    answering.learn(THEIRS)
    expect(answering.isFor(message)).toBe(true)
    answering.learn({ ...THEIRS, ufrag: 'else' })
    expect(answering.isFor(message)).toBe(false)
    expect(new CheckKeys({ ...OURS, ufrag: 'our' }).isFor(message)).toBe(false)
    const nameless = decoded(writer.begin(StunMethod.binding, StunClass.request, CHECK.id).finish())
    expect(answering.isFor(nameless)).toBe(false)
  })
})

describe('an answer', () => {
  const { answering, asking } = sides()

  it('section 7.3.1.2: says what was seen, and is signed', () => {
    const message = decoded(writeCheckSuccess(writer, answering, [7, 8, 9], { address: 5, port: 600 }))
    expect([message.class, message.id, socketOf(message, StunAttribute.xorMappedAddress)])
      .toEqual([StunClass.success, [7, 8, 9], { address: 5, port: 600 }])
    expect(checkIntegrity(message, asking.asking!)).toBe('sha1')
  })

  it('RFC 8489, 9.1.3: an error is signed, unless it says that the request was not', () => {
    const errors = [[StunError.badRequest, 'missing'], [StunError.unauthenticated, 'missing'],
      [StunError.unknownAttribute, 'sha1'], [StunError.roleConflict, 'sha1']] as const
    for (const [error, integrity] of errors) {
      const unknown = error === StunError.unknownAttribute ? [0x7777, 0x7778] : []
      const message = decoded(writeCheckError(writer, answering, [7, 8, 9], error, unknown))
      expect([message.class, errorCodeOf(message), checkIntegrity(message, asking.asking!)]).toEqual([StunClass.error, error, integrity])
      const named = valueOf(message, StunAttribute.unknownAttributes)
      expect(named && [...named]).toEqual(unknown.length > 0 ? [0x77, 0x77, 0x77, 0x78] : undefined)
      expect(placeOf(message, StunAttribute.unknownAttributes) === undefined).toBe(unknown.length === 0)
    }
  })
})

describe('section 5.3: credentials', () => {
  it('have 24 and 144 bits, in letters of base64, and are others for each secret and each generation', () => {
    const all = [iceCredentials(1, 0), iceCredentials(1, 1), iceCredentials(2, 0)]
    for (const { ufrag, password } of all) {
      expect(ufrag).toMatch(/^[A-Za-z0-9+/]{4}$/)
      expect(password).toMatch(/^[A-Za-z0-9+/]{24}$/)
      expect(password.startsWith(ufrag)).toBe(false)
    }
    expect(new Set(all.map(({ ufrag }) => ufrag)).size).toBe(3)
    expect(new Set(all.map(({ password }) => password)).size).toBe(3)
    expect(iceCredentials(1, 0)).toEqual(all[0])
  })
})
