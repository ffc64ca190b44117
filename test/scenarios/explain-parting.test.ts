/** The first write in which two histories part, on histories made by hand. */
import { describe, expect, it } from 'vitest'
import { firstParting } from '../../scenarios/cluster/explain-parting.ts'
import type { Write } from '../../scenarios/cluster/explain-writes.ts'

const NOWHERE = { ordinal: 0, atUs: 0, record: 0 }
const parting = (host: readonly Write[], peer: readonly Write[], sameFrame = -1, snapshotFrame = -1) =>
  firstParting(host, peer, sameFrame, snapshotFrame)
const write = (cause: Write['cause'], frame: number, byte: number | undefined): Write =>
  ({ cause, frame, removed: byte === undefined, bytes: byte === undefined ? undefined : Uint8Array.of(byte), ...NOWHERE })
const runtime = (frame: number, byte?: number) => write({ by: 'runtime', frame }, frame, byte)
const delta = (frame: number, byte?: number) => write({ by: 'delta', frame }, frame, byte)
const snapshot = (frame: number, byte?: number) => write({ by: 'snapshot', snapshotId: 1 }, frame, byte)
const command = (frame: number, lamport: number, author: number, byte?: number) => write({ by: 'command', author, lamport }, frame, byte)

describe('the first parting', () => {
  it('is none where deltas bring what the runtime wrote, however often, and commands are the same', () => {
    // What leads back to where it was is no change: the delta has nothing of it.
    const host = [runtime(1, 1), runtime(2, 5), runtime(2, 2), runtime(3, 9), runtime(3, 2), command(4, 7, 1, 3)]
    expect(parting(host, [delta(1, 1), delta(2, 2), command(4, 7, 1, 3)])).toBeUndefined()
  })

  it('is what one side lacks, with what it wrote in its place', () => {
    const [ours, theirs] = [command(2, 7, 1, 4), command(2, 8, 2, 5)]
    expect(parting([ours, theirs], [theirs])).toEqual({ kind: 'missing', side: 'peer', write: ours, instead: theirs })
    expect(parting([runtime(1, 1)], [delta(1, 1), delta(3, 2)])).toEqual({ kind: 'missing', side: 'host', write: delta(3, 2) })
    expect(parting([runtime(1, 1), runtime(2)], [delta(1, 1)])).toEqual({ kind: 'missing', side: 'peer', write: runtime(2) })
  })

  it('is one cause that left other bytes', () => {
    expect(parting([runtime(2, 1)], [delta(2, 3)])).toEqual({ kind: 'bytes', host: runtime(2, 1), peer: delta(2, 3) })
  })

  it('leaves out what was the same in a frame, and what a snapshot stood for', () => {
    expect(parting([runtime(2, 1), runtime(6, 2)], [delta(2, 3), delta(6, 2)], 5)).toBeUndefined()
    expect(parting([runtime(2, 1), runtime(3, 2), runtime(6, 4)], [snapshot(4, 2), delta(6, 4)], -1, 4)).toBeUndefined()
  })

  it('takes a snapshot for what it stands for, where it found the row as it was, too', () => {
    const [there, back] = [command(2, 7, 1, 5), command(3, 8, 1, 1)]
    expect(parting([command(1, 6, 1, 1), there, back], [command(1, 6, 1, 1)], -1, 4)).toBeUndefined()
    expect(parting([command(1, 6, 1, 1), there], [command(1, 6, 1, 1)], -1, 4)).toEqual({ kind: 'missing', side: 'peer', write: there })
  })

  it('is the snapshot where that has other bytes, or a row of its own', () => {
    expect(parting([runtime(3, 2)], [snapshot(4, 7)], -1, 4)).toEqual({ kind: 'bytes', host: runtime(3, 2), peer: snapshot(4, 7) })
    expect(parting([], [snapshot(4, 7)], -1, 4)).toEqual({ kind: 'missing', side: 'host', write: snapshot(4, 7) })
  })
})
