/**
 * The rows of one component: canonical bytes back to back, and beside them each row's entity, revision, track and stored hash.
 * Rows lie dense: the last one moves into the place of a removed one. The sum of the stored hashes is kept with each write.
 */
import { assert } from '../assert.ts'
import { ENTITY_ID_MAX, type EntityId, type Hash64 } from '../ids.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { isCanonicalRow, readField, readRow, ROW_HEADER_BYTES, writeRow } from './canonical.ts'
import type { AnyComponent, Field, RowOf } from './component.ts'
import { ROWS_PER_COMPONENT_MAX } from '../limits.ts'
import { advanceTrack, type Track, trackWords } from './motion.ts'
import { hashRow, sumOfRows } from './rowhash.ts'

const ROWS_CAPACITY_MIN = 16
const U32_MAX = 0xffffffff

/** What became of a row since the last take. */
export interface RowChange {
  readonly entity: EntityId
  readonly component: AnyComponent
  readonly componentIndex: number
  readonly op: 'update' | 'insert' | 'remove'
  /** The row as it was at the last take, undefined for an insert: a view, valid until the next write to the table. */
  readonly previous: Uint8Array | undefined
  /** Of the row after this change. */
  readonly revision: number
  /** The track of the row before this change, undefined for an insert: a view, valid as `previous` is. */
  readonly track: Track | undefined
}

/** A row as it was at the last take. */
interface Baseline {
  /** Where its bytes and its track are kept; -1 where there was none. */
  readonly place: number
  readonly revision: number
  /** Whether its bytes were those of its stored hash: nobody else has what memory had lost by then. */
  readonly isSound: boolean
}

export class Table {
  readonly component: AnyComponent
  /** Its place in COMPONENTS. */
  readonly index: number
  #count = 0
  #bytes: Uint8Array
  #view: DataView
  #entities = new Uint32Array(ROWS_CAPACITY_MIN)
  #revisions = new Uint32Array(ROWS_CAPACITY_MIN)
  /** Words of a track, none where nothing moves, and the tracks of the rows. */
  readonly #trackWords: number
  #tracks: Track
  /** Low and high half of each row's hash, in turn. */
  #hashes = new Uint32Array(2 * ROWS_CAPACITY_MIN)
  /** Low and high half of the sum of the stored hashes, modulo 2^64. */
  readonly #sum = new Uint32Array(2)
  readonly #slots = new Map<EntityId, number>()
  /** The entities in ascending order; undefined after one came or went. */
  #ascending: readonly EntityId[] | undefined
  /** Rows touched since the last take, as they were; undefined where changes are not tracked. */
  readonly #baselines: Map<EntityId, Baseline> | undefined
  /** Their bytes and tracks, back to back: the memory of one take serves the next. */
  #baselineBytes = new Uint8Array(0)
  #baselineTracks: Track = new Int32Array(0)
  #baselineCount = 0
  /** Where a row is written and checked before it replaces another. */
  readonly #scratch: Uint8Array
  readonly #scratchHash = new Uint32Array(2)

  constructor(component: AnyComponent, index: number, tracksChanges: boolean) {
    this.component = component
    this.index = index
    this.#bytes = new Uint8Array(ROWS_CAPACITY_MIN * component.stride)
    this.#view = new DataView(this.#bytes.buffer)
    this.#trackWords = trackWords(component)
    this.#tracks = new Int32Array(ROWS_CAPACITY_MIN * this.#trackWords)
    this.#baselines = tracksChanges ? new Map() : undefined
    this.#scratch = new Uint8Array(component.stride)
  }

