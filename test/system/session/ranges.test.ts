/** Entries that a member asks for: all of them in the end, and no more of them in a frame than a bound. */
import { beforeAll, describe, expect, it } from 'vitest'
import { CLOSED_ENTRIES_MAX, ENTRIES_PER_MESSAGE_MAX, RANGE_BYTES_PER_FRAME } from '../../../system/limits.ts'
import { type Actor, disagreement, EPOCH, Loopback, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const LAMPORT_MAX = Number.MAX_SAFE_INTEGER
const ask = (loopback: Loopback, from: Actor, afterLamport: number, upToLamport = LAMPORT_MAX, epoch = EPOCH) =>
  loopback.inject(from, loopback.host, { kind: 'LogRangeRequest', epoch, afterLamport, upToLamport })

/** A host that has closed so many entries. */
function withHistory(entries: number) {
  const loopback = new Loopback()
  const [ana] = loopback.joined('ana')
  const enough = () => loopback.host.peer.log.position.count >= entries
  while (!enough()) {
    for (let i = 0; i < 200; i++) loopback.host.intend({ kind: 'despawn', entity: 1 })
    loopback.run(1)
  }
  loopback.settle()
  const before = loopback.sent.length
  const answers = () => loopback.sent.slice(before).flatMap((carried) => {
    const message = carried.to === 'ana' ? carried.as('CommandLogEntry') : undefined
    return message === undefined ? [] : [{ atUs: carried.atUs, bytes: carried.bytes.length, entries: message.entries }]
  })
  return { loopback, ana, answers }
}

describe('a range of entries', () => {
  it('R-LOG-13 is answered whole, in order, over as many frames as it takes, and a frame has no more than its share', () => {
    const { loopback, ana, answers } = withHistory(1500)
    ask(loopback, ana, 0)
    expect(answers()).toEqual([])
    // Asking again, from the same place or a later one, does not begin anew.
    for (let frame = 0; frame < 120; frame++) {
      if (frame % 5 === 0 && frame < 60) ask(loopback, ana, frame === 0 ? 0 : 3)
      loopback.run(1)
    }
    const told = answers().flatMap(({ entries }) => entries.map(({ lamport }) => lamport))
    const wanted = loopback.host.peer.log.entriesSince(0).map(({ lamport }) => lamport)
    expect(told.slice(0, wanted.length)).toEqual(wanted)
    expect(new Set(answers().map(({ atUs }) => atUs)).size).toBe(answers().length)
    for (const { entries, bytes } of answers()) {
      expect(entries.length).toBeLessThanOrEqual(ENTRIES_PER_MESSAGE_MAX)
      expect(bytes).toBeLessThanOrEqual(RANGE_BYTES_PER_FRAME)
    }
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-13 costs no more however often and however much is asked for', () => {
    const { loopback, ana, answers } = withHistory(3000)
    for (let frame = 0; frame < 10; frame++) {
      for (let i = 0; i < 50; i++) ask(loopback, ana, (frame * 7 + i) % 90, i % 2 === 0 ? LAMPORT_MAX : 95)
      loopback.run(1)
    }
    expect(answers().length).toBeLessThanOrEqual(10)
    expect(answers().reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(10 * RANGE_BYTES_PER_FRAME)
  })

  it('R-LOG-13 ends where it was asked to, and another epoch has none', () => {
    const { loopback, ana, answers } = withHistory(300)
    ask(loopback, ana, 10, 20, EPOCH + 1)
    loopback.run(3)
    expect(answers()).toEqual([])
    ask(loopback, ana, 10, 20)
    loopback.run(3)
    expect(answers().flatMap(({ entries }) => entries.map(({ lamport }) => lamport))).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    ask(loopback, ana, 20, 20)
    loopback.run(3)
    expect(answers()).toHaveLength(1)
  })

  it('R-LOG-13 that is kept no more is answered by a snapshot', () => {
    const { loopback, ana, answers } = withHistory(CLOSED_ENTRIES_MAX + 200)
    const { completeAfter } = loopback.host.peer.log.closed
    expect(completeAfter).toBeGreaterThan(0)
    ask(loopback, ana, completeAfter - 1)
    loopback.run(3)
    expect(answers()).toEqual([])
    expect(loopback.host.heard('snapshotSent').at(-1)).toMatchObject({ reason: 'resync' })
    ask(loopback, ana, completeAfter, completeAfter + 1)
    loopback.run(3)
    expect(answers()).toHaveLength(1)
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
  }, 60_000)
})
