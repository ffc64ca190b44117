/** The journal of a sweep: every whole line comes back, wherever the last one was torn. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openJournal } from '../../bin/sweep/journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-journal-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'sweep/journal.jsonl')

function opened(header: string): { found: string; records: unknown[]; add: (...records: object[]) => void } {
  const records: unknown[] = []
  const { journal, found } = openJournal(path, header, (record) => { records.push(record) })
  return {
    found, records,
    add: (...more) => {
      for (const record of more) journal.add(JSON.stringify(record))
      journal.close()
    },
  }
}

describe('a journal', () => {
  it('gives back what was added, line by line, however long', () => {
    // More than a few chunks of 65,536 bytes, with characters of several bytes across their edges.
    const records = Array.from({ length: 500 }, (_, seed) => ({ seed, verdict: 'é😀'.repeat(seed) }))
    const first = opened('{"a":1}')
    expect(first).toMatchObject({ found: 'nothing', records: [] })
    first.add(...records.slice(0, 300))
    opened('{"a":1}').add(...records.slice(300))
    const last = opened('{"a":1}')
    last.add()
    expect(last).toMatchObject({ found: 'same', records })
  })

  it('is cut where its last line is torn, and goes on from there', () => {
    rmSync(path)
    opened('{"a":1}').add({ seed: 1 }, { seed: 2 }, { seed: 3 })
    const whole = readFileSync(path)
    const [second, third] = ['{"seed":2}', '{"seed":3}'].map((line) => whole.indexOf(line))
    for (let length = second; length < whole.length; length++) {
      for (const tail of ['', '\0\0\0\n']) {
        writeFileSync(path, Buffer.concat([whole.subarray(0, length), Buffer.from(tail)]))
        const kept = length < third ? [{ seed: 1 }] : [{ seed: 1 }, { seed: 2 }]
        const torn = opened('{"a":1}')
        torn.add({ seed: 9 })
        expect(torn, `${length} ${tail}`).toMatchObject({ found: 'same', records: kept })
        const again = opened('{"a":1}')
        again.add()
        expect(again.records).toEqual([...kept, { seed: 9 }])
      }
    }
  })

  it('of other runs is removed, with all that is beside it', () => {
    writeFileSync(join(folder, 'sweep/sweep.json'), '{}')
    const other = opened('{"a":2}')
    other.add({ seed: 5 })
    expect(other).toMatchObject({ found: 'other', records: [] })
    expect(existsSync(join(folder, 'sweep/sweep.json'))).toBe(false)
    expect(readFileSync(path, 'utf8')).toBe('{"a":2}\n{"seed":5}\n')
    writeFileSync(path, '{"a":')
    expect(opened('{"a":2}').found).toBe('other')
  })
})
