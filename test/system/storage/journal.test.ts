import { describe, expect, it } from 'vitest'
import { JOURNAL_BYTES } from '../../../system/limits.ts'
import { NO_PROBE, type StorageOutput, type TransportOutput } from '../../../system/ports.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { Journal } from '../../../system/storage/journal.ts'
import { RecordReader } from '../../../system/storage/records.ts'

type Output = TransportOutput | StorageOutput

const CHECKPOINT = {
  sessionId: new Uint8Array(16), epoch: 1, nonces: new Map(), roster: new Uint8Array(0), snapshot: new Uint8Array(0), entries: [],
}
const entry = (lamport: number): CommandEntry => ({ lamport }) as CommandEntry
const message = (on: number): TransportOutput => ({ kind: 'message', on, channel: 0, bytes: new Uint8Array(1) })

/** A journal whose driver confirms when the test says so. */
class Bench {
  readonly outputs: Output[] = []
  readonly journal: Journal
  checkpoints = 0

  constructor(files: readonly string[] = [], clock = 0) {
    this.journal = new Journal(files, clock, {
      emit: (output) => this.outputs.push(output), probe: NO_PROBE, report: () => {}, entropy: (bytes) => new Uint8Array(bytes).fill(7),
      checkpoint: () => (this.checkpoints++, CHECKPOINT),
    })
  }
  /** What one input does. */
  does(action: (journal: Journal) => void): Output[] {
    this.outputs.length = 0
    action(this.journal)
    this.journal.flush()
    return [...this.outputs]
  }
  records(...lamports: number[]): Output[] {
    return this.does((journal) => journal.entries(lamports.map(entry), Uint8Array.from(lamports)))
  }
  confirm(ticket: number): Output[] {
    return this.does((journal) => journal.stored(ticket))
  }
}

describe('what leaves the host', () => {
  it('R-DISK-1 waits for the records of its own input, and for those before', () => {
    const bench = new Bench()
    const begun = bench.does((journal) => journal.hold(message(1)))
    expect(begun).toMatchObject([{ kind: 'store', ticket: 1, file: 'journal.1' }])
    expect(bench.confirm(1)).toEqual([message(1)])
    const second = bench.does((journal) => {
      journal.hold(message(2))
      journal.entries([entry(5)], Uint8Array.of(5))
    })
    expect(second).toMatchObject([{ kind: 'store', ticket: 2 }])
    expect(bench.does((journal) => journal.hold(message(3)))).toEqual([])
    expect(bench.confirm(2)).toEqual([message(2), message(3)])
  })

  it('R-DISK-1 goes at once where nothing is under way', () => {
    const bench = new Bench()
    bench.does(() => {})
    bench.confirm(1)
    expect(bench.does((journal) => journal.hold(message(1)))).toEqual([message(1)])
  })

  it('R-DISK-1 keeps its order', () => {
    const bench = new Bench()
    bench.does(() => {})
    bench.confirm(1)
    bench.records(1)
    bench.does((journal) => journal.hold(message(1)))
    bench.records(2)
    bench.does((journal) => journal.hold(message(2)))
    expect(bench.confirm(2)).toMatchObject([{ kind: 'store', ticket: 3 }, message(1)])
    expect(bench.confirm(3)).toEqual([message(2)])
  })
})

describe('the log is closed', () => {
  it('R-DISK-2 no further than what is stored, and than the least that is not', () => {
    const bench = new Bench([], 3)
    expect(bench.journal.closable(10)).toBe(3)
    bench.does(() => {})
    bench.confirm(1)
    bench.records(8)
    expect(bench.journal.closable(10)).toBe(3)
    bench.confirm(2)
    expect(bench.journal.closable(10)).toBe(8)
    bench.records(5)
    expect(bench.journal.closable(10)).toBe(4)
    bench.confirm(3)
    expect(bench.journal.closable(10)).toBe(8)
    expect(bench.journal.closable(6)).toBe(6)
  })
})

describe('a generation', () => {
  it('R-DISK-4 has one write under way, and in it all that came meanwhile', () => {
    const bench = new Bench()
    const begun = bench.does(() => {})
    bench.confirm(1)
    const [first] = bench.records(1)
    expect(bench.records(2)).toEqual([])
    expect(bench.records(3, 4)).toEqual([])
    const [both] = bench.confirm(2)
    if (first?.kind !== 'store' || both?.kind !== 'store') throw new TypeError('expected writes')
    const checkpoint = (begun[0] as Extract<Output, { readonly kind: 'store' }>).bytes
    const found = new RecordReader(Uint8Array.from([...checkpoint, ...first.bytes, ...both.bytes])).read()
    const payloads = found.kind === 'read' ? found.records.slice(1).map(({ payload }) => [...payload]) : []
    expect(payloads).toEqual([[1], [2], [3, 4]])
  })

  it('R-DISK-4 gives way to the next when it has grown, and is discarded when that one\'s checkpoint is stored', () => {
    const bench = new Bench(['journal.3', 'journal.4', 'other'])
    expect(bench.does(() => {})).toMatchObject([{ kind: 'store', file: 'journal.5' }])
    expect(bench.confirm(1)).toMatchObject([{ kind: 'discard', file: 'journal.3' }, { kind: 'discard', file: 'journal.4' }])
    const [large] = bench.does((journal) => journal.entries([entry(1)], new Uint8Array(JOURNAL_BYTES)))
    if (large?.kind !== 'store') throw new TypeError('expected a write')
    expect(bench.confirm(large.ticket)).toMatchObject([{ kind: 'store', file: 'journal.6' }])
    expect(bench.checkpoints).toBe(2)
    expect(bench.confirm(large.ticket + 1)).toMatchObject([{ kind: 'discard', file: 'journal.5' }])
  })
})
