/** Who may sign as whom: every member that ever was, with its key. The host writes it and signs it; clients hold the newest. */
import type { AuthorId } from '../ids.ts'
import type { Signer, Verifier } from '../ports.ts'
import type { KeyRoster, RosterMember } from '../protocol/messages.ts'
import { utf8Bytes } from '../protocol/utf8.ts'

export class Roster {
  #version = 0
  readonly #members = new Map<AuthorId, RosterMember>()

  get version(): number {
    return this.#version
  }
  get members(): readonly RosterMember[] {
    return [...this.#members.values()].sort((a, b) => a.author - b.author)
  }
  get(author: AuthorId): RosterMember | undefined {
    return this.#members.get(author)
  }
  withKey(publicKey: Uint8Array): RosterMember | undefined {
    for (const member of this.#members.values()) if (bytesEqual(member.publicKey, publicKey)) return member
    return undefined
  }

  /** Host: adds or changes a member. */
  set(member: RosterMember): void {
    this.#members.set(member.author, member)
    this.#version++
  }

  toMessage(epoch: number, sessionId: Uint8Array, signer: Signer): KeyRoster {
    const unsigned = { kind: 'KeyRoster', epoch, version: this.#version, members: this.members } as const
    return { ...unsigned, signature: signer.sign(rosterBytes(sessionId, unsigned)) }
  }

  /** Client: takes a newer roster that the host's key signed. A member's key never changes. */
  adopt(message: KeyRoster, sessionId: Uint8Array, hostKey: Uint8Array, verifier: Verifier): 'adopted' | 'stale' | 'forged' {
    if (message.version <= this.#version) return 'stale'
    if (!verifier.verify(message.signature, rosterBytes(sessionId, message), hostKey)) return 'forged'
    for (const member of message.members) {
      const known = this.#members.get(member.author)
      if (known !== undefined && !bytesEqual(known.publicKey, member.publicKey)) return 'forged'
    }
    this.#version = message.version
    for (const member of message.members) this.#members.set(member.author, member)
    return 'adopted'
  }
}

const DOMAIN = utf8Bytes('theta/roster/1')

function rosterBytes(sessionId: Uint8Array, roster: Omit<KeyRoster, 'signature'>): Uint8Array {
  const parts: Uint8Array[] = [DOMAIN, sessionId, u32(roster.epoch), u32(roster.version), u32(roster.members.length)]
  for (const { author, publicKey, displayName, present } of roster.members) {
    const name = utf8Bytes(displayName)
    parts.push(u32(author), publicKey, u32(name.length), name, u32(present ? 1 : 0))
  }
  return concatenate(parts)
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
export const u32 = (value: number): Uint8Array => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
