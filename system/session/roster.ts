/**
 * Who may sign as whom: every member that ever was, with its key, and the nonces that it has spent. The host writes it and
 * signs it; clients hold the newest, so that any of them knows what a host must know.
 */
import type { AuthorId } from '../ids.ts'
import type { Signer, Verifier } from '../ports.ts'
import { bytesEqual, concatenate, u32, u64 } from '../protocol/bytes.ts'
import type { KeyRoster, RosterMember } from '../protocol/messages.ts'
import { utf8Bytes } from '../protocol/utf8.ts'
import type { NonceMarks } from '../security/nonces.ts'

/** A member; what it has spent is known to {@link NonceMarks}. */
export type Enrolled = Omit<RosterMember, 'nonceHighWater' | 'wrappedKey'>

/** The group key as a roster tells it. */
export interface WrappedKeys {
  readonly generation: number
  /** Empty for who has none. */
  of(author: AuthorId): Uint8Array
}
const NO_KEYS: WrappedKeys = { generation: 0, of: () => new Uint8Array(0) }

export class Roster {
  #version = 0
  readonly #members = new Map<AuthorId, Enrolled>()

  get version(): number {
    return this.#version
  }
  get members(): readonly Enrolled[] {
    return [...this.#members.values()].sort((a, b) => a.author - b.author)
  }
  get(author: AuthorId): Enrolled | undefined {
    return this.#members.get(author)
  }
  withKey(publicKey: Uint8Array): Enrolled | undefined {
    for (const member of this.#members.values()) if (bytesEqual(member.publicKey, publicKey)) return member
    return undefined
  }

  /** Host: adds or changes a member. */
  set(member: Enrolled): void {
    this.#members.set(member.author, member)
    this.#version++
  }

  toMessage(epoch: number, sessionId: Uint8Array, signer: Signer, nonces: NonceMarks, keys = NO_KEYS): KeyRoster {
    const members = this.members.map((member) =>
      ({ ...member, nonceHighWater: nonces.of(member.author), wrappedKey: keys.of(member.author) }))
    const unsigned = { kind: 'KeyRoster', epoch, version: this.#version, keyGeneration: keys.generation, members } as const
    return { ...unsigned, signature: signer.sign(rosterBytes(sessionId, unsigned)) }
  }

  /** Client: takes a newer roster that the host's key signed, and what it tells of nonces. A member's key never changes. */
  adopt(
    message: KeyRoster, sessionId: Uint8Array, hostKey: Uint8Array, verifier: Verifier, nonces: NonceMarks,
  ): 'adopted' | 'stale' | 'forged' {
    if (message.version <= this.#version) return 'stale'
    if (!verifier.verify(message.signature, rosterBytes(sessionId, message), hostKey)) return 'forged'
    for (const member of message.members) {
      const known = this.#members.get(member.author)
      if (known !== undefined && !bytesEqual(known.publicKey, member.publicKey)) return 'forged'
    }
    this.#version = message.version
    for (const { nonceHighWater, wrappedKey: _, ...member } of message.members) {
      this.#members.set(member.author, member)
      nonces.raise(member.author, nonceHighWater)
    }
    return 'adopted'
  }
}

const DOMAIN = utf8Bytes('theta/roster/1')

function rosterBytes(sessionId: Uint8Array, roster: Omit<KeyRoster, 'signature'>): Uint8Array {
  const parts: Uint8Array[] = [DOMAIN, sessionId, u32(roster.epoch), u32(roster.version), u32(roster.keyGeneration)]
  parts.push(u32(roster.members.length))
  for (const { author, publicKey, displayName, present, banned, nonceHighWater, wrappedKey } of roster.members) {
    const name = utf8Bytes(displayName)
    parts.push(u32(author), publicKey, u32(name.length), name, u32(present ? 1 : 0), u32(banned ? 1 : 0), u64(nonceHighWater))
    parts.push(u32(wrappedKey.length), wrappedKey)
  }
  return concatenate(parts)
}
