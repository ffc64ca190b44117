/** What state costs in memory: a world alone, and a host with one client and the frames between them. */
import { bytesInUse, collector } from '../../platform/memory.ts'
import { aligned } from '../../reports/table.ts'
import { Motion, ROTATION_ONE, Spawned } from '../../system/ecs/components.ts'
import { World } from '../../system/ecs/world.ts'
import { entityId, HASH64_ZERO, HOST_AUTHOR } from '../../system/ids.ts'
import { FRAME_RING } from '../../system/limits.ts'
import { NO_PROBE } from '../../system/ports.ts'
import { Codec } from '../../system/protocol/codec.ts'
import type { ComponentDelta } from '../../system/protocol/messages.ts'
import { applyDelta, encodeDelta } from '../../system/replication/delta.ts'
import { FrameBuffer, FrameRing } from '../../system/replication/frames.ts'
import { applySnapshot, decodeSnapshot, encodeSnapshot } from '../../system/replication/snapshot.ts'
import { figure } from './aims.ts'
import { median } from './rounds.ts'

const ENTITIES = [10, 100, 1_000, 10_000]
/** Entities that move in every frame. */
const MOVING = 32
/** Small states are measured by the many, so that the heap's own noise does not show. */
const ENTITIES_AT_ONCE = 20_000
const ROUNDS = 3

/** Each entity has the two components of a prop. */
function world(entities: number): World {
  const made = new World({ tracksChanges: true })
  for (let i = 0; i < entities; i++) {
    made.set(entityId('stream', HOST_AUTHOR, i), Spawned, { kind: 0, bornFrame: 0 })
    move(made, i, 0)
  }
  made.takeDirty()
  return made
}
function move(of: World, i: number, frame: number): void {
  of.set(entityId('stream', HOST_AUTHOR, i), Motion, { x: i, y: frame, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
}

/** A host whose ring of frames is full, and a client that came by snapshot and has followed since. */
function replication(entities: number): object {
  const host = world(entities)
  const ring = new FrameRing<number>()
  const client = new World()
  applySnapshot(client, decodeSnapshot(encodeSnapshot(host, { closedLamport: 0, count: 0, digest: HASH64_ZERO }))!)
  const frames = new FrameBuffer<ComponentDelta>(0, NO_PROBE)
  const codec = new Codec()
  for (let frame = 1; frame <= FRAME_RING; frame++) {
    for (let i = 0; i < Math.min(MOVING, entities); i++) move(host, i, frame)
    const body = encodeDelta(host)
    ring.push(frame, new Map([[0, codec.encode({
      kind: 'ComponentDelta', epoch: 1, frame, closedLamport: 0, admittedCount: 0, admittedDigest: HASH64_ZERO, stateDigest: host.digest(),
      baseFrame: frame - 1, interest: 0, listed: false, leap: false, body,
    })]]))
    applyDelta(client, body)
  }
  return { host, ring, client, frames, codec }
}

export function memory(): string[] {
  const collect = collector()
  const bytesOf = (make: (entities: number) => object, entities: number): number => {
    const copies = Math.ceil(ENTITIES_AT_ONCE / entities)
    const measure = (): number => {
      collect()
      const beforeBytes = bytesInUse()
      const kept = Array.from({ length: copies }, () => make(entities))
      collect()
      return (bytesInUse() - beforeBytes) / kept.length
    }
    return median(Array.from({ length: ROUNDS }, measure))
  }
  const rows = ENTITIES.map((entities) => {
    const alone = bytesOf(world, entities)
    const both = bytesOf(replication, entities)
    return [figure(entities), figure(alone), figure(alone / entities), figure(both), figure(both / entities)]
  })
  return aligned(['entities#', 'world, bytes#', 'an entity#', 'host and client, bytes#', 'an entity#'], rows)
}
