/** Snapshots by themselves: chunks in any order, and bytes that nobody should have sent. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AnyComponent } from '../../../system/ecs/component.ts'
import { COMPONENTS, Motion, ScopeVersion, Spawned, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { ENTITY_ID_MAX, entityId } from '../../../system/ids.ts'
import { SNAPSHOT_BODY_BYTES_MAX, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_ROWS_MAX } from '../../../system/limits.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { applyDelta, encodeDelta } from '../../../system/replication/delta.ts'
import { FRAME_MAX } from '../../../system/replication/frames.ts'
import { Counter } from '../../../system/replication/numbers.ts'
import { newContexts, RangeEncoder } from '../../../system/replication/rangecoder.ts'
import { RowCoder } from '../../../system/replication/rows.ts'
import {
  applySnapshot, chunkBytesOf, chunkSnapshot, decodeSnapshot, encodeSnapshot, SnapshotAssembler,
} from '../../../system/replication/snapshot.ts'
import { apply, arbitraryWrites, rowOf } from '../ecs/worlds.ts'

const POSITION = { closedLamport: 2 ** 33 + 7, count: 5, digest: { hi: 0xfedcba98, lo: 0x76543210 } }
const HEADER_BYTES = 20
const HEADER = { snapshotId: 3, epoch: 7, frame: 40, reason: 'join' } as const

function worldWith(...rows: readonly (readonly [number, (typeof COMPONENTS)[number], number])[]): World {
  const world = new World()
  rows.forEach(([entity, component, revision]) => {
    world.set(entity, component, rowOf(component, entity))
    world.setBytes(entity, component, world.rowBytes(entity, component)!.slice(), revision)
  })
  return world
}
/** Several chunks of rows of every component. */
const large = () => worldWith(...COMPONENTS.flatMap((component, i) =>
  Array.from({ length: 24 }, (_, entity) => [entity * 3 + i, component, entity] as const)))
const revisions = (world: World) =>
  [...world.rows()].map(({ entity, component, revision }) => `${entity} ${component.name} ${revision}`).join('\n')

