/**
 * The message catalogue, as plain data. `codec.ts` turns each into FlatBuffers bytes and back; nothing else in
 * `system/` touches FlatBuffers. Numbers are integers within the ranges given; a decoder refuses others.
 */
import type { AuthorId, EntityId, Hash64, Lamport } from '../ids.ts'

/** Message type codes as they stand in the envelope. Never renumber: add. */
export const MessageType = {
  SessionHello: 1,
  SessionAcknowledge: 2,
  Heartbeat: 3,
  WorldSnapshot: 4,
  ComponentDelta: 5,
  CommandLogEntry: 6,
  InputPredictiveState: 7,
  EditorEvent: 8,
  AssetTransfer: 9,
  TelemetryReport: 10,
  SessionControl: 11,
  NackRequest: 12,
  InterestSet: 13,
  LogRangeRequest: 14,
  KeyRoster: 15,
  CommandReceipt: 16,
  AssetRequest: 17,
  AssetNotice: 18,
} as const
export type MessageName = keyof typeof MessageType

export type Role = 'viewer' | 'editor' | 'admin'
export type ConflictPolicy = 'lastWriteWins' | 'merge' | 'reject'
export type ScopeKind = 'global' | 'entity' | 'tool'
export type CompressionMode = 'none' | 'zstd'

/** Client to host, first message on a connection. */
export interface SessionHello {
  readonly kind: 'SessionHello'
  readonly protocolMajor: number
  readonly protocolMinor: number
  readonly protocolPatch: number
  readonly schemaHash: Hash64
  readonly manifestHash: Hash64
  /** 16 random bytes. */
  readonly clientNonce: Uint8Array
  /** 32 bytes. */
  readonly clientPublicKey: Uint8Array
  /** Bit set, see capabilities.ts. */
  readonly requestedCapabilities: number
  readonly requestedRole: Role
  readonly transports: readonly string[]
  readonly compression: readonly CompressionMode[]
  readonly displayName: string
  /** Empty where none is required. At most 256 bytes. */
  readonly authToken: Uint8Array
  /** A session id to resume as a known author after a lost connection; 16 bytes, or empty. */
  readonly resumeSessionId: Uint8Array
  /** What this side can do beyond what every build of the major version does: bit set, see features.ts. */
  readonly features: number
  /** Versions of the compression dictionaries that this side has. */
  readonly dictionaries: readonly number[]
  /** X25519, 32 bytes, from which both sides derive shared keys; or empty. */
  readonly exchangeKey: Uint8Array
  /** 64 bytes over the hello and the transport's channel binding: possession of the key, on this very connection. */
  readonly signature: Uint8Array
}

/** Host to client: accepted. */
export interface SessionAcknowledge {
  readonly kind: 'SessionAcknowledge'
  readonly protocolMajor: number
  readonly protocolMinor: number
  readonly protocolPatch: number
  readonly serverNonce: Uint8Array
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly author: AuthorId
  readonly assignedRole: Role
  /** Granted, of those asked. */
  readonly capabilityMask: number
  readonly serverPublicKey: Uint8Array
  readonly frame: number
  /** The highest nonce that the host has accepted from this author: a resuming author goes on above it. */
  readonly nonceHighWater: bigint
  /** Of the features offered, those that this session uses, and those that it does not; `hint` says why. */
  readonly features: number
  readonly featuresDenied: number
  /** What either side may use from here on, and with which dictionary. */
  readonly compression: CompressionMode
  readonly dictionary: number
  /** X25519, 32 bytes, or empty. */
  readonly exchangeKey: Uint8Array
  /** For people, where something was denied. */
  readonly hint: string
  readonly signature: Uint8Array
}

/** Both ways. `pong` answers the ping whose `sentAtUs` it echoes. Microseconds of the sender's own clock. */
export interface Heartbeat {
  readonly kind: 'Heartbeat'
  readonly pong: boolean
  readonly sequence: number
  readonly sentAtUs: number
  readonly rttUs: number
  readonly jitterUs: number
}

