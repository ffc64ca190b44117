/** Disconnect codes as the transport carries them: the place in this list. Never reorder: add. */
import type { DisconnectCode } from '../protocol/messages.ts'

export const DISCONNECT_CODES: readonly DisconnectCode[] = [
  'normal', 'protocolVersion', 'schemaHash', 'authentication', 'duplicateKey', 'kicked', 'banned', 'timeout', 'protocolError', 'full',
]
/** Codes after which trying again cannot help. */
export const FINAL_CODES: ReadonlySet<DisconnectCode> = new Set<DisconnectCode>([
  'protocolVersion', 'schemaHash', 'authentication', 'duplicateKey', 'kicked', 'banned', 'full',
])
