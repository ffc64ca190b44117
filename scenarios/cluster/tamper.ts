/**
 * Flips one bit of a peer's live state, at an instant drawn from the seed, behind the back of everything: to show that the
 * checkers find it. They are not told; only the run's result carries what was done, for whoever compares.
 */
import type { Seed } from '../../sim/choice.ts'
import { stream } from '../../sim/random.ts'
import { Entity, Placement, Spawned } from '../../system/ecs/components.ts'
import type { AnyComponent, Field } from '../../system/ecs/component.ts'
import type { World } from '../../system/ecs/world.ts'
import { ENTITIES_PER_AUTHOR_MAX, type EntityId } from '../../system/ids.ts'
import { FRAMES_PER_SECOND } from '../../system/limits.ts'
import type { Tampered, TamperRequest } from './outcome.ts'

const FRAME_US = Math.floor(1_000_000 / FRAMES_PER_SECOND)

/** When within the frame. */
export const tamperOffsetUs = (seed: Seed, { peer, frame }: TamperRequest): number =>
  stream(seed, `tamper.instant ${peer}@${frame}`).int(FRAME_US)

/** Undefined where the peer has no state yet. */
export function tamper(world: World, seed: Seed, { peer, frame }: TamperRequest, atUs: number): Tampered | undefined {
  const draw = stream(seed, `tamper ${peer}@${frame}`)
  const rows = [...world.rows()].map(({ entity, component }) => ({ entity, component }))
  const classes: readonly ((row: { readonly component: AnyComponent }) => boolean)[] = [
    ({ component }) => component.source === 'log' && component !== Placement,
    ({ component }) => component.source === 'stream',
    ({ component }) => component === Placement,
    ({ component }) => component === Entity || component === Spawned,
  ]
  const first = draw.int(classes.length)
  // A class that this world has no row of leaves its turn to the next.
  for (let i = 0; i < classes.length; i++) {
    const which = (first + i) % classes.length
    const candidates = rows.filter(classes[which])
    if (candidates.length === 0) continue
    const { entity, component } = draw.pick(candidates)
    if (which === classes.length - 1) {
      const stranger = strangerTo(entity)
      const appears = draw.int(2) === 1 && !world.has(stranger, component)
      world.corruptPresence(appears ? stranger : entity, component)
      return { kind: appears ? 'appeared' : 'vanished', entity: appears ? stranger : entity, component: component.name, atUs }
    }
    const bytes = world.rowBytes(entity, component)!
    const bit = draw.int(bytes.length * 8)
    const field = component.fields.find(({ offset, bytes: width }) => bit >> 3 >= offset && bit >> 3 < offset + width)!
    const before = decimal(bytes, field)
    bytes[bit >> 3] = bytes[bit >> 3] ^ (1 << (bit & 7))
    return { kind: 'value', entity, component: component.name, field: field.name, before, after: decimal(bytes, field), atUs }
  }
  return undefined
}

/** An entity of the same author that nobody will create in a run of any length: the other half of its counters. */
const strangerTo = (entity: EntityId): EntityId => entity ^ (ENTITIES_PER_AUTHOR_MAX >> 1)

function decimal(row: Uint8Array, { offset, bytes, type }: Field): string {
  let value = 0n
  for (let at = offset + bytes - 1; at >= offset; at--) value = value * 256n + BigInt(row[at])
  return String(type.startsWith('i') ? BigInt.asIntN(8 * bytes, value) : value)
}