/** One chunk of a snapshot. Chunks 0..chunkCount-1 of one `snapshotId` concatenate to a body that replication/snapshot.ts lays out. */
export interface WorldSnapshot {
  readonly kind: 'WorldSnapshot'
  readonly snapshotId: number
  readonly epoch: number
  readonly frame: number
  readonly reason: 'join' | 'resync' | 'targeted' | 'interest'
  /** Its chunks are spread over frames: there are more of them than go out at once. */
  readonly streaming: boolean
  readonly chunk: number
  readonly chunkCount: number
  readonly bodyBytes: number
  /** Digest of the whole body, on every chunk. */
  readonly bodyDigest: Hash64
  readonly body: Uint8Array
}

/** A replication frame. Sent every frame, even when nothing changed: it closes the log up to `closedLamport`. */
export interface ComponentDelta {
  readonly kind: 'ComponentDelta'
  readonly epoch: number
  readonly frame: number
  readonly closedLamport: Lamport
  readonly admittedCount: number
  readonly admittedDigest: Hash64
  /** The host's digest of all that this member sees at this frame: Theta's own divergence check. */
  readonly stateDigest: Hash64
  /** The frame whose state it changes; -1: the empty world. */
  readonly baseFrame: number
  /** The mark of the interest that is in force from this frame on; 0 for everything. */
  readonly interest: number
  /** Whether its segments list the rows that they are about (replication/listing.ts), and do not rank them among all. */
  readonly listed: boolean
  /** What became of the stream's rows: segments as replication/delta.ts lays them out. */
  readonly body: Uint8Array
  /** Whether it stands in place of all frames after its base (replication/leap.ts), and does not follow the last one. */
  readonly leap: boolean
}

/** A signed command. `signature` covers the canonical form of every other field together with the session id (commands/signing.ts). */
export interface CommandEntry {
  readonly epoch: number
  readonly author: AuthorId
  readonly lamport: Lamport
  readonly nonce: bigint
  readonly command: number
  readonly policy: ConflictPolicy
  readonly scopeKind: ScopeKind
  /** Entity id or tool id; 0 for the global scope. */
  readonly scope: number
  /** The last entry on this scope that the author had seen: what `reject` compares. 0, 0 for none. */
  readonly baseLamport: Lamport
  readonly baseAuthor: AuthorId
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** The nonce of the entry that its author gave before this one and that stands, or is on its way; 0 for none. */
  readonly previousNonce: bigint
  /** The Lamport time at which it was first signed, where that was an earlier one; 0 for its own. With its author, what tells it apart. */
  readonly trace: Lamport
}
/** Client to host: one's own entries; host to clients: admitted ones. */
export interface CommandLogEntry {
  readonly kind: 'CommandLogEntry'
  readonly entries: readonly CommandEntry[]
}

export type RefusalReason =
  | 'signature' | 'nonce' | 'rate' | 'size' | 'late' | 'author' | 'epoch' | 'duplicate' | 'malformed'
  /** Its sender may give no commands at all. */
  | 'role'
  /** What its author gave before it has not been admitted. */
  | 'order'
/** Host to author: refused, by name. (Admission is told by the broadcast of the entry itself.) */
export interface CommandReceipt {
  readonly kind: 'CommandReceipt'
  readonly lamport: Lamport
  readonly nonce: bigint
  readonly refusal: RefusalReason
  /** What the author must exceed when it signs anew. */
  readonly closedLamport: Lamport
}

/** Client to host, every few frames, lossy. Positions in 1/512 m, rotations as four signed 16-bit parts of 32767. */
export interface InputPredictiveState {
  readonly kind: 'InputPredictiveState'
  readonly sequence: number
  readonly frame: number
  readonly horizonUs: number
  readonly gesture: number
  readonly head: PoseQ
  readonly left: PoseQ
  readonly right: PoseQ
}
export interface PoseQ {
  readonly x: number
  readonly y: number
  readonly z: number
  readonly qx: number
  readonly qy: number
  readonly qz: number
  readonly qw: number
}

