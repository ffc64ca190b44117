/**
 * The host's replication frames: each frame of the stream is cut by what its members see, encoded once for all who see the same, sent,
 * and kept for those who miss it. It also takes what members want to see, and lets that come into force at the end of a frame.
 */
import { assert } from '../assert.ts'
import type { CellIndex } from '../ecs/cells.ts'
import type { World } from '../ecs/world.ts'
import { hash64Hex } from '../ids.ts'
import { INTEREST_INTERVAL_FRAMES, INTEREST_ROWS_PER_FRAME_MAX, SEGMENT_CHANGES_MAX } from '../limits.ts'
import type { Meter, Probe } from '../ports.ts'
import type { Codec } from '../protocol/codec.ts'
import type { ComponentDelta, EditorEvent, InterestSet } from '../protocol/messages.ts'
import { type CutFrame, FrameCut } from '../replication/cut.ts'
import { SegmentCoding } from '../replication/delta.ts'
import { type Interest, interestOf } from '../replication/interest.ts'
import { shownEvent } from '../telemetry/shown.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Seat } from './seat.ts'
import type { Seats } from './seats.ts'
import type { Supply } from './supply.ts'

export interface BroadcastPorts {
  readonly epoch: number
  readonly world: World
  readonly cells: CellIndex
  readonly codec: Codec
  readonly seats: Seats
  readonly supply: Supply
  readonly meter: Meter
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
}
/** What a frame tells of the log. */
type LogMark = Pick<ComponentDelta, 'closedLamport' | 'admittedCount' | 'admittedDigest'>

/** Members who have seen and see the same get these bytes. */
interface Encoded extends Omit<CutFrame, 'body' | 'listed'> {
  readonly body: Uint8Array
  /** Bytes that tell what has changed: none of a frame that brings another interest into force. */
  readonly changeBytes: number
}
type Tally = { -readonly [K in 'members' | 'rowsSent' | 'rowsChanged' | 'rowsFiltered']: number } & { readonly digest: string }

assert(INTEREST_ROWS_PER_FRAME_MAX <= SEGMENT_CHANGES_MAX, 'what comes into view within a frame fits a segment')

export class Broadcast {
  readonly #ports: BroadcastPorts
  readonly #coding = new SegmentCoding()

  constructor(ports: BroadcastPorts) {
    this.#ports = ports
  }

  /** A member tells what it wants to see. */
  heed(seat: Seat, message: InterestSet): void {
    const refuse = (reason: string) =>
      this.#ports.report({ event: 'messageRefused', cause: 'unfounded', reason, bytes: 0, peer: seat.author! })
    if (message.epoch !== this.#ports.epoch) return refuse('interest of another epoch')
    const wanted = interestOf(message)
    if (seat.wanted !== undefined && seat.wanted.key !== wanted.key) return refuse('interest while another is under way')
    seat.wanted = wanted
    seat.tools = message.everything ? undefined : new Set(message.tools)
  }

  /** What is no state goes to everyone else who wants to hear of its tool; what is of no tool, to all. */
  relay(from: Seat, event: EditorEvent): void {
    const known = { ...event, author: from.author! }
    this.#ports.report(shownEvent('editorEventRelayed', known))
    const body = this.#ports.codec.encode(known)
    for (const seat of this.#ports.seats.members()) {
      const hears = event.tool === 0 || seat.tools === undefined || seat.tools.has(event.tool)
      if (seat !== from && hears) seat.link.sendBody('EditorEvent', body)
    }
  }

  /** Sends the frame to every live member, as each of them sees it. Returns the bytes of changes that it has for who gets most of them. */
  send(frame: number, log: LogMark): number {
    const { world, cells, seats, supply, probe, report, meter } = this.#ports
    meter.begin('replication')
    const cut = new FrameCut(world, cells, this.#coding)
    meter.end('replication')
    const encoded = new Map<string, Encoded>()
    const bodies = new Map<Seat, Uint8Array>()
    const tallies = new Map<number, Tally>()
    for (const seat of seats.members()) {
      if (!seat.live) continue
      const before = seat.interest
      this.#takeUp(seat, frame)
      const after = seat.interest
      if (after !== before && cut.rowsGained(before, after) > INTEREST_ROWS_PER_FRAME_MAX) {
        probe.sometimes('an interest came into force by a snapshot')
        // In place of this frame, so that whoever applies the next one has the snapshot.
        seat.wantsSnapshot = 'interest'
        continue
      }
      const key = `${before.key} | ${after.key}`
      let known = encoded.get(key)
      if (known === undefined) encoded.set(key, (known = this.#encode(cut, before, after, frame, log)))
      count(tallies, after, cut, known)
      bodies.set(seat, known.body)
      seat.link.sendBody('ComponentDelta', known.body)
      if (probe.happens('a frame goes out twice', seat.author!, frame)) seat.link.sendBody('ComponentDelta', known.body)
    }
    supply.ring.push(frame, bodies)
    supply.changes.note(frame, cut.touched)
    for (const [interest, tally] of tallies) report({ event: 'frameCut', frame, interest, ...tally })
    return [...encoded.values()].reduce((most, { changeBytes }) => Math.max(most, changeBytes), 0)
  }

  /** The interest that a member wants comes into force, where its last one has been for long enough. */
  #takeUp(seat: Seat, frame: number): void {
    const { wanted } = seat
    if (wanted === undefined || frame - seat.interestFrame < INTEREST_INTERVAL_FRAMES) return
    seat.wanted = undefined
    if (wanted.key === seat.interest.key) return
    seat.interest = wanted
    seat.interestFrame = frame
  }

  #encode(cut: FrameCut, before: Interest, after: Interest, frame: number, log: LogMark): Encoded {
    const { epoch, codec, meter } = this.#ports
    meter.begin('replication')
    const { body: segments, listed, ...rows } = cut.frame(before, after)
    meter.end('replication')
    meter.begin('codec')
    const body = codec.encode({
      kind: 'ComponentDelta', epoch, frame, ...log, stateDigest: cut.digest(after), baseFrame: frame - 1,
      interest: after.mark, listed, body: segments, leap: false,
    })
    meter.end('codec')
    return { body, changeBytes: before === after ? segments.length : 0, ...rows }
  }
}

/** Who sees everything is not counted: the frame itself tells of that. */
function count(tallies: Map<number, Tally>, interest: Interest, cut: FrameCut, { rows, rowsChanged, rowsFiltered }: Encoded): void {
  if (interest.cells === undefined) return
  let tally = tallies.get(interest.mark)
  if (tally === undefined) {
    tally = { digest: hash64Hex(cut.digest(interest)), members: 0, rowsSent: 0, rowsChanged: 0, rowsFiltered: 0 }
    tallies.set(interest.mark, tally)
  }
  tally.members++
  tally.rowsSent += rows
  tally.rowsChanged += rowsChanged
  tally.rowsFiltered += rowsFiltered
}