describe('chunks', () => {
  it('R-REPL-1 chunks in any order, some twice, make the same rows over whatever was there', () => {
    const choices = fc.array(fc.nat(), { minLength: 8, maxLength: 8 })
    fc.assert(fc.property(arbitraryWrites(), arbitraryWrites(), choices, (writes, others, draws) => {
      const [from, to] = [large(), new World()]
      apply(from, writes)
      apply(to, others)
      const chunks = chunkSnapshot(encodeSnapshot(from, POSITION), HEADER)
      expect(chunks.length).toBeGreaterThan(3)
      const left = [...chunks, ...chunks.filter((_, i) => draws[i % 8] % 2 === 0)]
      const assembler = new SnapshotAssembler(NO_PROBE)
      for (let whole = false, step = 0; !whole; step++) {
        const [chunk] = left.splice(draws[step % 8] % left.length, 1)
        const assembly = assembler.add(chunk)
        if (assembly.kind !== 'complete') continue
        whole = true
        expect(assembly).toMatchObject({ frame: 40, snapshotId: 3, reason: 'join' })
        const content = decodeSnapshot(assembly.body)!
        expect(content.position).toEqual(POSITION)
        applySnapshot(to, content)
      }
      expect(Buffer.compare(to.canonicalBytes(), from.canonicalBytes())).toBe(0)
      expect(to.digest()).toEqual(from.digest())
      expect(revisions(to)).toBe(revisions(from))
    }), { seed: 21, numRuns: 25 })
  })

  it('R-REPL-1 a flipped byte anywhere leaves the snapshot refused', () => {
    const chunks = chunkSnapshot(encodeSnapshot(large(), POSITION), HEADER)
    const bytes = chunks.reduce((sum, { body }) => sum + body.length, 0)
    for (let at = 0; at < bytes; at += 61) {
      const assembler = new SnapshotAssembler(NO_PROBE)
      const kinds = chunks.map((chunk) => {
        const offset = at - chunk.chunk * chunkBytesOf(bytes)
        const body = offset >= 0 && offset < chunk.body.length ? chunk.body.with(offset, chunk.body[offset] ^ 0x10) : chunk.body
        return assembler.add({ ...chunk, body }).kind
      })
      expect(new Set(kinds.slice(0, -1))).toEqual(new Set(['partial']))
      expect(kinds.at(-1)).toBe('refused')
    }
  })

  it('R-REPL-1 chunks that contradict each other or their bounds are refused', () => {
    const chunks = chunkSnapshot(encodeSnapshot(large(), POSITION), HEADER)
    const [first, second] = chunks
    const contradictions = [
      { frame: 41 }, { bodyDigest: { hi: 1, lo: 2 } }, { bodyBytes: first.bodyBytes - 1 }, { chunkCount: chunks.length + 1 },
      { chunk: chunks.length },
      { body: second.body.slice(1) }, { frame: FRAME_MAX + 1 },
      { bodyBytes: SNAPSHOT_BODY_BYTES_MAX + 1, chunkCount: 32_769 },
    ]
    for (const contradiction of contradictions) {
      const assembler = new SnapshotAssembler(NO_PROBE)
      assembler.add(first)
      expect(assembler.add({ ...second, ...contradiction }).kind, JSON.stringify(contradiction)).toBe('refused')
      // And it does not stand in the way of the genuine one.
      expect(chunks.map((chunk) => assembler.add(chunk).kind).at(-1)).toBe('complete')
    }
  })

  it('R-REPL-1 the first chunk that comes is held to the bounds, and to nothing less', () => {
    const [first] = chunkSnapshot(encodeSnapshot(large(), POSITION), HEADER)
    const bytesMax = SNAPSHOT_BODY_BYTES_MAX
    const chunksOf = (bytes: number) => Math.ceil(bytes / SNAPSHOT_CHUNK_BYTES)
    const cases: readonly [over: Partial<typeof first>, kind: string][] = [
      [{ frame: FRAME_MAX }, 'partial'], [{ frame: FRAME_MAX + 1 }, 'refused'],
      [{ bodyBytes: bytesMax, chunkCount: chunksOf(bytesMax) }, 'partial'],
      [{ bodyBytes: bytesMax + 1, chunkCount: chunksOf(bytesMax + 1) }, 'refused'],
      [{ chunk: first.chunkCount }, 'refused'],
    ]
    for (const [over, kind] of cases) {
      const assembly = new SnapshotAssembler(NO_PROBE).add({ ...first, ...over })
      expect(assembly.kind, JSON.stringify(over)).toBe(kind)
      if (assembly.kind === 'refused') expect(assembly.why).toBe('snapshot size')
    }
  })

  it('R-REPL-1 a snapshot is complete once, and tells until then which chunks are missing', () => {
    const chunks = chunkSnapshot(encodeSnapshot(large(), POSITION), HEADER)
    const assembler = new SnapshotAssembler(NO_PROBE)
    expect(assembler.partial).toBeUndefined()
    for (const chunk of chunks.slice(1)) expect(assembler.add(chunk)).toEqual({ kind: 'partial' })
    expect(assembler.partial).toEqual({ snapshotId: 3, frame: 40, missing: [0] })
    expect(assembler.add(chunks[1])).toEqual({ kind: 'partial' })
    expect(assembler.add(chunks[0]).kind).toBe('complete')
    expect(assembler.partial).toBeUndefined()
    for (const chunk of chunks) expect(assembler.add(chunk)).toEqual({ kind: 'partial' })
  })

  it('R-REPL-1 a newer snapshot takes the place of one that never came whole', () => {
    const older = chunkSnapshot(encodeSnapshot(large(), POSITION), HEADER)
    const newer = chunkSnapshot(encodeSnapshot(worldWith([1, Transform, 4]), POSITION), { ...HEADER, snapshotId: 4, frame: 60 })
    const assembler = new SnapshotAssembler(NO_PROBE)
    assembler.add(older[0])
    expect(assembler.add(newer[0])).toMatchObject({ kind: 'complete', snapshotId: 4, frame: 60 })
    expect(older.map((chunk) => assembler.add(chunk).kind)).toEqual(older.map(() => 'partial'))
  })
})