/** Both ways (the host relays): what a user does that is not state. */
export interface EditorEvent {
  readonly kind: 'EditorEvent'
  readonly author: AuthorId
  readonly event:
    | 'toolActivated' | 'toolDeactivated' | 'hover' | 'gizmo' | 'panel' | 'highlighted' | 'unhighlighted' | 'cursor' | 'chat'
  readonly entity: EntityId
  readonly tool: number
  /** What a panel shows (empty: it is closed), or a line of the talk. At most 256 bytes of UTF-8. */
  readonly detail: string
  readonly panel: number
  /** Of what a gizmo drags, in 1/256. */
  readonly scale: number
  /** Where the ray meets what it rests on, or where a gizmo shows what it drags; a gizmo without has let go. */
  readonly pose: PoseQ | undefined
}

/** Both ways, and only what was asked for: a chunk of an asset. All but the last have ASSET_CHUNK_BYTES. */
export interface AssetTransfer {
  readonly kind: 'AssetTransfer'
  /** The number by which placements name it: the first four bytes of its digest. */
  readonly assetId: number
  readonly chunk: number
  readonly chunkCount: number
  readonly totalBytes: number
  /** SHA-256 of the whole asset, 32 bytes. */
  readonly sha256: Uint8Array
  /** From the host: what it wants to see again where the transfer goes on. At most 64 bytes, empty from a member. */
  readonly resumeToken: Uint8Array
  readonly body: Uint8Array
}
/** Both ways: chunks [fromChunk, toChunk) are wanted of whoever has the asset. */
export interface AssetRequest {
  readonly kind: 'AssetRequest'
  readonly sha256: Uint8Array
  readonly fromChunk: number
  readonly toChunk: number
  /** From the host: what it wants to see in the next offer of this asset; from a member: what it was given with the chunks before. */
  readonly resumeToken: Uint8Array
}
/** Why an asset, or a part of it, is not taken or not given. */
export type AssetRefusal =
  | 'none'
  /** Empty, or larger than an asset may be. */
  | 'size'
  /** There is no room for it. */
  | 'full'
  /** Too many transfers are under way. */
  | 'many'
  /** Another asset has its number. */
  | 'number'
  /** Its bytes are not what the digest says. */
  | 'digest'
  /** The resume token is not one that this host gave for this transfer. */
  | 'token'
  /** Nobody here has it. */
  | 'unknown'
  /** A viewer may offer nothing. */
  | 'role'
  /** The other side said nothing of it for too long. */
  | 'stalled'
/** A member offers an asset; the host tells that it holds one, or what it refuses. */
export interface AssetNotice {
  readonly kind: 'AssetNotice'
  readonly notice: 'offered' | 'held' | 'refused'
  readonly refusal: AssetRefusal
  readonly totalBytes: number
  readonly sha256: Uint8Array
  /** With an offer that goes on where it was broken off. */
  readonly resumeToken: Uint8Array
}

/** Client to host, once a second. */
export interface TelemetryReport {
  readonly kind: 'TelemetryReport'
  readonly frame: number
  readonly confirmedFrame: number
  readonly rttUs: number
  readonly jitterUs: number
  readonly counters: readonly { readonly name: string; readonly value: number }[]
}

export type DisconnectCode =
  | 'normal'
  | 'protocolVersion'
  | 'schemaHash'
  | 'authentication'
  | 'duplicateKey'
  | 'kicked'
  | 'banned'
  | 'timeout'
  | 'protocolError'
  | 'full'
/** Refusals, goodbyes, role changes, migration notices. */
export interface SessionControl {
  readonly kind: 'SessionControl'
  readonly control: 'disconnect' | 'roleChanged' | 'migrationIntent' | 'rendezvous' | 'ready'
  readonly code: DisconnectCode
  readonly author: AuthorId
  readonly role: Role
  /** What the other side should do about it, one sentence for a person. */
  readonly hint: string
  /** Of a rendezvous: where the session goes on, as the driver's transport resolves it, and the key that its host has there; or empty. */
  readonly endpoint: string
  readonly successorKey: Uint8Array
}

