/**
 * A client's copy of the world: it takes replication frames and snapshots in whatever order they come, confirms frame after
 * frame, and asks the host for what is missing.
 *
 * A frame is confirmed when the log is closed as the host closed it and the stream is exactly the frame's; then the digest of the
 * whole world must be the host's. Whatever stands against that (a delta on a base that is not there, a log of another digest, a
 * gap that the host's ring cannot fill) ends in a resync: a snapshot is asked for until it comes.
 */
import type { CommandLog } from '../commands/log.ts'
import type { World } from '../ecs/world.ts'
import { type Hash64, hash64Equal, hash64Hex, type Lamport } from '../ids.ts'
import { AUDIT_BYTES_PER_FRAME, RANGE_REQUEST_DELAY_US, SNAPSHOT_TIMEOUT_US } from '../limits.ts'
import type { Meter, Probe } from '../ports.ts'
import type { ComponentDelta, Message, NackRequest, WorldSnapshot } from '../protocol/messages.ts'
import type { SystemEvent, WriteCause } from '../telemetry/events.ts'
import { applyDelta, SegmentCoding } from './delta.ts'
import { FRAME_MAX, FrameBuffer } from './frames.ts'
import { forgetUnseen, type Interest } from './interest.ts'
import { applyListed } from './listing.ts'
import { applySnapshot, decodeSnapshot, SnapshotAssembler } from './snapshot.ts'

export interface ReplicaPorts {
  readonly world: World
  readonly log: CommandLog
  readonly epoch: number
  readonly meter: Meter
  readonly probe: Probe
  /** The interest that a frame may bring into force by this mark: what the host has been told of. */
  readonly named: (mark: number) => Interest | undefined
  readonly send: (message: Message) => void
  readonly report: (event: SystemEvent) => void
  /** Told when a frame is confirmed, while the world is exactly that frame's. */
  readonly observe: (frame: number, world: World) => void
  /** What the writes from here on are due to. */
  readonly cause: (cause: WriteCause) => void
}

interface Resync {
  readonly sinceUs: number
  /** When a snapshot was last asked for, or a chunk of one came. */
  askedAtUs: number
  readonly want: 'snapshot' | 'targeted'
}

export class Replica {
  readonly #ports: ReplicaPorts
  readonly #assembler: SnapshotAssembler
  readonly #coding = new SegmentCoding()
  readonly #frames: FrameBuffer<ComponentDelta>
  /** One delta for all frames up to its own, which waits for entries of the log. */
  #leap: ComponentDelta | undefined
  /** A request that goes out once more with the next frame. */
  #again: NackRequest | undefined
  /** Set until a snapshot has come that was asked for, and from the beginning until the one that a join brings. */
  #resync: Resync | undefined
  #isJoining = true
  #snapshotFrame = -1
  /** The frame whose stream the world has. */
  #streamFrame = -1
  /** Of the interest in force; undefined from a snapshot to the next frame. */
  #mark: number | undefined
  /** When the last frame was confirmed, or a snapshot taken in its place. */
  #confirmedAtUs = Infinity
  /** Since when the next frame waits for entries of the log. */
  #logShortSinceUs = Infinity

  /** Frames may overtake the snapshot that they follow: they are kept from `nextFrame` on. */
  constructor(ports: ReplicaPorts, nextFrame: number, nowUs: number) {
    this.#ports = ports
    this.#assembler = new SnapshotAssembler(ports.probe)
    this.#frames = new FrameBuffer(nextFrame, ports.probe)
    this.#resync = { sinceUs: nowUs, askedAtUs: nowUs, want: 'snapshot' }
  }

  /** -1 before the first. */
  get confirmedFrame(): number {
    return this.#isJoining ? -1 : this.#frames.next - 1
  }
  get nextFrame(): number {
    return this.#frames.next
  }
  /** The frame that the last snapshot brought, -1 before the first: it and what it skipped were not confirmed one by one. */
  get snapshotFrame(): number {
    return this.#snapshotFrame
  }
  /** The mark of the interest in force; undefined from a snapshot to the next frame. */
  get interestMark(): number | undefined {
    return this.#mark
  }
  get isResyncing(): boolean {
    return this.#resync !== undefined
  }

