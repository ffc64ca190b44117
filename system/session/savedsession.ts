/** What a saved session holds: the form that saved.ts writes and reads, and that migrations lead to. */
import type { LogPosition } from '../commands/log.ts'
import type { AuthorId } from '../ids.ts'

interface SavedMember {
  readonly author: AuthorId
  readonly publicKey: Uint8Array
  readonly displayName: string
  readonly banned: boolean
  /** Above it its numbers go on. */
  readonly nonceHighWater: bigint
}
/** Rows of one component, ascending: entity u32, then the row. */
export interface SavedTable {
  readonly component: string
  readonly stride: number
  readonly rows: Uint8Array
}
export interface SavedSession {
  readonly closedLamport: number
  readonly admittedCount: number
  readonly admittedDigest: LogPosition['digest']
  readonly nextAuthor: AuthorId
  readonly members: readonly SavedMember[]
  readonly tables: readonly SavedTable[]
}
