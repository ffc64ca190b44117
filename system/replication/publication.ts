/**
 * The waiting room of the stream, where a budget holds it back: rows are written here, and a frame publishes of them what the budget
 * allows. What is published is the world, of which frames, digests, interests and snapshots speak; nobody but the host knows the rest.
 *
 *     priority   the weight of what it is, times the frames for which it has differed from what is published, this one counted
 *     order      the highest priority first, of equal ones in canonical order, until the frame is full
 *     unit       a row that has changed; or all rows of an entity that come and go, which stay together
 *
 * Age wins against any weight, so that nothing starves. A row that is written back to what is published waits no more.
 */
import type { AnyComponent } from '../ecs/component.ts'
import { COMPONENTS, HeadPose, LeftHandPose, RightHandPose } from '../ecs/components.ts'
import { COMPONENT_INDEX } from '../ecs/manifest.ts'
import type { RowOf, WriteStore } from '../ecs/store.ts'
import { World } from '../ecs/world.ts'
import type { EntityId } from '../ids.ts'
import { STREAM_WEIGHT_ELSE, STREAM_WEIGHT_POSE, STREAM_WEIGHT_PRESENCE } from '../limits.ts'
import type { Probe } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { StreamBudget } from './budget.ts'

const POSES: readonly AnyComponent[] = [HeadPose, LeftHandPose, RightHandPose]

/** A row that is not published as it was written. */
interface Waiting {
  readonly entity: EntityId
  readonly component: AnyComponent
  /** Whether it is only here, or only there. */
  isPresence: boolean
  readonly sinceFrame: number
}
/** A number for a row, in canonical order. */
const keyOf = ({ entity, component }: Pick<Waiting, 'entity' | 'component'>): number =>
  entity * COMPONENTS.length + COMPONENT_INDEX.get(component)!
/** What is published together. */
interface Unit {
  readonly priority: number
  readonly rows: readonly Waiting[]
}
/** What a frame published, and what it left, in rows. */
interface Published {
  readonly published: number
  readonly waiting: number
  /** Frames for which the oldest of those that wait has waited, the present one counted; 0 where none waits. */
  readonly longestWait: number
}

export class Publication implements WriteStore {
  readonly #world: World
  readonly #written = new World({ tracksChanges: true })
  readonly #budget: StreamBudget
  readonly #probe: Probe
  /** By what {@link keyOf} makes of them. */
  readonly #waiting = new Map<number, Waiting>()

  /** @param world where it publishes; nobody else writes rows of the stream there from now on. */
  constructor(world: World, bytesPerSecond: number, probe: Probe) {
    this.#world = world
    this.#budget = new StreamBudget(bytesPerSecond)
    this.#probe = probe
    this.#written.copyFrom(world, 'stream')
    this.#written.takeDirty()
  }

  /** The stream as it was written. */
  get written(): World {
    return this.#written
  }
  /** Rows that are not published as they were written, as of the last frame. */
  get waiting(): number {
    return this.#waiting.size
  }

  has(entity: EntityId, component: AnyComponent): boolean {
    return this.#written.has(entity, component)
  }
  get<C extends AnyComponent>(entity: EntityId, component: C): RowOf<C> | undefined {
    return this.#written.get(entity, component)
  }
  entities(component: AnyComponent): readonly EntityId[] {
    return this.#written.entities(component)
  }
  set<C extends AnyComponent>(entity: EntityId, component: C, row: RowOf<C>): void {
    this.#written.set(entity, component, row)
  }
  delete(entity: EntityId, component: AnyComponent): void {
    this.#written.delete(entity, component)
  }

  /** What the changes of the frame took, in bytes. To be called after each {@link publish}. */
  settle(bytes: number): void {
    this.#budget.settle(bytes)
  }

  /** Publishes what this frame may tell. */
  publish(frame: number): Published {
    for (const { entity, component } of this.#written.takeDirty()) this.#look(entity, component, frame)
    this.#budget.begin()
    let published = 0
    for (const { rows } of this.#units(frame)) {
      if (!this.#budget.hasRoom(rows.length)) break
      for (const row of rows) this.#publishRow(row)
      published += rows.length
    }
    let longestWait = 0
    for (const { sinceFrame } of this.#waiting.values()) longestWait = Math.max(longestWait, frame - sinceFrame + 1)
    if (longestWait > 0) this.#probe.sometimes('a row of the stream waited for the budget')
    return { published, waiting: this.#waiting.size, longestWait }
  }

  /** Whether a row that was written waits, and as what. */
  #look(entity: EntityId, component: AnyComponent, frame: number): void {
    const key = keyOf({ entity, component })
    const written = this.#written.rowBytes(entity, component)
    const published = this.#world.rowBytes(entity, component)
    const isPresence = (written === undefined) !== (published === undefined)
    const isSame = written === undefined || published === undefined ? !isPresence : bytesEqual(written, published)
    const known = this.#waiting.get(key)
    if (isSame) this.#waiting.delete(key)
    else if (known !== undefined) known.isPresence = isPresence
    else this.#waiting.set(key, { entity, component, isPresence, sinceFrame: frame })
  }

  /** Everything that waits, in the order in which it is to be published. */
  #units(frame: number): readonly Unit[] {
    const inOrder = [...this.#waiting].sort(([a], [b]) => a - b).map(([, row]) => row)
    const comings = new Map<EntityId, Waiting[]>()
    const units: Unit[] = []
    for (const row of inOrder) {
      const age = frame - row.sinceFrame + 1
      if (!row.isPresence) {
        const weight = POSES.includes(row.component) ? STREAM_WEIGHT_POSE : STREAM_WEIGHT_ELSE
        units.push({ priority: weight * age, rows: [row] })
        continue
      }
      const others = comings.get(row.entity)
      if (others === undefined) comings.set(row.entity, [row])
      else others.push(row)
    }
    for (const rows of comings.values()) {
      const sinceFrame = rows.reduce((first, row) => Math.min(first, row.sinceFrame), frame)
      units.push({ priority: STREAM_WEIGHT_PRESENCE * (frame - sinceFrame + 1), rows })
    }
    return units.sort((a, b) => b.priority - a.priority || keyOf(a.rows[0]) - keyOf(b.rows[0]))
  }

  #publishRow({ entity, component, isPresence }: Waiting): void {
    const written = this.#written.rowBytes(entity, component)
    if (written === undefined) this.#world.delete(entity, component)
    // The world counts revisions and follows tracks by itself, when its changes are taken.
    else this.#world.setBytes(entity, component, written, this.#world.revision(entity, component))
    this.#budget.plan(component, isPresence ? 'presence' : 'change')
    this.#waiting.delete(keyOf({ entity, component }))
  }
}
