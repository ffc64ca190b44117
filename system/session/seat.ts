/** A member's connection as the host holds it, from its hello to its goodbye. */
import { OutgoingAssets } from '../assets/outgoing.ts'
import type { LogPlace } from '../commands/closed.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import type { InputPredictiveState, Message, Role, WorldSnapshot } from '../protocol/messages.ts'
import { EVERYTHING, type Interest } from '../replication/interest.ts'
import type { Conduct } from './conduct.ts'
import { HeartbeatMonitor } from './heartbeat.ts'
import type { Link } from './link.ts'

export interface Seat {
  readonly link: Link
  readonly heartbeat: HeartbeatMonitor
  conduct: Conduct
  /** What the host shares with it, where the session is sealed. */
  shared: Uint8Array | undefined
  author: AuthorId | undefined
  role: Role
  /** Where the log made it a member. What it signed at or below that, not knowing, would be denied there: it counts as late. */
  enrolledLamport: Lamport
  /** Frames go to it: its first snapshot has been sent. */
  live: boolean
  wantsSnapshot: WorldSnapshot['reason'] | undefined
  /** The frame of the last snapshot that was sent to it, -1 before the first. */
  snapshotFrame: number
  /** The frame that it has, where it misses what has left the ring; and the one on which the last leap stood that was sent to it. */
  behindAt: number | undefined
  leapBase: number
  /** What it sees of the stream, and since which frame. */
  interest: Interest
  interestFrame: number
  /** What it is to see next; undefined where nothing is under way. */
  wanted: Interest | undefined
  /** The tools of others that it wants to hear of; undefined for all. */
  tools: ReadonlySet<number> | undefined
  input: InputPredictiveState | undefined
  inputSequence: number
  /** Chunks of the last snapshot that are still to be sent, a few a frame. */
  chunks: readonly WorldSnapshot[]
  /** What goes out at the end of the next frame. */
  readonly later: Message[]
  /** The entries that it has asked for and that are still to be sent. */
  range: EntryRange | undefined
  /** The chunks of assets that it has asked for. */
  readonly assets: OutgoingAssets
  /** It has been told which assets there are, and hears of each that comes. */
  knowsAssets: boolean
}
export interface EntryRange {
  readonly fromLamport: Lamport
  /** How far it has been answered. */
  after: LogPlace
  upToLamport: Lamport
}

/** A stranger's. */
export const newSeat = (link: Link, conduct: Conduct, nowUs: number): Seat => ({
  link, conduct, shared: undefined, heartbeat: new HeartbeatMonitor(nowUs), author: undefined, role: 'viewer', enrolledLamport: 0,
  live: false, wantsSnapshot: undefined, snapshotFrame: -1, behindAt: undefined, leapBase: -1, interest: EVERYTHING,
  interestFrame: -Infinity, wanted: undefined, tools: undefined, input: undefined, inputSequence: -1, chunks: [], later: [],
  range: undefined, assets: new OutgoingAssets(), knowsAssets: false,
})
