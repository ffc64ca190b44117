/**
 * World snapshots: the rows of a world at one frame, and the log position whose fold they cache. A body is cut into chunks and put together
 * again on the other side, in any order, with its digest checked before a row is touched.
 *
 *     body       = closed lamport u64 | count u32 | chain digest u64, little-endian | the bytes of a range coder
 *     coded      = how many archetypes, then each
 *     archetype  = which components it has, a bit for each of the manifest | how many entities, ascending, each by how far it lies
 *                  beyond the one before | for each of its components the whole rows of these entities, with revisions and tracks
 *
 * An archetype is the entities that have the same components: these are named once.
 */
import { assert } from '../assert.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { COMPONENTS } from '../ecs/components.ts'
import { type Track, trackWords } from '../ecs/motion.ts'
import type { World } from '../ecs/world.ts'
import { type EntityId, ENTITY_ID_MAX, HASH64_ZERO, hash64Equal, type Hash64 } from '../ids.ts'
import {
  SNAPSHOT_BODY_BYTES_MAX, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNK_BYTES_MIN, SNAPSHOT_CHUNKS, SNAPSHOT_CHUNKS_PER_FRAME, SNAPSHOT_ROWS_MAX,
} from '../limits.ts'
import type { LogPosition } from '../commands/log.ts'
import type { Probe } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { WorldSnapshot } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import { FRAME_MAX } from './frames.ts'
import { Counter } from './numbers.ts'
import { type Coder, newContexts, RangeDecoder, RangeEncoder } from './rangecoder.ts'
import { RowCoder } from './rows.ts'

const HEADER_BYTES = 8 + 4 + 8
const TWO_TO_32 = 0x1_0000_0000

interface Archetype {
  readonly components: readonly AnyComponent[]
  /** Ascending. */
  readonly entities: readonly EntityId[]
}

/** @param components which ones; all where it is left out. */
export function encodeSnapshot(world: World, position: LogPosition, components: readonly AnyComponent[] = COMPONENTS): Uint8Array {
  assert(world.rowCount <= SNAPSHOT_ROWS_MAX, 'a world has no more rows than a snapshot brings')
  const encoder = new RangeEncoder(world.byteLength + HEADER_BYTES)
  const coding = new SnapshotCoding(encoder)
  const archetypes = archetypesOf(world, components)
  coding.archetypes.code(encoder, archetypes.length, SNAPSHOT_ROWS_MAX)
  for (const { components: set, entities } of archetypes) {
    coding.components(set)
    coding.sizes.code(encoder, entities.length, SNAPSHOT_ROWS_MAX)
    let last = -1
    for (const entity of entities) {
      coding.beyond.code(encoder, entity - last - 1, ENTITY_ID_MAX)
      last = entity
    }
    for (const component of set) {
      const rows = coding.rows(component)
      for (const entity of entities) {
        rows.whole(world.rowBytes(entity, component)!, world.revision(entity, component), world.track(entity, component)!)
      }
    }
  }
  const coded = encoder.finish()
  const bytes = new Uint8Array(HEADER_BYTES + coded.length)
  const view = viewOf(bytes)
  view.setUint32(0, position.closedLamport % TWO_TO_32, true)
  view.setUint32(4, Math.floor(position.closedLamport / TWO_TO_32), true)
  view.setUint32(8, position.count, true)
  view.setUint32(12, position.digest.lo, true)
  view.setUint32(16, position.digest.hi, true)
  bytes.set(coded, HEADER_BYTES)
  return bytes
}

/** In the order of their first entities. */
function archetypesOf(world: World, wanted: readonly AnyComponent[]): readonly Archetype[] {
  const componentsOf = new Map<EntityId, number>()
  COMPONENTS.forEach((component, index) => {
    if (!wanted.includes(component)) return
    for (const entity of world.entities(component)) componentsOf.set(entity, (componentsOf.get(entity) ?? 0) + 2 ** index)
  })
  const entitiesOf = new Map<number, EntityId[]>()
  for (const [entity, set] of [...componentsOf].sort(([a], [b]) => a - b)) {
    const entities = entitiesOf.get(set)
    if (entities === undefined) entitiesOf.set(set, [entity])
    else entities.push(entity)
  }
  const componentsOfSet = (set: number) => COMPONENTS.filter((_, index) => Math.floor(set / 2 ** index) % 2 === 1)
  return [...entitiesOf].map(([set, entities]) => ({ components: componentsOfSet(set), entities }))
}

/** What both directions tell, in its contexts. */
class SnapshotCoding {
  readonly archetypes = new Counter()
  readonly sizes = new Counter()
  readonly beyond = new Counter()
  readonly #coder: Coder
  readonly #hasComponent = newContexts(COMPONENTS.length)
  readonly #rows = new Map<AnyComponent, RowCoder>()

  constructor(coder: Coder) {
    this.#coder = coder
  }

