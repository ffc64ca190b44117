/**
 * Session tickets (RFC 8446, sections 2.2 and 4.6.1): what a client keeps to resume, and the sealed state in it that lets a server
 * forget. Whoever holds the server's key alone can make or read the sealed part.
 */
import { keyedHash, type ProtectionKind, SECRET_BYTES } from './keyderivation.ts'
import { ascii, concat, isSame, textOf } from '../octets.ts'

/** What a client keeps of a connection. */
export interface Ticket {
  /** Opaque to the client: goes back to the server. */
  readonly identity: Uint8Array
  /** The pre-shared key, 32 bytes. */
  readonly psk: Uint8Array
  /** Obfuscates the ticket's age, a u32 in milliseconds. */
  readonly ageAdd: number
  /** Whether the server may take 0-RTT with it. */
  readonly earlyData: boolean
  readonly alpn: string
  readonly serverName: string
  /** The server's transport parameters, which 0-RTT has to keep to (RFC 9000, section 7.4.1). */
  readonly parameters: Uint8Array
}

/** What a server wants to know again. */
export interface TicketState {
  readonly psk: Uint8Array
  readonly alpn: string
}

const NONCE_BYTES = 16

/** @param nonce at least 16 bytes, never the same twice under one key. */
export function sealTicket(kind: ProtectionKind, key: Uint8Array, nonce: Uint8Array, { psk, alpn }: TicketState): Uint8Array {
  const head = nonce.subarray(0, NONCE_BYTES)
  const sealed = concat(head, masked(kind, key, head, psk), ascii(alpn))
  return concat(sealed, tag(kind, key, sealed))
}

/** Undefined where the ticket is not of this key, or was changed. */
export function openTicket(kind: ProtectionKind, key: Uint8Array, identity: Uint8Array): TicketState | undefined {
  const end = identity.length - SECRET_BYTES
  if (end < NONCE_BYTES + SECRET_BYTES) return undefined
  const sealed = identity.subarray(0, end)
  if (!isSame(tag(kind, key, sealed), identity.subarray(end))) return undefined
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const psk = masked(kind, key, nonce, sealed.subarray(NONCE_BYTES, NONCE_BYTES + SECRET_BYTES))
  return { psk, alpn: textOf(sealed.subarray(NONCE_BYTES + SECRET_BYTES)) }
}

const tag = (kind: ProtectionKind, key: Uint8Array, sealed: Uint8Array): Uint8Array =>
  keyedHash(kind, key, concat(ascii('ticket tag'), sealed))

function masked(kind: ProtectionKind, key: Uint8Array, nonce: Uint8Array, psk: Uint8Array): Uint8Array {
  const mask = keyedHash(kind, key, concat(ascii('ticket mask'), nonce))
  return psk.map((byte, index) => byte ^ mask[index])
}
