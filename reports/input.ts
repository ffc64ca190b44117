/**
 * What a report is made of: the records of the trace, and what the run knows beside them. Events of the simulated system
 * come as notes; they are read by their shape, of which only the fields that a report uses are declared here.
 */
import type { TraceRecord } from '../sim/trace.ts'
import type { ManifestComponent } from './worlddiff.ts'

export type RunRecord = TraceRecord

/** What stood on the command line, in the form that a replay hands back; further plain fields are kept as they are. */
export interface RunHeader {
  readonly version: string
  readonly scenario: string
  /** A name or a path: what stands after `theta-sim run`. */
  readonly source: string
  readonly sourceDigest: string
  readonly seed: string | number
  readonly frames: number
  readonly verifier: string
}

/** A network that a node was in. */
export interface RunNetwork {
  /** Of the node's interface; its id in the first one. */
  readonly address: number
  /** That the node is behind there, by the address that others see. */
  readonly translator?: { readonly address: number; readonly kind: string }
}
export interface RunNode {
  readonly id: number
  readonly name: string
  readonly role: 'host' | 'viewer' | 'editor' | 'admin'
  /** The host has one with each peer: 'none' of its own. */
  readonly transport: 'quic' | 'webrtc' | 'none'
  /** Beside the one whose address is its id; each by what it is for. */
  readonly interfaces?: readonly { readonly address: number; readonly name: string }[]
  /** Those that it was in, one after the other; left out where that was one, and it was behind nothing. */
  readonly networks?: readonly RunNetwork[]
}

/** What wrote a row, in words. */
export interface WriteStory {
  /** "ana's entity.translate at lamport 41" */
  readonly cause: string
  /** The message that brought it. */
  readonly message?: string
  /** The datagrams that the message arrived in, as the trace numbers them. */
  readonly datagrams?: readonly number[]
}

/** What wrote a row: an entry of the log, the delta of a frame, a snapshot, or the host's own runtime. */
export type RowCause =
  | { readonly by: 'command'; readonly author: number; readonly lamport: number }
  | { readonly by: 'delta' | 'runtime'; readonly frame: number }
  | { readonly by: 'snapshot'; readonly snapshotId: number }

/** One write of a row at one node. */
export interface RowWrite {
  readonly cause: RowCause
  readonly removed: boolean
  /** The frame that it is part of. */
  readonly frame: number
  readonly atUs: number
  /** How many records the trace had before it. */
  readonly record: number
  /** The message that brought it, and the datagrams that it arrived in. */
  readonly message?: string
  readonly datagrams?: readonly number[]
}

export type Side = 'host' | 'peer'

/** The first event in which the histories of one row part. */
export type Parting =
  /** That side has not written what the other has; `instead` is what it wrote in that frame. */
  | {
    readonly kind: 'missing'
    readonly side: Side
    readonly write: RowWrite
    readonly instead?: RowWrite
    /** What should have brought it: a message that arrived all the same, in these datagrams. */
    readonly message?: string
    readonly datagrams?: readonly number[]
  }
  /** One cause left other bytes on either side. */
  | { readonly kind: 'bytes'; readonly host: RowWrite; readonly peer: RowWrite }
  /** That side's row is not as it was written last, and nothing wrote it since. It was seen at this instant, before this record. */
  | {
    readonly kind: 'unwritten'
    readonly side: Side
    readonly change: 'changed' | 'vanished' | 'appeared'
    readonly atUs: number
    readonly record: number
    readonly last?: RowWrite
  }
  /** The host's row is not what the oracle has: what wrote it in the frame in question, if anything did. */
  | { readonly kind: 'judged'; readonly write?: RowWrite }

/** Canonical bytes of the whole world on both sides, at the first frame at which they differ. */
export interface RunDivergence {
  readonly frame: number
  readonly peer: string
  readonly hostBytes: Uint8Array
  readonly peerBytes: Uint8Array
  /** Where several rows differ, the one from which the others came; the first in canonical order where it is not known. */
  readonly cause?: { readonly entity: number; readonly component: string }
  readonly hostWrite?: WriteStory
  readonly peerWrite?: WriteStory
  /**
   * Where a row changed that nothing wrote, and was overwritten by the end of the frame: whose. The bytes are then that
   * side's as the change was seen, and the same as they had been written.
   */
  readonly within?: Side
  /** Of the named row; undefined where its histories are the same, or there is none. */
  readonly parting?: Parting
  /** The last writes of the named row on each side, the oldest first. */
  readonly history?: { readonly host: readonly RowWrite[]; readonly peer: readonly RowWrite[] }
}

