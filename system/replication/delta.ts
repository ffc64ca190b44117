/**
 * Component deltas: what became of the stream's rows within one frame, field by field. Each entry carries the revision of
 * its row, so that a delta applied twice, or on the wrong base, is noticed before it is written.
 */
import { isCanonicalRow } from '../ecs/canonical.ts'
import type { AnyComponent } from '../ecs/component.ts'
import { componentOfId } from '../ecs/manifest.ts'
import type { World } from '../ecs/world.ts'
import type { ComponentDelta, DeltaEntry } from '../protocol/messages.ts'

export type DeltaContent = Pick<ComponentDelta, 'components' | 'entries' | 'payload'>

/** Takes the world's changes since the last call and lays them out. */
export function encodeDelta(world: World): DeltaContent {
  const changes = world.takeDirty()
  const components: AnyComponent[] = []
  const entries: DeltaEntry[] = []
  let payload = new Uint8Array(changes.length * 32)
  let at = 0
  for (const { entity, component, op, fieldMask, revision } of changes) {
    let index = components.indexOf(component)
    if (index < 0) index = components.push(component) - 1
    const payloadOffset = at
    if (op !== 'remove') {
      const row = world.rowBytes(entity, component)!
      if (at + row.length > payload.length) {
        const grown = new Uint8Array(2 * (payload.length + row.length))
        grown.set(payload)
        payload = grown
      }
      for (const { index: bit, offset, bytes } of component.fields) {
        if (((fieldMask >>> bit) & 1) === 0) continue
        for (let i = 0; i < bytes; i++) payload[at++] = row[offset + i]
      }
    }
    entries.push({ entity, component: index, revision, op, fieldMask, payloadOffset, payloadBytes: at - payloadOffset })
  }
  return { components: components.map(({ id }) => id), entries, payload: payload.subarray(0, at) }
}

/** Undefined: applied, whole. Otherwise why not; what had been written by then is for a snapshot to replace. */
export function applyDelta(world: World, delta: DeltaContent): string | undefined {
  const components = delta.components.map(componentOfId)
  for (const entry of delta.entries) {
    const component = components[entry.component]
    if (component === undefined || component.source !== 'stream') return 'a component that the stream does not have'
    const why = applyEntry(world, entry, component, delta.payload)
    if (why !== undefined) return why
  }
  return undefined
}

function applyEntry(world: World, entry: DeltaEntry, component: AnyComponent, payload: Uint8Array): string | undefined {
  const { entity, op, revision, fieldMask, payloadOffset, payloadBytes } = entry
  if (payloadOffset + payloadBytes > payload.length) return 'a payload outside the message'
  const present = world.rowBytes(entity, component)
  const base = present === undefined ? undefined : world.revision(entity, component)
  if (op === 'insert' ? base !== undefined : base !== revision - 1) {
    const found = base === undefined ? 'no row' : `revision ${base}`
    return `${op} of entity ${entity} ${component.name} to revision ${revision} on ${found}`
  }
  if (op === 'remove') {
    world.delete(entity, component)
    return undefined
  }
  const row = present?.slice() ?? new Uint8Array(component.stride)
  let at = payloadOffset
  for (const { index: bit, offset, bytes } of component.fields) {
    if (((fieldMask >>> bit) & 1) === 0) continue
    if (at + bytes > payloadOffset + payloadBytes) return 'a payload shorter than its fields'
    for (let i = 0; i < bytes; i++) row[offset + i] = payload[at++]
  }
  if (at !== payloadOffset + payloadBytes || !isCanonicalRow(component, row)) return 'a payload that is not its fields'
  world.setBytes(entity, component, row, revision)
  return undefined
}
