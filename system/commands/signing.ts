/**
 * The canonical form of a command entry: what its signature covers. Fixed order, little-endian, nothing optional, with
 * the session id and the epoch inside, so that an entry is worth nothing in another session or epoch.
 *
 *     'theta/command/3' | session id 16 | epoch u32 | author u16 | command u16 | policy u8 | scope kind u8 | scope u32 |
 *     lamport u64 | trace u64 | nonce u64 | previous nonce u64 | base lamport u64 | base author u16 | payload length u32 | payload
 */
import type { CommandEntry, ConflictPolicy, ScopeKind } from '../protocol/messages.ts'

const DOMAIN = Uint8Array.from('theta/command/3', (character) => character.charCodeAt(0))
export const SESSION_ID_BYTES = 16
const FIXED_BYTES = DOMAIN.length + SESSION_ID_BYTES + 4 + 2 + 2 + 1 + 1 + 4 + 8 + 8 + 8 + 8 + 8 + 2 + 4
const POLICIES: readonly ConflictPolicy[] = ['lastWriteWins', 'merge', 'reject']
const SCOPES: readonly ScopeKind[] = ['global', 'entity', 'tool']
const TWO_TO_32 = 0x1_0000_0000

export type UnsignedEntry = Omit<CommandEntry, 'signature'>

export function signingBytes(sessionId: Uint8Array, entry: UnsignedEntry): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES + entry.payload.length)
  const view = new DataView(bytes.buffer)
  bytes.set(DOMAIN, 0)
  bytes.set(sessionId, DOMAIN.length)
  let at = DOMAIN.length + SESSION_ID_BYTES
  const u64 = (value: number) => {
    view.setUint32(at, value % TWO_TO_32, true)
    view.setUint32(at + 4, Math.floor(value / TWO_TO_32), true)
    at += 8
  }
  view.setUint32(at, entry.epoch, true); at += 4
  view.setUint16(at, entry.author, true); at += 2
  view.setUint16(at, entry.command, true); at += 2
  view.setUint8(at, POLICIES.indexOf(entry.policy)); at += 1
  view.setUint8(at, SCOPES.indexOf(entry.scopeKind)); at += 1
  view.setUint32(at, entry.scope, true); at += 4
  u64(entry.lamport)
  u64(entry.trace)
  view.setBigUint64(at, entry.nonce, true); at += 8
  view.setBigUint64(at, entry.previousNonce, true); at += 8
  u64(entry.baseLamport)
  view.setUint16(at, entry.baseAuthor, true); at += 2
  view.setUint32(at, entry.payload.length, true); at += 4
  bytes.set(entry.payload, at)
  return bytes
}
