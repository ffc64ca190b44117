/** Deltas by themselves: what they carry, and on what they hold. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPONENTS, Motion, ROTATION_ONE, Spawned, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { applyDelta, encodeDelta } from '../../../system/replication/delta.ts'
import { apply, arbitraryWrites, rowOf } from '../ecs/worlds.ts'

const STREAM = COMPONENTS.filter(({ source }) => source === 'stream')
const AT_REST = { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }
const PROP = 1 << 30
const tracking = () => new World({ tracksChanges: true })
const revisions = (world: World) =>
  [...world.rows('stream')].map(({ entity, component, revision }) => `${entity} ${component.name} ${revision}`).join('\n')

describe('deltas', () => {
  it('R-REPL-2 frame after frame they make the rows and revisions of the host\'s stream', () => {
    fc.assert(fc.property(fc.array(arbitraryWrites(STREAM, 12), { minLength: 1, maxLength: 6 }), (frames) => {
      const [host, peer] = [tracking(), new World()]
      for (const writes of frames) {
        apply(host, writes)
        expect(applyDelta(peer, encodeDelta(host))).toBeUndefined()
        expect(Buffer.compare(peer.canonicalBytes('stream'), host.canonicalBytes('stream'))).toBe(0)
        expect(peer.digest()).toEqual(host.digest())
      }
      expect(revisions(peer)).toBe(revisions(host))
    }), { seed: 23, numRuns: 60 })
  })

  it('R-REPL-2 applied twice, any delta with an entry is refused', () => {
    fc.assert(fc.property(arbitraryWrites(STREAM, 12), arbitraryWrites(STREAM, 12), (before, writes) => {
      const [host, peer] = [tracking(), new World()]
      apply(host, before)
      applyDelta(peer, encodeDelta(host))
      apply(host, writes)
      const delta = encodeDelta(host)
      applyDelta(peer, delta)
      expect(applyDelta(peer, delta) === undefined).toBe(delta.entries.length === 0)
    }), { seed: 24, numRuns: 100 })
  })

  it('R-REPL-2 on the wrong base, a delta is refused', () => {
    const [host, peer] = [tracking(), new World()]
    const step = (x: number) => {
      host.set(PROP, Motion, { ...AT_REST, x })
      return encodeDelta(host)
    }
    const [first, second, third] = [step(1), step(2), step(3)]
    expect(applyDelta(peer, second)).toEqual(expect.any(String))
    expect(applyDelta(peer, first)).toBeUndefined()
    expect(applyDelta(peer, third)).toEqual(expect.any(String))
    expect(peer.get(PROP, Motion)?.x).toBe(1)
    host.delete(PROP, Motion)
    expect(applyDelta(new World(), encodeDelta(host))).toEqual(expect.any(String))
  })

  it('R-REPL-4 an update carries the changed fields, and nothing that came back to where it was', () => {
    const world = tracking()
    world.set(PROP, Motion, AT_REST)
    world.set(PROP, Spawned, { kind: 1, bornFrame: 2 })
    world.set(PROP + 1, Motion, AT_REST)
    const first = encodeDelta(world)
    expect(first.payload.length).toBe(2 * Motion.stride + Spawned.stride)
    expect(new Set(first.components)).toEqual(new Set([Motion.id, Spawned.id]))
    expect(first.components).toHaveLength(2)
    world.set(PROP, Motion, { ...AT_REST, y: 5 })
    expect(encodeDelta(world)).toMatchObject({
      components: [Motion.id],
      entries: [{ entity: PROP, op: 'update', revision: 2, fieldMask: 1 << Motion.field.y.index, payloadBytes: 4 }],
      payload: Uint8Array.of(5, 0, 0, 0),
    })
    world.set(PROP, Motion, { ...AT_REST, y: 9 })
    world.set(PROP, Motion, { ...AT_REST, y: 5 })
    expect(encodeDelta(world)).toEqual({ components: [], entries: [], payload: new Uint8Array(0) })
    world.delete(PROP, Motion)
    expect(encodeDelta(world)).toMatchObject({ entries: [{ op: 'remove', fieldMask: 0, payloadBytes: 0 }] })
  })

  it('R-ECS-3 a delta cannot write what the log owns, nor what nobody knows', () => {
    const world = new World()
    const row = new World()
    row.set(1, Transform, rowOf(Transform, 1))
    const payload = row.rowBytes(1, Transform)!
    const entry = {
      entity: 1, component: 0, revision: 1, op: 'insert', fieldMask: 0x3ff, payloadOffset: 0, payloadBytes: payload.length,
    } as const
    for (const id of [Transform.id, { hi: 1, lo: 2 }]) {
      expect(applyDelta(world, { components: [id], entries: [entry], payload })).toBe('a component that the stream does not have')
    }
    expect(world.rowCount).toBe(0)
  })

  it('R-REPL-2 a payload that is not its fields is refused', () => {
    const host = tracking()
    host.set(PROP, Motion, AT_REST)
    const delta = encodeDelta(host)
    const [entry] = delta.entries
    const wrong = [
      { payload: delta.payload.slice(1) },
      { entries: [{ ...entry, payloadBytes: entry.payloadBytes - 1 }] },
      { entries: [{ ...entry, fieldMask: entry.fieldMask & ~1 }] },
    ]
    for (const change of wrong) {
      const peer = new World()
      expect(applyDelta(peer, { ...delta, ...change })).toMatch(/payload/)
      expect(peer.rowCount).toBe(0)
    }
  })

  it('R-REPL-2 a refused update leaves the row as it was, byte for byte', () => {
    const [host, peer] = [tracking(), new World()]
    host.set(PROP, Motion, AT_REST)
    expect(applyDelta(peer, encodeDelta(host))).toBeUndefined()
    const before = peer.canonicalBytes()
    host.set(PROP, Motion, { ...AT_REST, x: 7, y: 8 })
    const delta = encodeDelta(host)
    const [entry] = delta.entries
    const shortened = { ...delta, entries: [{ ...entry, payloadBytes: entry.payloadBytes - 1 }] }
    expect(applyDelta(peer, shortened)).toMatch(/payload/)
    expect(peer.canonicalBytes()).toEqual(before)
    expect(applyDelta(peer, delta)).toBeUndefined()
    expect(peer.get(PROP, Motion)).toMatchObject({ x: 7, y: 8 })
  })
})
