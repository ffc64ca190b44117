/** Who may sign as whom: every member that ever was, with its key. The host writes it and signs it; clients hold the newest. */
import type { AuthorId } from '../ids.ts'
import type { Signer, Verifier } from '../ports.ts'
import { bytesEqual, concatenate, u32 } from '../protocol/bytes.ts'
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
