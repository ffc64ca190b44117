/**
 * The disk of a node. It outlives a crash, and knows files as names and bytes alone.
 *
 * Writes take effect and are confirmed one after another, each after a latency of its own. What was confirmed survives. Of what was not, a
 * crash chooses for each write: lost wholly (the benign way: nobody was told of it), there wholly, or torn at any byte, with nothing behind
 * it or with zeros for the rest, as where a file's length is written before its data. A choice is keyed by the write itself: its node,
 * its file and the file's length before it, which does not matter to a removal.
 */
import { assert } from './assert.ts'
import { ALTERNATIVES_MAX, type Chooser, hashText, odds } from './choice.ts'
import { DISK_WRITES_MAX } from './limits.ts'

/** In microseconds: from a cache with a battery to a disk that is busy. */
const LATENCIES_US = [100, 200, 400, 800, 1600, 3200, 5000]
const LATENCY = odds('disk.latency', [4, 4, 4, 6, 8, 8, 8])
const LOST = 0
const WHOLE = 1
/** From here on: two alternatives for each place at which a write is torn, the second with zeros for the rest. */
const TORN_FIRST = 2
const TEARS = ALTERNATIVES_MAX - TORN_FIRST
/** A third each. */
const CRASH = odds('disk.crash', [TEARS, TEARS, ...Array.from({ length: TEARS }, () => 1)])
/** Whether a removal has come through. */
const CRASH_REMOVAL = odds('disk.crash.removal', [1, 1])

interface Write {
  readonly ticket: number
  readonly file: string
  /** What is added at its end; undefined where the file goes. */
  readonly bytes: Uint8Array | undefined
  /** The file's length before; 0 of a removal. */
  readonly offset: number
  readonly doneUs: number
}

/** What a crash made of a write that was not confirmed. */
export interface Unconfirmed {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  /** How many of its bytes are there, from the first; of a removal, which has none, 1 where the file is gone. */
  readonly kept: number
}

export class Disk {
  readonly #node: number
  readonly #chooser: Chooser
  readonly #files = new Map<string, Uint8Array>()
  /** Not confirmed yet, the first to be confirmed first. */
  #writes: Write[] = []

  constructor(node: number, chooser: Chooser) {
    this.#node = node
    this.#chooser = chooser
  }

  /** What is there, by name. */
  get files(): readonly string[] {
    return [...this.#files.keys()].sort()
  }
  /** The caller must not change it. */
  read(file: string): Uint8Array | undefined {
    return this.#files.get(file)
  }

  /** Adds bytes, which are the disk's from then on, at the end of a file; makes it where there is none. */
  append(ticket: number, file: string, bytes: Uint8Array, nowUs: number): void {
    this.#begin(ticket, file, bytes, nowUs)
  }
  remove(ticket: number, file: string, nowUs: number): void {
    this.#begin(ticket, file, undefined, nowUs)
  }

  /** When the next write will be confirmed; Infinity where none is under way. */
  nextUs(): number {
    return this.#writes[0]?.doneUs ?? Infinity
  }
  /** The ticket of a write that is done by now; undefined where there is none. */
  confirm(nowUs: number): number | undefined {
    const first = this.#writes[0]
    if (first === undefined || first.doneUs > nowUs) return undefined
    this.#writes.shift()
    this.#apply(first, first.bytes)
    return first.ticket
  }

  /** The node has crashed. */
  crash(): Unconfirmed[] {
    return this.#writes.splice(0).map((write) => {
      const { file, offset, bytes } = write
      const alternative = this.#chooser.choose(bytes === undefined ? CRASH_REMOVAL : CRASH, hashText(file, this.#node), offset)
      if (alternative === LOST) return { file, offset, bytes: bytes?.length ?? 0, kept: 0 }
      if (bytes === undefined || alternative === WHOLE) {
        this.#apply(write, bytes)
        return { file, offset, bytes: bytes?.length ?? 0, kept: bytes?.length ?? 1 }
      }
      const [kept, hasZeros] = tearOf(alternative, bytes.length)
      const left = new Uint8Array(hasZeros ? bytes.length : kept)
      left.set(bytes.subarray(0, kept))
      this.#apply(write, left)
      return { file, offset, bytes: bytes.length, kept }
    })
  }

  #begin(ticket: number, file: string, bytes: Uint8Array | undefined, nowUs: number): void {
    assert(this.#writes.length < DISK_WRITES_MAX, 'the writes of a disk stay within their bound')
    const ofFile = this.#writes.filter((write) => write.file === file)
    const length = ofFile.reduce((_, write) => lengthAfter(write), this.#files.get(file)?.length ?? 0)
    const offset = bytes === undefined ? 0 : length
    const latencyUs = LATENCIES_US[this.#chooser.choose(LATENCY, hashText(file, this.#node), offset)]
    const doneUs = Math.max(nowUs, this.#writes.at(-1)?.doneUs ?? 0) + latencyUs
    this.#writes.push({ ticket, file, bytes, offset, doneUs })
  }

  /** @param bytes what comes of the write's own; undefined for a removal. */
  #apply({ file }: Write, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#files.delete(file)
      return
    }
    const before = this.#files.get(file) ?? new Uint8Array(0)
    const after = new Uint8Array(before.length + bytes.length)
    after.set(before)
    after.set(bytes, before.length)
    this.#files.set(file, after)
  }
}

const lengthAfter = ({ offset, bytes }: Write): number => (bytes === undefined ? 0 : offset + bytes.length)
/** How many of so many bytes are left, and whether zeros follow. */
const tearOf = (alternative: number, bytes: number): readonly [kept: number, hasZeros: boolean] => {
  const tear = alternative - TORN_FIRST
  return [Math.floor(((tear >> 1) * 2 * bytes) / TEARS), tear % 2 === 1]
}
