/**
 * What holds between a person and what the others see of them: a head or a hand is where it was a moment ago, or where it would have
 * come by going on from there, and what a hand does comes in the order of the standard (WebXR Device API, section 11.3: a primary action
 * starts, happens, ends). Of honest peers.
 */
import type { Headset } from '../../sim/xr/headset.ts'
import { HeadPose, LeftHandPose, RightHandPose, STEPS_PER_METRE } from '../../system/ecs/components.ts'
import type { World } from '../../system/ecs/world.ts'
import { memberEntity } from '../../system/commands/registry.ts'
import { nearest } from '../../system/editor/poses.ts'
import { FRAMES_PER_SECOND, HEARTBEAT_TIMEOUT_US, PREDICTION_FRAMES_MAX, PREDICTION_SPEED_MAX } from '../../system/limits.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'

const LIMBS = [['head', HeadPose], ['left', LeftHandPose], ['right', RightHandPose]] as const
/** How far apart two places may be that tell where a limb goes. */
const LINE_PLACES = 4

/** Where a limb was, in steps of 1/512 m, and when. */
interface Place {
  readonly x: number
  readonly y: number
  readonly z: number
  readonly atUs: number
  /** Of the host. */
  readonly frame: number
}
type Spot = Pick<Place, 'x' | 'y' | 'z'>
const isAt = (a: Spot, b: Spot): boolean => a.x === b.x && a.y === b.y && a.z === b.z

/** Where what went from one place to another is so many frames later. */
function beyond(from: Place, to: Place, frames: number): Spot {
  const aheadUs = Math.floor((frames * 1_000_000) / FRAMES_PER_SECOND)
  const along = (a: number, b: number): number => b + nearest(((b - a) * aheadUs) / (to.atUs - from.atUs))
  return { x: along(from.x, to.x), y: along(from.y, to.y), z: along(from.z, to.z) }
}
/** Whether it may have gone from one to the other: what is too fast was put elsewhere. */
function isMotion(from: Place, to: Place): boolean {
  const [x, y, z, seconds] = [to.x - from.x, to.y - from.y, to.z - from.z, (to.atUs - from.atUs) / 1_000_000]
  return seconds > 0 && Math.sqrt(x * x + y * y + z * z) <= PREDICTION_SPEED_MAX * seconds
}
function isAhead(from: Place, to: Place, shown: Spot): boolean {
  if (!isMotion(from, to)) return false
  for (let frames = 1; frames <= PREDICTION_FRAMES_MAX; frames++) if (isAt(beyond(from, to, frames), shown)) return true
  return false
}

/** Whether a limb that was at these places, the newest last, may be shown at this one. */
function isPossible(places: readonly Place[], shown: Spot): boolean {
  for (let last = places.length - 1; last >= 0; last--) {
    const to = places[last]
    if (isAt(to, shown) || places.slice(Math.max(0, last - LINE_PLACES), last).some((from) => isAhead(from, to, shown))) return true
  }
  return false
}

/**
 * A moment ago, in frames of the host. A hand that nobody hears of stays where it was until its peer is given up; as much again is for
 * what was under way, and in queues.
 */
const MOMENT_FRAMES = (2 * HEARTBEAT_TIMEOUT_US * FRAMES_PER_SECOND) / 1_000_000

/** Who is who: a node's author, where it has one and has sent nothing but what its client does. */
export type HonestAuthor = (node: number) => number | undefined

export class Embodiment implements Watcher {
  readonly failures: Failure[] = []
  /** By node, where each limb has been of late. */
  readonly #places = new Map<number, Readonly<Record<'head' | 'left' | 'right', Place[]>>>()
  #frame = 0
  /** By node, hand and action: what came last. */
  readonly #phases = new Map<string, string>()
  readonly #nameOf: (node: number) => string
  readonly #honest: HonestAuthor
  readonly #nowUs: () => number

  constructor(nameOf: (node: number) => string, honest: HonestAuthor, nowUs: () => number) {
    this.#nameOf = nameOf
    this.#honest = honest
    this.#nowUs = nowUs
  }

  wore(node: number, headset: Headset): void {
    let places = this.#places.get(node)
    if (places === undefined) this.#places.set(node, (places = { head: [], left: [], right: [] }))
    for (const [limb] of LIMBS) {
      const { matrix } = limb === 'head' ? headset.head.transform : headset[limb]
      const [x, y, z] = [12, 13, 14].map((cell) => nearest(matrix[cell] * STEPS_PER_METRE))
      places[limb].push({ x, y, z, atUs: this.#nowUs(), frame: this.#frame })
      while (places[limb][0].frame < this.#frame - MOMENT_FRAMES) places[limb].shift()
    }
  }
  /** Places. */
  get held(): number {
    return [...this.#places.values()].reduce((sum, { head, left, right }) => sum + head.length + left.length + right.length, 0)
  }

  frame(node: number, frame: number, world: World): void {
    if (node !== 0 || this.failures.length > 0) return
    this.#frame = frame
    for (const [one, places] of this.#places) {
      const author = this.#honest(one)
      if (author === undefined) continue
      for (const [limb, component] of LIMBS) {
        const row = world.get(memberEntity(author), component)
        if (row === undefined || isPossible(places[limb], row)) continue
        const where = `where it was not of late, nor was going: ${row.x}, ${row.y}, ${row.z}`
        const what = limb === 'head' ? 'head' : `${limb} hand`
        const message = `in frame ${frame} the host has ${this.#nameOf(one)}'s ${what} ${where}`
        this.#fail(message, { node: one, frame, component: component.name, field: 'x' })
      }
    }
  }

  event(node: number, event: SystemEvent): void {
    // A new client, or one that left, knows nothing of what the hands were doing.
    if (event.event === 'sessionOpened' || event.event === 'sessionClosed') {
      for (const key of this.#phases.keys()) if (key.startsWith(`${node} `)) this.#phases.delete(key)
    }
    if (event.event !== 'xrInput') return
    const [, action, phase = ''] = /^(select|squeeze)(start|end)?$/.exec(event.type) ?? []
    if (action === undefined) return
    const key = `${node} ${event.hand} ${action}`
    const before = this.#phases.get(key)
    this.#phases.set(key, phase)
    const expected = phase === 'start' ? 'end' : phase === 'end' ? '' : 'start'
    if (before === undefined || before === expected) return
    const message = `${this.#nameOf(node)}'s ${event.hand} hand: ${event.type} came after ${action}${before}`
    this.#fail(message, { node, component: event.hand, field: action })
  }

  #fail(message: string, details: Failure['details']): void {
    if (this.failures.length === 0) this.failures.push({ check: 'embodiment', message, details })
  }
}
