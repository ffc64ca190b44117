/** Replication between a host and its members: frames, gaps, snapshots, and what a member does when the state is not the host's. */
import { beforeAll, describe, expect, it } from 'vitest'
import { CommandLog } from '../../../system/commands/log.ts'
import { BodyPose, Entity, Member, Motion, RigidBody, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import {
  FRAME_RING, NACK_DELAY_US, NACK_INTERVAL_US, SNAPSHOT_CHUNKS_PER_FRAME, SNAPSHOT_FRAMES_MAX, SNAPSHOT_TIMEOUT_US,
} from '../../../system/limits.ts'
import { NO_METER, NO_PROBE } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import {
  type Actor, type Carried, disagreement, frameStartUs, LATENCY_US, Loopback, NEVER, ONCE, prepare, sealed, SESSION_ID,
} from '../../support/loopback.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const
const BODY = { ...SPAWN, y: 6000, hx: 100, hy: 100, hz: 100, body: { shape: 'box', massGrams: 1000, restitution: 30 } } as const
/** Places that foretell nothing of each other. */
const scattered = (i: number) => ({ x: (i * 7919) % 4099, y: (i * 104_729) % 2053, z: (i * 1_299_709) % 8191 })
const confirmed = (client: Actor) => client.heard('frameConfirmed').map(({ frame }) => frame)
const consecutive = (frames: readonly number[]) => frames.every((frame, i) => i === 0 || frame === frames[i - 1] + 1)
const deltasTo = (loopback: Loopback, name: string) => loopback.all('ComponentDelta').filter(({ carried }) => carried.to === name)
const dropsFrames = (from: number, to: number) => (carried: Carried) => {
  const frame = carried.channel === 'replication' ? carried.as('ComponentDelta')?.frame : undefined
  return frame !== undefined && frame >= from && frame <= to ? NEVER : ONCE
}

describe('frames', () => {
  it('R-FRAME-1 every live member is sent every frame as it begins, even an empty one', () => {
    const loopback = new Loopback()
    loopback.joined('ana', 'ben')
    const first = loopback.frame + 1
    loopback.sent.length = 0
    loopback.run(90)
    for (const name of ['ana', 'ben']) {
      const sent = deltasTo(loopback, name)
      expect(sent.map(({ message }) => message.frame)).toEqual(Array.from({ length: 90 }, (_, i) => first + i))
      expect(sent.map(({ carried }) => carried.atUs)).toEqual(sent.map(({ message }) => frameStartUs(message.frame)))
      expect(sent.every(({ message }) => message.body.length === 0)).toBe(true)
    }
    expect(frameStartUs(90)).toBe(1_000_000)
  })

  it('R-FRAME-2 a frame carries the position of the log and the digest of the world, as anyone can reckon them', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    for (let i = 0; i < 10; i++) {
      ana.intend({ ...SPAWN, x: i })
      ben.intend({ kind: 'toolActivate', tool: i })
      loopback.run(4)
    }
    loopback.settle()
    const admitted = loopback.host.heard('commandAdmitted').map(({ entry }) => entry)
    const reckoned = new CommandLog({
      sessionId: SESSION_ID, world: new World(), codec: new Codec(), meter: NO_METER, probe: NO_PROBE,
      report() {}, folding() {}, folded() {},
    })
    for (const entry of admitted) reckoned.integrate(entry, true)
    for (const { message } of deltasTo(loopback, 'ana')) {
      const { closedLamport, count, digest } = reckoned.positionAt(message.closedLamport)
      expect(message).toMatchObject({ epoch: 7, closedLamport, admittedCount: count, admittedDigest: digest })
      expect(message.admittedCount).toBe(admitted.filter(({ lamport }) => lamport <= closedLamport).length)
    }
    for (const { frame, digest } of loopback.host.heard('frameClosed')) expect(loopback.host.digests.get(frame)).toBe(digest)
    const marks = loopback.host.heard('frameClosed').map(({ closedLamport }) => closedLamport)
    expect(marks).toEqual(marks.toSorted((a, b) => a - b))
  })

  it('R-FRAME-3 frames are confirmed in order, all of them, whatever the replication channel does', () => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    const [ana] = loopback.joined('ana')
    let draw = 1
    loopback.carry = (carried) => {
      draw = Math.imul(draw, 1103515245) + 12345
      if (carried.channel !== 'replication') return ONCE
      const delayUs = LATENCY_US + ((draw >>> 8) % 40_000)
      return (draw >>> 4) % 10 === 0 ? NEVER : (draw >>> 4) % 10 === 1 ? [{ delayUs }, { delayUs: delayUs + 5000 }] : [{ delayUs }]
    }
    loopback.run(180)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(consecutive(confirmed(ana))).toBe(true)
    expect(ana.heard('framesSkipped')).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-FRAME-3 a frame is not confirmed before its entries are here, and they are asked for', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    loopback.carry = (carried) => (carried.to === 'ana' && carried.as('CommandLogEntry') !== undefined ? NEVER : ONCE)
    ben.intend(SPAWN)
    const before = loopback.frame
    loopback.run(30)
    loopback.carry = () => ONCE
    expect(ana.peer.confirmedFrame).toBeLessThan(loopback.frame - 2)
    expect(ana.peer.confirmedFrame).toBeGreaterThanOrEqual(before)
    loopback.run(20)
    expect(ana.heard('rangeRequested').length).toBeGreaterThan(0)
    loopback.settle()
    expect(consecutive(confirmed(ana))).toBe(true)
    expect(ana.heard('resyncStarted')).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-FRAME-3 with an entry that the host does not count, no frame is confirmed', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    // Ben's command is genuine, but the host never heard of it: somebody whispers it to Ana.
    loopback.carry = (carried) => (carried.from === 'ben' && carried.as('CommandLogEntry') !== undefined ? NEVER : ONCE)
    ben.intend(SPAWN)
    loopback.run(1)
    const whisper = loopback.all('CommandLogEntry').find(({ carried }) => carried.from === 'ben')!.message
    loopback.inject(loopback.host, ana, whisper)
    ana.intend({ kind: 'toolActivate', tool: 1 })
    loopback.run(40)
    expect(ana.heard('resyncStarted')).toMatchObject([{ reason: 'log' }])
    expect(ana.peer.world.entities(Entity)).toEqual([])
    loopback.sever(ben)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
  })

  const corruptions = ['a stream row', 'a log row', 'the presence of a row']
  it.each(corruptions)('R-FRAME-4 %s that is not the host\'s is told at its frame, and a targeted snapshot mends it', (what) => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    loopback.host.intend({ kind: 'propSpawn', prop: 1, x: 0, y: 0, z: 0 })
    const [ana] = loopback.joined('ana')
    const { world } = ana.peer
    if (what === 'a stream row') world.rowBytes(world.entities(Motion)[0], Motion)![1] ^= 4
    if (what === 'a log row') world.rowBytes(world.entities(Member)[0], Member)![2] ^= 1
    if (what === 'the presence of a row') world.corruptPresence(world.entities(Motion)[0], Motion)
    const frame = ana.peer.confirmedFrame + 1
    loopback.run(12)
    expect(ana.heard('divergence')).toMatchObject([{ frame }])
    expect(ana.heard('resyncStarted')).toMatchObject([{ reason: 'divergence' }])
    expect(loopback.all('NackRequest').map(({ message }) => message.want)).toEqual(['targeted'])
    expect(ana.last('snapshotApplied')).toMatchObject({ reason: 'targeted' })
    expect(ana.peer.world.canonicalBytes()).toEqual(loopback.host.peer.world.canonicalBytes())
    ana.digests.delete(frame)
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
    expect(ana.heard('divergence')).toHaveLength(1)
  })
})