describe('bodies', () => {
  it('R-REPL-1 a body is checked whole before a row is written', () => {
    const body = encodeSnapshot(worldWith([1, Transform, 4], [2, Transform, 0], [9, ScopeVersion, 0]), POSITION)
    expect(decodeSnapshot(body)?.rows).toBe(3)
    for (let length = 0; length < HEADER_BYTES; length++) expect(decodeSnapshot(body.subarray(0, length))).toBeUndefined()
    expect(decodeSnapshot(new Uint8Array([...body, 0, 0]))).toBeUndefined()
    // A Lamport time that is no safe integer.
    expect(decodeSnapshot(body.with(7, 0xff))).toBeUndefined()
  })

  /** A body as `tell` tells it, in the contexts of a snapshot. */
  const told = (tell: (encoder: RangeEncoder, counter: () => Counter, has: (component: AnyComponent, wanted: boolean) => void) => void) => {
    const encoder = new RangeEncoder()
    const contexts = newContexts(COMPONENTS.length)
    tell(encoder, () => new Counter(), (component, wanted) => encoder.bit(contexts, COMPONENTS.indexOf(component), wanted ? 1 : 0))
    return new Uint8Array([...encodeSnapshot(new World(), POSITION).subarray(0, HEADER_BYTES), ...encoder.finish()])
  }
  /** One archetype of Transform, said to have so many entities, of which these are told. */
  const archetype = (size: number, entities: readonly number[]) => told((encoder, counter, has) => {
    counter().code(encoder, 1, Infinity)
    for (const component of COMPONENTS) has(component, component === Transform)
    counter().code(encoder, size, Infinity)
    const beyond = counter()
    let last = -1
    for (const entity of entities) {
      beyond.code(encoder, entity - last - 1, Infinity)
      last = entity
    }
    const rows = new RowCoder(encoder, Transform)
    for (const _ of entities) rows.whole(new Uint8Array(Transform.stride), 1, new Int32Array(0))
  })

  it('R-REPL-1 what a body says of its size and its entities is bounded before there is room for it', () => {
    expect(decodeSnapshot(archetype(2, [3, 5]))).toMatchObject({ rows: 2, tables: [{ component: Transform, entities: [3, 5] }] })
    expect(decodeSnapshot(archetype(1, [ENTITY_ID_MAX]))).toMatchObject({ rows: 1 })
    expect(decodeSnapshot(archetype(1, [ENTITY_ID_MAX + 1]))).toBeUndefined()
    expect(decodeSnapshot(archetype(0, []))).toBeUndefined()
    for (const size of [3, SNAPSHOT_ROWS_MAX, SNAPSHOT_ROWS_MAX + 1, 2 ** 40]) {
      expect(decodeSnapshot(archetype(size, [3, 5]))).toBeUndefined()
    }
    const nothing = told((encoder, counter, has) => {
      counter().code(encoder, 1, Infinity)
      for (const component of COMPONENTS) has(component, false)
      counter().code(encoder, 1, Infinity)
    })
    expect(decodeSnapshot(nothing)).toBeUndefined()
  })

  it('R-REPL-1 an entity of two archetypes is refused', () => {
    const twice = told((encoder, counter, has) => {
      counter().code(encoder, 2, Infinity)
      const [sizes, beyond, rows] = [counter(), counter(), new RowCoder(encoder, Transform)]
      for (let archetypes = 0; archetypes < 2; archetypes++) {
        for (const component of COMPONENTS) has(component, component === Transform)
        sizes.code(encoder, 1, Infinity)
        beyond.code(encoder, 7, Infinity)
        rows.whole(new Uint8Array(Transform.stride), 1, new Int32Array(0))
      }
    })
    expect(decodeSnapshot(twice)).toBeUndefined()
  })

  it('R-REPL-1 the least and the most that a body can hold is read', () => {
    expect(decodeSnapshot(encodeSnapshot(new World(), POSITION))).toMatchObject({ position: POSITION, rows: 0 })
    const last = { ...POSITION, closedLamport: Number.MAX_SAFE_INTEGER }
    const content = decodeSnapshot(encodeSnapshot(worldWith([ENTITY_ID_MAX, Transform, 1]), last))
    expect(content).toMatchObject({ position: last, rows: 1 })
  })

  it('R-CODE-3 tracks come with the rows, so that a late joiner foresees what the others do', () => {
    const [host, late] = [new World({ tracksChanges: true }), new World()]
    for (let frame = 0; frame < 9; frame++) {
      for (let i = 0; i < 5; i++) host.set(i, Motion, { ...rowOf(Motion, 1), x: frame * i, y: frame * frame })
      encodeDelta(host)
    }
    applySnapshot(late, decodeSnapshot(encodeSnapshot(host, POSITION))!)
    for (let i = 0; i < 5; i++) expect(late.track(i, Motion)).toEqual(host.track(i, Motion))
    expect(host.track(4, Motion)!.some((word) => word !== 0)).toBe(true)
    for (let i = 0; i < 5; i++) host.set(i, Motion, { ...rowOf(Motion, 1), x: 9 * i, y: 81 })
    expect(applyDelta(late, encodeDelta(host))).toBeUndefined()
    expect(late.canonicalBytes()).toEqual(host.canonicalBytes())
  })

  it('R-REPL-4 ten thousand props come in less than a tenth of their rows', () => {
    const world = new World()
    for (let i = 0; i < 10_000; i++) {
      world.set(entityId('stream', 0, i), Spawned, { kind: 1, bornFrame: 7 })
      world.set(entityId('stream', 0, i), Motion, { x: i % 100, y: 0, z: Math.floor(i / 100), qx: 0, qy: 0, qz: 0, qw: 32767 })
    }
    const body = encodeSnapshot(world, POSITION)
    expect(body.length).toBeLessThan(world.byteLength / 10)
    const peer = new World()
    applySnapshot(peer, decodeSnapshot(body)!)
    expect(peer.digest()).toEqual(world.digest())
  })

  it('R-REPL-1 a row of another revision is written, though its bytes are the same', () => {
    const [from, to] = [worldWith([1, Transform, 4]), worldWith([1, Transform, 9])]
    applySnapshot(to, decodeSnapshot(encodeSnapshot(from, POSITION))!)
    expect(revisions(to)).toBe(revisions(from))
  })

  it('R-REPL-1 no bytes make it throw, and what it takes can be applied', () => {
    const body = encodeSnapshot(large(), POSITION)
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { maxLength: 4 }), (flips) => {
      const content = decodeSnapshot(flips.reduce((bytes, [at, value]) => bytes.with(at, value), body))
      if (content !== undefined) applySnapshot(new World(), content)
    }), { seed: 22, numRuns: 150 })
  })

  it('R-REPL-1 rows that are the snapshot\'s already are left alone', () => {
    const world = worldWith([1, Transform, 4], [2, Transform, 0], [9, ScopeVersion, 0])
    const body = encodeSnapshot(world, POSITION)
    world.set(2, Transform, rowOf(Transform, 77))
    world.set(3, Transform, rowOf(Transform, 3))
    const written: [number, boolean][] = []
    world.onWrite = (entity, _, removed) => written.push([entity, removed])
    applySnapshot(world, decodeSnapshot(body)!)
    expect(written.sort(([a], [b]) => a - b)).toEqual([[2, false], [3, true]])
  })
})
