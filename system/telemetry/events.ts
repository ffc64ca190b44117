/**
 * What a peer tells its driver about itself: plain records, no behaviour. A production driver counts them; the
 * simulator writes them to its trace, and the checkers read nothing else. Times are never carried: the driver knows
 * when it drained them. Digests are sixteen hexadecimal digits.
 */
import type { AuthorId, EntityId, Lamport } from '../ids.ts'
import type { ClosedBy } from '../ports.ts'
import type { Packing } from '../protocol/compression.ts'
import type {
  AssetRefusal, CommandEntry, ConflictPolicy, DisconnectCode, EditorEvent, MessageName, RefusalReason, Role, WorldSnapshot,
} from '../protocol/messages.ts'
import type { AlarmName } from './metrics.ts'

/** What wrote a row: a log entry, the delta of a frame, a snapshot, or the host's own runtime. */
export type WriteCause =
  | { readonly by: 'command'; readonly author: AuthorId; readonly lamport: Lamport }
  | { readonly by: 'delta'; readonly frame: number }
  | { readonly by: 'snapshot'; readonly snapshotId: number }
  | { readonly by: 'runtime'; readonly frame: number }

export type FoldOutcome =
  | 'applied'
  /** Under `merge`: a delta on top of others. */
  | 'merged'
  /** Under `reject`: somebody else's entry on the scope came first. */
  | 'rejected'
  /** The author's role or capabilities at this position do not allow it. */
  | 'denied'
  /** It names something that is not there (any more), or its payload makes no sense in this state. */
  | 'void'

/** Entries that wait for their closing, and own ones that the host has not admitted. */
export type CommandQueue = 'pending' | 'own'

/** A frame as a peer holds it, with the digests of the whole world and of its two sources. */
interface FrameState {
  readonly frame: number
  readonly epoch: number
  readonly closedLamport: Lamport
  readonly admittedCount: number
  readonly digest: string
  readonly logDigest: string
  readonly streamDigest: string
}

/**
 * Why a message came to nothing. `unreadable`: its bytes hold no message. `forbidden`: its sender may not send it. `budget`: its
 * sender has sent too many. `unfounded`: what it says does not hold.
 */
export type MessageRefusal = 'unreadable' | 'forbidden' | 'budget' | 'unfounded'

interface Carried {
  readonly message: MessageName
  readonly channel: string
  readonly bytes: number
  readonly peer: AuthorId
}

