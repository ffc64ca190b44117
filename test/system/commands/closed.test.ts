/** What is kept of the closed log: bounded, complete where it says so, and enough to go on from any snapshot. */
import { describe, expect, it } from 'vitest'
import { ClosedEntries, entryBytes } from '../../../system/commands/closed.ts'
import { entityTranslate, memberLeft, selectionHighlight, toolActivate } from '../../../system/commands/registry.ts'
import { CLOSED_BYTES_MAX, CLOSED_ENTRIES_MAX, FRAMES_PER_SECOND, OLD_ENTRIES_MAX, RANGE_FRAMES } from '../../../system/limits.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { ANA, BEN, crate, entryOf, joinedAt, newLog, spawnedAt } from './entries.ts'

const CRATE = crate(ANA, 1)
const START = { lamport: 0, author: 0 }
const move = (lamport: number, author = ANA) => entryOf(author, lamport, entityTranslate, { entity: CRATE, dx: 1, dy: 0, dz: 0 })
const select = (lamport: number) => entryOf(ANA, lamport, selectionHighlight, { entity: CRATE, on: 1 })
const lamports = (entries: Iterable<CommandEntry>) => [...entries].map(({ lamport }) => lamport)

describe('what is kept', () => {
  it('R-LOG-14 is bounded in number and bytes, ascends, and is complete above its mark', () => {
    for (const payloadBytes of [0, 30_000]) {
      const closed = new ClosedEntries()
      const all: CommandEntry[] = []
      for (let i = 1; i <= 2 * CLOSED_ENTRIES_MAX; i++) {
        const entry = { ...move(i), payload: new Uint8Array(payloadBytes) }
        all.push(entry)
        // All of it recent: it goes for its number and its bytes alone.
        closed.push(entry, Math.floor(i / 200))
        if (closed.count > CLOSED_ENTRIES_MAX || closed.bytes > CLOSED_BYTES_MAX) expect.unreachable(`${closed.count} entries`)
        if (i > 600 && payloadBytes > 0) break
      }
      const kept = [...closed.after(START)]
      expect(kept).toEqual(all.slice(-kept.length))
      expect(closed.completeAfter).toBe(all.length - kept.length)
      expect(closed.bytes).toBe(kept.reduce((sum, entry) => sum + entryBytes(entry), 0))
      expect(kept.length).toBeGreaterThan(payloadBytes > 0 ? 200 : 0.7 * CLOSED_ENTRIES_MAX)
    }
  })

  it('R-LOG-14 what a later entry of its author has superseded goes first, what a member may still miss last', () => {
    const closed = new ClosedEntries()
    const [old, all] = [OLD_ENTRIES_MAX + 1, OLD_ENTRIES_MAX + 51]
    for (let i = 1; i <= all; i++) {
      const entry = i <= 100 ? entryOf(0, i, memberLeft, { author: BEN }) : i % 2 === 0 ? select(i) : move(i)
      closed.push(entry, i <= old ? 5 : RANGE_FRAMES + 5)
    }
    const kept = [...closed.after(START)]
    // A quarter of what is old has gone, all of it superseded selections; who left is nobody's to supersede.
    expect(kept.filter(({ lamport }) => lamport <= old)).toHaveLength(0.75 * OLD_ENTRIES_MAX)
    expect(kept.filter(({ command }) => command !== selectionHighlight.code)).toHaveLength(100 + (all - 100) / 2 + 0.5)
    expect(kept.filter(({ command }) => command === memberLeft.code)).toHaveLength(100)
    expect(lamports(closed.after({ lamport: old, author: ANA }))).toHaveLength(50)
    expect(closed.completeAfter).toBeLessThan(old)
    expect(lamports(closed.after({ lamport: closed.completeAfter, author: ANA }))).toEqual(
      Array.from({ length: all - closed.completeAfter }, (_, i) => closed.completeAfter + 1 + i))
  })

  it('R-LOG-14 of what is old no more is kept after an hour than after a minute', () => {
    const closed = new ClosedEntries()
    const perFrame = 2
    let lamport = 0
    for (let frame = 0; frame < 20 * RANGE_FRAMES; frame++) {
      for (let i = 0; i < perFrame; i++) closed.push(move(++lamport), frame)
      if (closed.count > OLD_ENTRIES_MAX + perFrame * RANGE_FRAMES) expect.unreachable(`${closed.count} entries in frame ${frame}`)
    }
    const recent = perFrame * RANGE_FRAMES
    expect(closed.completeAfter).toBeLessThanOrEqual(lamport - recent)
    expect(lamports(closed.after({ lamport: lamport - recent, author: ANA }))).toHaveLength(recent)
  })

  it('R-LOG-14 a tool of one author supersedes nobody else\'s, and no other command', () => {
    const closed = new ClosedEntries()
    for (let i = 1; i <= CLOSED_ENTRIES_MAX + 1; i++) closed.push(entryOf(i % 2 === 0 ? ANA : BEN, i, toolActivate, { tool: i % 300 }), i)
    expect(closed.count).toBeLessThan(CLOSED_ENTRIES_MAX)
    // Both authors' last words on every tool of theirs are there.
    const tools = new Set([...closed.after(START)].map(({ author, scope }) => `${author} ${scope}`))
    expect(tools.size).toBe(300)
  })

  it('R-LOG-14 a place is by Lamport time and author', () => {
    const closed = new ClosedEntries()
    for (const entry of [move(4, ANA), move(4, BEN), move(5, ANA)]) closed.push(entry, 0)
    const places = (lamport: number, author: number) =>
      [...closed.after({ lamport, author })].map((entry) => `${entry.lamport}.${entry.author}`)
    expect(places(4, 0)).toEqual(['4.1', '4.2', '5.1'])
    expect(places(4, 1)).toEqual(['4.2', '5.1'])
    expect(places(4, 2)).toEqual(['5.1'])
    closed.forget(9)
    expect([closed.count, closed.bytes, closed.completeAfter]).toEqual([0, 0, 9])
  })

  it('R-LOG-14 ten minutes of commands leave no more than one', () => {
    const { log, take } = newLog()
    take(joinedAt(1, ANA), joinedAt(2, BEN), spawnedAt(3, CRATE, ANA))
    let lamport = 3
    const afterOneMinute = { count: 0, bytes: 0 }
    for (let frame = 0; frame < 10 * 60 * FRAMES_PER_SECOND; frame++) {
      for (let i = 0; i < 2; i++) take(frame % 2 === 0 ? select(++lamport) : move(++lamport))
      log.closeUpTo(lamport, frame)
      const { count, bytes } = log.closed
      if (frame < 3 * 60 * FRAMES_PER_SECOND) {
        afterOneMinute.count = Math.max(afterOneMinute.count, count)
        afterOneMinute.bytes = Math.max(afterOneMinute.bytes, bytes)
      } else if (count > afterOneMinute.count || bytes > afterOneMinute.bytes) expect.unreachable(`${count} entries at frame ${frame}`)
    }
    expect(log.position.count).toBe(lamport)
    expect(log.depth).toBe(0)
  }, 60_000)
})

describe('a log that goes on from a snapshot', () => {
  it('R-LOG-10 with the position and the entries since, it comes to the same position and the same bytes', () => {
    const whole = newLog()
    whole.take(joinedAt(1, ANA), joinedAt(2, BEN), spawnedAt(3, CRATE, ANA))
    for (let lamport = 4; lamport < 60; lamport++) whole.take(lamport % 3 === 0 ? select(lamport) : move(lamport, 1 + (lamport % 2)))
    for (const mark of [3, 17, 40]) {
      whole.log.closeUpTo(mark, mark)
      const later = newLog()
      later.world.copyFrom(whole.world)
      later.log.adopt(whole.log.position)
      expect(later.log.closed.completeAfter).toBe(mark)
      later.take(...whole.log.entriesSince(mark))
      later.log.closeUpTo(59, 99)
      expect(later.log.position).toEqual(whole.log.positionAt(59))
      expect(later.log.entriesSince(mark)).toEqual(whole.log.entriesSince(mark))
      expect(later.log.position.count).toBe(59)
    }
  })
})
