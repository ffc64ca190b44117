/** SessionControl, kind by kind: each leaves empty what is not its own. */
import { type AuthorId, HOST_AUTHOR } from '../ids.ts'
import type { DisconnectCode, Role, SessionControl } from '../protocol/messages.ts'

const BLANK = {
  kind: 'SessionControl', code: 'normal', author: HOST_AUTHOR, role: 'viewer', hint: '', endpoint: '', successorKey: new Uint8Array(0),
} as const

/** A goodbye, or an admin's wish that somebody else goes. */
export const goodbye = (code: DisconnectCode, author: AuthorId, role: Role, hint: string): SessionControl =>
  ({ ...BLANK, control: 'disconnect', code, author, role, hint })
export const newRole = (author: AuthorId, role: Role): SessionControl =>
  ({ ...BLANK, control: 'roleChanged', author, role, hint: `this member is ${role} now` })
export const MIGRATION_INTENT: SessionControl = { ...BLANK, control: 'migrationIntent', hint: 'the session is about to move' }
export const READY: SessionControl = { ...BLANK, control: 'ready' }
export const rendezvous = (endpoint: string, successorKey: Uint8Array): SessionControl =>
  ({ ...BLANK, control: 'rendezvous', hint: 'the session goes on with another host', endpoint, successorKey })
