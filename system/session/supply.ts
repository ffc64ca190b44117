/** What the host sends to one member alone: a snapshot, frames once more, entries of the log. */
import { entryBatches } from '../commands/batch.ts'
import { entryBytes } from '../commands/closed.ts'
import type { CommandLog } from '../commands/log.ts'
import type { CellIndex } from '../ecs/cells.ts'
import type { World } from '../ecs/world.ts'
import { AUTHORS_MAX } from '../ids.ts'
import {
  ENTRIES_PER_MESSAGE_MAX, FRAME_RING, RANGE_BYTES_PER_FRAME, SNAPSHOT_CHUNKS_PER_FRAME, SNAPSHOT_FRAMES_MAX,
} from '../limits.ts'
import type { Probe } from '../ports.ts'
import type { Codec } from '../protocol/codec.ts'
import type { CommandEntry, LogRangeRequest, NackRequest } from '../protocol/messages.ts'
import { ChangeMemory } from '../replication/changes.ts'
import { seenDigest, seenWorld } from '../replication/cut.ts'
import { SegmentCoding } from '../replication/delta.ts'
import { FrameRing } from '../replication/frames.ts'
import { encodeLeap } from '../replication/leap.ts'
import { chunkSnapshot, encodeSnapshot } from '../replication/snapshot.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Seat } from './seat.ts'

export interface SupplyPorts {
  readonly epoch: number
  readonly world: World
  readonly cells: CellIndex
  readonly log: CommandLog
  readonly codec: Codec
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
}

export class Supply {
  /** Frames as they were sent, for those who miss them. */
  readonly ring = new FrameRing<Seat>()
  /** What changed in them, and in many before. */
  readonly changes = new ChangeMemory()
  readonly #ports: SupplyPorts
  readonly #coding = new SegmentCoding()
  #nextSnapshotId = 1

  constructor(ports: SupplyPorts) {
    this.#ports = ports
  }

  /** Answers a request at once where frames can; otherwise a snapshot is noted as wanted. */
  repair(seat: Seat, request: NackRequest): void {
    const { epoch, probe, report } = this.#ports
    if (request.epoch !== epoch || !seat.live) return
    if (request.want !== 'frames') {
      seat.wantsSnapshot = request.want === 'targeted' ? 'targeted' : 'resync'
      return
    }
    // Asked before a snapshot that is on its way, on a channel that loses nothing, and brings more than what is asked for.
    if (request.fromFrame <= seat.snapshotFrame) return probe.sometimes('a request from before a snapshot on its way')
    const { fromFrame } = request
    const toFrame = Math.min(request.toFrame, this.ring.newest)
    const peer = seat.author!
    const isKept = this.ring.get(fromFrame, seat) !== undefined
    if (!isKept && fromFrame <= this.ring.newest - FRAME_RING) {
      probe.sometimes('frames asked for had left the ring')
      // Asked before a leap that is on its way, on the same channel.
      if (seat.leapBase !== fromFrame - 1) seat.behindAt = fromFrame - 1
      return
    }
    if (!isKept || probe.happens('frames are answered by a snapshot', peer, fromFrame)) {
      seat.wantsSnapshot = 'resync'
      return
    }
    for (let frame = fromFrame; frame <= toFrame; frame++) {
      const body = this.ring.get(frame, seat)
      if (body === undefined) continue
      seat.link.sendBody('ComponentDelta', body, true)
      if (probe.happens('a frame is resent twice', peer, frame)) seat.link.sendBody('ComponentDelta', body, true)
    }
    report({ event: 'framesResent', fromFrame, toFrame, peer })
  }

