/** A stream with a budget: what is published when, and that nothing starves. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Staleness } from '../../../scenarios/cluster/staleness.ts'
import { BodyPose, HeadPose, LeftHandPose, Motion, ROTATION_ONE, RightHandPose, Spawned } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { STREAM_BURST_FRAMES, STREAM_BYTES_PER_SECOND_MIN, STREAM_ROWS_PER_FRAME_MAX } from '../../../system/limits.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { StreamBudget } from '../../../system/replication/budget.ts'
import { applyDelta, encodeDelta } from '../../../system/replication/delta.ts'
import { Publication } from '../../../system/replication/publication.ts'

const UPRIGHT = { qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }
const at = (x: number) => ({ x, y: 0, z: 0, ...UPRIGHT })
const spawned = { kind: 1, bornFrame: 0 }

/** A host's stream, a member that follows it, and the checker of the scenarios between. */
class Pipe {
  readonly world = new World({ tracksChanges: true })
  readonly member = new World()
  readonly publication: Publication
  readonly staleness: Staleness
  readonly bytes: number[] = []
  frame = -1

  constructor(bytesPerSecond: number) {
    this.publication = new Publication(this.world, bytesPerSecond, NO_PROBE)
    const host = { peer: this.publication }
    const tap = { messageOf: () => undefined }
    this.staleness = new Staleness({ streamBytesPerSecond: bytesPerSecond, host, tap, transportOf: () => 'quic' }, String)
  }
  tick() {
    this.frame++
    const published = this.publication.publish(this.frame)
    const body = encodeDelta(this.world)
    this.publication.settle(body.length)
    this.bytes.push(body.length)
    const why = applyDelta(this.member, body)
    if (why !== undefined) throw new Error(why)
    this.staleness.frame(0, this.frame, this.world)
    return published
  }
  /** Until nothing waits. */
  calm(framesMax: number): number {
    for (let frames = 1; frames <= framesMax; frames++) if (this.tick().waiting === 0) return frames
    throw new Error(`something waits after ${framesMax} frames`)
  }
}

