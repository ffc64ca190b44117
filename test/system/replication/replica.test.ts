/** A client's copy by itself: what it takes and refuses, what it tells, and when it asks for what. */
import { describe, expect, it } from 'vitest'
import { CommandLog } from '../../../system/commands/log.ts'
import { Motion, ROTATION_ONE, Transform } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { RANGE_REQUEST_DELAY_US, SNAPSHOT_TIMEOUT_US } from '../../../system/limits.ts'
import { NO_METER, NO_PROBE, type Probe } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry, ComponentDelta, Message, WorldSnapshot } from '../../../system/protocol/messages.ts'
import { encodeDelta } from '../../../system/replication/delta.ts'
import { EVERYTHING } from '../../../system/replication/interest.ts'
import { Replica } from '../../../system/replication/replica.ts'
import { chunkSnapshot, encodeSnapshot } from '../../../system/replication/snapshot.ts'
import type { SystemEvent, WriteCause } from '../../../system/telemetry/events.ts'
import { EPOCH, SESSION_ID } from '../../support/loopback.ts'
import { ANA, crate, joinedAt, spawnedAt } from '../commands/entries.ts'

const PROP = 1 << 30
const CRATE = crate(ANA, 1)
const ENTRIES = [joinedAt(1, ANA), spawnedAt(2, CRATE, ANA)]
const at = (x: number) => ({ x, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })

function logOver(world: World): CommandLog {
  return new CommandLog({
    sessionId: SESSION_ID, world, codec: new Codec(), meter: NO_METER, probe: NO_PROBE, report() {}, folding() {}, folded() {},
  })
}

/** A host that moves one prop a frame, and closes what it is given. */
class HostSide {
  readonly world = new World({ tracksChanges: true })
  readonly log = logOver(this.world)
  #frame = -1