/** How a run failed. Two runs fail the same way where all four are equal. */
export interface FailureKind {
  readonly exit: RunInfo['exit']
  /** The checker that found it first, or what broke the run off. */
  readonly check: string
  /** The component of the row that differs, or what else the checker names: a counter, an assertion; '' where it names nothing. */
  readonly component: string
  /** Of that row; '' where there is none. */
  readonly field: string
}

/** How often something had to happen, and how often it did. */
export interface Expectation {
  readonly name: string
  /** A least value, or a range with both ends in it. */
  readonly wanted: number | readonly [least: number, most: number]
  readonly got: number
}
export const isMet = ({ wanted, got }: Expectation): boolean =>
  (typeof wanted === 'number' ? got >= wanted : got >= wanted[0] && got <= wanted[1])

/** Plain data. Times are virtual microseconds; digests are hexadecimal. */
export interface RunInfo {
  readonly run: RunHeader
  readonly hz: number
  /** One of them is the host. */
  readonly nodes: readonly RunNode[]
  readonly manifest: readonly ManifestComponent[]
  readonly exit: 0 | 1 | 2 | 3 | 4 | 5
  readonly verdict: string
  /** Absent from a run that converged. */
  readonly failure?: FailureKind
  readonly failures: readonly { readonly check: string; readonly message: string; readonly details: object }[]
  readonly mustHappen: readonly Expectation[]
  readonly traceDigest: string
  /** Records in the trace. */
  readonly events: number
  readonly endedAtUs: number
  /** When the network healed. */
  readonly calmAtUs: number
  readonly finalFrame: number
  readonly finalDigest: string
  readonly finalBytes: number
  /** Choices that did not take the benign alternative. */
  readonly choices: number
  readonly planDigest: string
  readonly operations: number
  readonly divergence?: RunDivergence
}

export const FOLD_OUTCOMES = ['applied', 'merged', 'rejected', 'denied', 'void'] as const
export type FoldOutcome = (typeof FOLD_OUTCOMES)[number]

/** Events as a report reads them; authors, entities, frames and Lamport times are integers. */
export type ReportedEvent =
  | { readonly event: 'frameClosed'; readonly frame: number; readonly digest: string; readonly worldBytes: number }
  | FrameCut
  | { readonly event: 'frameConfirmed'; readonly frame: number; readonly interest: number; readonly digest: string }
  /** `snapshotId` is 0 where one delta stands for them. */
  | { readonly event: 'framesSkipped'; readonly fromFrame: number; readonly toFrame: number; readonly snapshotId: number }
  | { readonly event: 'leapSent' }
  | { readonly event: 'streamPublished'; readonly waiting: number; readonly longestWait: number }
  | { readonly event: 'divergence' }
  | SessionEvent
  | { readonly event: 'joined'; readonly tookUs: number }
  | MessageSent
  | { readonly event: 'messageRefused'; readonly cause: string; readonly reason: string; readonly peer: number }
  | SnapshotSent
  | { readonly event: 'snapshotApplied'; readonly snapshotId: number; readonly frame: number }
  | { readonly event: 'nackSent' }
  | { readonly event: 'resyncStarted'; readonly reason: string; readonly frame: number }
  | { readonly event: 'framesResent'; readonly fromFrame: number; readonly toFrame: number; readonly peer: number }
  | { readonly event: 'resyncFinished'; readonly tookUs: number }
  | CommandSigned
  | { readonly event: 'commandAdmitted'; readonly entry: { readonly author: number; readonly lamport: number; readonly trace: number } }
  | { readonly event: 'commandIntegrated'; readonly author: number; readonly lamport: number; readonly trace: number }
  | CommandRefused
  | { readonly event: 'equivocation'; readonly author: number; readonly lamport: number }
  | CommandConflict
  | { readonly event: 'commandDeclined'; readonly command: string; readonly waiting: number }
  | { readonly event: 'commandBacklog'; readonly queue: string; readonly state: 'long' | 'relieved'; readonly depth: number }
  | CommandFolded
  | { readonly event: 'commitRequested'; readonly commit: number; readonly changes: number }
  | CommitFolded
  | { readonly event: 'editorEventRelayed' | 'editorEventShown'; readonly what: string }
  | { readonly event: 'handedOver'; readonly closedLamport: number }
  | { readonly event: 'assetOffered' | 'assetHeld' | 'assetResumed' | 'assetRefused'; readonly sha256: string }
  | { readonly event: 'xrInput'; readonly type: string }
  | { readonly event: 'physicsStepped'; readonly bodies: number; readonly contacts: number }
  /** Of the host's disk; generation 0 where it held nothing. */
  | { readonly event: 'recovered'; readonly generation: number }
  | { readonly event: 'checkpointed' }
  /** A crash met a write: how many of its bytes it left. */
  | { readonly event: 'unconfirmed'; readonly file: string; readonly offset: number; readonly bytes: number; readonly kept: number }
  | { readonly event: 'operation'; readonly label: string; readonly verb: string }
  /** A rare state that a peer reached. */
  | { readonly event: 'mark'; readonly name: string }
  /** A peer took the rare way; right behind the choice in the trace. */
  | { readonly event: 'faultPoint'; readonly name: string; readonly keyHi: number; readonly keyLo: number }

