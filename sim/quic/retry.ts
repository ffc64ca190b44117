/**
 * Address validation (RFC 9000, section 8.1): the tokens that a server hands out in Retry packets and NEW_TOKEN frames and knows again
 * without having kept them, and the integrity tag of a Retry packet (RFC 9001, section 5.8).
 */
import { Reader } from '../bytes.ts'
import type { SocketAddress } from '../net/datagram.ts'
import { Aes128Gcm, TAG_BYTES } from './aesgcm.ts'
import { keyedHash, type ProtectionKind } from './keyderivation.ts'
import { concat, integer, isSame, vector } from '../octets.ts'

/** A client answers a Retry at once: the token is for one round trip, and some losses (section 8.1.3 asks for a short time). */
export const RETRY_TOKEN_LIFETIME_US = 10_000_000
/** A client may come back until then. */
export const NEW_TOKEN_LIFETIME_US = 86_400_000_000

const TokenType = { retry: 1, newToken: 2 } as const
const TIME_BYTES = 8
const UNIQUE_BYTES = 4

/** What a Retry says and the client's answer must fit. */
export interface RetryBinding {
  readonly client: SocketAddress
  /** What the client's first Initial was sent to. */
  readonly originalDestinationConnectionId: Uint8Array
  /** What the server chose in its Retry: where the next Initial goes. */
  readonly retrySourceConnectionId: Uint8Array
}

export type TokenVerdict =
  | { readonly kind: 'retry'; readonly originalDestinationConnectionId: Uint8Array }
  | { readonly kind: 'newToken' }
  /** Of a Retry, but not for this client now: INVALID_TOKEN may close the connection (section 8.1.2). */
  | { readonly kind: 'invalidRetry'; readonly why: 'forged' | 'expired' }
  /** As if there were no token (section 8.1.3). */
  | { readonly kind: 'unknown'; readonly why: 'malformed' | 'forged' | 'expired' }

/** @param key the server's own, at least 16 bytes. */
export function retryToken(kind: ProtectionKind, key: Uint8Array, binding: RetryBinding, nowUs: number): Uint8Array {
  const { client, originalDestinationConnectionId, retrySourceConnectionId } = binding
  const body = concat(integer(1, TokenType.retry), integer(TIME_BYTES, nowUs), vector(1, originalDestinationConnectionId))
  return concat(body, tokenTag(kind, key, body, client.address, client.port, retrySourceConnectionId))
}

/** For a later connection from the same address, whatever its port. `unique` (u32) tells tokens of one moment apart. */
export function newToken(kind: ProtectionKind, key: Uint8Array, address: number, unique: number, nowUs: number): Uint8Array {
  const body = concat(integer(1, TokenType.newToken), integer(TIME_BYTES, nowUs), integer(UNIQUE_BYTES, unique))
  return concat(body, tokenTag(kind, key, body, address, 0, NO_BYTES))
}

/** What the token of an Initial packet is worth, which came from `client` and was sent to `destinationConnectionId`. */
export function readToken(
  kind: ProtectionKind, key: Uint8Array, token: Uint8Array, client: SocketAddress, destinationConnectionId: Uint8Array, nowUs: number,
): TokenVerdict {
  const end = token.length - TAG_BYTES
  if (end < 1) return { kind: 'unknown', why: 'malformed' }
  const reader = new Reader(token, end)
  const type = reader.u8()
  const issuedUs = reader.u32() * 2 ** 32 + reader.u32()
  const isRetry = type === TokenType.retry
  const content = isRetry ? reader.raw(reader.u8()) : reader.raw(UNIQUE_BYTES)
  if (reader.failed || reader.remaining > 0 || (!isRetry && type !== TokenType.newToken)) return { kind: 'unknown', why: 'malformed' }
  const tag = isRetry ? tokenTag(kind, key, token.subarray(0, end), client.address, client.port, destinationConnectionId)
    : tokenTag(kind, key, token.subarray(0, end), client.address, 0, NO_BYTES)
  const isForged = !isSame(tag, token.subarray(end))
  const isExpired = nowUs - issuedUs > (isRetry ? RETRY_TOKEN_LIFETIME_US : NEW_TOKEN_LIFETIME_US)
  if (isForged || isExpired) return { kind: isRetry ? 'invalidRetry' : 'unknown', why: isForged ? 'forged' : 'expired' }
  return isRetry ? { kind: 'retry', originalDestinationConnectionId: content } : { kind: 'newToken' }
}

/** The Retry Integrity Tag, 16 bytes, of a Retry packet that ends where the tag goes. */
export function retryIntegrityTag(kind: ProtectionKind, originalDestinationConnectionId: Uint8Array, packet: Uint8Array): Uint8Array {
  const bytes = concat(vector(1, originalDestinationConnectionId), packet, new Uint8Array(TAG_BYTES))
  const end = bytes.length - TAG_BYTES
  if (kind === 'tag') return keyedHash(kind, RETRY_KEY, bytes.subarray(0, end)).subarray(0, TAG_BYTES)
  new Aes128Gcm(RETRY_KEY, RETRY_NONCE).seal(new DataView(bytes.buffer), 0, end, end, 0)
  return bytes.subarray(end)
}

/** Whether the last 16 bytes of a Retry packet are its tag. */
export function isRetryIntact(kind: ProtectionKind, originalDestinationConnectionId: Uint8Array, packet: Uint8Array): boolean {
  const end = packet.length - TAG_BYTES
  return end >= 0 && isSame(packet.subarray(end), retryIntegrityTag(kind, originalDestinationConnectionId, packet.subarray(0, end)))
}

const NO_BYTES = new Uint8Array(0)
/** Anybody knows them: the tag finds damage, and answers of those who have not seen the Initial. */
const RETRY_KEY = new Uint8Array([0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e])
const RETRY_NONCE = new Uint8Array([0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb])

/** Over what stands in the token and what it is bound to. */
function tokenTag(
  kind: ProtectionKind, key: Uint8Array, body: Uint8Array, address: number, port: number, destinationConnectionId: Uint8Array,
): Uint8Array {
  return keyedHash(kind, key, concat(body, integer(4, address), integer(2, port), destinationConnectionId)).subarray(0, TAG_BYTES)
}
