/**
 * Component deltas: what became of the stream's rows within a frame. A frame's body is segments, one after the other, each a varint of its
 * length and a range coder's bytes, which tell for every component of the stream, in the order of the manifest:
 *
 *     rows that are there   how many change; of each how many are passed over before it, whether it goes, and else its update
 *     rows that come        how many; of each how far its entity lies beyond the one before, and the whole row
 *
 * A row that is there is named by its rank in the universe of its component, the ascending entities that both sides had before the frame.
 * Both sides count revisions and keep tracks; the frame tells which one it stands on, and its digest proves that they had the same.
 */
import { assert } from '../assert.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { STREAM_COMPONENTS } from '../ecs/components.ts'
import { advanceTrack, type Track, trackWords } from '../ecs/motion.ts'
import type { RowChange } from '../ecs/table.ts'
import type { World } from '../ecs/world.ts'
import { ENTITY_ID_MAX, type EntityId } from '../ids.ts'
import { ROWS_PER_COMPONENT_MAX, SEGMENT_CHANGES_MAX } from '../limits.ts'
import { Counter } from './numbers.ts'
import { beginAs, type Coder, newContexts, RangeDecoder, RangeEncoder, startAt } from './rangecoder.ts'
import { RowCoder } from './rows.ts'

/** The entities that have a row of a component on both sides before a frame, ascending. */
export type Universe = (component: AnyComponent) => readonly EntityId[]

/** A row that changes and does not go, in 1/256. */
const GOES_START = 240
const VARINT_BITS = 7
const VARINT_SPAN = 1 << VARINT_BITS
/** Of a varint that a body of BODY_BYTES_MAX can hold. */
const VARINT_BYTES_MAX = 3

/** What a segment does to one row: undefined takes it away. */
interface Write {
  readonly entity: EntityId
  readonly component: AnyComponent
  readonly row: { readonly bytes: Uint8Array; readonly revision: number; readonly track: Track } | undefined
}

const IS_TOUCHED_STARTS = newContexts(STREAM_COMPONENTS.length)
const GOES_STARTS = newContexts(1)
// As the starts in rows.ts: rows stay more often than they go.
startAt(GOES_STARTS, 0, GOES_START)

/** Room for rows of one component and their tracks, back to back: memory of their own for each would cost more than the rows. */
class RowRoom {
  readonly #stride: number
  readonly #words: number
  #bytes = new Uint8Array(0)
  #tracks: Track = new Int32Array(0)
  #taken = 0

  constructor(component: AnyComponent) {
    this.#stride = component.stride
    this.#words = trackWords(component)
  }

  /** Begins anew, with room for so many. */
  restart(rows: number): void {
    this.#taken = 0
    if (rows * this.#stride <= this.#bytes.length) return
    this.#bytes = new Uint8Array(rows * this.#stride)
    this.#tracks = new Int32Array(rows * this.#words)
  }

  /** Copies of both. */
  take(row: Uint8Array, rowTrack: Track): { readonly bytes: Uint8Array; readonly track: Track } {
    const index = this.#taken++
    const bytes = this.#bytes.subarray(index * this.#stride, (index + 1) * this.#stride)
    const track = this.#tracks.subarray(index * this.#words, (index + 1) * this.#words)
    bytes.set(row)
    track.set(rowTrack)
    return { bytes, track }
  }
}

/** What a segment is told in: numbers that name rows, and rows. Whoever tells many keeps one for them all, to use its memory again. */
export class SegmentCoding {
  readonly isTouched = newContexts(STREAM_COMPONENTS.length)
  readonly goes = newContexts(1)
  readonly count = new Counter()
  readonly passed = new Counter()
  readonly beyond = new Counter()
  readonly #rows = new Map<AnyComponent, RowCoder>()
  readonly #rooms = new Map<AnyComponent, RowRoom>(STREAM_COMPONENTS.map((component) => [component, new RowRoom(component)]))