/**
 * Client to host: replication frames [fromFrame, toFrame] are missing; or a snapshot is wanted, because of a gap or
 * ('targeted') a divergence.
 */
export interface NackRequest {
  readonly kind: 'NackRequest'
  readonly epoch: number
  readonly fromFrame: number
  readonly toFrame: number
  readonly want: 'frames' | 'snapshot' | 'targeted'
}

/** A cube of CELL_STEPS: its corner of least coordinates, in cells. */
export interface Cell {
  readonly x: number
  readonly y: number
  readonly z: number
}
/** Client to host: what it wants to see of the stream, and whose tools it wants to hear of, from the next frame that can be. */
export interface InterestSet {
  readonly kind: 'InterestSet'
  readonly epoch: number
  /** Cells and tools do not matter then. */
  readonly everything: boolean
  readonly cells: readonly Cell[]
  readonly tools: readonly number[]
}

/** Client to host: entries with lamport > `afterLamport` and <= `upToLamport`. */
export interface LogRangeRequest {
  readonly kind: 'LogRangeRequest'
  readonly epoch: number
  readonly afterLamport: Lamport
  readonly upToLamport: Lamport
}

export interface RosterMember {
  readonly author: AuthorId
  readonly publicKey: Uint8Array
  readonly displayName: string
  readonly present: boolean
  /** Its key is never let in again. */
  readonly banned: boolean
  /** The highest nonce of this author that the host had accepted when it signed the roster: the next host refuses what is not above it. */
  readonly nonceHighWater: bigint
  /** The group key, wrapped for this member (48 bytes); empty where the session is not sealed, or the member is not there. */
  readonly wrappedKey: Uint8Array
}
/** Host to clients, whole, on every change; version rises by one. Signed by the host's key. Departed members stay. */
export interface KeyRoster {
  readonly kind: 'KeyRoster'
  readonly epoch: number
  readonly version: number
  /** Of the group key; 0 where the session is not sealed. */
  readonly keyGeneration: number
  readonly members: readonly RosterMember[]
  readonly signature: Uint8Array
}

export type Message =
  | SessionHello
  | SessionAcknowledge
  | Heartbeat
  | WorldSnapshot
  | ComponentDelta
  | CommandLogEntry
  | CommandReceipt
  | InputPredictiveState
  | EditorEvent
  | AssetTransfer
  | AssetRequest
  | AssetNotice
  | TelemetryReport
  | SessionControl
  | NackRequest
  | InterestSet
  | LogRangeRequest
  | KeyRoster

/** Sequence numbers in the envelope count per category, so that a gap is seen per kind of traffic. */
export type Category = 'control' | 'replication' | 'command' | 'input' | 'asset'

// --- The payload of the placement commit command (CommandEntry.payload, a FlatBuffers table of its own) -------------

/**
 * A placement as a change carries it. Position in 1/512 m; rotation as four parts of 32767; scale in 1/256; tags a bit
 * set (placement/tags.ts).
 */
export interface PlacementState extends PoseQ {
  readonly asset: number
  readonly region: number
  readonly scale: number
  readonly tags: number
}
/** What the author drafted against (`before`) and wants (`after`). ADD has no before, REMOVE no after. */
export interface DraftChange {
  readonly change: 'ADD' | 'UPDATE' | 'REMOVE'
  readonly placement: EntityId
  readonly draft: number
  readonly before: PlacementState | undefined
  readonly after: PlacementState | undefined
}
export interface PlacementCommit {
  /** The entity that records this commit; owned by the author's own counter. */
  readonly commit: EntityId
  readonly session: number
  readonly region: number
  readonly requestedAtUs: number
  readonly changes: readonly DraftChange[]
}
