/**
 * Whether each client sees what it wants to see, and nothing else: in confirmed frames the rows of a client are held, byte for byte,
 * against the host's rows of that frame as a naive filter cuts them.
 */
import { firstDifference } from '../../reports/worlddiff.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import type { World } from '../../system/ecs/world.ts'
import { seenBytes } from '../oracle/sight.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'
import type { Interests } from './interests.ts'

/** Of the host's world, in a frame, on average: a world of so many bytes is looked at every frame, one of twice as many every other. */
const BYTES_PER_FRAME = 32 * 1024
/** Frames for which the host's rows are remembered. */
const FRAMES_KEPT = 256

export interface SightPorts {
  readonly interests: Interests
  nameOf(node: number): string
  /** The mark of the interest that is in force at a client. */
  markOf(node: number): number | undefined
}

export class Sight implements Watcher {
  readonly failures: Failure[] = []
  /** Frames of clients that were looked at. */
  compared = 0
  readonly #ports: SightPorts
  readonly #frames = new Map<number, Uint8Array>()
  #nextFrame = 0

  constructor(ports: SightPorts) {
    this.#ports = ports
  }

  frame(node: number, frame: number, world: World): void {
    if (!this.#ports.interests.isUsed) return
    if (node === 0) return this.#remember(frame, world)
    const mark = this.#ports.markOf(node)
    const host = this.#frames.get(frame)
    if (mark === 0 || host === undefined || this.failures.length > 0) return
    const cells = this.#ports.interests.named(mark)
    if (cells === null) return this.#fail(node, frame, 'has an interest in force that the host was never told of', {})
    this.compared++
    const place = firstDifference(seenBytes(host, cells), world.canonicalBytes(), manifest().components)
    if (place === undefined) return
    const { entity, component, field = '', offset } = place
    this.#fail(node, frame, `does not see what it must: entity ${entity}, ${component}`, { entity, component, field, offset })
  }

  #remember(frame: number, world: World): void {
    if (frame < this.#nextFrame) return
    this.#nextFrame = frame + Math.ceil(world.byteLength / BYTES_PER_FRAME)
    this.#frames.set(frame, world.canonicalBytes())
    for (const [oldest] of this.#frames) {
      if (oldest > frame - FRAMES_KEPT) break
      this.#frames.delete(oldest)
    }
  }
  #fail(node: number, frame: number, what: string, place: Failure['details']): void {
    const message = `${this.#ports.nameOf(node)} ${what}, in frame ${frame}`
    this.failures.push({ check: 'sight', message, details: { node, frame, ...place } })
  }
}
