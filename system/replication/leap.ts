/**
 * A leap: one delta in place of all frames that a member missed, where they have left the ring. It stands on the frame that the member
 * has, and brings whole what changed since, and the end of what went: so its receiver needs none of the frames between.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { type CellIndex, EVERYWHERE } from '../ecs/cells.ts'
import { STREAM_COMPONENTS } from '../ecs/components.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { COMPONENT_INDEX } from '../ecs/manifest.ts'
import type { RowChange } from '../ecs/table.ts'
import type { World } from '../ecs/world.ts'
import type { EntityId } from '../ids.ts'
import { LEAP_SHARE_MAX, SEGMENT_CHANGES_MAX } from '../limits.ts'
import type { Touched } from './changes.ts'
import { joinSegments, type SegmentCoding } from './delta.ts'
import type { Interest } from './interest.ts'
import { listedSegment } from './listing.ts'

export interface Leap {
  readonly body: Uint8Array
  /** Rows that it brings or ends, of which one that has changed counts once. */
  readonly rows: number
}

/**
 * What `touched` came to, for who has seen by this interest all the time. Undefined where a snapshot is as good: more than
 * LEAP_SHARE_MAX of what it would bring, or more than a message holds.
 */
export function encodeLeap(
  world: World, cells: CellIndex, interest: Interest, touched: readonly Touched[], coding?: SegmentCoding,
): Leap | undefined {
  const changes = touched.flatMap((one) => changesOf(world, cells, interest, one))
  const rows = new Set(changes.map(({ entity, componentIndex }) => `${entity} ${componentIndex}`)).size
  if (rows > rowsSeen(cells, interest) * LEAP_SHARE_MAX || changes.length > SEGMENT_CHANGES_MAX) return undefined
  const before = new Map(touched.map((one) => [one.entity, one.rows]))
  const wasThere = (entity: EntityId, component: AnyComponent): boolean =>
    before.get(entity)?.get(component) ?? world.has(entity, component)
  const body = joinSegments(changes.length === 0 ? [] : [listedSegment(changes, world, coding, wasThere)])
  return body.length > COUNT_MAX.ComponentDelta.body ? undefined : { body, rows }
}

/** A row that was there goes, and one that is there comes: a row that has changed does both. */
function changesOf(world: World, cells: CellIndex, interest: Interest, { entity, from, rows }: Touched): RowChange[] {
  const to = cells.cellOf(entity)
  const wasSeen = from !== undefined && interest.has(from)
  const isSeen = to !== undefined && interest.has(to)
  return STREAM_COMPONENTS.flatMap((component): RowChange[] => {
    const isThere = world.has(entity, component)
    const wasThere = rows.get(component) ?? isThere
    if (!rows.has(component) && wasSeen === isSeen) return []
    const revision = world.revision(entity, component)
    const change = { entity, component, componentIndex: COMPONENT_INDEX.get(component)!, previous: undefined, track: undefined, revision }
    return [
      ...(wasSeen && wasThere ? [{ ...change, op: 'remove' } as const] : []),
      ...(isSeen && isThere ? [{ ...change, op: 'insert' } as const] : []),
    ]
  })
}

function rowsSeen(cells: CellIndex, { cells: seen }: Interest): number {
  return [...(seen === undefined ? cells.cells() : [EVERYWHERE, ...seen])].reduce((rows, cell) => rows + cells.rows(cell), 0)
}