describe('the publication', () => {
  it('R-PUB-1 what is written is the world only when it is published, in whole rows, and the rest waits', () => {
    const pipe = new Pipe(STREAM_BYTES_PER_SECOND_MIN)
    for (let entity = 1; entity <= 40; entity++) pipe.publication.set(entity, Motion, at(entity * 1000))
    expect(pipe.publication.get(7, Motion)).toEqual(at(7000))
    expect([pipe.publication.has(7, Motion), pipe.world.has(7, Motion)]).toEqual([true, false])
    expect(pipe.publication.entities(Motion)).toHaveLength(40)
    const { published, waiting, longestWait } = pipe.tick()
    expect(published).toBeGreaterThan(0)
    expect([published + waiting, longestWait, pipe.publication.waiting]).toEqual([40, 1, waiting])
    expect(pipe.world.entities(Motion)).toEqual(Array.from({ length: published }, (_, i) => i + 1))
    pipe.calm(200)
    expect(pipe.world.canonicalBytes('stream')).toEqual(pipe.publication.written.canonicalBytes('stream'))
    expect(pipe.member.canonicalBytes('stream')).toEqual(pipe.world.canonicalBytes('stream'))
    expect(pipe.tick()).toEqual({ published: 0, waiting: 0, longestWait: 0 })
  })

  it('R-PUB-1 begins with the stream that the world has', () => {
    const world = new World({ tracksChanges: true })
    world.set(1, Motion, at(5))
    const publication = new Publication(world, STREAM_BYTES_PER_SECOND_MIN, NO_PROBE)
    expect(publication.publish(0)).toEqual({ published: 0, waiting: 0, longestWait: 0 })
    expect(publication.get(1, Motion)).toEqual(at(5))
  })

  it('R-PUB-1 a row that is written back to what is published waits no more, whether it moved, came or went', () => {
    const pipe = new Pipe(STREAM_BYTES_PER_SECOND_MIN)
    for (let entity = 1; entity <= 40; entity++) pipe.publication.set(entity, Motion, at(entity))
    pipe.calm(200)
    // Far more than a frame takes comes before them.
    for (let entity = 1; entity <= 40; entity++) pipe.publication.set(entity, Motion, at(100_000 + entity * 777))
    pipe.publication.delete(39, Motion)
    pipe.publication.set(50, Motion, at(1))
    pipe.tick()
    const { waiting } = pipe.publication
    const still = [20, 30, 38].filter((entity) => pipe.world.get(entity, Motion)!.x === entity)
    for (const entity of still) pipe.publication.set(entity, Motion, at(entity))
    const before = pipe.world.revision(38, Motion)
    expect(still.length).toBeGreaterThan(0)
    const { published, waiting: left } = pipe.tick()
    expect(left).toBe(waiting - still.length - published)
    pipe.calm(200)
    expect(pipe.world.revision(38, Motion)).toBe(before)
    expect(pipe.staleness.failures).toEqual([])
  })

  it('R-PUB-2 heads and hands go before bodies and things of their age, what comes and goes before all, an entity at a time', () => {
    const pipe = new Pipe(STREAM_BYTES_PER_SECOND_MIN)
    const rows = [[3, Motion], [4, BodyPose], [60, HeadPose], [60, LeftHandPose], [60, RightHandPose]] as const
    for (let entity = 1; entity <= 30; entity++) pipe.publication.set(entity, Motion, at(0))
    pipe.publication.set(4, BodyPose, { ...at(0), asleep: 0 })
    for (const component of [HeadPose, LeftHandPose, RightHandPose]) pipe.publication.set(60, component, at(0))
    pipe.calm(200)
    for (let frames = 0; frames < 30; frames++) pipe.tick()
    for (let entity = 1; entity <= 30; entity++) pipe.publication.set(entity, Motion, at(9_000_000 + entity * 70_001))
    pipe.publication.set(4, BodyPose, { ...at(7_000_001), asleep: 0 })
    for (const component of [HeadPose, LeftHandPose, RightHandPose]) pipe.publication.set(60, component, at(5_000_003))
    pipe.publication.set(90, Spawned, spawned)
    pipe.publication.set(90, Motion, at(4_000_000))
    const seen: string[] = []
    for (let frames = 0; frames < 4; frames++) {
      pipe.tick()
      if (pipe.world.has(90, Spawned) !== pipe.world.has(90, Motion)) throw new Error('half an entity')
      if (pipe.world.has(90, Motion)) seen.push('new')
      for (const [entity, component] of rows) if (pipe.world.get(entity, component)!.x !== 0) seen.push(`${entity} ${component.name}`)
      if (seen.length > 0) break
    }
    expect(seen[0]).toBe('new')
    pipe.calm(300)
    expect(pipe.staleness.failures).toEqual([])
  })

  it('R-PUB-3 R-PUB-4 nothing starves, bytes stay within the budget and a burst, and in the end all is as it was written', () => {
    const write = fc.record({
      entity: fc.integer({ min: 1, max: 60 }), x: fc.integer({ min: 0, max: 1 << 20 }),
      what: fc.constantFrom('move', 'leap', 'end', 'head', 'spawn'),
    })
    const COMPONENT = { move: Motion, leap: BodyPose, head: HeadPose } as const
    fc.assert(fc.property(
      fc.array(fc.array(write, { maxLength: 60 }), { minLength: 1, maxLength: 120 }),
      fc.integer({ min: STREAM_BYTES_PER_SECOND_MIN, max: 20_000 }),
      (frames, bytesPerSecond) => {
        const pipe = new Pipe(bytesPerSecond)
        for (const writes of frames) {
          for (const { entity, what, x } of writes) {
            if (what === 'end') for (const component of [Spawned, Motion, BodyPose]) pipe.publication.delete(entity, component)
            else if (what === 'spawn') pipe.publication.set(entity, Spawned, spawned)
            else pipe.publication.set(entity, COMPONENT[what], { ...at(what === 'move' ? entity : x), asleep: 0 })
          }
          pipe.tick()
        }
        pipe.calm(4000)
        pipe.staleness.ended(pipe.frame)
        expect(pipe.staleness.failures).toEqual([])
        expect(pipe.member.canonicalBytes('stream')).toEqual(pipe.publication.written.canonicalBytes('stream'))
        for (let from = 0; from < pipe.bytes.length; from += 9) {
          let sum = 0
          for (let to = from; to < pipe.bytes.length; to++) {
            sum += pipe.bytes[to]
            expect(sum).toBeLessThanOrEqual(((to - from + 1) * bytesPerSecond) / 90 + bytesPerSecond)
          }
        }
      },
    ), { numRuns: 40, seed: 7 })
  })

  it('R-PUB-3 a thing that waits behind hands that move in every frame has its turn', () => {
    const pipe = new Pipe(STREAM_BYTES_PER_SECOND_MIN)
    for (let entity = 1; entity <= 20; entity++) for (const hand of [LeftHandPose, RightHandPose]) pipe.publication.set(entity, hand, at(0))
    pipe.publication.set(99, Motion, at(0))
    pipe.calm(300)
    pipe.publication.set(99, Motion, at(500))
    let waited = 0
    for (; pipe.world.get(99, Motion)!.x !== 500 && waited < 900; waited++) {
      for (let entity = 1; entity <= 20; entity++) {
        for (const hand of [LeftHandPose, RightHandPose]) pipe.publication.set(entity, hand, at(((waited * 7919 + entity) % 99_991) + 1))
      }
      pipe.tick()
    }
    expect(waited).toBeGreaterThan(5)
    // 41 rows, of 22.7 bytes a frame and 56 bytes at worst, each before it five times; R-PUB-3.
    expect(waited).toBeLessThan(41 / (STREAM_BYTES_PER_SECOND_MIN / 90 / 56) * 5)
  })
})

