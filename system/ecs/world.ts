/**
 * The live state of a peer: one table of canonical rows for each component, with digests that every write keeps current.
 *
 *     const world = new World()
 *     world.set(crate, Transform, { x: 512, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, sx: 256, sy: 256, sz: 256 })
 *     world.digest()          // equal for equal rows, however they came about
 *     world.canonicalBytes()  // canonical.ts tells their layout
 */
import { assert } from '../assert.ts'
import { type EntityId, HASH64_ZERO, type Hash64, hash64Sum, type Source } from '../ids.ts'
import { ROW_HEADER_BYTES } from './canonical.ts'
import type { Field } from './component.ts'
import { COMPONENTS } from './components.ts'
import { COMPONENT_INDEX } from './manifest.ts'
import type { Track } from './motion.ts'
import type { AnyComponent, RowOf, WriteStore } from './store.ts'
import { type RowChange, Table } from './table.ts'

export interface WorldOptions {
  /** Whether rows of stream components remember how they were, for {@link World.takeDirty}: for the host. */
  readonly tracksChanges?: boolean
}

export interface WorldRow {
  readonly entity: EntityId
  readonly component: AnyComponent
  /** Its place in COMPONENTS. */
  readonly componentIndex: number
  /** A live view, valid until the next write. */
  readonly bytes: Uint8Array
  readonly revision: number
}

export class World implements WriteStore {
  /** Told of every single write (`clear` and `copyFrom` restore, they are none); undefined costs nothing. */
  onWrite: ((entity: EntityId, component: AnyComponent, removed: boolean) => void) | undefined = undefined
  readonly #tables: readonly Table[]
  readonly #tablesBySource: { readonly [S in Source]: readonly Table[] }
  readonly #tracksChanges: boolean
  /** Where the rolling audit goes on. */
  #auditTable = 0
  #auditSlot = 0

  constructor({ tracksChanges = false }: WorldOptions = {}) {
    this.#tracksChanges = tracksChanges
    this.#tables = COMPONENTS.map((component, index) => new Table(component, index, tracksChanges && component.source === 'stream'))
    const tablesOf = (source: Source) => this.#tables.filter((table) => table.component.source === source)
    this.#tablesBySource = { log: tablesOf('log'), stream: tablesOf('stream') }
  }

  // --- rows -------------------------------------------------------------------------------------------------------

  has(entity: EntityId, component: AnyComponent): boolean {
    return this.#table(component).has(entity)
  }
  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined {
    return this.#table(component).get(entity) as RowOf<C> | undefined
  }
  /** One field of a row, without a copy of the others; undefined where there is no such row. */
  value(entity: EntityId, component: AnyComponent, field: Field): number | undefined {
    return this.#table(component).value(entity, field)
  }
  entities(component: AnyComponent): readonly EntityId[] {
    return this.#table(component).entities()
  }
  /** A live view of the row's canonical bytes, valid until the next write; changing it is corruption, which {@link audit} finds. */
  rowBytes(entity: EntityId, component: AnyComponent): Uint8Array | undefined {
    return this.#table(component).bytes(entity)
  }
  /** How often the row changed: as `setBytes` told, or as `takeDirty` counted. 0 where there is none. */
  revision(entity: EntityId, component: AnyComponent): number {
    return this.#table(component).revision(entity)
  }