  components(wanted: readonly AnyComponent[]): readonly AnyComponent[] {
    return COMPONENTS.filter((component, index) => this.#coder.bit(this.#hasComponent, index, wanted.includes(component) ? 1 : 0) === 1)
  }
  /** Of all archetypes: what is usual in one is usual in the next. */
  rows(component: AnyComponent): RowCoder {
    let rows = this.#rows.get(component)
    if (rows === undefined) this.#rows.set(component, (rows = new RowCoder(this.#coder, component)))
    return rows
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** How a body of this length is cut: both sides reckon it. */
export const chunkBytesOf = (bodyBytes: number): number =>
  Math.min(SNAPSHOT_CHUNK_BYTES, Math.max(SNAPSHOT_CHUNK_BYTES_MIN, Math.ceil(bodyBytes / SNAPSHOT_CHUNKS)))
const chunksOf = (bodyBytes: number): number => Math.max(1, Math.ceil(bodyBytes / chunkBytesOf(bodyBytes)))

/** Cuts a body into messages, in order. */
export function chunkSnapshot(body: Uint8Array, header: Pick<WorldSnapshot, 'snapshotId' | 'epoch' | 'frame' | 'reason'>): WorldSnapshot[] {
  assert(body.length <= SNAPSHOT_BODY_BYTES_MAX, 'the world fits a snapshot')
  const [chunkBytes, chunkCount] = [chunkBytesOf(body.length), chunksOf(body.length)]
  const streaming = chunkCount > SNAPSHOT_CHUNKS_PER_FRAME
  const shared = { ...header, streaming, chunkCount, bodyBytes: body.length, bodyDigest: sipHash24(body) }
  return Array.from({ length: chunkCount }, (_, chunk): WorldSnapshot => ({
    kind: 'WorldSnapshot', ...shared, chunk, body: body.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes),
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
    const chunkBytes = chunkBytesOf(bodyBytes)
    const from = chunk * chunkBytes
    if (this.#body.length !== bodyBytes || message.body.length !== Math.min(chunkBytes, bodyBytes - from)) {
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

/** The rows of one component of one archetype, back to back. */
interface SnapshotTable {
  readonly component: AnyComponent
  /** Ascending. */
  readonly entities: readonly EntityId[]
  readonly bytes: Uint8Array
  readonly revisions: Uint32Array
  readonly tracks: Track
}
export interface SnapshotContent {
  readonly position: LogPosition
  readonly rows: number
  readonly tables: readonly SnapshotTable[]
}

/** Checks a whole body before anything is written; undefined where it is not well formed. Makes room for SNAPSHOT_ROWS_MAX rows at most. */
export function decodeSnapshot(body: Uint8Array): SnapshotContent | undefined {
  if (body.length < HEADER_BYTES) return undefined
  const view = viewOf(body)
  const closedLamport = view.getUint32(0, true) + view.getUint32(4, true) * TWO_TO_32
  if (closedLamport > Number.MAX_SAFE_INTEGER) return undefined
  const digest: Hash64 = { lo: view.getUint32(12, true), hi: view.getUint32(16, true) }
  const position: LogPosition = { closedLamport, count: view.getUint32(8, true), digest }
  const decoder = new RangeDecoder(body.subarray(HEADER_BYTES))
  const coding = new SnapshotCoding(decoder)
  const known = new Set<EntityId>()
  const tables: SnapshotTable[] = []
  let rows = 0
  for (let left = coding.archetypes.code(decoder, 0, SNAPSHOT_ROWS_MAX); left > 0; left--) {
    const components = coding.components([])
    const size = coding.sizes.code(decoder, 0, SNAPSHOT_ROWS_MAX)
    rows += size * components.length
    if (size === 0 || components.length === 0 || rows > SNAPSHOT_ROWS_MAX) return undefined
    const entities = decodeEntities(decoder, coding, size, known)
    if (entities === undefined) return undefined
    for (const component of components) tables.push(decodeTable(decoder, coding.rows(component), component, entities))
    if (decoder.isBroken) return undefined
  }
  return decoder.isWhole ? { position, rows, tables } : undefined
}

/** Undefined where one is beyond the last or of another archetype. */
function decodeEntities(
  decoder: RangeDecoder, coding: SnapshotCoding, size: number, known: Set<EntityId>,
): readonly EntityId[] | undefined {
  const entities: EntityId[] = []
  let entity = -1
  while (entities.length < size) {
    entity += 1 + coding.beyond.code(decoder, 0, ENTITY_ID_MAX)
    if (entity > ENTITY_ID_MAX || decoder.isBroken || known.has(entity)) return undefined
    known.add(entity)
    entities.push(entity)
  }
  return entities
}

function decodeTable(decoder: RangeDecoder, rows: RowCoder, component: AnyComponent, entities: readonly EntityId[]): SnapshotTable {
  const { stride } = component
  const words = trackWords(component)
  const bytes = new Uint8Array(entities.length * stride)
  const revisions = new Uint32Array(entities.length)
  const tracks = new Int32Array(entities.length * words)
  for (let index = 0; index < entities.length && !decoder.isBroken; index++) {
    const track = tracks.subarray(index * words, (index + 1) * words)
    revisions[index] = rows.whole(bytes.subarray(index * stride, (index + 1) * stride), 0, track)
  }
  return { component, entities, bytes, revisions, tracks }
}

/** Makes the world exactly the snapshot's: rows that it does not have are removed, rows that are equal already are left alone. */
export function applySnapshot(world: World, { tables }: SnapshotContent): void {
  const kept = new Map(COMPONENTS.map((component) => [component, new Set<EntityId>()]))
  for (const { component, entities, bytes, revisions, tracks } of tables) {
    const { stride } = component
    const words = trackWords(component)
    entities.forEach((entity, index) => {
      kept.get(component)!.add(entity)
      const row = bytes.subarray(index * stride, (index + 1) * stride)
      const track = tracks.subarray(index * words, (index + 1) * words)
      const present = world.rowBytes(entity, component)
      const isSame = present !== undefined && world.revision(entity, component) === revisions[index] && bytesEqual(present, row)
        && world.track(entity, component)!.every((word, at) => word === track[at])
      if (!isSame) world.setBytes(entity, component, row, revisions[index], track)
    })
  }
  for (const component of COMPONENTS) {
    for (const entity of world.entities(component)) if (!kept.get(component)!.has(entity)) world.delete(entity, component)
  }
}
