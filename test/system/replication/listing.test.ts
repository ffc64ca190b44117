/** Segments that list what they are about: whatever the bytes, the rows change as told or not at all. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Motion, ROTATION_ONE, Spawned } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { ENTITY_ID_MAX } from '../../../system/ids.ts'
import { joinSegments } from '../../../system/replication/delta.ts'
import { applyListed, listedSegment } from '../../../system/replication/listing.ts'

const at = (x: number) => ({ x, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
const ENTITIES = [0, 1, 127, 128, 1 << 30, (1 << 30) + 300, ENTITY_ID_MAX]

/** A host whose entities have all moved but the first, which has ended, and a client that knows only some of them. */
function moved() {
  const [host, client] = [new World({ tracksChanges: true }), new World()]
  for (const entity of ENTITIES) host.set(entity, Motion, at(1))
  host.takeDirty()
  const known = ENTITIES.filter((_, i) => i % 2 === 0)
  for (const entity of known) client.setBytes(entity, Motion, host.rowBytes(entity, Motion)!, host.revision(entity, Motion))
  for (const entity of ENTITIES) host.set(entity, Motion, at(5))
  host.delete(ENTITIES[0], Motion)
  host.set(ENTITIES[2], Spawned, { kind: 1, bornFrame: 2 })
  const changes = host.takeDirty().filter(({ entity }) => known.includes(entity))
  return { host, client, known, segment: listedSegment(changes, host) }
}

describe('a listed segment', () => {
  it('R-INTEREST-8 tells a row that memory had lost as one that goes and comes whole', () => {
    const [host, client] = [new World({ tracksChanges: true }), new World()]
    host.set(5, Motion, at(1))
    host.takeDirty()
    client.copyFrom(host)
    host.rowBytes(5, Motion)![0] ^= 1
    host.set(5, Motion, at(9))
    const changes = host.takeDirty()
    expect(changes.map(({ op }) => op)).toEqual(['remove', 'insert'])
    expect(applyListed(client, joinSegments([listedSegment(changes, host)]))).toBeUndefined()
    expect(client.canonicalBytes()).toEqual(host.canonicalBytes())
  })

  it('R-INTEREST-8 is taken by whoever has its entities, whatever else they have', () => {
    const { host, client, known, segment } = moved()
    client.set(77, Motion, at(3))
    expect(applyListed(client, joinSegments([segment]))).toBeUndefined()
    expect(client.entities(Motion)).toEqual([77, ...known.slice(1)].sort((a, b) => a - b))
    for (const entity of known.slice(1)) {
      expect(client.get(entity, Motion)).toEqual(host.get(entity, Motion))
      expect(client.revision(entity, Motion)).toBe(host.revision(entity, Motion))
    }
    expect(client.entities(Spawned)).toEqual([ENTITIES[2]])
    expect(applyListed(client, new Uint8Array(0))).toBeUndefined()
  })

  it('R-INTEREST-8 of which a client has not all is refused, and nothing is written', () => {
    const { client, segment } = moved()
    client.delete(ENTITIES[4], Motion)
    const before = client.canonicalBytes()
    expect(applyListed(client, joinSegments([segment]))).toEqual(expect.any(String))
    expect(client.canonicalBytes()).toEqual(before)
  })

  it.each<[what: string, segment: number[]]>([
    ['no list', []], ['a list that is cut off', [2, 5]], ['a distance of six bytes', [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['an entity above the last', [1, 0xff, 0xff, 0xff, 0xff, 0x0f]], ['an entity twice', [2, 5, 0]],
    ['more entities than bytes', [0xff, 0xff, 0x7f]],
  ])('R-WIRE-2 with %s is refused', (_what, segment) => {
    expect(applyListed(new World(), joinSegments([Uint8Array.from(segment)]))).toBe('a segment without a list')
  })

  it('R-WIRE-2 of any bytes never throws, and neither does any one with bits flipped', () => {
    const { segment } = moved()
    const flipped = fc.array(fc.nat(8 * segment.length - 1), { minLength: 1, maxLength: 4 }).map((bits) => {
      const bytes = segment.slice()
      for (const bit of bits) bytes[bit >> 3] ^= 1 << (bit & 7)
      return bytes
    })
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), flipped), (bytes) => {
      const why = applyListed(moved().client, joinSegments([bytes]))
      expect(why === undefined || typeof why === 'string').toBe(true)
      expect(applyListed(new World(), bytes) === undefined || bytes.length > 0).toBe(true)
    }), { seed: 5, numRuns: 400 })
  })
})
