/** Edits of meshes through the fold: which are applied, what is recorded of them, and what the record tells apart. */
import { describe, expect, it } from 'vitest'
import { sipHash } from '../../../scenarios/oracle/siphash.ts'
import { foldEntry } from '../../../system/commands/fold.ts'
import { type AnyCommand, edgeExtrude, entityDespawn, faceSubdivide, vertexCreate } from '../../../system/commands/registry.ts'
import { MeshEdit } from '../../../system/ecs/components.ts'
import { SUBDIVISION_LEVELS_MAX } from '../../../system/limits.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import { sipHash24 } from '../../../system/protocol/siphash.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { MapStore, storeText } from '../../support/mapstore.ts'
import { ANA, BEN, crate, entryOf, joinedAt, spawnedAt } from '../commands/entries.ts'

const MESH = crate(ANA, 1)
const codec = new Codec()
const fold = (store: MapStore, entry: CommandEntry) => foldEntry(entry, store, codec)
function populated(): MapStore {
  const store = new MapStore()
  for (const entry of [joinedAt(1, ANA), joinedAt(2, BEN), spawnedAt(3, MESH, ANA)]) expect(fold(store, entry).outcome).toBe('applied')
  return store
}
const vertex = (author: number, lamport: number, over = {}) =>
  entryOf(author, lamport, vertexCreate, { entity: MESH, x: 1, y: -2, z: 3, metadata: 0xffffffff, ...over })
const extrude = (author: number, lamport: number, over = {}) =>
  entryOf(author, lamport, edgeExtrude, { entity: MESH, edge: 7, dx: 0, dy: 512, dz: 0, ...over })
const subdivide = (author: number, lamport: number, over = {}) =>
  entryOf(author, lamport, faceSubdivide, { entity: MESH, face: 2, levels: 1, scheme: 1, ...over })

describe('edits of a mesh', () => {
  it('R-LOG-17 each applied edit is counted and chained, and the record tells orders apart', () => {
    const oneWay = [vertex(ANA, 5), extrude(ANA, 6), subdivide(ANA, 7)]
    const other = [extrude(ANA, 5), vertex(ANA, 6), subdivide(ANA, 7)]
    const records = [oneWay, other].map((edits) => {
      const store = populated()
      for (const edit of edits) expect(fold(store, edit)).toMatchObject({ outcome: 'applied' })
      return store.get(MESH, MeshEdit)!
    })
    expect(records.map(({ edits }) => edits)).toEqual([3, 3])
    expect(records[0].digestLo).not.toBe(records[1].digestLo)
  })

  it.each<[what: string, entry: CommandEntry]>([
    ['of nothing', vertex(ANA, 5, { entity: crate(ANA, 9) })],
    ['out of the world', vertex(ANA, 5, { y: 2 ** 30 + 1 })],
    ['in no direction', extrude(ANA, 5, { dy: 0 })],
    ['too far', extrude(ANA, 5, { dz: -(2 ** 30) - 1 })],
    ['no times', subdivide(ANA, 5, { levels: 0 })],
    ['too often', subdivide(ANA, 5, { levels: SUBDIVISION_LEVELS_MAX + 1 })],
    ['by an unknown scheme', subdivide(ANA, 5, { scheme: 2 })],
  ])('R-LOG-17 an edit %s is void and leaves no record', (_what, entry) => {
    const store = populated()
    const before = storeText(store)
    expect(fold(store, entry)).toMatchObject({ outcome: 'void' })
    expect(storeText(store)).toBe(before)
  })

  it.each<[AnyCommand, CommandEntry, string]>([
    [vertexCreate, vertex(BEN, 6), 'merged'], [edgeExtrude, extrude(BEN, 6), 'rejected'], [faceSubdivide, subdivide(BEN, 6), 'rejected'],
  ])('R-LOG-8 two authors on one mesh: %#', (_command, second, outcome) => {
    const store = populated()
    fold(store, vertex(ANA, 5))
    expect(fold(store, second)).toMatchObject({ outcome })
    expect(store.get(MESH, MeshEdit)?.edits).toBe(outcome === 'merged' ? 2 : 1)
  })

  it('R-LOG-17 a despawned mesh keeps no record', () => {
    const store = populated()
    fold(store, vertex(ANA, 5))
    fold(store, entryOf(ANA, 6, entityDespawn, { entity: MESH }))
    expect(store.entities(MeshEdit)).toEqual([])
  })

  it('the oracle chains with a hash of its own, which is the same', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff)
      const { hi, lo } = sipHash24(bytes)
      expect(sipHash(bytes)).toBe((BigInt(hi) << 32n) + BigInt(lo))
    }
  })
})