describe('the budget', () => {
  it('R-PUB-4 has room until it is planned away, gains a share with each frame, and no more than a burst', () => {
    const budget = new StreamBudget(9000)
    const planned = (): number => {
      budget.begin()
      let rows = 0
      for (; budget.hasRoom(1); rows++) budget.plan(Motion, 'change')
      return rows
    }
    // 100 bytes a frame, nine frames at once, a row at 56: seventeen of them, and nothing was spent.
    expect(planned()).toBe(Math.ceil((100 * STREAM_BURST_FRAMES) / 56))
    expect(planned()).toBe(17)
    budget.settle(900)
    expect(planned()).toBeGreaterThan(0)
    budget.settle(5000)
    // 49 frames make up for it.
    const empty = Array.from({ length: 60 }, planned).findIndex((rows) => rows > 0)
    expect([47, 48, 49, 50]).toContain(empty)
  })

  it('R-PUB-4 reckons with what rows took of late, between 8 and 56 bytes, and with no more rows than fit a message', () => {
    const budget = new StreamBudget(90_000)
    const rowsOf = (bytesPerRow: number): number => {
      let rows = 0
      for (let frames = 0; frames < 200; frames++) {
        budget.begin()
        for (rows = 0; budget.hasRoom(1) && rows < 60; rows++) budget.plan(Motion, 'change')
        budget.settle(rows * bytesPerRow)
      }
      budget.settle(0)
      return rows
    }
    expect(rowsOf(40)).toBeLessThan(27)
    expect(rowsOf(2)).toBe(60)
    budget.begin()
    expect([budget.hasRoom(STREAM_ROWS_PER_FRAME_MAX), budget.hasRoom(STREAM_ROWS_PER_FRAME_MAX + 1)]).toEqual([true, false])
    expect(() => new StreamBudget(STREAM_BYTES_PER_SECOND_MIN - 1)).toThrow('a budget is')
    expect(() => new StreamBudget(5000.5)).toThrow('a budget is')
  })
})