  /** A segment begins. */
  restart(): void {
    beginAs(IS_TOUCHED_STARTS, STREAM_COMPONENTS.length, this.isTouched)
    beginAs(GOES_STARTS, 1, this.goes)
    this.count.restart()
    this.passed.restart()
    this.beyond.restart()
  }
  /** The rows of a component within a segment, asked for once in each. */
  rows(coder: Coder, component: AnyComponent): RowCoder {
    let rows = this.#rows.get(component)
    if (rows === undefined) this.#rows.set(component, (rows = new RowCoder(coder, component)))
    else rows.restart(coder)
    return rows
  }
  /** Room for the rows of a component that a segment changes, asked for once in each. */
  room(component: AnyComponent, rows: number): RowRoom {
    const room = this.#rooms.get(component)!
    room.restart(rows)
    return room
  }
}

/**
 * One segment: what became of these rows since the last frame. Pure; both sides know the same `universe` of a component BEFORE the frame.
 * Rows that are inserted are told as the world has them now, with their tracks; rows are given in the order of `World.takeDirty`.
 */
export function encodeSegment(
  changes: readonly RowChange[], universe: Universe, world: World, coding = new SegmentCoding(),
): Uint8Array {
  assert(changes.length <= SEGMENT_CHANGES_MAX, 'a segment tells of no more than SEGMENT_CHANGES_MAX rows')
  const encoder = new RangeEncoder()
  coding.restart()
  STREAM_COMPONENTS.forEach((component, place) => {
    const touched = changes.filter((change) => change.component === component)
    const isTouched = encoder.bit(coding.isTouched, place, touched.length === 0 ? 0 : 1) === 1
    if (isTouched) encodeComponent(encoder, coding, touched, universe(component), world)
  })
  return encoder.finish()
}

function encodeComponent(
  encoder: Coder, coding: SegmentCoding, changes: readonly RowChange[], universe: readonly EntityId[], world: World,
): void {
  const [{ component }] = changes
  const rows = coding.rows(encoder, component)
  const present = changes.filter(({ op }) => op !== 'insert')
  coding.count.code(encoder, present.length, universe.length)
  let rank = -1
  for (const { entity, op, previous, track } of present) {
    const last = rank
    rank = rankOf(universe, entity, last + 1)
    assert(universe[rank] === entity, 'a row that changes was there before, and changes are told in ascending order')
    coding.passed.code(encoder, rank - last - 1, universe.length)
    const goes = encoder.bit(coding.goes, 0, op === 'remove' ? 1 : 0) === 1
    if (!goes) rows.update(previous!, track!, world.rowBytes(entity, component)!)
  }
  coding.count.code(encoder, changes.length - present.length, SEGMENT_CHANGES_MAX)
  let last = -1
  for (const { entity, op, revision } of changes) {
    if (op !== 'insert') continue
    assert(entity > last, 'changes are told in ascending order')
    coding.beyond.code(encoder, entity - last - 1, ENTITY_ID_MAX)
    last = entity
    rows.whole(world.rowBytes(entity, component)!, revision, world.track(entity, component)!)
  }
}

/** Undefined: applied, whole. Otherwise why not, and nothing was written. The bytes may come from anyone. */
export function applySegment(world: World, bytes: Uint8Array, universe: Universe, coding = new SegmentCoding()): string | undefined {
  const decoder = new RangeDecoder(bytes)
  coding.restart()
  const writes: Write[] = []
  for (const [place, component] of STREAM_COMPONENTS.entries()) {
    if (decoder.bit(coding.isTouched, place, 0) === 0) continue
    const why = decodeComponent(decoder, coding, component, universe(component), world, writes)
    if (why !== undefined) return why
  }
  if (!decoder.isWhole) return 'bytes that are not a segment'
  for (const { entity, component, row } of writes) {
    if (row === undefined) world.delete(entity, component)
    else world.setBytes(entity, component, row.bytes, row.revision, row.track)
  }
  return undefined
}

function decodeComponent(
  decoder: RangeDecoder, coding: SegmentCoding, component: AnyComponent, universe: readonly EntityId[], world: World, writes: Write[],
): string | undefined {
  const rows = coding.rows(decoder, component)
  const gone = new Set<EntityId>()
  let rank = -1
  const count = coding.count.code(decoder, 0, Math.min(universe.length, SEGMENT_CHANGES_MAX))
  const room = coding.room(component, count)
  for (let left = count; left > 0 && !decoder.isBroken; left--) {
    rank += 1 + coding.passed.code(decoder, 0, universe.length)
    const goes = decoder.bit(coding.goes, 0, 0) === 1
    const entity = universe[rank]
    const before = entity === undefined ? undefined : world.rowBytes(entity, component)
    if (before === undefined) return `a change of ${component.name} where there is no row`
    if (goes) {
      gone.add(entity)
      writes.push({ entity, component, row: undefined })
    } else writes.push({ entity, component, row: decodeUpdate(rows, world, entity, component, before, room) })
  }
  let entity = -1
  const rowsLeft = ROWS_PER_COMPONENT_MAX - world.entities(component).length
  for (let left = coding.count.code(decoder, 0, Math.min(rowsLeft, SEGMENT_CHANGES_MAX)); left > 0 && !decoder.isBroken; left--) {
    entity += 1 + coding.beyond.code(decoder, 0, ENTITY_ID_MAX)
    const isThere = world.has(entity, component) && !gone.has(entity)
    if (entity > ENTITY_ID_MAX || isThere) return `an insert of ${component.name} where there is a row`
    const [bytes, track] = [new Uint8Array(component.stride), new Int32Array(trackWords(component))]
    writes.push({ entity, component, row: { bytes, revision: rows.whole(bytes, 0, track), track } })
  }
  return decoder.isBroken ? 'bytes that are not a segment' : undefined
}

function decodeUpdate(
  rows: RowCoder, world: World, entity: EntityId, component: AnyComponent, before: Uint8Array, room: RowRoom,
): Write['row'] {
  const { bytes, track } = room.take(before, world.track(entity, component)!)
  rows.update(before, track, bytes)
  if (track.length > 0) advanceTrack(component, track, before, bytes)
  return { bytes, revision: (world.revision(entity, component) + 1) >>> 0, track }
}

/** The rank of an entity among ascending ones, from `from` on; that of the next one where it is missing. */
function rankOf(universe: readonly EntityId[], entity: EntityId, from: number): number {
  // Neighbours change together more often than not.
  if (universe[from] === entity) return from
  let [low, high] = [from, universe.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (universe[middle] < entity) low = middle + 1
    else high = middle
  }
  return low
}

/** Takes the world's changes since the last call; the body of a frame that tells all of them, in one segment or none. */
export function encodeDelta(world: World): Uint8Array {
  const changes = world.takeDirty()
  return changes.length === 0 ? new Uint8Array(0) : joinSegments([encodeSegment(changes, universeBefore(world, changes), world)])
}

/** Undefined: applied, whole. Otherwise why not; what was written by then is for a snapshot to replace. The bytes may come from anyone. */
export function applyDelta(world: World, body: Uint8Array, coding = new SegmentCoding()): string | undefined {
  const segments = splitSegments(body)
  if (segments === undefined) return 'a body that is not segments'
  for (const segment of segments) {
    const why = applySegment(world, segment, (component) => world.entities(component), coding)
    if (why !== undefined) return why
  }
  return undefined
}

/** What the world had before these changes. */
export function universeBefore(world: World, changes: readonly RowChange[]): Universe {
  return (component) => {
    const now = world.entities(component)
    const turned = changes.filter((change) => change.component === component && change.op !== 'update')
    if (turned.length === 0) return now
    // All of them ascend: what went is put back in its place, what came is passed over.
    const before: EntityId[] = []
    let at = 0
    for (const { entity, op } of turned) {
      while (at < now.length && now[at] < entity) before.push(now[at++])
      if (op === 'remove') before.push(entity)
      else if (now[at] === entity) at++
    }
    while (at < now.length) before.push(now[at++])
    return before
  }
}

/** A frame's body. */
export function joinSegments(segments: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(segments.reduce((sum, { length }) => sum + VARINT_BYTES_MAX + length, 0))
  let at = 0
  for (const segment of segments) {
    let rest = segment.length
    for (; rest >= VARINT_SPAN; rest = Math.floor(rest / VARINT_SPAN)) body[at++] = VARINT_SPAN + (rest % VARINT_SPAN)
    body[at++] = rest
    body.set(segment, at)
    at += segment.length
  }
  return body.subarray(0, at)
}

/** The segments of a body, as views of it; undefined where it is none. The bytes may come from anyone. */
export function splitSegments(body: Uint8Array): readonly Uint8Array[] | undefined {
  const segments: Uint8Array[] = []
  for (let at = 0; at < body.length;) {
    let [length, place] = [0, 1]
    for (let count = 1; ; count++) {
      if (at === body.length || count > VARINT_BYTES_MAX) return undefined
      const byte = body[at++]
      length += (byte % VARINT_SPAN) * place
      place *= VARINT_SPAN
      if (byte < VARINT_SPAN) break
    }
    if (length > body.length - at) return undefined
    segments.push(body.subarray(at, at + length))
    at += length
  }
  return segments
}