  get rowCount(): number {
    return this.#count
  }
  /** Bytes of one row in the canonical bytes of a world. */
  get rowBytes(): number {
    return ROW_HEADER_BYTES + this.component.stride
  }
  get sum(): Hash64 {
    return { hi: this.#sum[1], lo: this.#sum[0] }
  }

  has(entity: EntityId): boolean {
    return this.#slots.has(entity)
  }
  get(entity: EntityId): RowOf<AnyComponent> | undefined {
    const slot = this.#slots.get(entity)
    return slot === undefined ? undefined : readRow(this.component, this.#bytes, slot * this.component.stride)
  }
  /** A live view, valid until the next write to this table. */
  bytes(entity: EntityId): Uint8Array | undefined {
    const slot = this.#slots.get(entity)
    return slot === undefined ? undefined : this.#rowOf(slot)
  }
  /** 0 where there is no row. */
  revision(entity: EntityId): number {
    const slot = this.#slots.get(entity)
    return slot === undefined ? 0 : this.#revisions[slot]
  }
  /** A live view of the words beside the row, none where its component does not move; valid until the next write to this table. */
  track(entity: EntityId): Track | undefined {
    const slot = this.#slots.get(entity)
    return slot === undefined ? undefined : this.#trackOf(slot)
  }
  /** One field of the row; undefined where there is no row. */
  value(entity: EntityId, field: Field): number | undefined {
    const slot = this.#slots.get(entity)
    return slot === undefined ? undefined : readField(this.#bytes, slot * this.component.stride, field)
  }
  /** The stored hash of the row; undefined where there is none. */
  hash(entity: EntityId): Hash64 | undefined {
    const slot = this.#slots.get(entity)
    return slot === undefined ? undefined : { hi: this.#hashes[2 * slot + 1], lo: this.#hashes[2 * slot] }
  }
  /** The entities, ascending. The array is never changed afterwards: writing while iterating over it is safe. */
  entities(): readonly EntityId[] {
    if (this.#ascending === undefined) {
      const ascending: EntityId[] = []
      for (const entity of this.#entities.slice(0, this.#count).sort()) ascending.push(entity)
      this.#ascending = ascending
    }
    return this.#ascending
  }

  set(entity: EntityId, row: RowOf<AnyComponent>): void {
    writeRow(this.component, row, this.#scratch)
    this.#put(entity, this.#scratch)
  }

  /** Without a track, the row is at rest. */
  setBytes(entity: EntityId, bytes: Uint8Array, revision: number, track?: Track): void {
    if (!isCanonicalRow(this.component, bytes)) {
      throw new RangeError(`${this.component.name}: expected ${this.component.stride} canonical bytes, got ${bytes.length}`)
    }
    // In two steps: the table may grow within the first, and the revisions be another array then.
    const slot = this.#put(entity, bytes)
    this.#revisions[slot] = revision
    if (track === undefined) this.#tracks.fill(0, slot * this.#trackWords, (slot + 1) * this.#trackWords)
    else this.#tracks.set(track, slot * this.#trackWords)
  }

  delete(entity: EntityId): boolean {
    const slot = this.#slots.get(entity)
    if (slot === undefined) return false
    this.#remember(entity, slot)
    this.#subtract(slot)
    this.#drop(entity, slot)
    return true
  }

  clear(): void {
    for (const [entity, slot] of this.#slots) this.#remember(entity, slot)
    this.#slots.clear()
    this.#count = 0
    this.#sum.fill(0)
    this.#ascending = undefined
  }

  /** Makes this table equal to another of the same component, revisions and tracks included. */
  copyFrom(other: Table): void {
    assert(other.component === this.component, 'a table is copied to one of the same component')
    this.clear()
    for (const entity of other.#slots.keys()) this.#remember(entity, undefined)
    this.#reserve(other.#count)
    this.#count = other.#count
    this.#bytes.set(other.#bytes.subarray(0, other.#count * this.component.stride))
    this.#entities.set(other.#entities.subarray(0, other.#count))
    this.#revisions.set(other.#revisions.subarray(0, other.#count))
    this.#tracks.set(other.#tracks.subarray(0, other.#count * this.#trackWords))
    this.#hashes.set(other.#hashes.subarray(0, 2 * other.#count))
    this.#sum.set(other.#sum)
    for (const [entity, slot] of other.#slots) this.#slots.set(entity, slot)
    this.#ascending = other.#ascending
  }

  /** Appends what changed since the last take, in no particular order; a changed row's revision rises by one, and its track advances. */
  takeChanges(changes: RowChange[]): void {
    assert(this.#baselines !== undefined, 'changes are taken from a table that tracks them')
    for (const [entity, before] of this.#baselines) {
      const slot = this.#slots.get(entity)
      if (slot === undefined) {
        if (before.place >= 0) changes.push(this.#change(entity, 'remove', before))
      } else if (before.place < 0) {
        this.#revisions[slot] = before.revision + 1
        changes.push(this.#change(entity, 'insert', before))
      } else if (!before.isSound) {
        // Nothing can be told against bytes that memory lost: the row goes, and comes whole.
        this.#revisions[slot] = before.revision + 1
        this.#tracks.fill(0, slot * this.#trackWords, (slot + 1) * this.#trackWords)
        changes.push(this.#change(entity, 'remove', before), this.#change(entity, 'insert', { ...before, place: -1 }))
      } else {
        const change = this.#change(entity, 'update', before)
        const row = this.#rowOf(slot)
        const isSame = bytesEqual(change.previous!, row)
        // The row may have gone and come back, so that its revision and its track are put right in either case.
        this.#revisions[slot] = isSame ? before.revision : change.revision
        this.#tracks.set(change.track!, slot * this.#trackWords)
        if (isSame) continue
        if (this.#trackWords > 0) advanceTrack(this.component, this.#trackOf(slot), change.previous!, row)
        changes.push(change)
      }
    }
    this.#baselines.clear()
    this.#baselineCount = 0
  }

  #change(entity: EntityId, op: RowChange['op'], { place, revision }: Baseline): RowChange {
    const { component, index: componentIndex } = this
    const previous = place < 0 ? undefined : this.#baselineBytes.subarray(place * component.stride, (place + 1) * component.stride)
    const track = place < 0 ? undefined : this.#baselineTracks.subarray(place * this.#trackWords, (place + 1) * this.#trackWords)
    return { entity, component, componentIndex, op, previous, revision: revision + 1, track }
  }

  /** Whether the sum is that of the rows as they are now: their bytes and their presence. */
  isSound(): boolean {
    sumOfRows(this.component.id, this.#entities, this.#view, this.component.stride, this.#count, this.#scratchHash)
    return this.#scratchHash[0] === this.#sum[0] && this.#scratchHash[1] === this.#sum[1]
  }

  /** Compares the sum with the stored hashes of the rows that are there, and mends it. Returns 1 where a row had come or gone unseen. */
  auditPresence(): number {
    const low = this.#sum[0]
    const high = this.#sum[1]
    this.#sum.fill(0)
    for (let slot = 0; slot < this.#count; slot++) this.#add(slot)
    return this.#sum[0] === low && this.#sum[1] === high ? 0 : 1
  }

  #isSoundRow(slot: number): boolean {
    this.#hash(slot, this.#scratchHash, 0)
    return this.#scratchHash[0] === this.#hashes[2 * slot] && this.#scratchHash[1] === this.#hashes[2 * slot + 1]
  }

  /** Hashes the row in this slot anew, and mends its stored hash and the sum. Returns 1 where its bytes had changed unseen. */
  auditRow(slot: number): number {
    if (this.#isSoundRow(slot)) return 0
    this.#subtract(slot)
    this.#hashes.set(this.#scratchHash, 2 * slot)
    this.#add(slot)
    return 1
  }

  /** Makes a row vanish, or one of zeros appear, behind the back of hashes, revisions and tracking. */
  corruptPresence(entity: EntityId): void {
    const slot = this.#slots.get(entity)
    if (slot !== undefined) return this.#drop(entity, slot)
    const start = this.#append(entity) * this.component.stride
    this.#bytes.fill(0, start, start + this.component.stride)
  }

  #put(entity: EntityId, bytes: Uint8Array): number {
    let slot = this.#slots.get(entity)
    this.#remember(entity, slot)
    if (slot === undefined) slot = this.#append(entity)
    // The stored hash, not that of the bytes now there: should they have been corrupted, the sum forgets them all the same.
    else this.#subtract(slot)
    this.#bytes.set(bytes, slot * this.component.stride)
    this.#hash(slot, this.#hashes, 2 * slot)
    this.#add(slot)
    return slot
  }

  /** Keeps a row as it is before its first change since the last take. */
  #remember(entity: EntityId, slot: number | undefined): void {
    if (this.#baselines === undefined || this.#baselines.has(entity)) return
    this.#baselines.set(entity, slot === undefined
      ? { place: -1, revision: 0, isSound: true }
      : { place: this.#keep(slot), revision: this.#revisions[slot], isSound: this.#isSoundRow(slot) })
  }

  /** Copies a row and its track to where baselines are kept. */
  #keep(slot: number): number {
    const { component: { stride } } = this
    const place = this.#baselineCount++
    if ((place + 1) * stride > this.#baselineBytes.length) {
      const capacity = Math.max(ROWS_CAPACITY_MIN, 2 * place)
      this.#baselineBytes = grown(this.#baselineBytes, new Uint8Array(capacity * stride))
      this.#baselineTracks = grown(this.#baselineTracks, new Int32Array(capacity * this.#trackWords))
    }
    this.#baselineBytes.set(this.#rowOf(slot), place * stride)
    this.#baselineTracks.set(this.#trackOf(slot), place * this.#trackWords)
    return place
  }

  #rowOf(slot: number): Uint8Array {
    return this.#bytes.subarray(slot * this.component.stride, (slot + 1) * this.component.stride)
  }

  #trackOf(slot: number): Track {
    return this.#tracks.subarray(slot * this.#trackWords, (slot + 1) * this.#trackWords)
  }

  /** A slot for a new row: revision, track and stored hash are 0, its bytes whatever was there. */
  #append(entity: EntityId): number {
    if (!Number.isInteger(entity) || entity < 0 || entity > ENTITY_ID_MAX) {
      throw new RangeError(`expected an entity from 0 to ${ENTITY_ID_MAX}, got ${entity}`)
    }
    const slot = this.#count
    this.#reserve(slot + 1)
    this.#count++
    this.#entities[slot] = entity
    this.#revisions[slot] = 0
    this.#tracks.fill(0, slot * this.#trackWords, (slot + 1) * this.#trackWords)
    this.#hashes.fill(0, 2 * slot, 2 * slot + 2)
    this.#slots.set(entity, slot)
    this.#ascending = undefined
    return slot
  }

  #drop(entity: EntityId, slot: number): void {
    const last = --this.#count
    if (slot !== last) {
      const { stride } = this.component
      this.#bytes.copyWithin(slot * stride, last * stride, (last + 1) * stride)
      this.#entities[slot] = this.#entities[last]
      this.#revisions[slot] = this.#revisions[last]
      this.#tracks.copyWithin(slot * this.#trackWords, last * this.#trackWords, (last + 1) * this.#trackWords)
      this.#hashes.copyWithin(2 * slot, 2 * last, 2 * last + 2)
      this.#slots.set(this.#entities[slot], slot)
    }
    this.#slots.delete(entity)
    this.#ascending = undefined
  }

  #hash(slot: number, hashes: Uint32Array, at: number): void {
    hashRow(this.component.id, this.#entities[slot], this.#view, slot * this.component.stride, this.component.stride, hashes, at)
  }
  // A Uint32Array takes what is stored modulo 2^32; the carry and the borrow show in the number before it is.
  #add(slot: number): void {
    const low = this.#sum[0] + this.#hashes[2 * slot]
    this.#sum[0] = low
    this.#sum[1] += this.#hashes[2 * slot + 1] + (low > U32_MAX ? 1 : 0)
  }
  #subtract(slot: number): void {
    const low = this.#sum[0] - this.#hashes[2 * slot]
    this.#sum[0] = low
    this.#sum[1] -= this.#hashes[2 * slot + 1] + (low < 0 ? 1 : 0)
  }

  #reserve(rows: number): void {
    let capacity = this.#entities.length
    if (rows <= capacity) return
    assert(rows <= ROWS_PER_COMPONENT_MAX, 'a component has no more than ROWS_PER_COMPONENT_MAX rows')
    while (capacity < rows) capacity *= 2
    const { stride } = this.component
    this.#bytes = grown(this.#bytes, new Uint8Array(capacity * stride))
    this.#view = new DataView(this.#bytes.buffer)
    this.#entities = grown(this.#entities, new Uint32Array(capacity))
    this.#revisions = grown(this.#revisions, new Uint32Array(capacity))
    this.#tracks = grown(this.#tracks, new Int32Array(capacity * this.#trackWords))
    this.#hashes = grown(this.#hashes, new Uint32Array(2 * capacity))
  }
}

function grown<A extends Uint8Array | Uint32Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}
