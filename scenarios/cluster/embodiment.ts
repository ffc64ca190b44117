/**
 * What holds between a person and what the others see of them: a hand is where it was a moment ago, and what it does comes in the
 * order of the standard (WebXR Device API, section 11.3: a primary action starts, happens, ends). Of honest peers.
 */
import type { Headset } from '../../sim/xr/headset.ts'
import { LeftHandPose, RightHandPose, STEPS_PER_METRE } from '../../system/ecs/components.ts'
import type { World } from '../../system/ecs/world.ts'
import { memberEntity } from '../../system/commands/registry.ts'
import { FRAMES_PER_SECOND, HEARTBEAT_TIMEOUT_US } from '../../system/limits.ts'
import { nearest } from '../../system/editor/poses.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'

const HANDS = [['left', LeftHandPose], ['right', RightHandPose]] as const

/**
 * A moment ago, in frames of the host. A hand that nobody hears of stays where it was until its peer is given up; as much again is for
 * what was under way, and in queues.
 */
const MOMENT_FRAMES = (2 * HEARTBEAT_TIMEOUT_US * FRAMES_PER_SECOND) / 1_000_000

/** By place, 'x y z' in steps: the host's frame in which the hand was there last. The oldest first. */
type Places = Map<string, number>

/** Who is who: a node's author, where it has one and has sent nothing but what its client does. */
export type HonestAuthor = (node: number) => number | undefined

export class Embodiment implements Watcher {
  readonly failures: Failure[] = []
  /** By node, where each hand was of late. */
  readonly #places = new Map<number, Readonly<Record<'left' | 'right', Places>>>()
  #frame = 0
  /** By node, hand and action: what came last. */
  readonly #phases = new Map<string, string>()
  readonly #nameOf: (node: number) => string
  readonly #honest: HonestAuthor

  constructor(nameOf: (node: number) => string, honest: HonestAuthor) {
    this.#nameOf = nameOf
    this.#honest = honest
  }

  wore(node: number, headset: Headset): void {
    let places = this.#places.get(node)
    if (places === undefined) this.#places.set(node, (places = { left: new Map(), right: new Map() }))
    for (const [hand] of HANDS) {
      const { matrix } = headset[hand]
      const [x, y, z] = [12, 13, 14].map((cell) => nearest(matrix[cell] * STEPS_PER_METRE))
      this.#was(places[hand], `${x} ${y} ${z}`)
    }
  }
  #was(places: Places, place: string): void {
    places.delete(place)
    places.set(place, this.#frame)
    for (const [oldest, frame] of places) {
      if (frame >= this.#frame - MOMENT_FRAMES) return
      places.delete(oldest)
    }
  }
  /** Places. */
  get held(): number {
    return [...this.#places.values()].reduce((sum, { left, right }) => sum + left.size + right.size, 0)
  }

  frame(node: number, frame: number, world: World): void {
    if (node !== 0 || this.failures.length > 0) return
    this.#frame = frame
    for (const [one, places] of this.#places) {
      const author = this.#honest(one)
      if (author === undefined) continue
      for (const [hand, component] of HANDS) {
        const row = world.get(memberEntity(author), component)
        if (row === undefined || places[hand].has(`${row.x} ${row.y} ${row.z}`)) continue
        const where = `where it was not of late: ${row.x}, ${row.y}, ${row.z}`
        const message = `in frame ${frame} the host has ${this.#nameOf(one)}'s ${hand} hand ${where}`
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