describe('gaps', () => {
  it('R-REPL-3 lost frames are asked for after a delay, and come again on the channel that loses nothing', () => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    const [ana] = loopback.joined('ana')
    const first = loopback.frame + 5
    loopback.carry = dropsFrames(first, first + 3)
    loopback.run(40)
    const nacks = loopback.all('NackRequest')
    expect(nacks.map(({ message }) => message)).toMatchObject([{ epoch: 7, fromFrame: first, toFrame: first + 3, want: 'frames' }])
    // The gap shows when the frame after it arrives.
    expect(nacks[0].carried.atUs).toBeGreaterThanOrEqual(frameStartUs(first + 4) + LATENCY_US + NACK_DELAY_US)
    expect(nacks[0].carried.atUs).toBeLessThan(frameStartUs(first + 4) + LATENCY_US + NACK_DELAY_US + 12_000)
    const again = loopback.all('ComponentDelta').filter(({ carried }) => carried.channel === 'control').map(({ message }) => message.frame)
    expect(again).toEqual([first, first + 1, first + 2, first + 3])
    expect(consecutive(confirmed(ana))).toBe(true)
    expect(ana.heard('snapshotApplied')).toHaveLength(1)
  })

  it('R-REPL-3 a request that is lost is repeated', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const first = loopback.frame + 5
    loopback.carry = (carried) => (carried.as('NackRequest') !== undefined ? NEVER : dropsFrames(first, first)(carried))
    loopback.run(25)
    const [one, two] = loopback.all('NackRequest').map(({ carried }) => carried.atUs)
    expect(two - one).toBeGreaterThanOrEqual(NACK_INTERVAL_US)
    expect(two - one).toBeLessThan(NACK_INTERVAL_US + 12_000)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(consecutive(confirmed(ana))).toBe(true)
  })

  it('R-REPL-3 a gap beyond the host\'s ring is repaired by one snapshot, and the frames it skipped are named', () => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    const [ana] = loopback.joined('ana')
    const first = loopback.frame + 5
    loopback.carry = dropsFrames(first, first + FRAME_RING)
    loopback.run(FRAME_RING + 20)
    loopback.settle()
    expect(loopback.all('NackRequest').map(({ message }) => message.want)).toEqual(['frames'])
    const [skipped] = ana.heard('framesSkipped')
    expect(skipped.fromFrame).toBe(first)
    expect(skipped.toFrame).toBeGreaterThanOrEqual(first + FRAME_RING)
    const frames = confirmed(ana)
    expect(frames[frames.indexOf(first - 1) + 1]).toBe(skipped.toFrame + 1)
    expect(ana.heard('resyncFinished')).toHaveLength(1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-REPL-2 a delta on the wrong base is refused, told, and repaired by a targeted snapshot', () => {
    const loopback = new Loopback()
    loopback.host.intend({ kind: 'propSpawn', prop: 1, x: 0, y: 0, z: 0 })
    const [ana] = loopback.joined('ana')
    loopback.carry = (carried) => {
      const delta = carried.as('ComponentDelta')
      if (delta === undefined || delta.body.length === 0) return ONCE
      return [{ delayUs: LATENCY_US, bytes: sealed({ ...delta, baseFrame: delta.baseFrame - 1 }) }]
    }
    loopback.host.intend({ kind: 'propMove', prop: 1, x: 5, y: 0, z: 0 })
    loopback.run(5)
    loopback.carry = () => ONCE
    loopback.settle()
    expect(ana.heard('resyncStarted')).toMatchObject([{ reason: expect.stringMatching(/a delta from frame/) as string }])
    expect(ana.last('snapshotApplied')).toMatchObject({ reason: 'targeted' })
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-REPL-2 a frame that comes twice is applied once', () => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    loopback.carry = ({ channel }) => (channel === 'replication' ? [...ONCE, ...ONCE, { delayUs: 30_000 }] : ONCE)
    const [ana] = loopback.joined('ana')
    loopback.run(60)
    expect(ana.heard('resyncStarted')).toEqual([])
    expect(consecutive(confirmed(ana))).toBe(true)
    expect(disagreement(loopback)).toBeUndefined()
  })
})

