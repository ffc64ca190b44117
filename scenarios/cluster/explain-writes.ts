/**
 * Every write of the rows of two nodes, with the bytes that it left, and every row that changed although nothing wrote it:
 * what a run is asked for when it is run again to be explained.
 */
import type { RowWrite } from '../../reports/input.ts'
import type { AnyComponent } from '../../system/ecs/component.ts'
import { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

export interface RowName {
  readonly entity: number
  readonly component: string
}

export interface Write extends Omit<RowWrite, 'message' | 'datagrams'> {
  /** Which write of the run it was. */
  readonly ordinal: number
  /** The row afterwards; undefined where it was removed. */
  readonly bytes: Uint8Array | undefined
}

/** A row that is not as it was written last. */
export interface Unwritten extends RowName {
  readonly node: number
  readonly change: 'changed' | 'vanished' | 'appeared'
  /** The frame that the node was at work on. */
  readonly frame: number
  readonly atUs: number
  readonly record: number
  /** The world of that node as this was seen, and the same with the row as it was written. */
  readonly found: Uint8Array
  readonly written: Uint8Array
}

/** What a watcher knows of the moment. */
export interface Moment {
  readonly nowUs: number
  /** Records of the trace so far, without those that only an explanation makes. */
  readonly records: number
}

type Pending = Pick<Write, 'cause' | 'removed' | 'ordinal' | 'atUs' | 'record' | 'bytes'> & { readonly key: string }

const UNWRITTEN_MAX = 16

const keyOf = ({ entity, component }: RowName): string => `${entity} ${component}`

/** The writes of one node. */
export class NodeWrites {
  readonly unwritten: Unwritten[] = []
  /** Of the last snapshot that was taken, -1 before the first. */
  snapshotFrame = -1
  readonly #node: number
  readonly #world: World
  readonly #moment: () => Moment
  readonly #untilFrame: number
  readonly #rows = new Map<string, Write[]>()
  /** What each row was written as last. */
  readonly #known = new Map<AnyComponent, Map<number, Uint8Array>>()
  /** Of the writes that are not reported yet, in order. */
  readonly #bytes: (Uint8Array | undefined)[] = []
  #pending: Pending[] = []
  #frame = 0
  #isOver = false
  /** Whether anything has been reported since the rows were looked over. */
  #isStale = true

  /** Begins to listen to a world, which nothing has been written to yet. @param untilFrame the last frame that counts. */
  constructor(node: number, world: World, untilFrame: number, moment: () => Moment) {
    this.#node = node
    this.#world = world
    this.#untilFrame = untilFrame
    this.#moment = moment
    const told = world.onWrite
    world.onWrite = (entity, component, removed) => {
      told?.(entity, component, removed)
      if (!this.#isOver) this.#written(entity, component, removed)
    }
  }

  /** Writes up to the last frame that counts, in order. */
  of(row: RowName): readonly Write[] {
    return this.#rows.get(keyOf(row)) ?? []
  }

  /** @param ordinal of the write, where the event is one. */
  event(event: SystemEvent, ordinal: number): void {
    if (this.#isOver) return
    this.#isStale = true
    switch (event.event) {
      case 'rowWritten': {
        const { cause, removed } = event
        const { nowUs: atUs, records: record } = this.#moment()
        this.#pending.push({ key: keyOf(event), cause, removed, ordinal, atUs, record, bytes: this.#bytes.shift() })
        return
      }
      case 'snapshotApplied':
        if (event.frame <= this.#untilFrame) this.snapshotFrame = event.frame
        return this.#settle(event.frame)
      case 'frameClosed':
      case 'frameConfirmed': return this.#settle(event.frame)
      default:
    }
  }

  /** Looks for rows that are not as they were written last. To be called whenever the node is about to do something. */
  look(except?: { readonly entity: number; readonly component: AnyComponent }): void {
    if (this.#isOver) return
    this.#isStale = false
    const isExcepted = (entity: number, component: AnyComponent) => entity === except?.entity && component === except.component
    let present = 0
    for (const [component, rows] of this.#known) {
      for (const [entity, known] of rows) {
        const bytes = this.#world.rowBytes(entity, component)
        if (bytes !== undefined) present++
        if (isExcepted(entity, component) || (bytes !== undefined && same(known, bytes))) continue
        this.#found(entity, component, known, bytes?.slice())
      }
    }
    if (present === this.#world.rowCount) return
    for (const { entity, component, bytes } of this.#world.rows()) {
      const isKnown = this.#known.get(component)?.has(entity) === true
      if (!isKnown && !isExcepted(entity, component)) this.#found(entity, component, undefined, bytes.slice())
    }
  }

  #written(entity: number, component: AnyComponent, removed: boolean): void {
    if (this.#isStale) this.look({ entity, component })
    const bytes = removed ? undefined : this.#world.rowBytes(entity, component)!.slice()
    this.#bytes.push(bytes)
    this.#know(entity, component, bytes)
  }

  #know(entity: number, component: AnyComponent, bytes: Uint8Array | undefined): void {
    let rows = this.#known.get(component)
    if (rows === undefined) this.#known.set(component, (rows = new Map()))
    if (bytes === undefined) rows.delete(entity)
    else rows.set(entity, bytes)
  }

  /** Only the last few are kept: what came before them was met by a frame that did not differ, or the run is beyond telling. */
  #found(entity: number, component: AnyComponent, before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    const { nowUs: atUs, records: record } = this.#moment()
    const written = new World()
    written.copyFrom(this.#world)
    if (before === undefined) written.delete(entity, component)
    else written.setBytes(entity, component, before, 0)
    const change = before === undefined ? 'appeared' : after === undefined ? 'vanished' : 'changed'
    this.unwritten.push({
      node: this.#node, entity, component: component.name, change,
      frame: this.#frame, atUs, record, found: this.#world.canonicalBytes(), written: written.canonicalBytes(),
    })
    if (this.unwritten.length > UNWRITTEN_MAX) this.unwritten.shift()
    this.#know(entity, component, after)
  }

  /** What was written is part of this frame. */
  #settle(frame: number): void {
    if (frame > this.#untilFrame) {
      this.#isOver = true
      return
    }
    this.#frame = frame + 1
    for (const { key, ...write } of this.#pending) {
      const writes = this.#rows.get(key)
      if (writes === undefined) this.#rows.set(key, [{ ...write, frame }])
      else writes.push({ ...write, frame })
    }
    this.#pending = []
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
