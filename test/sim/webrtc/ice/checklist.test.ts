/** RFC 8445, sections 6.1 and 8.1: pairs, their order and states, and which of them is checked and nominated when. */
import { describe, expect, it } from 'vitest'
import {
  type Candidate, candidateLine, type CandidateType, foundationOf, type LocalCandidate, LOCAL_PREFERENCE_MAX, parseCandidate, priorityOf,
} from '../../../../sim/webrtc/ice/candidate.ts'
import { Checklist } from '../../../../sim/webrtc/ice/checklist.ts'
import { NOMINATION_US, RELAYED_NOMINATION_US } from '../../../../sim/webrtc/ice/limits.ts'
import { nominationOf } from '../../../../sim/webrtc/ice/nomination.ts'
import { CandidatePair, comparePairs } from '../../../../sim/webrtc/ice/pair.ts'

function local(type: CandidateType, address: number, priority = priorityOf(type, LOCAL_PREFERENCE_MAX), foundation = `${type}${address}`) {
  const socket = { address, port: 1 }
  return { type, address: socket, base: socket, foundation, priority, localPreference: LOCAL_PREFERENCE_MAX } satisfies LocalCandidate
}
function remote(
  type: CandidateType, address: number, priority = priorityOf(type, LOCAL_PREFERENCE_MAX), foundation = `r${type}${address}`,
) {
  return { type, address: { address, port: 9 }, foundation, priority } satisfies Candidate
}
function list(locals: readonly LocalCandidate[], remotes: readonly Candidate[]): Checklist {
  const checklist = new Checklist(true)
  for (const one of locals) checklist.addLocal(one)
  for (const one of remotes) checklist.addRemote(one)
  return checklist
}
const ends = (pair: CandidatePair | undefined): readonly number[] | undefined =>
  pair && [pair.local.address.address, pair.remote.address.address]

describe('candidates', () => {
  it('5.1.2.1: priority, highest for a host, lowest for a relay', () => {
    expect(priorityOf('host', 65_535)).toBe(126 * 2 ** 24 + 65_535 * 256 + 255)
    expect(priorityOf('prflx', 1) - priorityOf('srflx', 1)).toBe(10 * 2 ** 24)
    expect(priorityOf('relay', 0)).toBe(255)
  })

  it('5.1.1.3: one foundation for the same type, base address and server, whatever the port', () => {
    const base = { address: 5, port: 1 }
    const server = { address: 9, port: 3_478 }
    const one = foundationOf('srflx', base, server)
    expect(foundationOf('srflx', { address: 5, port: 2 }, server)).toBe(one)
    const others = [
      foundationOf('relay', base, server), foundationOf('srflx', { address: 6, port: 1 }, server), foundationOf('srflx', base, undefined),
      foundationOf('srflx', base, { address: 8, port: 3_478 }), foundationOf('srflx', base, { address: 9, port: 3_479 }),
    ]
    expect(new Set([one, ...others]).size).toBe(6)
    expect(one).toMatch(/^\d{1,10}$/)
  })

  it('RFC 8839, 5.1: a line comes back as it was written; what follows is read over', () => {
    const plain = remote('host', 3, 2 ** 31 - 1, 'a+/9')
    const related = { ...remote('relay', 5, 1), related: { address: 3, port: 65_535 } }
    for (const candidate of [plain, related]) {
      expect(parseCandidate(candidateLine(candidate))).toEqual(candidate)
      expect(parseCandidate(`${candidateLine(candidate)} generation 0`)).toEqual(candidate)
    }
    expect(parseCandidate(candidateLine(related).toUpperCase().replace('CANDIDATE', 'candidate'))?.type).toBe('relay')
  })

  it('RFC 8839, 5.1: what is out of range is no candidate', () => {
    const line = candidateLine(remote('host', 3, 77, 'f'))
    const changes: readonly (readonly [string, string])[] = [
      [' 77 ', ' 0 '], [' 77 ', ' 2147483648 '], [' 9 typ', ' 65536 typ'], ['typ host', 'typ hot'], [' 1 udp', ' 2 udp'],
      ['udp', 'tcp'], ['candidate:f', 'candidate:'], ['candidate:', 'x candidate:'], ['candidate:f', `candidate:${'f'.repeat(33)}`],
    ]
    for (const [from, to] of changes) expect([to, parseCandidate(line.replace(from, to))]).toEqual([to, undefined])
    for (const [from, to] of [[' 77 ', ' 2147483647 '], [' 77 ', ' 1 '], [' 9 typ', ' 65535 typ']]) {
      expect(parseCandidate(line.replace(from, to))).toBeDefined()
    }
    // Where the related address is none, the candidate still is one.
    expect(parseCandidate(`${line} raddr 999.9.9.9 rport 1`)).toEqual(parseCandidate(line))
  })
})

