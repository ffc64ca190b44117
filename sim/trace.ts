/**
 * The trace of a run: typed records, each with the instant and the node it belongs to, and a chain digest after each.
 * Two runs are the same exactly when their last chain digests are; where they part, the first differing record says so.
 */
import { assert } from './assert.ts'
import { hex64, Mixer } from './digest.ts'
import { NOTE_DEPTH_MAX, TRACE_NAMES_MAX, TRACE_RECORDS_MAX } from './limits.ts'
import type { NetRecord } from './net/records.ts'

export type { NetRecord } from './net/records.ts'

/** The node of a record that belongs to none: the network's and the kernel's own. */
export const NETWORK_NODE = -1

/** What a note may carry. A field that is `undefined` counts as absent. */
export type NoteData =
  | number | string | boolean | bigint | null | Uint8Array
  | readonly NoteData[]
  | { readonly [field: string]: NoteData | undefined }

/** An event of the simulated system, opaque to the simulator. Its data must not be changed afterwards. */
export interface NoteRecord {
  readonly kind: 'note'
  readonly name: string
  readonly data: { readonly [field: string]: NoteData | undefined }
}

/** What the kernel did to a node. */
export interface NodeRecord {
  readonly kind: 'node'
  readonly change: 'started' | 'paused' | 'resumed' | 'crashed'
}

/** A record without its instant and node, as it is handed in: plain data, the order of its fields fixed by the code that makes it. */
export type RecordBody = NetRecord | NoteRecord | NodeRecord
/** A record as a report reads it. `atUs` is virtual microseconds, `node` the node's index or {@link NETWORK_NODE}. */
export type TraceRecord = RecordBody & { readonly atUs: number; readonly node: number }

/** All levels give the same chain digest. `chain` keeps nothing else, for long runs; `digest` keeps records, `full` payloads too. */
export type TraceLevel = 'chain' | 'digest' | 'full'

const CAPACITY_FIRST = 1024

const TAG_RECORD = 0x21
const TAG_TRUE = 0x22
const TAG_FALSE = 0x23
const TAG_NULL = 0x24
const TAG_ARRAY = 0x25
const TAG_OBJECT = 0x26
const TAG_END = 0x27

export class Trace {
  readonly level: TraceLevel
  readonly #bodies: RecordBody[] = []
  readonly #payloads = new Map<number, Uint8Array>()
  #atUs = new Float64Array(CAPACITY_FIRST)
  #node = new Int32Array(CAPACITY_FIRST)
  /** The two lanes of the chain digest after each record. */
  #digests = new Uint32Array(2 * CAPACITY_FIRST)
  readonly #chain = new Mixer()
  /** Hashes of names, which come again with every record. Pure values: forgetting them changes nothing but the time. */
  readonly #nameHashes = new Map<string, number>()

  constructor(level: TraceLevel) {
    this.level = level
  }

  get length(): number {
    return this.#bodies.length
  }

  /** The trace has reached its bound; the kernel ends the run before the next event. */
  get isFull(): boolean {
    return this.#bodies.length >= TRACE_RECORDS_MAX
  }

  /**
   * Appends a record. `payload` is what a datagram carried: borrowed, copied at level `full`, forgotten at `digest`, and no
   * part of the chain digest, which must not depend on the level. Bytes that have to be vouched for belong into a field.
   */
  record(atUs: number, node: number, body: RecordBody, payload?: Uint8Array): void {
    const chain = this.#chain
    chain.u32(TAG_RECORD)
    chain.number(atUs)
    chain.u32(node)
    this.#foldObject(body, 0)
    if (this.level === 'chain') return
    const index = this.#bodies.length
    if (index === this.#atUs.length) this.#grow()
    this.#bodies.push(body)
    this.#atUs[index] = atUs
    this.#node[index] = node
    this.#digests[2 * index] = chain.hi
    this.#digests[2 * index + 1] = chain.lo
    if (payload !== undefined && this.level === 'full') this.#payloads.set(index, payload.slice())
  }

  /** The record at an index, made anew at each call. */
  at(index: number): TraceRecord {
    this.#check(index)
    return { atUs: this.#atUs[index], node: this.#node[index], ...this.#bodies[index] }
  }

  /** All records, made anew at each call: for reports and checkers, after the run. */
  records(): TraceRecord[] {
    return this.#bodies.map((_, index) => this.at(index))
  }

  /** The bytes that came with a record, at level `full`. */
  payloadAt(index: number): Uint8Array | undefined {
    return this.#payloads.get(index)
  }

  /** The chain digest after the record at an index: sixteen hexadecimal digits over it and all before it. */
  digestAt(index: number): string {
    this.#check(index)
    return hex64(this.#digests[2 * index], this.#digests[2 * index + 1])
  }

  /** The chain digest of the whole trace. */
  get digest(): string {
    return hex64(this.#chain.hi, this.#chain.lo)
  }

  /** The index of the first record in which two traces differ, or that only one of them has; undefined when they are the same. */
  static firstDifference(a: Trace, b: Trace): number | undefined {
    const length = Math.min(a.length, b.length)
    for (let index = 0; index < length; index++) {
      if (a.#digests[2 * index] !== b.#digests[2 * index] || a.#digests[2 * index + 1] !== b.#digests[2 * index + 1]) return index
    }
    return a.length === b.length ? undefined : length
  }

  #check(index: number): void {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`trace: expected an index of [0, ${this.length}), got ${index}`)
    }
  }

  #fold(value: NoteData, depth: number): void {
    const chain = this.#chain
    switch (typeof value) {
      case 'number': return chain.number(value)
      case 'string': return chain.string(value)
      case 'boolean': return chain.u32(value ? TAG_TRUE : TAG_FALSE)
      case 'bigint': return chain.bigint(value)
    }
    if (value === null) return chain.u32(TAG_NULL)
    if (value instanceof Uint8Array) return chain.bytes(value)
    if (!isArray(value)) return this.#foldObject(value, depth)
    assert(depth < NOTE_DEPTH_MAX, 'the data of a note nests within its bound')
    chain.u32(TAG_ARRAY)
    chain.u32(value.length)
    for (const item of value) this.#fold(item, depth + 1)
  }

  #foldObject(object: object, depth: number): void {
    assert(depth < NOTE_DEPTH_MAX, 'the data of a note nests within its bound')
    this.#chain.u32(TAG_OBJECT)
    for (const field in object) {
      const value = (object as Record<string, NoteData | undefined>)[field]
      if (value === undefined) continue
      this.#chain.u32(this.#nameHash(field))
      this.#fold(value, depth + 1)
    }
    this.#chain.u32(TAG_END)
  }

  #nameHash(name: string): number {
    const known = this.#nameHashes.get(name)
    if (known !== undefined) return known
    const mixer = new Mixer()
    mixer.string(name)
    const hash = mixer.lo | 0
    if (this.#nameHashes.size < TRACE_NAMES_MAX) this.#nameHashes.set(name, hash)
    return hash
  }

  #grow(): void {
    const capacity = this.#atUs.length * 2
    const atUs = new Float64Array(capacity)
    const node = new Int32Array(capacity)
    const digests = new Uint32Array(2 * capacity)
    atUs.set(this.#atUs)
    node.set(this.#node)
    digests.set(this.#digests)
    this.#atUs = atUs
    this.#node = node
    this.#digests = digests
  }
}

/** `Array.isArray` does not narrow readonly arrays. */
const isArray = (value: object): value is readonly NoteData[] => Array.isArray(value)
