/**
 * What a sweep has done so far: a file of lines, one a finished run, that is only ever added to. Whatever ends the process,
 * all but a torn last line is there when the sweep goes on.
 */
import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from '../../platform/files.ts'

const CHUNK_BYTES = 1 << 16
const NEWLINE = 10

export class Journal {
  readonly #file: number

  /** @throws the file system's error. */
  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  /** @param line without a newline. @throws the file system's error. */
  add(line: string): void {
    writeFileSync(this.#file, `${line}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/**
 * Opens the journal of a sweep. One of another header is removed, with all that stands beside it: it is of other runs.
 * @param header one line that says of which runs the journal is.
 * @param onRecord gets each line that stands there, parsed, in order.
 * @returns whether a journal was there, and which.
 */
export function openJournal(
  path: string, header: string, onRecord: (record: unknown) => void,
): { readonly journal: Journal; readonly found: 'nothing' | 'same' | 'other' } {
  const found = statSync(path, { throwIfNoEntry: false }) === undefined ? 'nothing' : readJournal(path, header, onRecord)
  if (found === 'other') rmSync(dirname(path), { recursive: true, force: true })
  if (found === 'same') return { journal: new Journal(path), found }
  makeFolder(dirname(path))
  const journal = new Journal(path)
  journal.add(header)
  return { journal, found }
}

/** What follows the last whole line is cut off, so that the next line begins anew. */
function readJournal(path: string, header: string, onRecord: (record: unknown) => void): 'same' | 'other' {
  let wholeBytes = 0
  for (const line of wholeLines(path)) {
    if (wholeBytes === 0 && line.toString('utf8') !== header) return 'other'
    const record = wholeBytes === 0 ? header : parsed(line)
    if (record === undefined) break
    if (wholeBytes > 0) onRecord(record)
    wholeBytes += line.length + 1
  }
  if (wholeBytes === 0) return 'other'
  truncateSync(path, wholeBytes)
  return 'same'
}

/** Bytes up to each newline, without it. */
function* wholeLines(path: string): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let rest = Buffer.alloc(0)
    for (let length; (length = readSync(file, chunk)) > 0;) {
      rest = Buffer.concat([rest, chunk.subarray(0, length)])
      let start = 0
      for (let end; (end = rest.indexOf(NEWLINE, start)) !== -1; start = end + 1) yield rest.subarray(start, end)
      rest = rest.subarray(start)
    }
  } finally {
    closeSync(file)
  }
}

/** Undefined where it is no line that was written whole. */
function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
}
