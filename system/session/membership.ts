/** A client's membership of a session, from its acknowledgement until another one. */
import type { CommandLog } from '../commands/log.ts'
import type { CommandPipeline } from '../commands/pipeline.ts'
import type { CommandSigner } from '../commands/signer.ts'
import type { AuthorId } from '../ids.ts'
import type { GroupKeys } from '../security/groupkeys.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { Desk } from './desk.ts'
import type { Roster } from './roster.ts'

/** What the acknowledgement settled: everything that lives as long as the session does. */
export interface Membership {
  readonly author: AuthorId
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly hostKey: Uint8Array
  readonly roster: Roster
  readonly nonces: NonceMarks
  /** Where the log is sealed. */
  readonly keys: GroupKeys | undefined
  readonly log: CommandLog
  readonly signer: CommandSigner
  readonly pipeline: CommandPipeline
  readonly desk: Desk
}