  next(closing: readonly CommandEntry[] = [], over: Partial<ComponentDelta> = {}): ComponentDelta {
    const frame = ++this.#frame
    for (const entry of closing) this.log.integrate(entry, true)
    this.log.closeUpTo(Math.max(this.log.position.closedLamport, ...closing.map(({ lamport }) => lamport)), frame)
    this.world.set(PROP, Motion, at(frame))
    const { closedLamport, count, digest } = this.log.position
    return {
      kind: 'ComponentDelta', epoch: EPOCH, frame, closedLamport, admittedCount: count, admittedDigest: digest,
      baseFrame: frame - 1, interest: 0, listed: false, leap: false, body: encodeDelta(this.world),
      stateDigest: this.world.digest(), ...over,
    }
  }
  snapshot(snapshotId: number, over: Partial<WorldSnapshot> = {}): WorldSnapshot {
    const header = { snapshotId, epoch: EPOCH, frame: this.#frame, reason: 'join' } as const
    return { ...chunkSnapshot(encodeSnapshot(this.world, this.log.position), header)[0], ...over }
  }
}

function clientSide(probe: Probe = NO_PROBE) {
  const world = new World()
  const log = logOver(world)
  const [sent, events, causes]: [Message[], SystemEvent[], WriteCause[]] = [[], [], []]
  const replica = new Replica({
    world, log, epoch: EPOCH, meter: NO_METER, probe, named: (mark) => (mark === 0 ? EVERYTHING : undefined),
    send: (message) => sent.push(message), report: (event) => events.push(event),
    observe() {}, cause: (cause) => causes.push(cause),
  }, 0, 0)
  const told = (name: SystemEvent['event']) => events.filter(({ event }) => event === name)
  return { world, log, sent, events, causes, replica, told, x: () => world.get(PROP, Motion)?.x }
}
/** Both sides, the client with a snapshot of frame 0. */
function joined(probe?: Probe) {
  const [host, client] = [new HostSide(), clientSide(probe)]
  host.next()
  expect(client.replica.takeChunk(host.snapshot(1), 10)).toBe(true)
  return { host, ...client }
}
const nacks = (sent: readonly Message[]) => sent.flatMap((message) => (message.kind === 'NackRequest' ? [message] : []))

describe('joining', () => {
  it('R-FRAME-3 nothing is confirmed before the snapshot, which is as good as its frame', () => {
    const { replica, x, told } = clientSide()
    const host = new HostSide()
    expect([replica.confirmedFrame, replica.nextFrame, replica.isResyncing]).toEqual([-1, 0, true])
    host.next()
    const [snapshot, next] = [host.snapshot(1), host.next()]
    replica.takeFrame(next, 5)
    expect([replica.confirmedFrame, replica.nextFrame, x()]).toEqual([-1, 0, undefined])
    expect(replica.takeChunk(snapshot, 10)).toBe(true)
    expect([replica.confirmedFrame, replica.nextFrame, replica.isResyncing, x()]).toEqual([0, 1, false, 0])
    replica.confirm(20)
    expect([replica.confirmedFrame, x()]).toEqual([1, 1])
    expect([told('framesSkipped'), told('resyncFinished')]).toEqual([[], []])
  })

  it('R-REPL-1 a snapshot that does not come is asked for again, no sooner than after the timeout', () => {
    const { replica, sent, told } = clientSide()
    replica.repair(0, SNAPSHOT_TIMEOUT_US - 1)
    expect(sent).toEqual([])
    replica.repair(1, SNAPSHOT_TIMEOUT_US)
    replica.repair(2, SNAPSHOT_TIMEOUT_US + 1)
    expect(sent).toEqual([{ kind: 'NackRequest', epoch: EPOCH, fromFrame: 0, toFrame: 0, want: 'snapshot' }])
    expect(told('nackSent')).toEqual([{ event: 'nackSent', fromFrame: 0, toFrame: 0, want: 'snapshot' }])
  })

  it('R-REPL-1 what is no snapshot is told and changes nothing', () => {
    const { replica, world, told } = clientSide()
    const host = new HostSide()
    host.next()
    const genuine = host.snapshot(1)
    const [empty] = chunkSnapshot(new Uint8Array(40), { ...genuine, snapshotId: 3 })
    const wrong = [{ ...genuine, chunk: 1 }, { ...genuine, snapshotId: 2, body: genuine.body.with(30, genuine.body[30] ^ 1) }, empty]
    for (const chunk of wrong) expect(replica.takeChunk(chunk, 10)).toBe(false)
    const reasons = told('messageRefused').map((event) => 'reason' in event && event.reason)
    expect(reasons).toEqual(['snapshot size', 'snapshot digest', 'snapshot body'])
    expect(replica.takeChunk({ ...genuine, snapshotId: 4, epoch: EPOCH + 1 }, 10)).toBe(false)
    expect([world.rowCount, replica.isResyncing]).toEqual([0, true])
    expect(replica.takeChunk({ ...genuine, snapshotId: 4 }, 10)).toBe(true)
  })
})

describe('leaps', () => {
  it('R-LEAP-2 one that stands elsewhere or lies beyond the last frame is none, and one of nonsense ends in a targeted snapshot', () => {
    const { host, replica, sent, told } = joined()
    const leap = { ...host.next(), frame: 200, baseFrame: 0, listed: true, leap: true, body: new Uint8Array(0) }
    replica.takeFrame({ ...leap, baseFrame: 5 }, 20)
    replica.takeFrame({ ...leap, baseFrame: -1 }, 20)
    replica.takeFrame({ ...leap, frame: 0xffffffff }, 20)
    replica.takeFrame({ ...leap, frame: 0 }, 20)
    expect([replica.confirmedFrame, replica.isResyncing, sent]).toEqual([0, false, []])
    replica.takeFrame({ ...leap, body: Uint8Array.of(9, 9, 9) }, 20)
    expect([replica.confirmedFrame, replica.isResyncing, told('framesSkipped')]).toEqual([0, true, []])
    expect(nacks(sent).map(({ want }) => want)).toEqual(['targeted'])
  })

  it('R-LEAP-3 frames that come after all go before it, and it is forgotten', () => {
    const { host, replica, told, x } = joined()
    const [one, two] = [host.next(), host.next()]
    // It closes more of the log than there is, and has to wait.
    const leap = { ...two, frame: 200, baseFrame: 0, listed: true, leap: true, body: new Uint8Array(0), closedLamport: 9, admittedCount: 3 }
    replica.takeFrame(leap, 20)
    expect(replica.confirmedFrame).toBe(0)
    replica.takeFrame(one, 30)
    replica.takeFrame(two, 40)
    expect([replica.confirmedFrame, x(), told('framesSkipped'), told('resyncStarted')]).toEqual([2, 2, [], []])
  })
})

describe('frames', () => {
  it('R-FRAME-3 one of another epoch is none, and one that waits has its own bytes', () => {
    const { host, replica, x } = joined()
    const [first, second] = [host.next(), host.next()]
    replica.takeFrame({ ...first, epoch: EPOCH + 1 }, 20)
    expect(replica.confirmedFrame).toBe(0)
    const borrowed = second.body.slice()
    replica.takeFrame({ ...second, body: borrowed }, 20)
    borrowed.fill(0xff)
    replica.takeFrame(first, 20)
    expect([replica.confirmedFrame, x()]).toEqual([2, 2])
  })

  it('R-FRAME-3 writes are due to the snapshot or to the frame that brought them', () => {
    const { host, replica, causes } = joined()
    replica.takeFrame(host.next(), 20)
    expect(causes).toEqual([{ by: 'snapshot', snapshotId: 1 }, { by: 'delta', frame: 1 }])
  })

  it('R-FRAME-3 a frame waits for the entries that it counts, and asks for them after a delay', () => {
    const { host, log, replica, sent, told, world } = joined()
    const [first, second] = ENTRIES
    const frame = host.next(ENTRIES)
    replica.takeFrame(frame, 1000)
    log.integrate(first, true)
    replica.confirm(2000)
    expect([replica.confirmedFrame, replica.repairs.logShortSinceUs]).toEqual([0, 1000])
    replica.repair(1, 1000 + RANGE_REQUEST_DELAY_US - 1)
    expect(sent).toEqual([])
    replica.repair(2, 1000 + RANGE_REQUEST_DELAY_US)
    expect(sent).toEqual([{ kind: 'LogRangeRequest', epoch: EPOCH, afterLamport: 0, upToLamport: 2 }])
    expect(told('rangeRequested')).toEqual([{ event: 'rangeRequested', afterLamport: 0, upToLamport: 2 }])
    log.integrate(second, true)
    replica.confirm(200_000)
    expect([replica.confirmedFrame, world.get(CRATE, Transform)?.x]).toEqual([1, 0])
    replica.repair(3, 9_000_000)
    expect(sent).toHaveLength(1)
    // At the mark where it stands already, a frame waits as well.
    replica.takeFrame(host.next([], { admittedCount: 3 }), 300_000)
    expect([replica.isResyncing, replica.repairs.logShortSinceUs]).toEqual([false, 300_000])
  })

  it.each<[what: string, over: Partial<ComponentDelta>]>([
    ['a mark below its own', { closedLamport: 1 }],
    ['fewer entries than it has', { admittedCount: 1 }],
    ['another digest of as many', { admittedDigest: { hi: 1, lo: 2 } }],
  ])('R-FRAME-3 one with %s is not confirmed; a targeted snapshot is asked for, at once', (_what, over) => {
    const { host, log, replica, sent, told, x } = joined()
    for (const entry of ENTRIES) log.integrate(entry, true)
    replica.takeFrame(host.next(ENTRIES), 20)
    expect(replica.confirmedFrame).toBe(1)
    replica.takeFrame(host.next([], over), 30)
    expect([replica.confirmedFrame, replica.isResyncing, x()]).toEqual([1, true, 1])
    expect(told('resyncStarted')).toEqual([{ event: 'resyncStarted', reason: 'log', frame: 2 }])
    expect(nacks(sent)).toMatchObject([{ fromFrame: 2, toFrame: 2, want: 'targeted' }])
  })

  it('R-FRAME-4 after a frame whose digest differs none is confirmed before a snapshot', () => {
    const { host, replica, told } = joined()
    const [differs, next] = [host.next([], { stateDigest: { hi: 1, lo: 2 } }), host.next()]
    replica.takeFrame(next, 20)
    replica.takeFrame(differs, 20)
    expect(told('divergence')).toHaveLength(1)
    expect([replica.confirmedFrame, replica.isResyncing]).toEqual([1, true])
  })

  it('R-ECS-2 memory that changed underneath is told with the frame, and only then', () => {
    const { host, replica, told, world } = joined()
    replica.takeFrame(host.next(), 20)
    expect(told('auditRepaired')).toEqual([])
    world.rowBytes(PROP, Motion)![0] ^= 1
    replica.takeFrame(host.next([], { body: new Uint8Array(0) }), 30)
    expect(told('auditRepaired')).toEqual([{ event: 'auditRepaired', frame: 2, rows: 1 }])
  })
})

describe('resyncs', () => {
  it('R-REPL-3 a snapshot that the host sends by itself says which frames it skipped, and how long they were missing', () => {
    const { host, replica, told, x } = joined()
    replica.takeFrame(host.next(), 1000)
    host.next()
    const missing = host.next()
    expect(replica.takeChunk(host.snapshot(2), 5000)).toBe(true)
    expect([replica.confirmedFrame, x()]).toEqual([3, 3])
    expect(told('framesSkipped')).toEqual([{ event: 'framesSkipped', fromFrame: 2, toFrame: 3, snapshotId: 2 }])
    expect(told('resyncFinished')).toEqual([{ event: 'resyncFinished', frame: 3, tookUs: 4000 }])
    replica.takeFrame(missing, 6000)
    expect(replica.confirmedFrame).toBe(3)
  })

  it('R-REPL-3 one that was asked for took as long as it was wanted; of the frame that stands it skips none, and skips one frame', () => {
    const { host, replica, told } = joined()
    replica.takeFrame(host.next([], { stateDigest: { hi: 1, lo: 2 } }), 1000)
    expect(replica.takeChunk(host.snapshot(2), 7000)).toBe(true)
    expect([told('framesSkipped'), told('resyncFinished')]).toEqual([[], [{ event: 'resyncFinished', frame: 1, tookUs: 6000 }]])
    host.next()
    expect(replica.takeChunk(host.snapshot(3), 8000)).toBe(true)
    expect(told('framesSkipped')).toEqual([{ event: 'framesSkipped', fromFrame: 2, toFrame: 2, snapshotId: 3 }])
  })

  it('R-REPL-1 a snapshot of frames that are past changes nothing', () => {
    const { host, replica, x } = joined()
    const frames = [host.next()]
    const old = host.snapshot(2)
    frames.push(host.next())
    for (const frame of frames) replica.takeFrame(frame, 20)
    expect(replica.takeChunk(old, 30)).toBe(false)
    expect([replica.confirmedFrame, x()]).toEqual([2, 2])
  })

  it('tells whoever looks on what it keeps and waits for', () => {
    const { host, replica } = joined()
    const nothing = { held: [], newest: 0, gapSinceUs: Infinity, logShortSinceUs: Infinity, resync: undefined, snapshot: undefined }
    expect(replica.repairs).toEqual(nothing)
    host.next()
    replica.takeFrame(host.next(), 40)
    expect(replica.repairs).toEqual({ ...nothing, held: [2], newest: 2, gapSinceUs: 40 })
  })
})

describe('the rare ways', () => {
  /** Takes this one, and no other. */
  const taking = (name: string): Probe => ({ sometimes() {}, happens: (point) => point === name })

  it('R-PROBE-3 a request that goes out twice goes out once more with the next frame', () => {
    const { host, replica, sent } = joined(taking('a request goes out twice'))
    replica.takeFrame(host.next([], { stateDigest: { hi: 1, lo: 2 } }), 1000)
    for (const frame of [2, 3, 4]) replica.repair(frame, 1000 + frame)
    expect(nacks(sent).map(({ fromFrame, want }) => [fromFrame, want])).toEqual([[2, 'targeted'], [2, 'targeted']])
  })

  it.each([
    ['frames are asked for without need', { kind: 'NackRequest', fromFrame: 0, toFrame: 0, want: 'frames' }],
    ['a snapshot is asked for without need', { kind: 'NackRequest', fromFrame: 1, toFrame: 1, want: 'snapshot' }],
    ['entries are asked for without need', { kind: 'LogRangeRequest', afterLamport: 0, upToLamport: 0 }],
  ])('R-PROBE-3 %s', (point, request) => {
    const { replica, sent } = joined(taking(point))
    replica.repair(1, 20)
    expect(sent).toEqual([{ ...request, epoch: EPOCH }])
  })
})
