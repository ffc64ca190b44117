/**
 * Keeps the physics world in step with the closed log (law 8: the host derives stream state from log state, never back):
 * a RigidBody row asks for a body, its `teleports` count tells of authored moves, and its end takes the body away.
 */
import { BodyPose, Bounds, RigidBody, Transform } from '../ecs/components.ts'
import { streamRotation } from '../ecs/rotation.ts'
import type { WriteStore } from '../ecs/store.ts'
import type { World } from '../ecs/world.ts'
import type { EntityId } from '../ids.ts'
import { BodyShape } from '../commands/registry.ts'
import type { Probe } from '../ports.ts'
import type { Physics } from './physics.ts'

export class Bodies {
  readonly #physics: Physics
  readonly #probe: Probe
  /** The teleport count that physics has seen, by entity. */
  readonly #teleports = new Map<EntityId, number>()

  constructor(physics: Physics, probe: Probe) {
    this.#physics = physics
    this.#probe = probe
  }

  get count(): number {
    return this.#teleports.size
  }

  /** Call after the log has been closed for a frame. Entities ascend, so that Rapier's handles are the same everywhere. */
  follow(log: Pick<World, 'has' | 'get' | 'value' | 'entities'>, stream: WriteStore): void {
    for (const entity of this.#teleports.keys()) {
      if (log.has(entity, RigidBody)) continue
      this.#probe.sometimes('a body was taken away')
      this.#physics.remove(entity)
      this.#teleports.delete(entity)
      stream.delete(entity, BodyPose)
    }
    for (const entity of log.entities(RigidBody)) {
      const seen = this.#teleports.get(entity)
      if (seen !== undefined && seen === log.value(entity, RigidBody, RigidBody.field.teleports)) continue
      const body = log.get(entity, RigidBody)
      const pose = log.get(entity, Transform)
      const bounds = log.get(entity, Bounds)
      if (body === undefined || pose === undefined || bounds === undefined) continue
      if (seen === undefined) {
        const shape = body.shape === BodyShape.ball ? 'ball' : 'box'
        const { massGrams, restitution } = body
        this.#physics.add(entity, { shape, hx: bounds.hx, hy: bounds.hy, hz: bounds.hz, massGrams, restitution, pose })
      } else {
        this.#probe.sometimes('an authored move met a body')
        this.#physics.teleport(entity, pose)
      }
      this.#teleports.set(entity, body.teleports)
    }
  }

  step(stream: WriteStore): void {
    this.#physics.step()
    this.#physics.forEachPose((entity, x, y, z, qx, qy, qz, qw, asleep) => {
      stream.set(entity, BodyPose, { x, y, z, ...streamRotation({ qx, qy, qz, qw }), asleep: asleep ? 1 : 0 })
    })
  }
}
