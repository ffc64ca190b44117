/**
 * Segments that list the entities they are about, for members who do not see the same rows: each is a varint of how many there are, the
 * distance of each from the one before in a varint, and a segment whose universe they are. Rows that come name themselves.
 */
import type { AnyComponent } from '../ecs/component.ts'
import type { RowChange } from '../ecs/table.ts'
import type { World } from '../ecs/world.ts'
import { ENTITY_ID_MAX, type EntityId } from '../ids.ts'
import { SEGMENT_CHANGES_MAX } from '../limits.ts'
import { applySegment, encodeSegment, SegmentCoding, splitSegments } from './delta.ts'

const VARINT_BITS = 7
const VARINT_SPAN = 1 << VARINT_BITS
/** Of a distance of entities. */
const VARINT_BYTES_MAX = 5

/** Whether both sides had a row before. */
type Presence = (entity: EntityId, component: AnyComponent) => boolean

/** One segment of these changes, which ascend by entity; of a frame, where it is not told what was there before. */
export function listedSegment(
  changes: readonly RowChange[], world: World, coding = new SegmentCoding(), wasThere: Presence = before(changes, world),
): Uint8Array {
  const entities = [...new Set(changes.flatMap(({ entity, op }) => (op === 'insert' ? [] : [entity])))]
  const segment = encodeSegment(changes, (component) => entities.filter((entity) => wasThere(entity, component)), world, coding)
  const list: number[] = []
  putVarint(list, entities.length)
  entities.forEach((entity, place) => putVarint(list, entity - (entities[place - 1] ?? 0)))
  const bytes = new Uint8Array(list.length + segment.length)
  bytes.set(list)
  bytes.set(segment, list.length)
  return bytes
}

function before(changes: readonly RowChange[], world: World): Presence {
  // A row that goes and comes whole was there: its first change tells.
  const ops = new Map(changes.toReversed().map(({ entity, component, op }) => [`${entity} ${component.name}`, op]))
  return (entity, component) => {
    const op = ops.get(`${entity} ${component.name}`)
    return op === undefined ? world.has(entity, component) : op !== 'insert'
  }
}

/** Undefined: applied, whole. Otherwise why not; what had been written by then a snapshot replaces. The bytes may come from anyone. */
export function applyListed(world: World, body: Uint8Array, coding = new SegmentCoding()): string | undefined {
  const segments = splitSegments(body)
  if (segments === undefined) return 'a body that is not segments'
  for (const segment of segments) {
    const listed = listOf(segment)
    if (listed === undefined) return 'a segment without a list'
    const { entities, rest } = listed
    const why = applySegment(world, rest, (component) => entities.filter((entity) => world.has(entity, component)), coding)
    if (why !== undefined) return why
  }
  return undefined
}

/** Ascending entities, and what follows them; undefined where the bytes are no such list. */
function listOf(bytes: Uint8Array): { readonly entities: readonly EntityId[]; readonly rest: Uint8Array } | undefined {
  let at = 0
  const next = (): number => {
    let [value, place] = [0, 1]
    for (let count = 0; count < VARINT_BYTES_MAX && at < bytes.length; count++) {
      const byte = bytes[at++]
      value += (byte % VARINT_SPAN) * place
      place *= VARINT_SPAN
      if (byte < VARINT_SPAN) return value
    }
    return NaN
  }
  const count = next()
  if (!(count <= Math.min(bytes.length, SEGMENT_CHANGES_MAX))) return undefined
  const entities: EntityId[] = []
  for (let place = 0; place < count; place++) {
    const distance = next()
    const entity = (entities[place - 1] ?? 0) + distance
    if (!(entity <= ENTITY_ID_MAX) || (distance === 0 && place > 0)) return undefined
    entities.push(entity)
  }
  return { entities, rest: bytes.subarray(at) }
}

function putVarint(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= VARINT_SPAN; rest = Math.floor(rest / VARINT_SPAN)) bytes.push(VARINT_SPAN + (rest % VARINT_SPAN))
  bytes.push(rest)
}
