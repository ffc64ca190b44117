/** A settled commit as the driver hears of it. */
import type { CommitResult } from '../placement/apply.ts'
import type { CommandEntry } from '../protocol/messages.ts'
import type { SystemEvent } from './events.ts'

export function commitEvent(result: CommitResult, entry: CommandEntry, frame: number): SystemEvent {
  const conflicts = result.conflicts.map(({ type: kind, placement, message, resolutionHint: hint }) => ({ kind, placement, message, hint }))
  return {
    event: 'commitFolded', commit: result.context.commit, author: entry.author, lamport: entry.lamport, frame,
    status: result.status === 'APPLIED' ? 'APPLIED' : 'REJECTED', changes: result.changes.length, merged: result.merged, conflicts,
  }
}
