/** How a client takes the roster that its host tells: who its members are, and the group key that is wrapped for this one. */
import { unwrapKey } from '../security/groupkeys.ts'
import type { Verifier } from '../ports.ts'
import type { KeyRoster } from '../protocol/messages.ts'
import type { Membership } from './membership.ts'

/** `key`: the roster was taken, and the group key was not. `unmoved`: it is no newer than the one that there is. */
export type Adoption = 'adopted' | 'unmoved' | 'forged' | 'key'

/** @param shared what group keys are wrapped by; undefined where the log is not sealed. */
export function adoptRoster(membership: Membership, message: KeyRoster, verifier: Verifier, shared: Uint8Array | undefined): Adoption {
  const { author, sessionId, hostKey, epoch, roster, nonces, keys } = membership
  if (message.epoch !== epoch) return 'unmoved'
  const result = roster.adopt(message, sessionId, hostKey, verifier, nonces)
  if (result === 'forged') return 'forged'
  if (result !== 'adopted') return 'unmoved'
  const { keyGeneration: generation } = message
  if (keys === undefined || shared === undefined || generation === keys.generation) return 'adopted'
  const wrapped = message.members.find((member) => member.author === author)?.wrappedKey ?? new Uint8Array(0)
  const key = unwrapKey(shared, wrapped, { sessionId, epoch, generation, author })
  return key !== undefined && keys.adopt(generation, key) ? 'adopted' : 'key'
}
