/**
 * All that a client keeps on its disk: the session that it is a member of. With its key it is itself again; commands that were not
 * acknowledged are given up with a crash.
 */
import { SESSION_ID_BYTES } from '../commands/signing.ts'
import type { Storage, StorageOutput } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'

const SESSION_FILE = 'session'

/** The session of a former life, or nothing; a wrong one is refused by its host, and harms nobody. */
export function rememberedSession(storage: Storage | undefined): Uint8Array {
  const sessionId = storage?.read(SESSION_FILE)
  return sessionId?.length === SESSION_ID_BYTES ? sessionId.slice() : new Uint8Array(0)
}

/** What to do that it is remembered. */
export function rememberSession(storage: Storage | undefined, sessionId: Uint8Array): readonly StorageOutput[] {
  if (storage === undefined || bytesEqual(rememberedSession(storage), sessionId)) return []
  return [
    { kind: 'discard', ticket: 0, file: SESSION_FILE }, { kind: 'store', ticket: 0, file: SESSION_FILE, bytes: sessionId.slice() },
  ]
}