describe('snapshots', () => {
  it.each(['joining', 'resync'])('R-REPL-1 a %s snapshot whose bytes changed on the way writes nothing; another is asked for', (what) => {
    const loopback = new Loopback()
    for (let i = 0; i < 60; i++) loopback.host.intend({ ...SPAWN, ...scattered(i) })
    const ana = loopback.join('ana')
    if (what === 'resync') {
      loopback.run(20)
      ana.peer.world.rowBytes(ana.peer.world.entities(Member)[0], Member)![2] ^= 1
    }
    const former = ana.heard('snapshotApplied').length
    loopback.carry = (carried) => {
      const chunk = carried.as('WorldSnapshot')
      return chunk?.chunk === 1 ? [{ delayUs: LATENCY_US, bytes: sealed({ ...chunk, body: chunk.body.with(7, chunk.body[7] ^ 1) }) }] : ONCE
    }
    loopback.run(20)
    const sinceUs = loopback.nowUs
    expect(ana.heard('messageRefused')).toMatchObject([{ reason: 'snapshot digest' }])
    expect(ana.heard('snapshotApplied')).toHaveLength(former)
    expect(ana.peer.world.rowCount > 0).toBe(what === 'resync')
    loopback.carry = () => ONCE
    loopback.until(() => ana.heard('snapshotApplied').length > former, 120)
    expect(loopback.nowUs - sinceUs).toBeLessThan(SNAPSHOT_TIMEOUT_US)
    expect(ana.peer.state).toBe('live')
    loopback.settle()
    expect(ana.peer.world.canonicalBytes()).toEqual(loopback.host.peer.world.canonicalBytes())
  })

  it('R-REPL-1 chunks may overtake each other, and frames the snapshot that they follow', () => {
    const loopback = new Loopback()
    for (let i = 0; i < 90; i++) loopback.host.intend({ ...SPAWN, ...scattered(i) })
    loopback.host.intend(BODY)
    loopback.carry = (carried) => {
      const chunk = carried.as('WorldSnapshot')
      return chunk === undefined ? ONCE : [{ delayUs: 100_000 - chunk.chunk * 5000 }]
    }
    const ana = loopback.join('ana')
    loopback.run(40)
    expect(loopback.all('WorldSnapshot').length).toBeGreaterThan(2)
    loopback.settle()
    // The frames that came first were kept: nothing had to be asked for.
    expect(loopback.all('NackRequest')).toEqual([])
    expect(confirmed(ana)[0]).toBe(ana.last('joined')!.frame + 1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-CODE-4 a world of ten thousand entities comes in chunks that are spread over frames, and is asked for once', () => {
    const loopback = new Loopback()
    for (let prop = 1; prop <= 10_000; prop++) loopback.host.intend({ kind: 'propSpawn', prop, ...scattered(prop) })
    loopback.run(41)
    // The slowest of links: the last chunk comes later than a snapshot of which nothing is heard would be asked for again.
    const slow = 2 * SNAPSHOT_TIMEOUT_US
    loopback.carry = (carried) => {
      const chunk = carried.as('WorldSnapshot')
      return chunk === undefined ? ONCE : [{ delayUs: LATENCY_US + Math.floor((slow * chunk.chunk) / chunk.chunkCount) }]
    }
    const ana = loopback.join('ana')
    loopback.until(() => ana.peer.state === 'live', 300)
    const chunks = loopback.all('WorldSnapshot')
    const [{ chunkCount, streaming, bodyBytes }] = chunks.map(({ message }) => message)
    expect([streaming, chunks.length]).toEqual([true, chunkCount])
    expect(bodyBytes).toBeLessThan(loopback.host.peer.world.byteLength / 4)
    const perFrame = new Map<number, number>()
    for (const { carried: { atUs } } of chunks) perFrame.set(atUs, (perFrame.get(atUs) ?? 0) + 1)
    const most = Math.max(SNAPSHOT_CHUNKS_PER_FRAME, Math.ceil(chunkCount / SNAPSHOT_FRAMES_MAX))
    expect([...perFrame.values()].slice(0, -1).every((count) => count === most)).toBe(true)
    expect(perFrame.size).toBe(Math.ceil(chunkCount / most))
    expect(loopback.all('NackRequest')).toEqual([])
    loopback.carry = () => ONCE
    loopback.settle()
    expect(ana.peer.world.rowCount).toBeGreaterThan(20_000)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-REPL-4 an idle world costs a small frame and no snapshot', () => {
    const loopback = new Loopback()
    for (let i = 0; i < 60; i++) loopback.host.intend({ ...SPAWN, x: i })
    loopback.joined('ana', 'ben')
    expect(new Set(loopback.all('WorldSnapshot').map(({ message }) => message.snapshotId)).size).toBe(2)
    loopback.sent.length = 0
    loopback.run(180)
    expect(loopback.all('WorldSnapshot')).toEqual([])
    const sizes = loopback.all('ComponentDelta').map(({ carried }) => carried.bytes.length)
    // An envelope of 24 bytes, and about 80 of epoch, frame, mark, count and two digests with their table.
    expect(Math.max(...sizes)).toBeLessThan(120)
    expect(Math.max(...sizes)).toBeLessThan(loopback.host.peer.world.byteLength / 20)
  })

  it('R-REPL-4 a frame\'s bytes follow what changed, not the size of the world', () => {
    const bytesOfMove = (props: number) => {
      const loopback = new Loopback()
      for (let prop = 1; prop <= props; prop++) loopback.host.intend({ kind: 'propSpawn', prop, x: 0, y: 0, z: 0 })
      loopback.joined('ana')
      loopback.host.intend({ kind: 'propMove', prop: 1, x: 77, y: 0, z: 0 })
      loopback.run(1)
      const [last] = loopback.all('ComponentDelta').slice(-1)
      expect(last.message.body.length).toBeLessThan(16)
      return last.carried.bytes.length
    }
    // The rank of the row takes a few bits more among many.
    expect(bytesOfMove(400) - bytesOfMove(1)).toBeLessThanOrEqual(4)
  })
})

describe('bodies', () => {
  it('R-PHYS-1 the host alone simulates: members follow its stream, and a member\'s move is a teleport, once', () => {
    const loopback = new Loopback()
    loopback.host.intend(BODY)
    const [ana] = loopback.joined('ana')
    const [entity] = ana.peer.world.entities(RigidBody)
    const heightAt = () => ana.peer.world.get(entity, BodyPose)!.y
    const fallen = heightAt()
    loopback.run(15)
    expect(heightAt()).toBeLessThan(fallen)
    expect(ana.peer.world.get(entity, Transform)?.y).toBe(BODY.y)
    ana.intend({ kind: 'translate', entity, dx: 0, dy: 4000, dz: 0 })
    const heights: number[] = []
    for (let frame = 0; frame < 60; frame++) {
      loopback.run(1)
      heights.push(heightAt())
    }
    // Up once, to where its author put it, and down from there on.
    const rises = heights.flatMap((height, i) => (i > 0 && height > heights[i - 1] ? [height] : []))
    expect(rises).toHaveLength(1)
    expect(BODY.y + 4000 - rises[0]).toBeLessThan(20)
    expect(ana.peer.world.get(entity, RigidBody)?.teleports).toBe(1)
    loopback.host.intend({ kind: 'despawn', entity })
    loopback.settle()
    expect(ana.peer.world.entities(BodyPose)).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-PHYS-1 more bodies than physics holds are refused by the fold, not by an assertion', () => {
    const loopback = new Loopback()
    for (let i = 0; i < 300; i++) loopback.host.intend({ ...BODY, x: 400 * i })
    loopback.run(1)
    expect(loopback.host.peer.world.entities(RigidBody)).toHaveLength(256)
    expect(loopback.host.heard('commandFolded').filter(({ why }) => why === 'too many bodies')).toHaveLength(44)
  })
})
