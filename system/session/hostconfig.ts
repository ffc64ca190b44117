/** What a host is told at its beginning, and what it tells of what it holds. */
import type { AuthorId } from '../ids.ts'
import type { Role } from '../protocol/messages.ts'
import type { Recovered } from '../storage/recovery.ts'
import type { RateLimits } from './conduct.ts'
import type { SavedSession } from './savedsession.ts'

export interface HostConfig {
  /** 16 bytes, new for every session. */
  readonly sessionId: Uint8Array
  /** Rises by one with each change of host. */
  readonly epoch: number
  readonly displayName: string
  /** What the node's disk gave back of a session that goes on; its id and epoch stand then instead of those above. */
  readonly recovered?: Recovered
  /** The role that this token is good for, at most the one asked; undefined refuses. */
  authorise(token: Uint8Array, requestedRole: Role, displayName: string): Role | undefined
  /** Whether the payloads of the log are sealed, so that members alone can read them (default false). Clients have to want it, too. */
  readonly sealed?: boolean
  /** What a member may do in a time, where it is not what limits.ts says. */
  readonly limits?: Partial<RateLimits>
  /**
   * What the changes of the stream may take for each member, in bytes a second, a whole number from STREAM_BYTES_PER_SECOND_MIN on; what
   * is more waits (replication/publication.ts). Left out, every change goes out with its frame.
   */
  readonly streamBytesPerSecond?: number
  /** Nonces that are spent already: what a client of the host before knows (`Client.nonces`). */
  readonly nonces?: Iterable<readonly [AuthorId, bigint]>
  /** What it grants of what clients offer (features.ts); all that this build can do where it is left out. */
  readonly features?: number
  /** What this session goes on from (saved.ts). */
  readonly saved?: SavedSession
}

/** What a host keeps on account of others, in numbers. */
export interface Holdings {
  readonly strangers: number
  readonly members: number
  readonly conducts: number
  readonly proofs: number
  /** Entries that are not closed. */
  readonly pending: number
  /** Messages that wait for the end of the frame, at the seat that has the most. */
  readonly later: number
  /** Assets, those on their way to it included, and their bytes. */
  readonly assets: number
  readonly assetBytes: number
}
