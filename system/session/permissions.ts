/** Who may say what to the host: a table of message types, and how it asks the log for a member's role. */
import type { CommandLog } from '../commands/log.ts'
import { decodePayload } from '../commands/payload.ts'
import { memberEntity, memberJoined, memberLayout, memberRole, ROLES } from '../commands/registry.ts'
import { Member } from '../ecs/components.ts'
import type { ReadStore } from '../ecs/store.ts'
import type { AuthorId } from '../ids.ts'
import type { MessageName, Role } from '../protocol/messages.ts'

/** A stranger is connected, and has not been let in. */
type Sender = 'stranger' | Role

const STRANGER: readonly Sender[] = ['stranger']
const MEMBERS: readonly Sender[] = ['viewer', 'editor', 'admin']
const EDITORS: readonly Sender[] = ['editor', 'admin']
/** 'nobody' sends what only a host says. */
const SENDERS: Readonly<Record<MessageName, readonly Sender[] | 'nobody'>> = {
  SessionHello: STRANGER,
  Heartbeat: MEMBERS,
  InputPredictiveState: MEMBERS,
  EditorEvent: MEMBERS,
  TelemetryReport: MEMBERS,
  SessionControl: MEMBERS,
  NackRequest: MEMBERS,
  InterestSet: MEMBERS,
  LogRangeRequest: MEMBERS,
  CommandLogEntry: EDITORS,
  AssetTransfer: EDITORS,
  AssetNotice: EDITORS,
  AssetRequest: MEMBERS,
  SessionAcknowledge: 'nobody',
  WorldSnapshot: 'nobody',
  ComponentDelta: 'nobody',
  KeyRoster: 'nobody',
  CommandReceipt: 'nobody',
}

export const maySend = (sender: Sender, message: MessageName): boolean => SENDERS[message] !== 'nobody' && SENDERS[message].includes(sender)
/** Whether a message is refused of any member, whatever its role. */
export const isNoMembers = (message: MessageName): boolean => !MEMBERS.some((sender) => maySend(sender, message))

/**
 * The most that the log gives a member: as it is closed, or by any entry that is open. Which of them holds for an entry is
 * judged at its position in the fold; what no position can allow is not even verified.
 */
export function roleIn(closed: ReadStore, log: Pick<CommandLog, 'pending' | 'opened'>, author: AuthorId): Role {
  let rank = closed.get(memberEntity(author), Member)?.role ?? 0
  if (rank > 0) return ROLES[rank] ?? 'viewer'
  for (const { entry } of log.pending) {
    if (entry.command !== memberJoined.code && entry.command !== memberRole.code) continue
    const opened = log.opened(entry)
    const named = opened === undefined ? undefined : decodePayload(memberLayout, opened.payload)
    if (named?.author === author) rank = Math.max(rank, named.role)
  }
  return ROLES[rank] ?? 'viewer'
}

/** Whether the log, with what is open on top of it, gives a member all of these capabilities. */
export function isCapable(open: ReadStore, author: AuthorId, capabilities: number): boolean {
  const member = open.get(memberEntity(author), Member)
  return member !== undefined && member.present === 1 && (member.capabilities & capabilities) === capabilities
}
