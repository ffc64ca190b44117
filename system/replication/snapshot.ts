/**
 * World snapshots: the rows of a world at one frame, and the log position whose fold they cache. A body is cut into chunks
 * and put together again on the other side, in any order, with its digest checked before a row is touched.
 *
 *     body   = closed lamport u64 | count u32 | chain digest u64 | table count u16 | tables, ascending component id
 *     table  = component id u64 | stride u16 | row count u32 | rows, ascending entity
 *     row    = entity u32 | revision u32 | stride bytes
 *
 * Little-endian throughout. The tables are the archetype table of the protocol plan: what the receiver must know of each
 * component before it reads a row.
 */
import { assert } from '../assert.ts'
import { isCanonicalRow } from '../ecs/canonical.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { COMPONENTS } from '../ecs/components.ts'
import type { World } from '../ecs/world.ts'
import { type EntityId, ENTITY_ID_MAX, HASH64_ZERO, hash64Equal, type Hash64 } from '../ids.ts'
import { SNAPSHOT_BODY_BYTES_MAX, SNAPSHOT_CHUNK_BYTES } from '../limits.ts'
import type { LogPosition } from '../commands/log.ts'
import type { Probe } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { WorldSnapshot } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import { FRAME_MAX } from './frames.ts'

const HEADER_BYTES = 8 + 4 + 8 + 2
const TABLE_BYTES = 8 + 2 + 4
const ROW_BYTES = 4 + 4
const TWO_TO_32 = 0x1_0000_0000

export function encodeSnapshot(world: World, position: LogPosition): Uint8Array {
  const tables = COMPONENTS
    .map((component) => ({ component, entities: world.entities(component) }))
    .filter(({ entities }) => entities.length > 0)
  const tableBytes = tables.map(({ component, entities }) => TABLE_BYTES + entities.length * (ROW_BYTES + component.stride))
  const size = tableBytes.reduce((sum, bytes) => sum + bytes, HEADER_BYTES)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, position.closedLamport % TWO_TO_32, true)
  view.setUint32(4, Math.floor(position.closedLamport / TWO_TO_32), true)
  view.setUint32(8, position.count, true)
  view.setUint32(12, position.digest.lo, true)
  view.setUint32(16, position.digest.hi, true)
  view.setUint16(20, tables.length, true)
  let at = HEADER_BYTES
  for (const { component, entities } of tables) {
    view.setUint32(at, component.id.lo, true)
    view.setUint32(at + 4, component.id.hi, true)
    view.setUint16(at + 8, component.stride, true)
    view.setUint32(at + 10, entities.length, true)
    at += TABLE_BYTES
    for (const entity of entities) {
      const row = world.rowBytes(entity, component)
      assert(row !== undefined, 'a listed row is there')
      view.setUint32(at, entity, true)
      view.setUint32(at + 4, world.revision(entity, component), true)
      bytes.set(row, at + ROW_BYTES)
      at += ROW_BYTES + component.stride
    }
  }
  return bytes
}

const chunksOf = (bodyBytes: number): number => Math.max(1, Math.ceil(bodyBytes / SNAPSHOT_CHUNK_BYTES))

/** Cuts a body into messages, in order. */
export function chunkSnapshot(body: Uint8Array, header: Pick<WorldSnapshot, 'snapshotId' | 'epoch' | 'frame' | 'reason'>): WorldSnapshot[] {
  assert(body.length <= SNAPSHOT_BODY_BYTES_MAX, 'the world fits a snapshot')
  const chunkCount = chunksOf(body.length)
  const bodyDigest = sipHash24(body)
  return Array.from({ length: chunkCount }, (_, chunk): WorldSnapshot => ({
    kind: 'WorldSnapshot', ...header, chunk, chunkCount, bodyBytes: body.length, bodyDigest,
    body: body.subarray(chunk * SNAPSHOT_CHUNK_BYTES, (chunk + 1) * SNAPSHOT_CHUNK_BYTES),
  }))
}

export type Assembly =
  | { readonly kind: 'partial' }
  | {
    readonly kind: 'complete'
    readonly body: Uint8Array
    readonly snapshotId: number
    readonly frame: number
    readonly reason: WorldSnapshot['reason']
  }
  | { readonly kind: 'refused'; readonly why: string }

/** Puts the chunks of the newest snapshot together. Chunks of an older one are passed over. */
export class SnapshotAssembler {
  readonly #probe: Probe
  #snapshotId = -1
  #frame = -1
  #bodyDigest = HASH64_ZERO
  #body = new Uint8Array(0)
  #missing = new Set<number>()

  /** The snapshot of which chunks are missing, if there is one. */
  get partial(): { readonly snapshotId: number; readonly frame: number; readonly missing: readonly number[] } | undefined {
    return this.#missing.size === 0 ? undefined : { snapshotId: this.#snapshotId, frame: this.#frame, missing: [...this.#missing] }
  }

  constructor(probe: Probe) {
    this.#probe = probe
  }

