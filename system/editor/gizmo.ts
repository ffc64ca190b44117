/**
 * What the motion of a hand does to the entity in it. A gizmo is told the hand's pose as often as anybody likes and is
 * asked, less often, for the step since it was last asked. Every step is measured against the sum of those given, never
 * against the last pose, so that rounding does not pile up: whatever the rhythm, the steps add up to the whole motion.
 */
import { Quaternion } from 'three/src/math/Quaternion.js'
import { Vector3 } from 'three/src/math/Vector3.js'
import { ROTATION_ONE, SCALE_MAX, SCALE_ONE } from '../ecs/components.ts'
import type { EntityId } from '../ids.ts'
import type { PoseQ } from '../protocol/messages.ts'
import type { EditorIntent } from './intents.ts'
import { nearest } from './poses.ts'
import type { Constraint } from './tools.ts'

/** A hand nearer to the pivot than this (1/512 m; 3 cm) scales as if it were so far away: a ratio of noise is none. */
const PIVOT_STEPS_MIN = 16
/** Of a unit quaternion's part that turns about +Y, the squared length below which its direction is rounding noise. */
const TWIST_SQUARE_MIN = 1e-6

export interface Grip {
  readonly entity: EntityId
  /** The hand's pose when it closed. */
  readonly hand: PoseQ
  /** Where the entity then stood, in 1/512 m. */
  readonly pivot: { readonly x: number; readonly y: number; readonly z: number }
  /** How large it then was, in 1/256. */
  readonly scale: number
  /** Outward unit normal of the face that was hit, in the world. */
  readonly normal: Vector3
}

export interface Gizmo {
  move(hand: PoseQ): void
  /** The step since the last one taken; undefined where it rounds to none. */
  take(): EditorIntent | undefined
}

export function createGizmo(constraint: Constraint, grip: Grip): Gizmo {
  switch (constraint) {
    case 'free': return new TranslateGizmo(grip, undefined)
    case 'axis': return new TranslateGizmo(grip, grip.normal)
    case 'turn': return new TurnGizmo(grip)
    case 'scale': return new ScaleGizmo(grip)
  }
}

/** The entity follows the hand's position; with an axis, only as far as the hand moves along it. */
class TranslateGizmo implements Gizmo {
  readonly #entity: EntityId
  readonly #axis: Vector3 | undefined
  readonly #start: Vector3
  readonly #total = new Vector3()
  readonly #taken = new Vector3()

  constructor({ entity, hand }: Grip, axis: Vector3 | undefined) {
    this.#entity = entity
    this.#axis = axis
    this.#start = new Vector3(hand.x, hand.y, hand.z)
  }

  move(hand: PoseQ): void {
    this.#total.set(hand.x, hand.y, hand.z).sub(this.#start)
    if (this.#axis === undefined) return
    const { x, y, z } = this.#axis
    const along = this.#total.dot(this.#axis)
    this.#total.set(nearest(x * along), nearest(y * along), nearest(z * along))
  }

  take(): EditorIntent | undefined {
    if (this.#total.equals(this.#taken)) return undefined
    const { x, y, z } = this.#total
    const step = { kind: 'translate', entity: this.#entity, dx: x - this.#taken.x, dy: y - this.#taken.y, dz: z - this.#taken.z } as const
    this.#taken.copy(this.#total)
    return step
  }
}

/** The entity turns about +Y as the hand does: the twist of the hand's rotation about that axis, which needs no angle. */
class TurnGizmo implements Gizmo {
  readonly #entity: EntityId
  readonly #startInverse: Quaternion
  readonly #total = new Quaternion()
  readonly #taken = new Quaternion()
  readonly #step = new Quaternion()

  constructor({ entity, hand }: Grip) {
    this.#entity = entity
    this.#startInverse = new Quaternion(hand.qx, hand.qy, hand.qz, hand.qw).normalize().conjugate()
  }

  move(hand: PoseQ): void {
    const { y, w } = this.#step.set(hand.qx, hand.qy, hand.qz, hand.qw).normalize().multiply(this.#startInverse)
    // Half a turn about a level axis has no twist: the last one stands.
    if (y * y + w * w > TWIST_SQUARE_MIN) this.#total.set(0, y, 0, w).normalize()
  }

  take(): EditorIntent | undefined {
    this.#step.copy(this.#taken).conjugate().multiply(this.#total)
    // q and -q are one rotation: of the two, the smaller turn.
    const sign = this.#step.w < 0 ? -1 : 1
    const qy = nearest(this.#step.y * sign * ROTATION_ONE)
    const qw = nearest(this.#step.w * sign * ROTATION_ONE)
    if (qy === 0) return undefined
    this.#taken.multiply(this.#step.set(0, qy, 0, qw).normalize())
    return { kind: 'rotate', entity: this.#entity, qx: 0, qy, qz: 0, qw }
  }
}

const nearestScale = (value: number): number => Math.max(1, Math.min(SCALE_MAX, nearest(value)))

/**
 * The entity grows as the hand moves away from its centre, in proportion to the distance. The scale is a small integer, so
 * that each step is rounded where it is applied; the gizmo rounds along and aims the next step at what is still missing.
 */
class ScaleGizmo implements Gizmo {
  readonly #entity: EntityId
  readonly #pivot: Vector3
  readonly #startScale: number
  readonly #startSteps: number
  readonly #hand = new Vector3()
  #wanted: number
  #scale: number

  constructor({ entity, hand, pivot, scale }: Grip) {
    this.#entity = entity
    this.#pivot = new Vector3(pivot.x, pivot.y, pivot.z)
    this.#startScale = this.#wanted = this.#scale = nearestScale(scale)
    this.#startSteps = this.#distance(hand)
  }

  move(hand: PoseQ): void {
    this.#wanted = (this.#startScale * this.#distance(hand)) / this.#startSteps
  }

  take(): EditorIntent | undefined {
    const numerator = nearestScale((this.#wanted / this.#scale) * SCALE_ONE)
    const scale = nearestScale((this.#scale * numerator) / SCALE_ONE)
    if (scale === this.#scale) return undefined
    this.#scale = scale
    return { kind: 'scale', entity: this.#entity, numerator, denominator: SCALE_ONE }
  }

  #distance(hand: PoseQ): number {
    return Math.max(PIVOT_STEPS_MIN, this.#hand.set(hand.x, hand.y, hand.z).distanceTo(this.#pivot))
  }
}
