/** Snapshots by themselves: chunks in any order, and bytes that nobody should have sent. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPONENTS, ScopeVersion, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { ENTITY_ID_MAX } from '../../../system/ids.ts'
import { SNAPSHOT_BODY_BYTES_MAX, SNAPSHOT_CHUNK_BYTES } from '../../../system/limits.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { FRAME_MAX } from '../../../system/replication/frames.ts'
import { applySnapshot, chunkSnapshot, decodeSnapshot, encodeSnapshot, SnapshotAssembler } from '../../../system/replication/snapshot.ts'
import { apply, arbitraryWrites, rowOf } from '../ecs/worlds.ts'

const POSITION = { closedLamport: 2 ** 33 + 7, count: 5, digest: { hi: 0xfedcba98, lo: 0x76543210 } }
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
        const offset = at - chunk.chunk * SNAPSHOT_CHUNK_BYTES
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
      { bodyBytes: SNAPSHOT_BODY_BYTES_MAX + 1, chunkCount: Math.ceil((SNAPSHOT_BODY_BYTES_MAX + 1) / SNAPSHOT_CHUNK_BYTES) },
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
    for (let length = 0; length < body.length; length++) expect(decodeSnapshot(body.subarray(0, length))).toBeUndefined()
    expect(decodeSnapshot(new Uint8Array([...body, 0]))).toBeUndefined()
    // Where each table and row of this body stands: header 22, tables of 14 and rows of 8 bytes beside their fields.
    const tables = [Transform, ScopeVersion].sort((a, b) => COMPONENTS.indexOf(a) - COMPONENTS.indexOf(b))
    const second = 22 + 14 + (tables[0] === Transform ? 2 : 1) * (8 + tables[0].stride)
    const scopeRow = (tables[0] === ScopeVersion ? 22 : second) + 14 + 8
    const transformRow = (tables[0] === Transform ? 22 : second) + 14
    const changes: readonly [string, number, number][] = [
      ['a Lamport time that is no safe integer', 7, 0xff],
      ['another number of tables', 20, 1],
      ['a component that is not known', 22, body[22] ^ 1],
      ['another stride', 22 + 8, body[30] ^ 1],
      ['more rows than bytes', 22 + 13, 0x7f],
      ['a field that is no safe integer', scopeRow + 7, 0xff],
      ['entities that do not ascend', transformRow + 8 + Transform.stride, 1],
      ['an entity beyond the last', transformRow + 8 + Transform.stride + 3, 0x80],
    ]
    for (const [why, at, value] of changes) expect(decodeSnapshot(body.with(at, value)), why).toBeUndefined()
  })

  it('R-REPL-1 the least and the most that a body can hold is read', () => {
    expect(decodeSnapshot(encodeSnapshot(new World(), POSITION))).toMatchObject({ position: POSITION, rows: 0 })
    const last = { ...POSITION, closedLamport: Number.MAX_SAFE_INTEGER }
    const content = decodeSnapshot(encodeSnapshot(worldWith([ENTITY_ID_MAX, Transform, 1]), last))
    expect(content).toMatchObject({ position: last, rows: 1 })
    // A table without rows: 14 bytes after a header of 22. No component may have two.
    const none = encodeSnapshot(worldWith([1, Transform, 4]), POSITION).slice(0, 22 + 14).fill(0, 22 + 10)
    expect(decodeSnapshot(none)).toMatchObject({ rows: 0 })
    const twice = new Uint8Array([...none.with(20, 2), ...none.subarray(22)])
    expect(decodeSnapshot(twice)).toBeUndefined()
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
