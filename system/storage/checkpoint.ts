/**
 * All that a host has to know again after a crash, at one instant: what the log is closed at, and the fold of it; entries that are not
 * closed yet; who ever was a member; which nonces are spent. State of the stream is no part of it.
 *
 *     checkpoint = session id 16 | epoch u32 | nonce count u32 | nonces | roster | snapshot | entry list count u32 | entry lists
 *     nonce      = author u32 | nonce u64
 *
 * The roster (KeyRoster), the snapshot's body and the entry lists (CommandLogEntry) are as they go over the wire, each after its length,
 * a u32.
 */
import { SESSION_ID_BYTES } from '../commands/signing.ts'
import type { AuthorId } from '../ids.ts'
import { concatenate, u32 } from '../protocol/bytes.ts'

export interface Checkpoint {
  readonly sessionId: Uint8Array
  readonly epoch: number
  /** The highest nonce of each author, the host's own among them. */
  readonly nonces: ReadonlyMap<AuthorId, bigint>
  readonly roster: Uint8Array
  readonly snapshot: Uint8Array
  readonly entries: readonly Uint8Array[]
}

const NONCE_BYTES = 4 + 8

export function encodeCheckpoint({ sessionId, epoch, nonces, roster, snapshot, entries }: Checkpoint): Uint8Array {
  const nonceBytes = new Uint8Array(nonces.size * NONCE_BYTES)
  const view = new DataView(nonceBytes.buffer)
  let at = 0
  for (const [author, nonce] of nonces) {
    view.setUint32(at, author, true)
    view.setBigUint64(at + 4, nonce, true)
    at += NONCE_BYTES
  }
  const part = (bytes: Uint8Array) => [u32(bytes.length), bytes]
  return concatenate([
    sessionId, u32(epoch), u32(nonces.size), nonceBytes, ...part(roster), ...part(snapshot), u32(entries.length), ...entries.flatMap(part),
  ])
}

/** Undefined where it is not well formed. Its parts are views of the bytes. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const raw = (length: number): Uint8Array => {
    const from = at
    at += length
    return bytes.subarray(from, at)
  }
  const number = (): number => {
    const from = at
    at += 4
    return at <= bytes.length ? view.getUint32(from, true) : 0
  }
  const part = (): Uint8Array => raw(number())
  const sessionId = raw(SESSION_ID_BYTES)
  const epoch = number()
  const nonces = new Map<AuthorId, bigint>()
  for (let left = number(); left > 0 && at + NONCE_BYTES <= bytes.length; left--) {
    nonces.set(number(), view.getBigUint64(at, true))
    at += NONCE_BYTES - 4
  }
  const [roster, snapshot] = [part(), part()]
  const entries: Uint8Array[] = []
  for (let left = number(); left > 0 && at < bytes.length; left--) entries.push(part())
  return at === bytes.length ? { sessionId, epoch, nonces, roster, snapshot, entries } : undefined
}