  /** A live view of where the row is going, valid until the next write: no words where its component does not move. */
  track(entity: EntityId, component: AnyComponent): Track | undefined {
    return this.#table(component).track(entity)
  }

  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void {
    this.#table(component).set(entity, row)
    this.onWrite?.(entity, component, false)
  }
  /**
   * Writes a row as its canonical bytes, which are copied, with its track; without one, the row is at rest.
   * @throws {RangeError} where they are none: bytes of a peer go through `isCanonicalRow` first.
   */
  setBytes(entity: EntityId, component: AnyComponent, bytes: Uint8Array, revision: number, track?: Track): void {
    this.#table(component).setBytes(entity, bytes, revision, track)
    this.onWrite?.(entity, component, false)
  }
  delete(entity: EntityId, component: AnyComponent): void {
    if (this.#table(component).delete(entity)) this.onWrite?.(entity, component, true)
  }

  // --- the whole, or the part of one source -----------------------------------------------------------------------

  clear(source?: Source): void {
    for (const table of this.#tablesOf(source)) table.clear()
  }
  /** Makes the rows equal to those of another world, revisions and tracks included. */
  copyFrom(other: World, source?: Source): void {
    for (const table of this.#tablesOf(source)) table.copyFrom(other.#tables[table.index])
  }

  get rowCount(): number {
    return this.#tables.reduce((rows, table) => rows + table.rowCount, 0)
  }
  /** Length of the canonical bytes. */
  get byteLength(): number {
    return this.#tables.reduce((bytes, table) => bytes + table.rowCount * table.rowBytes, 0)
  }

  /** Every row in canonical order: entities ascending, components ascending by id. Do not write meanwhile. */
  *rows(source?: Source): Generator<WorldRow, void, undefined> {
    const tables = this.#tablesOf(source)
    const entities = tables.map((table) => table.entities())
    const cursors = tables.map(() => 0)
    for (;;) {
      let entity = Infinity
      for (let i = 0; i < tables.length; i++) {
        if (cursors[i] < entities[i].length) entity = Math.min(entity, entities[i][cursors[i]])
      }
      if (entity === Infinity) return
      for (let i = 0; i < tables.length; i++) {
        if (entities[i][cursors[i]] !== entity) continue
        cursors[i]++
        const { component, index: componentIndex } = tables[i]
        yield { entity, component, componentIndex, bytes: tables[i].bytes(entity)!, revision: tables[i].revision(entity) }
      }
    }
  }

  /** The one byte form of this state, laid out as canonical.ts tells. */
  canonicalBytes(source?: Source): Uint8Array {
    const bytes = new Uint8Array(this.#tablesOf(source).reduce((sum, table) => sum + table.rowCount * table.rowBytes, 0))
    const view = new DataView(bytes.buffer)
    let at = 0
    for (const row of this.rows(source)) {
      view.setUint32(at, row.entity, true)
      view.setUint16(at + 4, row.componentIndex, true)
      bytes.set(row.bytes, at + ROW_HEADER_BYTES)
      at += ROW_HEADER_BYTES + row.bytes.length
    }
    return bytes
  }

  /** The sum of the hashes of all rows, modulo 2^64: equal states have equal digests. Revisions are no part of it. */
  digest(): Hash64 {
    return sumOf(this.#tables)
  }
  sourceDigest(source: Source): Hash64 {
    return sumOf(this.#tablesOf(source))
  }
  /** The part of one entity in {@link sourceDigest}, and how many rows that is. */
  entityDigest(entity: EntityId, source: Source): { readonly rows: number; readonly sum: Hash64 } {
    let rows = 0
    let sum = HASH64_ZERO
    for (const table of this.#tablesOf(source)) {
      const hash = table.hash(entity)
      if (hash === undefined) continue
      rows++
      sum = hash64Sum(sum, hash)
    }
    return { rows, sum }
  }

  // --- changes ----------------------------------------------------------------------------------------------------

  /**
   * What became of the stream's rows since the last call, in canonical order; several writes to a row are one change,
   * and those that led back to where it was are none. The revision of each row in it rises by one, and its track advances.
   */
  takeDirty(): readonly RowChange[] {
    assert(this.#tracksChanges, 'changes are taken from a world that tracks them')
    const changes: RowChange[] = []
    for (const table of this.#tablesOf('stream')) table.takeChanges(changes)
    return changes.sort((a, b) => a.entity - b.entity || a.componentIndex - b.componentIndex)
  }

  // --- audit ------------------------------------------------------------------------------------------------------

  /**
   * Hashes rows anew from their bytes and makes the digests tell the truth again where memory had changed underneath.
   * A world of up to `bytesMax` canonical bytes is audited wholly in every call, a larger one within
   * ceil(byteLength / bytesMax) calls.
   * @returns how many rows had changed, and for each table in which rows had come or gone one more.
   */
  audit(bytesMax: number): number {
    if (this.byteLength <= bytesMax) {
      this.#auditTable = this.#auditSlot = 0
      if (this.#tables.every((table) => table.isSound())) return 0
    }
    let mended = 0
    let bytesLeft = bytesMax
    for (; this.#auditTable < this.#tables.length; this.#auditTable++, this.#auditSlot = 0) {
      const table = this.#tables[this.#auditTable]
      if (this.#auditSlot === 0) mended += table.auditPresence()
      for (; this.#auditSlot < table.rowCount; this.#auditSlot++) {
        if (bytesLeft <= 0) return mended
        mended += table.auditRow(this.#auditSlot)
        bytesLeft -= table.rowBytes
      }
    }
    this.#auditTable = 0
    return mended
  }

  /**
   * Fault injection: the row vanishes, or one of zeros appears where there was none, and neither digests nor
   * `takeDirty` nor `onWrite` hear of it, as though memory had failed.
   */
  corruptPresence(entity: EntityId, component: AnyComponent): void {
    this.#table(component).corruptPresence(entity)
  }

  #table(component: AnyComponent): Table {
    const index = COMPONENT_INDEX.get(component)
    if (index === undefined) throw new TypeError(`${component.name} is none of COMPONENTS`)
    return this.#tables[index]
  }
  #tablesOf(source: Source | undefined): readonly Table[] {
    return source === undefined ? this.#tables : this.#tablesBySource[source]
  }
}

const sumOf = (tables: readonly Table[]): Hash64 => tables.reduce((total, { sum }) => hash64Sum(total, sum), HASH64_ZERO)