/** What those were sent who see by one interest, and not everything. */
export interface FrameCut {
  readonly event: 'frameCut'
  readonly frame: number
  readonly interest: number
  readonly digest: string
  readonly members: number
  readonly rowsSent: number
  readonly rowsChanged: number
  readonly rowsFiltered: number
}

export interface SessionOpened {
  readonly event: 'sessionOpened'
  readonly author: number
  readonly displayName: string
  readonly role: string
  readonly resumed: boolean
}
export type SessionEvent =
  | SessionOpened
  | { readonly event: 'sessionRefused'; readonly code: string; readonly hint: string }
  | { readonly event: 'sessionClosed'; readonly author: number; readonly code: string; readonly by: string }

export interface MessageSent {
  readonly event: 'messageSent'
  readonly message: string
  readonly channel: string
  readonly bytes: number
  readonly peer: number
  /** Where compression is agreed on: what became of the body, and what the message would have had without. */
  readonly packing?: Packing
  readonly plainBytes?: number
}
export type Packing = 'compressed' | 'bypassed' | 'grown'

export interface SnapshotSent {
  readonly event: 'snapshotSent'
  readonly snapshotId: number
  readonly reason: string
  readonly chunks: number
  readonly bytes: number
  readonly peer: number
}

export interface CommandSigned {
  readonly event: 'commandSigned'
  readonly author: number
  readonly lamport: number
  /** The Lamport time under which it was signed first. */
  readonly trace: number
  readonly command: string
  readonly scope: number
  readonly resignedFrom: number
}
export interface CommandRefused {
  readonly event: 'commandRefused'
  readonly author: number
  readonly lamport: number
  readonly reason: string
  readonly at: 'host' | 'peer'
}

export interface CommandConflict {
  readonly event: 'commandConflict'
  readonly author: number
  readonly lamport: number
  readonly frame: number
  readonly strategy: string
}
export interface CommandFolded {
  readonly event: 'commandFolded'
  readonly author: number
  readonly lamport: number
  /** The Lamport time under which it was signed first. */
  readonly trace: number
  readonly frame: number
  readonly command: string
  readonly outcome: FoldOutcome
  readonly why: string
}

export interface Conflict {
  readonly kind: string
  readonly placement: number
  readonly message: string
  readonly hint: string
}
export interface CommitFolded {
  readonly event: 'commitFolded'
  readonly commit: number
  readonly author: number
  readonly lamport: number
  readonly frame: number
  readonly status: 'APPLIED' | 'REJECTED'
  readonly changes: number
  readonly merged: number
  readonly conflicts: readonly Conflict[]
}

/** An event by its name. */
export type EventNamed<Name extends ReportedEvent['event']> = Extract<ReportedEvent, { readonly event: Name }>

/** The event of a note. Notes that a report does not know pass every `switch` by. */
export const eventOf = (note: Extract<RunRecord, { readonly kind: 'note' }>): ReportedEvent => note.data as unknown as ReportedEvent

/** @throws {RangeError} where the run has no host. */
export function hostNode(nodes: readonly RunNode[]): number {
  const host = nodes.find(({ role }) => role === 'host')
  if (host === undefined) throw new RangeError('nodes: expected one with the role host, got none')
  return host.id
}
