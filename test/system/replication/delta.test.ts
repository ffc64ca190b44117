/** Deltas by themselves: what they carry, and on what they hold. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyPose, COMPONENTS, Motion, ROTATION_ONE, Spawned, Transform } from '../../../system/ecs/components.ts'
import { streamRotation } from '../../../system/ecs/rotation.ts'
import { World } from '../../../system/ecs/world.ts'
import {
  applyDelta, applySegment, encodeDelta, encodeSegment, joinSegments, SegmentCoding, splitSegments, type Universe, universeBefore,
} from '../../../system/replication/delta.ts'
import { apply, arbitraryWrites, rowOf } from '../ecs/worlds.ts'

const STREAM = COMPONENTS.filter(({ source }) => source === 'stream')
const AT_REST = { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }
const PROP = 1 << 30
const tracking = () => new World({ tracksChanges: true })
/** All that both sides must have in common. */
const beside = (world: World) => [...world.rows('stream')]
  .map(({ entity, component, revision }) => `${entity} ${component.name} ${revision} ${world.track(entity, component)!.join()}`).join('\n')

describe('deltas', () => {
  it('R-REPL-2 frame after frame they make the rows, revisions and tracks of the host\'s stream', () => {
    fc.assert(fc.property(fc.array(arbitraryWrites(STREAM, 12), { minLength: 1, maxLength: 6 }), (frames) => {
      const [host, peer] = [tracking(), new World()]
      for (const writes of frames) {
        apply(host, writes)
        expect(applyDelta(peer, encodeDelta(host))).toBeUndefined()
        expect(Buffer.compare(peer.canonicalBytes('stream'), host.canonicalBytes('stream'))).toBe(0)
        expect(peer.digest()).toEqual(host.digest())
      }
      expect(beside(peer)).toBe(beside(host))
    }), { seed: 23, numRuns: 200 })
  })

  it('R-CODE-1 a segment is the same in memory that others have used, refused ones among them', () => {
    fc.assert(fc.property(fc.array(arbitraryWrites(STREAM, 12), { minLength: 2, maxLength: 6 }), (frames) => {
      const [host, peer] = [tracking(), new World()]
      const [encoding, decoding] = [new SegmentCoding(), new SegmentCoding()]
      for (const writes of frames) {
        apply(host, writes)
        const changes = host.takeDirty()
        const universe = universeBefore(host, changes)
        const segment = encodeSegment(changes, universe, host)
        expect(encodeSegment(changes, universe, host, encoding)).toEqual(segment)
        applySegment(new World(), segment.map((byte, i) => (i === segment.length >> 1 ? byte ^ 0x55 : byte)), universe, decoding)
        expect(applySegment(peer, segment, universe, decoding)).toBeUndefined()
      }
      expect(Buffer.compare(peer.canonicalBytes('stream'), host.canonicalBytes('stream'))).toBe(0)
      expect(beside(peer)).toBe(beside(host))
    }), { seed: 29, numRuns: 200 })
  })

  it('R-REPL-2 applied to rows that are not there, or are there already, one is refused and writes nothing', () => {
    const [host, peer] = [tracking(), new World()]
    host.set(PROP, Spawned, { kind: 1, bornFrame: 2 })
    host.set(PROP, Motion, AT_REST)
    const first = encodeDelta(host)
    expect(applyDelta(peer, first)).toBeUndefined()
    const bytes = peer.canonicalBytes()
    expect(applyDelta(peer, first)).toMatch(/^an insert of theta\.\w+ where there is a row$/)
    expect(peer.canonicalBytes()).toEqual(bytes)
    host.set(PROP, Motion, { ...AT_REST, x: 3 })
    const second = encodeDelta(host)
    expect(applyDelta(new World(), second)).toBe('bytes that are not a segment')
    host.delete(PROP, Motion)
    expect(applyDelta(new World(), encodeDelta(host))).toBe('bytes that are not a segment')
  })

  it('R-REPL-2 rows are named within the universe that both sides have, be it a part of the world', () => {
    const [host, peer] = [tracking(), new World()]
    for (let i = 0; i < 40; i++) host.set(PROP + i, Motion, { ...AT_REST, x: i })
    expect(applyDelta(peer, encodeDelta(host))).toBeUndefined()
    for (let i = 0; i < 40; i++) host.set(PROP + i, Motion, { ...AT_REST, x: 2 * i + 1 })
    const changes = host.takeDirty()
    const part = (from: number): Universe => (component) => (component === Motion ? host.entities(Motion).slice(from, from + 20) : [])
    for (const from of [0, 20]) {
      expect(applySegment(peer, encodeSegment(changes.slice(from, from + 20), part(from), host), part(from))).toBeUndefined()
    }
    expect(peer.canonicalBytes()).toEqual(host.canonicalBytes('stream'))
    expect(beside(peer)).toBe(beside(host))
    // A row of the universe that the world does not have.
    const one = encodeSegment(changes.slice(0, 1), part(0), host)
    expect(applySegment(new World(), one, part(0))).toBe('a change of theta.Motion where there is no row')
  })

  it('R-ECS-2 a row whose former bytes the host\'s memory lost is told whole, not against what nobody else has', () => {
    const [host, peer] = [tracking(), new World()]
    for (const i of [0, 1, 2]) host.set(PROP + i, Motion, { ...AT_REST, x: i })
    applyDelta(peer, encodeDelta(host))
    host.rowBytes(PROP + 1, Motion)![3] ^= 0x80
    for (const i of [0, 1, 2]) host.set(PROP + i, Motion, { ...AT_REST, x: 7 + i })
    expect(applyDelta(peer, encodeDelta(host))).toBeUndefined()
    expect(peer.canonicalBytes()).toEqual(host.canonicalBytes())
    expect(beside(peer)).toBe(beside(host))
  })

  it('R-REPL-2 the universe is what was there before the changes', () => {
    const world = tracking()
    for (const i of [1, 2, 3]) world.set(PROP + i, Motion, AT_REST)
    world.takeDirty()
    world.delete(PROP + 2, Motion)
    world.set(PROP + 9, Motion, AT_REST)
    const universe = universeBefore(world, world.takeDirty())
    expect([universe(Motion), universe(Spawned)]).toEqual([[PROP + 1, PROP + 2, PROP + 3], []])
  })

  it('R-REPL-4 what came back to where it was is not told, and nothing costs nothing', () => {
    const world = tracking()
    world.set(PROP, Motion, AT_REST)
    encodeDelta(world)
    world.set(PROP, Motion, { ...AT_REST, y: 9 })
    world.set(PROP, Motion, AT_REST)
    expect(encodeDelta(world)).toEqual(new Uint8Array(0))
    expect(applyDelta(new World(), new Uint8Array(0))).toBeUndefined()
  })

  it('R-REPL-4 rows that move as foreseen take less than a byte each, and removing them next to nothing', () => {
    const world = tracking()
    const turn = streamRotation({ qx: 3, qy: 5, qz: 7, qw: 11 })
    const frame = (k: number) => {
      for (let i = 0; i < 200; i++) world.set(i, BodyPose, { x: 9 * i + k * i, y: -k, z: 5, ...turn, asleep: 0 })
      return encodeDelta(world).length
    }
    for (let k = 0; k < 8; k++) frame(k)
    expect(frame(8)).toBeLessThan(200)
    for (let i = 0; i < 200; i++) world.delete(i, BodyPose)
    expect(encodeDelta(world).length).toBeLessThan(32)
  })

  it('R-ECS-3 a delta cannot write what the log owns: it names the stream\'s components alone', () => {
    const world = tracking()
    world.set(1, Transform, rowOf(Transform, 1))
    expect(encodeDelta(world)).toEqual(new Uint8Array(0))
    const [all, peer] = [tracking(), new World()]
    for (const component of STREAM) all.set(1, component, rowOf(component, 3))
    expect(applyDelta(peer, encodeDelta(all))).toBeUndefined()
    expect(peer.rowCount).toBe(STREAM.length)
    expect(peer.canonicalBytes('log').length).toBe(0)
  })

  it('R-WIRE-2 no bytes make it throw, and what is refused has written nothing', () => {
    const [host, peer] = [tracking(), new World()]
    for (let i = 0; i < 12; i++) host.set(PROP + i, BodyPose, rowOf(BodyPose, i))
    applyDelta(peer, encodeDelta(host))
    for (let i = 0; i < 12; i++) host.set(PROP + 2 * i, BodyPose, rowOf(BodyPose, i + 5))
    const body = encodeDelta(host)
    const flips = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 })
    const flipped = flips.map((all) => all.reduce((bytes, [at, value]) => bytes.with(at, value), body))
    const any = fc.oneof(flipped, fc.uint8Array({ maxLength: 90 }))
    const universe: Universe = (component) => peer.entities(component)
    const [segment] = splitSegments(body)!
    expect(applySegment(peer, new Uint8Array([...segment, 0, 0]), universe)).toBe('bytes that are not a segment')
    const outcomes = new Set<string>()
    fc.assert(fc.property(any, (bytes) => {
      const copy = new World()
      copy.copyFrom(peer)
      const why = applySegment(copy, bytes, (component) => copy.entities(component))
      outcomes.add(why === undefined ? 'applied' : 'refused')
      if (why !== undefined) expect(copy.canonicalBytes()).toEqual(peer.canonicalBytes())
    }), { seed: 25, numRuns: 1500 })
    expect(outcomes).toContain('refused')
  })
})

describe('segments', () => {
  it('R-WIRE-2 come apart as they were joined; what is no body is none', () => {
    const segments = [0, 1, 127, 128, 20_000].map((length, index) => new Uint8Array(length).fill(index))
    expect(splitSegments(joinSegments(segments))).toEqual(segments)
    expect(splitSegments(new Uint8Array(0))).toEqual([])
    for (const body of [[1], [0x80], [0x80, 0x80, 0x80, 0], [2, 9], [0xff, 0xff, 0x7f, 1]]) {
      expect(splitSegments(Uint8Array.from(body))).toBeUndefined()
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (body) => {
      const split = splitSegments(body)
      expect(split === undefined || split.every(({ length }) => length <= body.length)).toBe(true)
    }), { seed: 26, numRuns: 500 })
  })
})