  /** What it has and cannot apply yet, and what it waits for: for whoever looks on. Instants are Infinity while nothing is missing. */
  get repairs() {
    const { held, newest, gapSinceUs } = this.#frames
    return { held, newest, gapSinceUs, logShortSinceUs: this.#logShortSinceUs, resync: this.#resync, snapshot: this.#assembler.partial }
  }

  takeFrame(delta: ComponentDelta, nowUs: number): void {
    if (delta.epoch !== this.#ports.epoch) return
    // The body is borrowed, and a frame may have to wait.
    const kept = { ...delta, body: delta.body.slice() }
    if (!delta.leap) this.#frames.add(delta.frame, kept, nowUs)
    // One that stands on a frame before the last is of no use: frames have come meanwhile.
    else if (delta.baseFrame === this.#streamFrame && delta.frame > delta.baseFrame && delta.frame <= FRAME_MAX) this.#leap = kept
    this.confirm(nowUs)
  }

  /** Confirms every frame that can be. To be called when entries of the log have come, too. */
  confirm(nowUs: number): void {
    if (this.#resync !== undefined) return
    for (let delta = this.#due(); delta !== undefined; delta = this.#due()) {
      if (!this.#confirmOne(delta, nowUs)) return
    }
  }

  /** The delta that the world can take next: frames go before a leap. */
  #due(): ComponentDelta | undefined {
    if (this.#leap?.baseFrame !== this.#streamFrame) this.#leap = undefined
    return this.#frames.peek() ?? this.#leap
  }

  /** Takes a chunk of a snapshot; where it was the last, true, and the world is the snapshot's. */
  takeChunk(message: WorldSnapshot, nowUs: number): boolean {
    const { world, log, epoch, probe, report, cause } = this.#ports
    if (message.epoch !== epoch) return false
    const assembly = this.#assembler.add(message)
    if (assembly.kind === 'partial') {
      // It is on its way: it is missing from its last chunk on, not from its first.
      if (this.#resync !== undefined) this.#resync.askedAtUs = nowUs
      return false
    }
    const content = assembly.kind === 'complete' ? decodeSnapshot(assembly.body) : undefined
    if (assembly.kind === 'refused' || content === undefined) {
      const why = assembly.kind === 'refused' ? assembly.why : 'snapshot body'
      report({ event: 'messageRefused', cause: 'unfounded', reason: why, bytes: message.body.length, peer: 0 })
      return false
    }
    const { frame, snapshotId, reason } = assembly
    const fromFrame = this.#frames.next
    if (frame < fromFrame - 1) {
      probe.sometimes('a snapshot older than the frames')
      return false
    }
    cause({ by: 'snapshot', snapshotId })
    applySnapshot(world, content)
    log.adopt(content.position)
    report({ event: 'snapshotApplied', snapshotId, reason, frame, rows: content.rows })
    // The host answers a request for frames that have left its ring with a snapshot, too: a resync that this side did not begin.
    const sinceUs = this.#resync?.sinceUs ?? this.#missingSinceUs
    this.#frames.skipTo(frame, nowUs)
    this.#snapshotFrame = frame
    this.#streamFrame = frame
    // It is cut by what was in force at its frame, and does not say what that was: the next frame does.
    this.#mark = undefined
    if (this.#frames.peek() !== undefined) probe.sometimes('frames waited behind a snapshot')
    this.#resync = undefined
    this.#logShortSinceUs = Infinity
    this.#confirmedAtUs = nowUs
    if (!this.#isJoining) {
      if (fromFrame <= frame) report({ event: 'framesSkipped', fromFrame, toFrame: frame, snapshotId })
      report({ event: 'resyncFinished', frame, tookUs: nowUs - sinceUs })
    }
    this.#isJoining = false
    return true
  }

  /** Asks for what has been missing for too long. To be called every frame, the session's `frame`. */
  repair(frame: number, nowUs: number): void {
    const { log, probe } = this.#ports
    if (this.#again !== undefined) this.#sendRequest(this.#again)
    this.#again = undefined
    if (this.#resync !== undefined) return this.#askForSnapshot(nowUs)
    const { next } = this.#frames
    if (this.#frames.isGapped && probe.happens('frames beyond a gap are forgotten', next, frame)) this.#frames.forget()
    const gap = this.#frames.missing(nowUs)
    // A leap comes in their place, or a snapshot.
    if (gap?.beyondRing === true) probe.sometimes('a gap beyond the ring')
    if (gap !== undefined) this.#request(gap.fromFrame, gap.toFrame, 'frames')
    else if (probe.happens('frames are asked for without need', next, frame)) this.#request(next - 1, next - 1, 'frames')
    if (probe.happens('a snapshot is asked for without need', next, frame)) this.#request(next, next, 'snapshot')
    if (probe.happens('entries are asked for without need', next, frame)) this.#requestEntries(log.clock)
    if (nowUs - this.#logShortSinceUs < RANGE_REQUEST_DELAY_US) return
    this.#logShortSinceUs = nowUs
    probe.sometimes('entries asked for by range')
    // Not up to this frame alone: what the next ones close may be missing, too, and each request waits its time.
    this.#requestEntries(Math.max(log.clock, this.#frames.peek()?.closedLamport ?? 0))
  }

  #request(fromFrame: number, toFrame: number, want: NackRequest['want']): void {
    const request: NackRequest = { kind: 'NackRequest', epoch: this.#ports.epoch, fromFrame, toFrame, want }
    this.#sendRequest(request)
    if (this.#ports.probe.happens('a request goes out twice', 0, fromFrame)) this.#again = request
  }
  #sendRequest(request: NackRequest): void {
    const { fromFrame, toFrame, want } = request
    this.#ports.send(request)
    this.#ports.report({ event: 'nackSent', fromFrame, toFrame, want })
  }
  #requestEntries(upToLamport: Lamport): void {
    const { log, epoch, send, report } = this.#ports
    const afterLamport = log.position.closedLamport
    send({ kind: 'LogRangeRequest', epoch, afterLamport, upToLamport })
    report({ event: 'rangeRequested', afterLamport, upToLamport })
  }

  /** False where the frame has to wait, or a resync has begun. */
  #confirmOne(delta: ComponentDelta, nowUs: number): boolean {
    const { world, log, epoch, meter, probe, report, observe, cause } = this.#ports
    const { frame, closedLamport, admittedCount, admittedDigest, stateDigest } = delta
    const ready = log.positionAt(closedLamport)
    if (closedLamport >= log.position.closedLamport && ready.count < admittedCount) {
      if (this.#logShortSinceUs === Infinity) probe.sometimes('a frame waited for entries')
      this.#logShortSinceUs = Math.min(this.#logShortSinceUs, nowUs)
      return false
    }
    this.#logShortSinceUs = Infinity
    if (closedLamport < log.position.closedLamport || ready.count !== admittedCount || !hash64Equal(ready.digest, admittedDigest)) {
      this.#startResync('log', 'targeted', nowUs)
      return false
    }
    const interest = this.#mark === delta.interest ? undefined : this.#ports.named(delta.interest)
    if (interest === undefined && this.#mark !== undefined && this.#mark !== delta.interest) {
      this.#startResync('interest', 'targeted', nowUs)
      return false
    }
    log.closeUpTo(closedLamport, frame)
    cause({ by: 'delta', frame })
    if (interest !== undefined) forgetUnseen(world, interest)
    this.#mark = delta.interest
    meter.begin('replication')
    const why = this.#apply(delta)
    meter.end('replication')
    if (why !== undefined) {
      this.#startResync(why, 'targeted', nowUs)
      return false
    }
    if (delta.leap) this.#leapt(frame, nowUs)
    else this.#frames.advance(nowUs)
    this.#confirmedAtUs = nowUs
    const digest = this.#digest(frame)
    observe(frame, world)
    report({
      event: 'frameConfirmed', frame, epoch, interest: delta.interest, closedLamport, admittedCount, digest: hash64Hex(digest),
      logDigest: hash64Hex(world.sourceDigest('log')), streamDigest: hash64Hex(world.sourceDigest('stream')),
    })
    if (hash64Equal(digest, stateDigest)) return true
    report({ event: 'divergence', frame, expected: hash64Hex(stateDigest), actual: hash64Hex(digest) })
    this.#startResync('divergence', 'targeted', nowUs)
    return false
  }

  /** A leap has brought this frame. */
  #leapt(frame: number, nowUs: number): void {
    const { probe, report } = this.#ports
    probe.sometimes('a leap stood for the frames that were missing')
    const { next: fromFrame } = this.#frames
    const sinceUs = this.#missingSinceUs
    this.#frames.skipTo(frame, nowUs)
    report({ event: 'framesSkipped', fromFrame, toFrame: frame - 1, snapshotId: 0 })
    report({ event: 'resyncFinished', frame, tookUs: nowUs - sinceUs })
  }

  /** Since when frames are known to be missing; where none are, when the last one came. */
  get #missingSinceUs(): number {
    const { gapSinceUs } = this.#frames
    return gapSinceUs < Infinity ? gapSinceUs : this.#confirmedAtUs
  }

  /** Undefined: applied. Otherwise why not; what had been written by then is for a snapshot to replace. */
  #apply({ frame, baseFrame, listed, body }: ComponentDelta): string | undefined {
    if (baseFrame !== this.#streamFrame) return `a delta from frame ${baseFrame} on frame ${this.#streamFrame}`
    const apply = listed ? applyListed : applyDelta
    const why = apply(this.#ports.world, body, this.#coding)
    if (why === undefined) this.#streamFrame = frame
    return why
  }

  #digest(frame: number): Hash64 {
    const { world, meter, report } = this.#ports
    meter.begin('digest')
    const repaired = world.audit(AUDIT_BYTES_PER_FRAME)
    const digest = world.digest()
    meter.end('digest')
    if (repaired > 0) report({ event: 'auditRepaired', frame, rows: repaired })
    return digest
  }

  #startResync(reason: string, want: Resync['want'], nowUs: number): void {
    this.#leap = undefined
    this.#resync = { sinceUs: nowUs, askedAtUs: -Infinity, want }
    this.#ports.report({ event: 'resyncStarted', reason, frame: this.#frames.next })
    this.#askForSnapshot(nowUs)
  }

  #askForSnapshot(nowUs: number): void {
    const resync = this.#resync
    if (resync === undefined || nowUs - resync.askedAtUs < SNAPSHOT_TIMEOUT_US) return
    if (resync.askedAtUs > -Infinity) this.#ports.probe.sometimes('a snapshot that was asked for again')
    resync.askedAtUs = nowUs
    const { next } = this.#frames
    this.#request(next, next, resync.want)
  }
}
