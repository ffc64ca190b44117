/**
 * Rigid bodies over an endless ground, simulated by Rapier. Poses go in and come out as the integers of `BodyPose`:
 * Rapier's floats are deterministic (one WebAssembly build, no NaN), and none of them leaves this file.
 *
 * Rapier's module is an argument, since its start-up is asynchronous and belongs to `prepare()`.
 */
import type RAPIER from '@dimforge/rapier3d-compat'
import { assert } from '../assert.ts'
import { FIELD_RANGE } from '../ecs/canonical.ts'
import { ROTATION_ONE, STEPS_PER_METRE } from '../ecs/components.ts'
import type { EntityId } from '../ids.ts'
import type { PoseQ } from '../protocol/messages.ts'

/** The module after its `init()`. */
export type Rapier = typeof RAPIER

export const BODIES_MAX = 256
/** In m/s^2. */
const GRAVITY_EARTH = 9.81
/** Of the spin, per second: without it a ball rolls for ever and never falls asleep. */
const ANGULAR_DAMPING = 0.5
const RESTITUTION_ONE = 255
const GRAMS_PER_KILOGRAM = 1000
const { min: POSITION_MIN, max: POSITION_MAX } = FIELD_RANGE.i32

export interface PhysicsOptions {
  /** Steps in a second. */
  readonly hz: number
  /** Downwards (along -y), in m/s^2. */
  readonly gravity?: number
}

export interface BodySpec {
  readonly shape: 'box' | 'ball'
  /** Half extents in 1/512 m; a ball's radius is `hx`. */
  readonly hx: number
  readonly hy: number
  readonly hz: number
  /** Zero counts as one: without mass a body would hang in the air. */
  readonly massGrams: number
  /** In 1/255. */
  readonly restitution: number
  /** Positions in 1/512 m, rotation in 1/32767 (of any length; all zero counts as none). */
  readonly pose: PoseQ
}

export type PoseVisitor = (
  entity: EntityId, x: number, y: number, z: number, qx: number, qy: number, qz: number, qw: number, asleep: boolean,
) => void

