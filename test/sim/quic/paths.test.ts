/** RFC 9000, sections 8 and 9: what an address may be sent before it answers, its validation, and which paths are remembered. */
import { describe, expect, test } from 'vitest'
import type { RemoteId } from '../../../sim/quic/connectionids.ts'
import { type Path, Paths } from '../../../sim/quic/paths.ts'

const ID: RemoteId = { sequence: 0, id: new Uint8Array(8), resetToken: undefined }
const at = (address: number, port = 443) => ({ address, port })
const pathsOf = (isValidated = true): Paths => new Paths({ initialRttUs: 1_000, isEcnWanted: false }, at(0), at(1), ID, isValidated)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('section 8.1: amplification', () => {
  test('an address that has not answered gets three times what came from it, one that has as much as there is', () => {
    const path = pathsOf(false).active
    expect(path.allowanceBytes).toBe(0)
    path.receivedBytes = 1_200
    path.sentBytes = 1_000
    expect(path.allowanceBytes).toBe(2_600)
    path.validated()
    expect([path.allowanceBytes, path.isValidated]).toEqual([Infinity, true])
  })
})

describe('section 8.2: validation', () => {
  /** Of a path of which nothing is known: three times 1,000 us of initial round trip, as RFC 9002, section 6.2.1, has it. */
  const OWN_PTO = 3_000
  // Section 8.2.4: of the path in use and of this one, the longer.
  test.each([[100, OWN_PTO], [4_000, 4_000]])('challenges go with each probe timeout, and it fails after three (%d)', (inUse, pto) => {
    const path = pathsOf(false).active
    expect([path.isProbing, path.deadlineUs(), path.wake(5)]).toEqual([false, Infinity, false])
    path.challenge(1_000, inUse)
    const failsUs = 1_000 + 3 * pto
    expect([path.isProbing, path.isChallengeDue, path.deadlineUs()]).toEqual([true, true, failsUs])
    path.nextChallenge(1, 1_000)
    const dueUs = 1_000 + pto
    expect([path.isProbing, path.deadlineUs()]).toEqual([false, dueUs])
    expect([path.wake(dueUs - 1), path.isChallengeDue, path.wake(dueUs), path.isChallengeDue]).toEqual([false, false, false, true])
    expect(path.deadlineUs()).toBe(failsUs)
    path.nextChallenge(1, dueUs + 10)
    expect([path.challengeAttempt, path.challenges.length, path.deadlineUs()]).toEqual([2, 2, dueUs + 10 + pto])
    expect(path.wake(failsUs - 1)).toBe(false)
    expect([path.wake(failsUs), path.isProbing, path.challenges, path.deadlineUs()]).toEqual([true, false, [], Infinity])
    expect(path.isValidated).toBe(false)
  })

  test('section 8.2.1: each challenge is another, of this connection and this path', () => {
    const paths = pathsOf()
    const other = paths.add(at(0), at(2), ID, false)
    const data = [
      paths.active.nextChallenge(1, 0), paths.active.nextChallenge(1, 0), other.nextChallenge(1, 0),
      paths.active.nextChallenge(2, 0), pathsOf().active.nextChallenge(2 ** 32 + 1, 0),
    ]
    expect(data.every((one) => one.length === 8)).toBe(true)
    expect(new Set(data.map(hex)).size).toBe(5)
    expect(hex(pathsOf().active.nextChallenge(1, 9))).toBe(hex(data[0]))
    // Both halves say something.
    expect(new Set(data.flatMap((one) => [hex(one.subarray(0, 4)), hex(one.subarray(4))])).size).toBe(10)
  })

  test('section 8.2.3: any challenge under way may be answered, on whatever path the answer comes; one that is over may not', () => {
    const paths = pathsOf()
    const path = paths.add(at(0), at(2), ID, false)
    path.challenge(0, OWN_PTO)
    const [first, second] = [path.nextChallenge(1, 0), path.nextChallenge(1, 100)]
    expect([paths.answered(first), paths.answered(second), paths.answered(new Uint8Array(8))]).toEqual([path, path, undefined])
    path.validated()
    expect([paths.answered(first), path.deadlineUs(), path.isProbing]).toEqual([undefined, Infinity, false])
    path.challenge(200, OWN_PTO)
    path.nextChallenge(1, 200)
    path.challenge(300, OWN_PTO)
    expect(path.challenges).toEqual([])
  })

  test('four responses wait at the most, and are copies', () => {
    const path = pathsOf().active
    const data = new Uint8Array(8)
    for (let i = 0; i < 6; i++) {
      data[0] = i
      path.answer(data)
    }
    expect(path.responses.map(([first]) => first)).toEqual([0, 1, 2, 3])
    expect(path.isProbing).toBe(true)
  })
})

describe('section 9: paths', () => {
  test('are found by both their ends', () => {
    const paths = pathsOf()
    const other = paths.add(at(5), at(1), ID, false)
    expect([paths.find(at(0), at(1)), paths.find(at(5), at(1))]).toEqual([paths.active, other])
    const strangers = [[at(0), at(1, 1)], [at(0), at(2)], [at(0, 1), at(1)], [at(5), at(2)], [at(5, 1), at(1)], [at(5), at(1, 1)]] as const
    for (const [local, remote] of strangers) expect(paths.find(local, remote)).toBeUndefined()
  })

  test('section 9.4: what was measured is kept where only the port of the peer differs', () => {
    const paths = pathsOf()
    const { recovery } = paths.active
    expect(paths.add(at(0), at(1, 9), ID, false).recovery).toBe(recovery)
    for (const [local, remote] of [[at(0), at(2)], [at(7), at(1, 9)], [at(0, 7), at(1, 9)]] as const) {
      expect(paths.add(local, remote, ID, false).recovery).not.toBe(recovery)
    }
    expect(paths.all.map(({ ordinal }) => ordinal).slice(1)).toEqual([2, 3, 4])
  })

  test('four are remembered: the oldest goes but for the active one, the one to go back to, and the newest', () => {
    const forgotten: Path[] = []
    const paths = new Paths({ initialRttUs: 1_000, isEcnWanted: false }, at(0), at(1), ID, true, (path) => forgotten.push(path))
    const [first] = paths.all
    const added = [2, 3, 4].map((address) => paths.add(at(0), at(address), ID, false))
    expect(paths.all).toEqual([first, ...added])
    paths.activate(added[1])
    const next = paths.add(at(0), at(5), ID, false)
    expect(paths.all).toEqual([first, added[1], added[2], next])
    const last = paths.add(at(0), at(6), ID, false)
    expect(paths.all).toEqual([first, added[1], next, last])
    expect(forgotten).toEqual([added[0], added[2]])
  })

  test('section 9.3.2: back to the last path that was validated, if there is one; a path beside it is forgotten', () => {
    const paths = pathsOf()
    const [first] = paths.all
    const moves: Path[] = [2, 3].map((address) => paths.add(at(0), at(address), ID, false))
    for (const path of moves) paths.activate(path)
    expect(paths.failed(moves[1])).toBe(first)
    expect(paths.failed(moves[0])).toBeUndefined()
    expect(paths.all).toEqual([first, moves[1]])
    const never = pathsOf(false)
    const other = never.add(at(0), at(2), ID, false)
    never.activate(other)
    expect(never.failed(other)).toBeUndefined()
  })
})
