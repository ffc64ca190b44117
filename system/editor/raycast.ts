/** What a controller's ray hits in a world: the boxes of entities and placements. */
import { Box3 } from 'three/src/math/Box3.js'
import { Quaternion } from 'three/src/math/Quaternion.js'
import { Ray } from 'three/src/math/Ray.js'
import { Vector3 } from 'three/src/math/Vector3.js'
import type { RowOf } from '../ecs/component.ts'
import { Bounds, Placement, SCALE_ONE, STEPS_PER_METRE, Transform } from '../ecs/components.ts'
import type { ReadStore } from '../ecs/store.ts'
import type { EntityId } from '../ids.ts'
import type { XRRigidTransformLike } from './webxr.ts'

/** Half the edge of a placement's box at scale 1, in metres: assets carry no bounds yet. */
const PLACEMENT_HALF_METRES = 0.25

export interface Hit {
  readonly entity: EntityId
  /** From the ray's origin. */
  readonly distanceMetres: number
  /** Outward normal of the face that was hit, in the world. */
  readonly normal: Vector3
  /** Where it was hit, in the world, in metres. */
  readonly point: Vector3
}

type Posed = Pick<RowOf<typeof Transform>, 'x' | 'y' | 'z' | 'qx' | 'qy' | 'qz' | 'qw'>

/** Casts rays. Keeps its scratch vectors, so that a cast allocates nothing but the rows it reads and the hit. */
export class Raycaster {
  readonly #origin = new Vector3()
  readonly #direction = new Vector3()
  readonly #rotation = new Quaternion()
  readonly #local = new Ray()
  readonly #box = new Box3()
  readonly #point = new Vector3()

  /** The nearest box along -Z of the given (finite) pose, of equally near ones the lowest id; undefined where there is none. */
  cast(world: ReadStore, pose: XRRigidTransformLike): Hit | undefined {
    const { position, orientation } = pose
    this.#origin.set(position.x, position.y, position.z)
    this.#rotation.set(orientation.x, orientation.y, orientation.z, orientation.w).normalize()
    this.#direction.set(0, 0, -1).applyQuaternion(this.#rotation)
    let nearest: Hit | undefined
    for (const entity of world.entities(Bounds)) {
      const transform = world.get(entity, Transform)
      const bounds = world.get(entity, Bounds)
      if (transform === undefined || bounds === undefined) continue
      const half = this.#box.max.set(bounds.hx * transform.sx, bounds.hy * transform.sy, bounds.hz * transform.sz)
      half.divideScalar(STEPS_PER_METRE * SCALE_ONE)
      nearest = this.#nearer(nearest, entity, transform)
    }
    for (const entity of world.entities(Placement)) {
      const placement = world.get(entity, Placement)
      if (placement === undefined) continue
      this.#box.max.setScalar((PLACEMENT_HALF_METRES * placement.scale) / SCALE_ONE)
      nearest = this.#nearer(nearest, entity, placement)
    }
    return nearest
  }

  /** Takes the ray into the box's own frame, where `#box.max` holds its half extents. */
  #nearer(nearest: Hit | undefined, entity: EntityId, { x, y, z, qx, qy, qz, qw }: Posed): Hit | undefined {
    const { max, min } = this.#box
    min.copy(max).negate()
    this.#rotation.set(-qx, -qy, -qz, qw).normalize()
    this.#point.set(x, y, z).divideScalar(STEPS_PER_METRE)
    this.#local.origin.copy(this.#origin).sub(this.#point).applyQuaternion(this.#rotation)
    this.#local.direction.copy(this.#direction).applyQuaternion(this.#rotation)
    const point = this.#local.intersectBox(this.#box, this.#point)
    if (point === null) return nearest
    const distanceMetres = point.distanceTo(this.#local.origin)
    if (nearest !== undefined) {
      if (distanceMetres > nearest.distanceMetres) return nearest
      if (distanceMetres === nearest.distanceMetres && entity > nearest.entity) return nearest
    }
    const normal = faceNormal(point, max).applyQuaternion(this.#rotation.conjugate())
    return { entity, distanceMetres, normal, point: this.#direction.clone().multiplyScalar(distanceMetres).add(this.#origin) }
  }
}

/** The face of a centred box that a point on its surface lies on: where it comes nearest to the half extent. */
function faceNormal(point: Vector3, half: Vector3): Vector3 {
  const x = half.x - Math.abs(point.x)
  const y = half.y - Math.abs(point.y)
  const z = half.z - Math.abs(point.z)
  if (x <= y && x <= z) return new Vector3(point.x < 0 ? -1 : 1, 0, 0)
  return y <= z ? new Vector3(0, point.y < 0 ? -1 : 1, 0) : new Vector3(0, 0, point.z < 0 ? -1 : 1)
}
