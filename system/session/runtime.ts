/**
 * The host's runtime, as far as there is one: props that whoever is above the host spawns, moves and ends. They are of the stream. What is
 * asked for waits for its frame, and a frame takes only so much, so that its delta fits one message however much is asked for at once.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { assert } from '../assert.ts'
import { EntityKind } from '../commands/registry.ts'
import { Motion, ROTATION_ONE, Spawned } from '../ecs/components.ts'
import type { WriteStore } from '../ecs/store.ts'
import { entityId, HOST_AUTHOR } from '../ids.ts'
import { CHANGE_BYTES_MAX, MEMBERS_MAX, RUNTIME_WISHES_PER_FRAME } from '../limits.ts'
import { BODIES_MAX } from '../physics/physics.ts'
import type { Probe } from '../ports.ts'
import type { Intent } from './peer.ts'

type Wish = Extract<Intent, { readonly kind: 'propSpawn' | 'propMove' | 'propDespawn' }>

const ROWS_PER_WISH = 2
const POSES_PER_MEMBER = 3
const CHANGES_PER_FRAME_MAX = RUNTIME_WISHES_PER_FRAME * ROWS_PER_WISH + BODIES_MAX + MEMBERS_MAX * POSES_PER_MEMBER
assert(
  CHANGES_PER_FRAME_MAX * CHANGE_BYTES_MAX <= COUNT_MAX.ComponentDelta.body,
  'all that can change in a frame fits its delta',
)

export class Runtime {
  readonly #wishes: Wish[] = []
  readonly #probe: Probe

  constructor(probe: Probe) {
    this.#probe = probe
  }

  /** What has been asked for and not been done. */
  get backlog(): number {
    return this.#wishes.length
  }
  ask(wish: Wish): void {
    this.#wishes.push(wish)
  }

  /** Does what this frame can take, in the order it was asked for. */
  advance(stream: WriteStore, frame: number): void {
    if (this.#wishes.length > RUNTIME_WISHES_PER_FRAME) this.#probe.sometimes('the runtime had more wishes than a frame takes')
    for (const wish of this.#wishes.splice(0, RUNTIME_WISHES_PER_FRAME)) {
      const entity = entityId('stream', HOST_AUTHOR, wish.prop)
      if (wish.kind === 'propDespawn') {
        stream.delete(entity, Spawned)
        stream.delete(entity, Motion)
        continue
      }
      const { x, y, z } = wish
      if (wish.kind === 'propSpawn') {
        stream.set(entity, Spawned, { kind: EntityKind.prop, bornFrame: frame })
        stream.set(entity, Motion, { x, y, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
        continue
      }
      const row = stream.get(entity, Motion)
      if (row !== undefined) stream.set(entity, Motion, { ...row, x, y, z })
    }
  }
}
