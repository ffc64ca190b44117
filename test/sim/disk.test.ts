import { describe, expect, it } from 'vitest'
import { type Chooser, type Odds, SeededChooser } from '../../sim/choice.ts'
import { Disk } from '../../sim/disk.ts'

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i + 1)
const SLOWEST_US = 5000

/** Chooses what a test says for a site, else the benign way. */
const choosing = (alternatives: Readonly<Record<string, number>>): Chooser => ({ choose: ({ site }: Odds) => alternatives[site] ?? 0 })

/** Confirms all that is under way, and tells the tickets in order. */
function settle(disk: Disk): number[] {
  const tickets: number[] = []
  while (disk.nextUs() < Infinity) tickets.push(disk.confirm(disk.nextUs())!)
  return tickets
}

describe('a disk', () => {
  it('confirms writes in order, none before its time, and has nothing of one before', () => {
    const disk = new Disk(0, new SeededChooser(1))
    disk.append(1, 'a', BYTES, 1000)
    disk.append(2, 'a', BYTES, 1000)
    disk.remove(3, 'b', 1000)
    const firstUs = disk.nextUs()
    expect(firstUs).toBeGreaterThan(1000)
    expect(firstUs).toBeLessThanOrEqual(1000 + SLOWEST_US)
    expect(disk.confirm(firstUs - 1)).toBeUndefined()
    expect(disk.files).toEqual([])
    expect(settle(disk)).toEqual([1, 2, 3])
    expect(disk.read('a')).toEqual(Uint8Array.from([...BYTES, ...BYTES]))
    expect(disk.nextUs()).toBe(Infinity)
  })

  it('keeps through a crash what it has confirmed', () => {
    for (let seed = 0; seed < 50; seed++) {
      const disk = new Disk(0, new SeededChooser(seed))
      disk.append(1, 'a', BYTES, 0)
      settle(disk)
      disk.append(2, 'a', BYTES, 0)
      disk.crash()
      expect(disk.read('a')?.subarray(0, BYTES.length)).toEqual(BYTES)
      expect(disk.nextUs()).toBe(Infinity)
    }
  })

  it('loses what it has not confirmed where nothing else is chosen', () => {
    const disk = new Disk(0, choosing({}))
    disk.append(1, 'a', BYTES, 0)
    expect(disk.crash()).toEqual([{ file: 'a', offset: 0, bytes: 100, kept: 0 }])
    expect(disk.files).toEqual([])
  })

  it('tears a write at any of its bytes, with zeros for the rest or nothing', () => {
    const seen = { lost: 0, whole: 0, cut: new Set<number>(), zeros: new Set<number>() }
    for (let seed = 0; seed < 2000; seed++) {
      const disk = new Disk(0, new SeededChooser(seed))
      disk.append(1, 'a', BYTES, 0)
      const [{ kept }] = disk.crash()
      const left = disk.read('a') ?? new Uint8Array(0)
      expect(left.subarray(0, kept)).toEqual(BYTES.subarray(0, kept))
      expect(left.subarray(kept).every((byte) => byte === 0)).toBe(true)
      if (left.length === 0) seen.lost++
      else if (kept === BYTES.length) seen.whole++
      else if (left.length === BYTES.length) seen.zeros.add(kept)
      else seen.cut.add(kept)
    }
    expect(seen.lost).toBeGreaterThan(500)
    expect(seen.whole).toBeGreaterThan(500)
    expect(seen.cut.size).toBeGreaterThan(80)
    expect(seen.zeros.size).toBeGreaterThan(80)
  })

  it('a removal comes through a crash or does not', () => {
    for (const [alternative, files] of [[0, ['a']], [1, []]] as const) {
      const disk = new Disk(0, choosing({ 'disk.crash.removal': alternative }))
      disk.append(1, 'a', BYTES, 0)
      settle(disk)
      disk.remove(2, 'a', 0)
      expect(disk.crash()).toEqual([{ file: 'a', offset: 0, bytes: 0, kept: alternative }])
      expect(disk.files).toEqual(files)
    }
  })

  it('what becomes of a write depends on the write, and not on what else was written', () => {
    const left = (others: readonly string[]) => {
      const disk = new Disk(3, new SeededChooser(7))
      for (const [index, file] of others.entries()) disk.append(index + 2, file, BYTES, 0)
      disk.append(1, 'a', BYTES, 0)
      disk.crash()
      return disk.read('a')
    }
    expect(left(['b', 'c'])).toEqual(left([]))
  })
})