describe('pairs', () => {
  it('6.1.2.3: by the lesser priority, then the greater, then whose is greater', () => {
    const pair = (mine: number, theirs: number) => new CandidatePair(local('host', 1, mine), remote('host', 2, theirs))
    const order = (a: CandidatePair, b: CandidatePair, isControlling: boolean) => Math.sign(comparePairs(a, b, isControlling))
    for (const isControlling of [true, false]) {
      expect(order(pair(5, 6), pair(4, 100), isControlling)).toBe(-1)
      expect(order(pair(100, 4), pair(6, 5), isControlling)).toBe(1)
      expect(order(pair(5, 6), pair(7, 5), isControlling)).toBe(1)
      for (const [mine, theirs] of [[5, 5], [5, 6], [6, 5]]) expect(order(pair(mine, theirs), pair(mine, theirs), isControlling)).toBe(0)
      // G > D: the controlling side's is the greater one.
      expect(order(pair(6, 5), pair(5, 6), isControlling)).toBe(isControlling ? -1 : 1)
    }
  })

  it('7.2.5.3.2: a valid pair counts with the candidate that the other side sees', () => {
    const pair = new CandidatePair(local('host', 1, 100), remote('host', 2, 50))
    const other = new CandidatePair(local('host', 1, 40), remote('host', 3, 50))
    expect(comparePairs(pair, other, true)).toBeLessThan(0)
    pair.validLocal = local('prflx', 4, 30)
    expect(comparePairs(pair, other, true)).toBeGreaterThan(0)
    expect(comparePairs(other, pair, true)).toBeLessThan(0)
  })

  it('is relayed where either end is, and unfinished until it has succeeded or failed', () => {
    const kinds = [['host', 'host'], ['relay', 'host'], ['host', 'relay']] as const
    expect(kinds.map(([mine, theirs]) => new CandidatePair(local(mine, 1), remote(theirs, 2)).isRelayed)).toEqual([false, true, true])
    const pair = new CandidatePair(local('host', 1), remote('host', 2))
    const states = ['frozen', 'waiting', 'inProgress', 'succeeded', 'failed'] as const
    expect(states.map((state) => Object.assign(pair, { state }).isUnfinished)).toEqual([true, true, true, false, false])
  })
})