  add(message: WorldSnapshot): Assembly {
    const { snapshotId, frame, bodyDigest, reason, chunk, chunkCount, bodyBytes } = message
    const inRange = frame <= FRAME_MAX && bodyBytes <= SNAPSHOT_BODY_BYTES_MAX
    if (!inRange || chunkCount !== chunksOf(bodyBytes) || chunk >= chunkCount) {
      return { kind: 'refused', why: 'snapshot size' }
    }
    if (snapshotId < this.#snapshotId) {
      this.#probe.sometimes('chunks of an older snapshot passed over')
      return { kind: 'partial' }
    }
    if (snapshotId > this.#snapshotId) {
      if (this.#missing.size > 0) this.#probe.sometimes('a snapshot given up for a newer one')
      this.#snapshotId = snapshotId
      this.#frame = frame
      this.#bodyDigest = bodyDigest
      this.#body = new Uint8Array(bodyBytes)
      this.#missing = new Set(Array.from({ length: chunkCount }, (_, index) => index))
    }
    if (frame !== this.#frame || !hash64Equal(bodyDigest, this.#bodyDigest)) return { kind: 'refused', why: 'snapshot header' }
    const from = chunk * SNAPSHOT_CHUNK_BYTES
    if (this.#body.length !== bodyBytes || message.body.length !== Math.min(SNAPSHOT_CHUNK_BYTES, bodyBytes - from)) {
      return { kind: 'refused', why: 'snapshot chunk size' }
    }
    if (!this.#missing.delete(chunk)) {
      this.#probe.sometimes('a snapshot chunk came twice')
      return { kind: 'partial' }
    }
    if (this.#missing.has(chunk - 1)) this.#probe.sometimes('a snapshot chunk overtook an earlier one')
    this.#body.set(message.body, from)
    if (this.#missing.size > 0) return { kind: 'partial' }
    if (!hash64Equal(sipHash24(this.#body), bodyDigest)) return { kind: 'refused', why: 'snapshot digest' }
    return { kind: 'complete', body: this.#body, snapshotId, frame, reason }
  }
}

interface SnapshotTable {
  readonly component: AnyComponent
  readonly rows: number
  /** Where its first row stands in the body. */
  readonly offset: number
}
export interface SnapshotContent {
  readonly position: LogPosition
  readonly rows: number
  readonly tables: readonly SnapshotTable[]
  readonly body: Uint8Array
}

/** Checks a whole body before anything is written; undefined where it is not well formed. */
export function decodeSnapshot(body: Uint8Array): SnapshotContent | undefined {
  if (body.length < HEADER_BYTES) return undefined
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const closedLamport = view.getUint32(0, true) + view.getUint32(4, true) * TWO_TO_32
  if (closedLamport > Number.MAX_SAFE_INTEGER) return undefined
  const digest: Hash64 = { lo: view.getUint32(12, true), hi: view.getUint32(16, true) }
  const position: LogPosition = { closedLamport, count: view.getUint32(8, true), digest }
  const tables: SnapshotTable[] = []
  let at = HEADER_BYTES
  let total = 0
  for (let table = view.getUint16(20, true); table > 0; table--) {
    if (at + TABLE_BYTES > body.length) return undefined
    const id: Hash64 = { lo: view.getUint32(at, true), hi: view.getUint32(at + 4, true) }
    const component = COMPONENTS.find((known) => hash64Equal(known.id, id))
    const rows = view.getUint32(at + 10, true)
    if (component === undefined || component.stride !== view.getUint16(at + 8, true)) return undefined
    at += TABLE_BYTES
    const rowBytes = ROW_BYTES + component.stride
    if (rows > (body.length - at) / rowBytes || tables.some((earlier) => earlier.component === component)) return undefined
    let previous: EntityId = -1
    for (let row = 0; row < rows; row++) {
      const entity = view.getUint32(at + row * rowBytes, true)
      if (entity <= previous || entity > ENTITY_ID_MAX) return undefined
      if (!isCanonicalRow(component, body.subarray(at + row * rowBytes + ROW_BYTES, at + (row + 1) * rowBytes))) return undefined
      previous = entity
    }
    tables.push({ component, rows, offset: at })
    at += rows * rowBytes
    total += rows
  }
  return at === body.length ? { position, rows: total, tables, body } : undefined
}

/** Makes the world exactly the snapshot's: rows that it does not have are removed, rows that are equal already are left alone. */
export function applySnapshot(world: World, { tables, body }: SnapshotContent): void {
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  for (const component of COMPONENTS) {
    const table = tables.find((candidate) => candidate.component === component)
    const kept = new Set<EntityId>()
    const rowBytes = ROW_BYTES + component.stride
    for (let index = 0; index < (table?.rows ?? 0); index++) {
      const at = table!.offset + index * rowBytes
      const entity = view.getUint32(at, true)
      kept.add(entity)
      const row = body.subarray(at + ROW_BYTES, at + rowBytes)
      const revision = view.getUint32(at + 4, true)
      const present = world.rowBytes(entity, component)
      const same = present !== undefined && world.revision(entity, component) === revision && bytesEqual(present, row)
      if (!same) world.setBytes(entity, component, row, revision)
    }
    for (const entity of world.entities(component)) if (!kept.has(entity)) world.delete(entity, component)
  }
}