  /**
   * Sends a member what it is to have at the end of a frame; to be called when that is closed.
   * @param isSettled whether a newcomer may have its first snapshot.
   */
  serve(seat: Seat, frame: number, isSettled: () => boolean): void {
    if (seat.behindAt !== undefined && seat.wantsSnapshot === undefined) this.#leap(seat, frame)
    const isReady = seat.wantsSnapshot !== undefined && (seat.live || isSettled())
    if (isReady && !this.#ports.probe.happens('a snapshot waits for a frame', seat.author!, frame)) this.snapshot(seat, frame)
    else this.#chunks(seat)
    this.#serveRange(seat)
  }

  /** One delta for all that a member has missed; where there can be none, a snapshot is noted as wanted. */
  #leap(seat: Seat, frame: number): void {
    const { epoch, world, cells, codec, log, report } = this.#ports
    const baseFrame = seat.behindAt!
    seat.behindAt = undefined
    const touched = seat.interestFrame <= baseFrame ? this.changes.since(baseFrame) : undefined
    const leap = touched && encodeLeap(world, cells, seat.interest, touched, this.#coding)
    if (leap === undefined) {
      seat.wantsSnapshot = 'resync'
      return
    }
    const { closedLamport, count: admittedCount, digest: admittedDigest } = log.position
    const stateDigest = seenDigest(world, cells, seat.interest)
    const body = codec.encode({
      kind: 'ComponentDelta', epoch, frame, closedLamport, admittedCount, admittedDigest, stateDigest, baseFrame,
      interest: seat.interest.mark, listed: true, body: leap.body, leap: true,
    })
    seat.leapBase = baseFrame
    seat.link.sendBody('ComponentDelta', body, true)
    report({ event: 'leapSent', baseFrame, frame, rows: leap.rows, bytes: leap.body.length, peer: seat.author! })
  }

  /** Begins to send the snapshot that this member wants. */
  snapshot(seat: Seat, frame: number): void {
    const { epoch, world, cells, log, probe, report } = this.#ports
    const peer = seat.author!
    const reason = seat.wantsSnapshot!
    const snapshotId = this.#nextSnapshotId++
    const body = encodeSnapshot(seenWorld(world, cells, seat.interest), log.position)
    const chunks = chunkSnapshot(body, { snapshotId, epoch, frame, reason })
    if (chunks.length > 1 && probe.happens('a snapshot goes out backwards', peer, snapshotId)) chunks.reverse()
    seat.chunks = chunks
    this.#chunks(seat)
    seat.wantsSnapshot = undefined
    seat.snapshotFrame = frame
    seat.behindAt = undefined
    seat.range = undefined
    // A newcomer gets the newer entries too; one that resyncs has them, its control channel lost nothing.
    if (!seat.live) {
      const newer = log.entriesSince(log.position.closedLamport)
      if (newer.length > 0) probe.sometimes('a newcomer got entries beyond its snapshot')
      this.#entries(seat, newer)
    }
    seat.live = true
    report({ event: 'snapshotSent', snapshotId, reason, chunks: chunks.length, bytes: body.length, peer })
  }

  /**
   * Sends some of the chunks that wait, the same number in every frame: what a snapshot of SNAPSHOT_FRAMES_MAX frames needs, or
   * SNAPSHOT_CHUNKS_PER_FRAME.
   */
  #chunks(seat: Seat): void {
    const [first] = seat.chunks
    if (first === undefined) return
    const { probe } = this.#ports
    const { snapshotId, chunkCount } = first
    const count = Math.max(SNAPSHOT_CHUNKS_PER_FRAME, Math.ceil(chunkCount / SNAPSHOT_FRAMES_MAX))
    for (const message of seat.chunks.slice(0, count)) {
      if (probe.happens('a snapshot chunk waits for a frame', snapshotId, message.chunk)) seat.later.push(message)
      else seat.link.send(message)
      if (probe.happens('a snapshot chunk goes out twice', snapshotId, message.chunk)) seat.link.send(message)
    }
    seat.chunks = seat.chunks.slice(count)
  }

  /**
   * Takes note of a request for entries. One that repeats, or goes on from, what is being answered only widens it, so that asking
   * again does not begin anew. What is kept no more is answered by a snapshot.
   */
  range(seat: Seat, { epoch, afterLamport, upToLamport }: LogRangeRequest): void {
    const { log, probe } = this.#ports
    if (epoch !== this.#ports.epoch || !seat.live) return
    if (afterLamport < log.closed.completeAfter) {
      probe.sometimes('entries asked for are kept no more')
      seat.wantsSnapshot = 'resync'
      return
    }
    const { range } = seat
    if (range === undefined || afterLamport < range.fromLamport) {
      seat.range = { fromLamport: afterLamport, after: { lamport: afterLamport, author: AUTHORS_MAX }, upToLamport }
      return
    }
    range.upToLamport = Math.max(range.upToLamport, upToLamport)
    if (afterLamport > range.after.lamport) range.after = { lamport: afterLamport, author: AUTHORS_MAX }
  }

  /** Answers with the next entries of the range that this member has asked for, as many as a frame has room for. */
  #serveRange(seat: Seat): void {
    const { range } = seat
    if (range === undefined) return
    const page: CommandEntry[] = []
    let bytes = 0
    for (const entry of this.#ports.log.entriesAfter(range.after, range.upToLamport)) {
      bytes += entryBytes(entry)
      if (page.length > 0 && (bytes > RANGE_BYTES_PER_FRAME || page.length === ENTRIES_PER_MESSAGE_MAX)) {
        this.#ports.probe.sometimes('a range answered over several frames')
        return this.#entries(seat, page)
      }
      page.push(entry)
      range.after = { lamport: entry.lamport, author: entry.author }
    }
    seat.range = undefined
    this.#entries(seat, page)
  }

  #entries(seat: Seat, entries: readonly CommandEntry[]): void {
    for (const batch of entryBatches(entries)) seat.link.send({ kind: 'CommandLogEntry', entries: batch })
  }
}