describe('a checklist', () => {
  it('6.1.2.2 and 6.1.2.4: every base with every remote candidate, in whatever order they come, the best first', () => {
    const locals = [local('host', 1), local('srflx', 2), local('prflx', 3), local('relay', 4)]
    const checklist = list(locals, [remote('host', 7), remote('relay', 8)])
    expect(checklist.pairs.map(ends)).toEqual([[1, 7], [1, 8], [4, 7], [4, 8]])
    const late = list([], [remote('relay', 8), remote('host', 7)])
    late.addLocal(local('relay', 4))
    expect(late.addLocal(local('srflx', 2))).toEqual([])
    expect(late.addLocal(local('host', 1)).map(ends)).toEqual([[1, 8], [1, 7]])
    expect(new Set(late.pairs.map((pair) => String(ends(pair))))).toEqual(new Set(checklist.pairs.map((pair) => String(ends(pair)))))
  })

  it('RFC 8838, 12: the first pair of a foundation waits, the next is frozen unless one like it has succeeded', () => {
    const checklist = list([local('host', 1)], [remote('host', 5, 50, 'f'), remote('host', 6, 40, 'f'), remote('host', 7, 30, 'g')])
    expect(checklist.pairs.map(({ state }) => state)).toEqual(['waiting', 'frozen', 'waiting'])
    checklist.succeeded(checklist.pairs[2])
    const [added] = checklist.addRemote(remote('host', 8, 20, 'g'))
    expect(added.state).toBe('waiting')
    // 7.2.5.3.3: success thaws those of its foundation, and no others.
    const [, frozen] = checklist.pairs
    const [other] = list([local('host', 1)], [remote('host', 6, 1, 'x')]).pairs
    expect([frozen.state, other.state]).toEqual(['frozen', 'waiting'])
    checklist.succeeded(checklist.pairs[0])
    expect(checklist.pairs.map(({ state }) => state)).toEqual(['succeeded', 'waiting', 'succeeded', 'waiting'])
  })

  it('6.1.4.2: triggered checks in their order, then waiting pairs, then one that can thaw', () => {
    const checklist = list([local('host', 1)], [remote('host', 5, 50, 'f'), remote('host', 6, 40, 'f'), remote('host', 7, 30, 'g')])
    const [a, b, c] = checklist.pairs
    checklist.trigger(c)
    checklist.trigger(a)
    checklist.trigger(c)
    const took: unknown[] = []
    for (let pair = checklist.next(); pair !== undefined; pair = checklist.next()) {
      took.push(ends(pair)?.[1])
      pair.state = 'inProgress'
    }
    // The frozen one waits for its like.
    expect([took, checklist.hasNext]).toEqual([[7, 5], false])
    a.state = 'failed'
    expect([checklist.hasNext, checklist.next()]).toEqual([true, b])
    b.state = 'waiting'
    c.state = 'failed'
    expect(checklist.next()).toBe(b)
  })

  it('6.1.4.1: a trigger makes a pair wait again, but not one that has succeeded', () => {
    const checklist = list([local('host', 1)], [remote('host', 5), remote('host', 6)])
    const [a, b] = checklist.pairs
    a.state = 'failed'
    b.state = 'succeeded'
    checklist.trigger(a)
    checklist.trigger(b)
    expect([a.state, b.state]).toEqual(['waiting', 'succeeded'])
    // What succeeds meanwhile needs no check any more, unless it is the one that nominates.
    checklist.succeeded(a)
    b.isNominating = true
    checklist.succeeded(b)
    expect([checklist.next(), checklist.next()]).toEqual([b, undefined])
  })

  it('8.1.2: once a pair is selected only triggered checks go on; what is blocked is not checked at all', () => {
    const checklist = list([local('relay', 1)], [remote('host', 5), remote('host', 6)])
    const [a, b] = checklist.pairs
    for (const pair of [a, b]) pair.isBlocked = true
    checklist.trigger(b)
    expect([checklist.hasNext, checklist.next()]).toEqual([false, undefined])
    checklist.permitted(5, true)
    expect([a.isBlocked, b.isBlocked]).toEqual([false, true])
    expect(checklist.next()).toBe(a)
    checklist.permitted(6, false)
    expect([b.state, b.isBlocked]).toEqual(['failed', true])
    checklist.isComplete = true
    expect(checklist.hasNext).toBe(false)
    checklist.trigger(a)
    expect(checklist.next()).toBe(a)
  })

  it('a permission concerns pairs of the relay alone', () => {
    const checklist = list([local('host', 1), local('relay', 2)], [remote('host', 5)])
    checklist.permitted(5, false)
    expect(checklist.pairs.map(({ state }) => state)).toEqual(['waiting', 'failed'])
  })

  it('7.3.1.3: an address that a check has shown is named anew by what is signalled, and is no second candidate', () => {
    const checklist = list([local('host', 1)], [remote('prflx', 5), remote('host', 6)])
    const signalled = remote('host', 5)
    expect(checklist.addRemote(signalled)).toEqual([])
    expect(checklist.remotes.map(({ type }) => type)).toEqual(['host', 'host'])
    expect(checklist.pairOf({ address: 1, port: 1 }, { address: 5, port: 9 })?.remote).toBe(signalled)
    checklist.addRemote(remote('relay', 5))
    expect(checklist.remoteAt({ address: 5, port: 9 })).toBe(signalled)
    expect([checklist.remoteAt({ address: 5, port: 8 }), checklist.remoteAt({ address: 4, port: 9 })]).toEqual([undefined, undefined])
    expect(checklist.pairOf({ address: 1, port: 1 }, { address: 4, port: 9 })).toBeUndefined()
    expect(checklist.pairOf({ address: 2, port: 1 }, { address: 5, port: 9 })).toBeUndefined()
  })

  it('its order follows a remote candidate that is named anew', () => {
    const checklist = list([local('host', 1)], [remote('prflx', 5, 10), remote('host', 6, 20)])
    checklist.addRemote(remote('host', 5, 30))
    expect(checklist.pairs.map(ends)).toEqual([[1, 5], [1, 6]])
  })

  it('a local candidate that is gone takes its pairs with it, triggered ones too', () => {
    const relay = local('relay', 2)
    const checklist = list([local('host', 1), relay], [remote('host', 5)])
    for (const pair of checklist.pairs) checklist.trigger(pair)
    checklist.removeLocal(relay)
    checklist.removeLocal(relay)
    expect([checklist.locals.length, checklist.pairs.map(ends)]).toEqual([1, [[1, 5]]])
    checklist.isComplete = true
    expect([ends(checklist.next()), checklist.next()]).toEqual([[1, 5], undefined])
  })

  it('6.1.2.5: a hundred pairs; the lowest make room, but not what is under way or has succeeded', () => {
    const checklist = list([local('host', 1)], Array.from({ length: 100 }, (_, i) => remote('host', 100 + i, 1_000 + i)))
    expect(checklist.addRemote(remote('host', 300, 5_000))).toEqual([])
    expect(checklist.remotes.length).toBe(100)
    const [lowest, second] = checklist.pairs.slice(-2).toReversed()
    lowest.state = 'inProgress'
    second.state = 'succeeded'
    const added = checklist.addLocal(local('host', 2, 1_001))
    expect([checklist.pairs.length, checklist.pairs.includes(lowest), checklist.pairs.includes(second)]).toEqual([100, true, true])
    expect(added.length).toBeLessThan(100)
    expect(added.every((pair) => checklist.pairs.includes(pair))).toBe(true)
    for (const pair of checklist.pairs) pair.state = 'inProgress'
    expect(checklist.addLocal(local('relay', 3, 1)).length).toBe(0)
  })

  it('100 local candidates', () => {
    const checklist = list(Array.from({ length: 101 }, (_, i) => local('host', i)), [])
    expect([checklist.addLocal(local('host', 101)), checklist.locals.length]).toEqual([[], 100])
  })

  it('a pair that makes room is not checked any more, triggered or not', () => {
    const checklist = list([local('host', 1)], Array.from({ length: 100 }, (_, i) => remote('host', 100 + i, 1_000 + i)))
    const lowest = checklist.pairs.at(-1)!
    for (const pair of checklist.pairs) if (pair !== lowest) pair.state = 'inProgress'
    checklist.trigger(lowest)
    checklist.addLocal(local('host', 2, 5_000))
    expect(checklist.pairs.includes(lowest)).toBe(false)
    checklist.isComplete = true
    expect(checklist.next()).toBeUndefined()
  })

  it('6.1.4.2: a frozen pair waits for its like, also where that is blocked', () => {
    const checklist = list([local('relay', 1)], [remote('host', 5, 50, 'f'), remote('host', 6, 40, 'f')])
    const [first, frozen] = checklist.pairs
    first.isBlocked = true
    expect([first.state, frozen.state, checklist.next()]).toEqual(['waiting', 'frozen', undefined])
    first.state = 'failed'
    expect(checklist.next()).toBe(frozen)
  })

  it('opens once more with everything to be checked', () => {
    const checklist = list([local('host', 1)], [remote('host', 5), remote('host', 6)])
    const [a, b] = checklist.pairs
    checklist.succeeded(a)
    Object.assign(a, { validLocal: a.local, isNominated: true, isNominating: true })
    checklist.trigger(b)
    checklist.isComplete = true
    checklist.reopen()
    expect(a).toMatchObject({ state: 'waiting', validLocal: undefined, isNominated: false, isNominating: false })
    expect([checklist.valid, checklist.isComplete, checklist.next()]).toEqual([[], false, a])
  })
})