export class Physics {
  readonly #rapier: Rapier
  readonly #world: RAPIER.World
  readonly #events: RAPIER.EventQueue
  readonly #bodies = new Map<EntityId, RAPIER.RigidBody>()
  /** The entities in ascending order. */
  #entities: readonly EntityId[] = []
  #contacts = 0
  // Filled by Rapier for each body in turn.
  readonly #position = { x: 0, y: 0, z: 0 }
  readonly #rotation = { x: 0, y: 0, z: 0, w: 1 }
  readonly #countContact = (_a: number, _b: number, started: boolean): void => {
    if (started) this.#contacts++
  }

  /** The ground is the plane y = 0. */
  constructor(rapier: Rapier, { hz, gravity = GRAVITY_EARTH }: PhysicsOptions) {
    this.#rapier = rapier
    this.#world = new rapier.World({ x: 0, y: -finite(gravity), z: 0 })
    this.#world.timestep = finite(1 / hz)
    this.#events = new rapier.EventQueue(true)
    this.#world.createCollider(new rapier.ColliderDesc(new rapier.HalfSpace({ x: 0, y: 1, z: 0 })))
  }

  /** Bodies awake and asleep. */
  get bodies(): number {
    return this.#bodies.size
  }
  get awake(): number {
    let awake = 0
    for (const body of this.#bodies.values()) awake += body.isSleeping() ? 0 : 1
    return awake
  }
  /** How often two bodies, or a body and the ground, began to touch since the start. */
  get contacts(): number {
    return this.#contacts
  }
  has(entity: EntityId): boolean {
    return this.#bodies.has(entity)
  }

  /** Every run must add and remove in the same order: Rapier's results depend on it. */
  add(entity: EntityId, { shape, hx, hy, hz, massGrams, restitution, pose }: BodySpec): void {
    assert(!this.#bodies.has(entity), 'an entity has one body')
    assert(this.#bodies.size < BODIES_MAX, 'there are no more than BODIES_MAX bodies')
    const rapier = this.#rapier
    const position = metres(pose)
    const description = rapier.RigidBodyDesc.dynamic()
      .setTranslation(position.x, position.y, position.z)
      .setRotation(unitRotation(pose))
      .setAngularDamping(ANGULAR_DAMPING)
    const collider = shape === 'ball'
      ? rapier.ColliderDesc.ball(halfExtent(hx))
      : rapier.ColliderDesc.cuboid(halfExtent(hx), halfExtent(hy), halfExtent(hz))
    collider
      .setMass(finite(Math.max(1, massGrams) / GRAMS_PER_KILOGRAM))
      .setRestitution(finite(restitution / RESTITUTION_ONE))
      // The livelier of the two decides, so that a body bounces off the ground as its author said.
      .setRestitutionCombineRule(rapier.CoefficientCombineRule.Max)
      .setActiveEvents(rapier.ActiveEvents.COLLISION_EVENTS)
    const body = this.#world.createRigidBody(description)
    this.#world.createCollider(collider, body)
    this.#bodies.set(entity, body)
    this.#order()
  }

  remove(entity: EntityId): void {
    this.#world.removeRigidBody(this.#body(entity))
    this.#bodies.delete(entity)
    this.#order()
  }

  /** Puts a body elsewhere, at rest and awake. */
  teleport(entity: EntityId, pose: PoseQ): void {
    const body = this.#body(entity)
    body.setTranslation(metres(pose), true)
    body.setRotation(unitRotation(pose), true)
    body.setLinvel({ x: 0, y: 0, z: 0 }, true)
    body.setAngvel({ x: 0, y: 0, z: 0 }, true)
  }

  step(): void {
    this.#world.step(this.#events)
    this.#events.drainCollisionEvents(this.#countContact)
  }

  /** Visits every body by ascending entity, with its pose in the integers of `BodyPose`. */
  forEachPose(visit: PoseVisitor): void {
    for (const entity of this.#entities) {
      const body = this.#body(entity)
      const { x, y, z } = body.translation(this.#position)
      const { x: qx, y: qy, z: qz, w: qw } = body.rotation(this.#rotation)
      visit(entity, steps(x), steps(y), steps(z), rotationPart(qx), rotationPart(qy), rotationPart(qz), rotationPart(qw), body.isSleeping())
    }
  }

  /** Gives the WebAssembly memory back; nothing else may be called afterwards. */
  free(): void {
    this.#events.free()
    this.#world.free()
  }

  #body(entity: EntityId): RAPIER.RigidBody {
    const body = this.#bodies.get(entity)
    assert(body !== undefined, 'the entity has a body')
    return body
  }
  #order(): void {
    this.#entities = [...this.#bodies.keys()].sort((a, b) => a - b)
  }
}

const halfExtent = (half: number): number => finite(half / STEPS_PER_METRE)

function metres({ x, y, z }: PoseQ): RAPIER.Vector {
  return { x: finite(x / STEPS_PER_METRE), y: finite(y / STEPS_PER_METRE), z: finite(z / STEPS_PER_METRE) }
}

function unitRotation({ qx, qy, qz, qw }: PoseQ): RAPIER.Rotation {
  const length = finite(Math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw))
  return length === 0 ? { x: 0, y: 0, z: 0, w: 1 } : { x: qx / length, y: qy / length, z: qz / length, w: qw / length }
}

/** To the nearest step, halves up, within what the field holds: a body at the edge of the range stays there. */
const steps = (metresAway: number): number => clamped(Math.floor(finite(metresAway) * STEPS_PER_METRE + 0.5), POSITION_MIN, POSITION_MAX)
const rotationPart = (part: number): number => clamped(Math.floor(finite(part) * ROTATION_ONE + 0.5), -ROTATION_ONE, ROTATION_ONE)
const clamped = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))

/** Rapier switches a body off without a word where a NaN comes in. */
function finite(value: number): number {
  assert(Number.isFinite(value), 'physics reckons with finite numbers')
  return value
}