export type SystemEvent =
  // frames
  | { readonly event: 'frameClosed'; readonly worldBytes: number; readonly rows: number } & FrameState
  /**
   * What those who see by this interest, and not everything, were sent of the frame: its digest as they see it, and, over all of them,
   * the rows that it brought, those that had changed anywhere, and those of the latter that were not sent, since their member saw
   * nothing there.
   */
  | {
    readonly event: 'frameCut'
    readonly frame: number
    readonly interest: number
    readonly digest: string
    readonly members: number
    readonly rowsSent: number
    readonly rowsChanged: number
    readonly rowsFiltered: number
  }
  /** Where the stream has a budget: rows that the frame published and left waiting, and for how many frames the oldest of these waits. */
  | {
    readonly event: 'streamPublished'
    readonly frame: number
    readonly published: number
    readonly waiting: number
    readonly longestWait: number
    /** Of the changes in the frame, as who gets most of them gets it. */
    readonly bytes: number
  }
  /** `interest` is the mark of the one in force, 0 for everything. */
  | { readonly event: 'frameConfirmed'; readonly interest: number } & FrameState
  /** `snapshotId` is 0 where a leap stands for them. */
  | { readonly event: 'framesSkipped'; readonly fromFrame: number; readonly toFrame: number; readonly snapshotId: number }
  | { readonly event: 'divergence'; readonly frame: number; readonly expected: string; readonly actual: string }
  | { readonly event: 'auditRepaired'; readonly frame: number; readonly rows: number }
  // session
  | {
    readonly event: 'sessionOpened'
    readonly author: AuthorId
    readonly displayName: string
    readonly role: Role
    readonly capabilities: number
    readonly resumed: boolean
  }
  | { readonly event: 'sessionRefused'; readonly code: DisconnectCode; readonly hint: string }
  | {
    readonly event: 'sessionClosed'
    readonly author: AuthorId
    readonly code: DisconnectCode
    readonly by: ClosedBy
  }
  | { readonly event: 'roleChanged'; readonly author: AuthorId; readonly role: Role }
  | { readonly event: 'joined'; readonly author: AuthorId; readonly frame: number; readonly tookUs: number }
  | { readonly event: 'heartbeat'; readonly author: AuthorId; readonly rttUs: number; readonly jitterUs: number }
  | { readonly event: 'rosterUpdated'; readonly version: number; readonly members: number }
  // a host hands its session over: it has been told to; it has closed its log and saved it, in so many bytes. At a member: it gives no
  // more commands; all of its own are closed; it was told where the session goes on
  | { readonly event: 'handOverBegun'; readonly endpoint: string }
  /** At its successor, before anything else. */
  | { readonly event: 'sessionContinued'; readonly epoch: number; readonly closedLamport: Lamport }
  | { readonly event: 'handedOver'; readonly endpoint: string; readonly closedLamport: Lamport; readonly bytes: number }
  | { readonly event: 'sessionSuspended' | 'handOverReady' }
  | { readonly event: 'sessionMoved'; readonly endpoint: string }
  // storage, host only: what its disk gave back, generation 0 where there was nothing; `closedLamport` and all below is the checkpoint's
  | {
    readonly event: 'recovered'
    readonly generation: number
    readonly closedLamport: Lamport
    readonly entries: readonly { readonly author: AuthorId; readonly lamport: Lamport }[]
    /** Cut off the end: a write that the crash tore. */
    readonly tornBytes: number
  }
  | { readonly event: 'checkpointed'; readonly generation: number; readonly bytes: number }
  // messages; `peer` is the other side's author id, 1023 where it is not known yet
  | {
    readonly event: 'messageSent'
    /** Where compression is agreed on: what became of the body, and what the message would have had without. */
    readonly packing?: Packing
    readonly plainBytes?: number
  } & Carried
  | { readonly event: 'messageReceived' } & Carried
  | {
    readonly event: 'messageRefused'
    readonly cause: MessageRefusal
    readonly reason: string
    readonly bytes: number
    readonly peer: AuthorId
  }
  /** The user wants to see more than one message can ask for. */
  | { readonly event: 'subscriptionRefused' }
  // snapshots and repair
  /** One delta in place of the frames after `baseFrame`, up to `frame`. */
  | {
    readonly event: 'leapSent'
    readonly baseFrame: number
    readonly frame: number
    readonly rows: number
    readonly bytes: number
    readonly peer: AuthorId
  }
  | {
    readonly event: 'snapshotSent'
    readonly snapshotId: number
    readonly reason: WorldSnapshot['reason']
    readonly chunks: number
    readonly bytes: number
    readonly peer: AuthorId
  }
  | {
    readonly event: 'snapshotApplied'
    readonly snapshotId: number
    readonly reason: WorldSnapshot['reason']
    readonly frame: number
    readonly rows: number
  }
  | { readonly event: 'nackSent'; readonly fromFrame: number; readonly toFrame: number; readonly want: 'frames' | 'snapshot' | 'targeted' }
  | { readonly event: 'framesResent'; readonly fromFrame: number; readonly toFrame: number; readonly peer: AuthorId }
  | { readonly event: 'resyncStarted'; readonly reason: string; readonly frame: number }
  | { readonly event: 'resyncFinished'; readonly frame: number; readonly tookUs: number }
  | { readonly event: 'rangeRequested'; readonly afterLamport: Lamport; readonly upToLamport: Lamport }
  // commands
  | {
    readonly event: 'commandSigned'
    readonly author: AuthorId
    readonly lamport: Lamport
    /** Here and below: the Lamport time under which the command was signed first, at whoever tells of it. */
    readonly trace: Lamport
    readonly nonce: bigint
    readonly command: string
    readonly scope: number
    readonly resignedFrom: Lamport
  }
  | { readonly event: 'commandAdmitted'; readonly entry: CommandEntry; readonly command: string }
  | {
    readonly event: 'commandRefused'
    readonly author: AuthorId
    readonly lamport: Lamport
    readonly trace: Lamport
    readonly reason: RefusalReason
    readonly at: 'host' | 'peer'
  }
  /** The author has signed both, for one position of the log: the proof for anyone who has its key. The log has the first. */
  | {
    readonly event: 'equivocation'
    readonly author: AuthorId
    readonly lamport: Lamport
    readonly first: CommandEntry
    readonly second: CommandEntry
  }
  | { readonly event: 'commandIntegrated'; readonly author: AuthorId; readonly lamport: Lamport; readonly trace: Lamport }
  | {
    readonly event: 'commandFolded'
    readonly author: AuthorId
    readonly lamport: Lamport
    readonly trace: Lamport
    readonly frame: number
    readonly command: string
    readonly outcome: FoldOutcome
    readonly why: string
  }
  // an entry met a concurrent one of somebody else on its scope, and this is how it was decided
  | {
    readonly event: 'commandConflict'
    readonly author: AuthorId
    readonly lamport: Lamport
    readonly frame: number
    readonly strategy: ConflictPolicy
  }
  // an own command was not signed, because too many others wait for the host
  | { readonly event: 'commandDeclined'; readonly command: string; readonly waiting: number }
  // a queue of commands has grown to half its bound, or has fallen to a quarter of it again
  | {
    readonly event: 'commandBacklog'
    readonly queue: CommandQueue
    readonly state: 'long' | 'relieved'
    readonly depth: number
    readonly bound: number
  }
  // placement
  | { readonly event: 'commitRequested'; readonly commit: EntityId; readonly changes: number; readonly lamport: Lamport }
  | {
    readonly event: 'commitFolded'
    readonly commit: EntityId
    readonly author: AuthorId
    readonly lamport: Lamport
    readonly frame: number
    readonly status: 'APPLIED' | 'REJECTED'
    readonly changes: number
    readonly merged: number
    readonly conflicts: readonly { readonly kind: string; readonly placement: EntityId; readonly message: string; readonly hint: string }[]
  }
  // what members show each other: at the host, and at a member that was shown it
  | {
    readonly event: 'editorEventRelayed' | 'editorEventShown'
    readonly author: AuthorId
    readonly what: EditorEvent['event']
    /** 0: of no tool, and therefore for everybody. */
    readonly tool: number
    readonly digest: string
  }
  // the person
  | { readonly event: 'xrInput'; readonly type: string; readonly hand: string; readonly entity: EntityId }
  // physics and runtime, host only
  | { readonly event: 'physicsStepped'; readonly frame: number; readonly bodies: number; readonly contacts: number; readonly awake: number }
  // assets, by their numbers and digests: at a client, what its user offers and wants, and that the host has what it offered; at either,
  // that it has one, that one goes on at this chunk, and what comes to nothing
  | { readonly event: 'assetOffered' | 'assetHeld'; readonly asset: number; readonly sha256: string; readonly bytes: number }
  | { readonly event: 'assetWanted' | 'assetAccepted'; readonly asset: number; readonly sha256: string }
  | { readonly event: 'assetResumed'; readonly asset: number; readonly sha256: string; readonly chunk: number }
  /** `sha256` is empty where nobody has told it. */
  | { readonly event: 'assetRefused'; readonly asset: number; readonly sha256: string; readonly reason: AssetRefusal }
  // what somebody should look at, and what a member told of itself
  | { readonly event: 'alarm'; readonly alarm: AlarmName; readonly value: number; readonly limit: number }
  | { readonly event: 'telemetry'; readonly author: AuthorId; readonly frame: number; readonly metrics: number }
  // only at trace level `full`: what wrote each row
  | {
    readonly event: 'rowWritten'
    readonly entity: EntityId
    readonly component: string
    readonly removed: boolean
    readonly cause: WriteCause
  }