describe('8.1.1: a nomination', () => {
  const VALID_US = 1_000
  /** Pairs of these kinds, the valid ones of them named. */
  function nominated(kinds: readonly (readonly [CandidateType, CandidateType])[], valid: readonly number[], hasAll: boolean) {
    const checklist = new Checklist(true)
    for (const [i, [mine, theirs]] of kinds.entries()) {
      const pair = new CandidatePair(local(mine, i), remote(theirs, 50 + i))
      ;(checklist.pairs as CandidatePair[]).push(pair)
      if (!valid.includes(i)) continue
      pair.state = 'succeeded'
      pair.validLocal = pair.local
    }
    return { checklist, choice: () => nominationOf(checklist, VALID_US, hasAll) }
  }

  it('needs a valid pair, and none that is named already', () => {
    expect(nominated([['host', 'host']], [], true).choice()).toBeUndefined()
    const { checklist, choice } = nominated([['host', 'host'], ['host', 'host']], [0], true)
    checklist.pairs[1].isNominating = true
    expect(choice()).toBeUndefined()
  })

  it('is at once where nothing better can come', () => {
    const best = nominated([['host', 'srflx'], ['host', 'host']], [0, 1], false).choice()
    expect([ends(best?.pair), best?.atUs]).toEqual([[1, 51], VALID_US])
    expect(nominated([['relay', 'host'], ['relay', 'relay']], [0], true).choice()?.atUs).toBe(VALID_US)
  })

  it('waits for better pairs that are not finished, and for candidates that may come', () => {
    expect(nominated([['host', 'srflx'], ['host', 'host']], [0], true).choice()?.atUs).toBe(VALID_US + NOMINATION_US)
    expect(nominated([['host', 'srflx']], [0], false).choice()?.atUs).toBe(VALID_US + NOMINATION_US)
    expect(nominated([['srflx', 'host']], [0], false).choice()?.atUs).toBe(VALID_US + NOMINATION_US)
    expect(nominated([['relay', 'host']], [0], false).choice()?.atUs).toBe(VALID_US + RELAYED_NOMINATION_US)
    const { checklist, choice } = nominated([['host', 'srflx'], ['host', 'host']], [0], true)
    checklist.pairs[1].state = 'failed'
    expect(choice()?.atUs).toBe(VALID_US)
    // One that is as good is no better.
    checklist.pairs[1].state = 'frozen'
    Object.assign(checklist.pairs[1], { remote: remote('srflx', 60) })
    expect(choice()?.atUs).toBe(VALID_US)
  })
})
