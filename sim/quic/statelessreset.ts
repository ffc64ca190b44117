/** Stateless reset (RFC 9000, section 10.3): tokens that a server can work out again after it has forgotten everything. */
import { keyedHash, type ProtectionKind } from './keyderivation.ts'
import { ascii, concat, isSame } from '../octets.ts'

const RESET_TOKEN_BYTES = 16
/** A shorter datagram is no reset, as it would be no packet either. */
const RESET_BYTES_MIN = 21
/** As long as a short packet with data in it, so that nobody can tell. */
const RESET_BYTES_MAX = 42
/** As long as an acknowledgement: what answers one, or a reset that nobody wanted. */
const RESET_BYTES_SMALL = 27

/** The token of a connection id, 16 bytes: from a key of the server alone (section 10.3.2). */
export function resetToken(kind: ProtectionKind, key: Uint8Array, connectionId: Uint8Array): Uint8Array {
  return keyedHash(kind, key, concat(ascii('stateless reset'), connectionId)).subarray(0, RESET_TOKEN_BYTES)
}

/**
 * The datagram that answers one of `answeredBytes` for a connection id that nobody knows; undefined where none may. It is shorter than
 * what it answers, and by much, so that two ends that have forgotten each other soon fall silent (section 10.3.3).
 */
export function statelessReset(
  kind: ProtectionKind, key: Uint8Array, connectionId: Uint8Array, answeredBytes: number,
): Uint8Array | undefined {
  const length = [RESET_BYTES_MAX, RESET_BYTES_SMALL, RESET_BYTES_MIN].find((bytes) => bytes < answeredBytes)
  if (length === undefined) return undefined
  const token = resetToken(kind, key, connectionId)
  const unpredictable = keyedHash(kind, key, concat(ascii('unpredictable'), connectionId)).slice(0, length - RESET_TOKEN_BYTES)
  // The form of a short header.
  unpredictable[0] = (unpredictable[0] & 0x3f) | 0x40
  return concat(unpredictable, token)
}

/** Whether a datagram that does not open is a reset with this token. */
export function isStatelessReset(datagram: Uint8Array, token: Uint8Array): boolean {
  return datagram.length >= RESET_BYTES_MIN && isSame(datagram.subarray(datagram.length - RESET_TOKEN_BYTES), token)
}
