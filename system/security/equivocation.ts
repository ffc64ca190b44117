/**
 * Equivocation: an author signs two different entries for one position of the log, to have peers disagree. The log takes
 * the first; the two together are a proof that anyone with the author's key can check, long after.
 */
import { signingBytes } from '../commands/signing.ts'
import type { AuthorId } from '../ids.ts'
import { EQUIVOCATION_PROOFS_MAX } from '../limits.ts'
import type { Verifier } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { CommandEntry } from '../protocol/messages.ts'

export interface EquivocationProof {
  /** The one that the log has. */
  readonly first: CommandEntry
  readonly second: CommandEntry
}

/** Whether two entries stand at one position and say different things, whoever signed them. */
export function contradicts(first: CommandEntry, second: CommandEntry, sessionId: Uint8Array): boolean {
  const isOnePosition = first.epoch === second.epoch && first.author === second.author && first.lamport === second.lamport
  return isOnePosition && !bytesEqual(signingBytes(sessionId, first), signingBytes(sessionId, second))
}

/** Whether the holder of this key has signed both. */
export function provesEquivocation(
  { first, second }: EquivocationProof, sessionId: Uint8Array, publicKey: Uint8Array, verifier: Verifier,
): boolean {
  const isSigned = (entry: CommandEntry) => verifier.verify(entry.signature, signingBytes(sessionId, entry), publicKey)
  return contradicts(first, second, sessionId) && isSigned(first) && isSigned(second)
}

/** The first proof against each author, of so many authors. */
export class EquivocationProofs {
  readonly #proofs = new Map<AuthorId, EquivocationProof>()

  get size(): number {
    return this.#proofs.size
  }
  of(author: AuthorId): EquivocationProof | undefined {
    return this.#proofs.get(author)
  }
  keep(proof: EquivocationProof): void {
    const { author } = proof.first
    if (!this.#proofs.has(author) && this.#proofs.size < EQUIVOCATION_PROOFS_MAX) this.#proofs.set(author, proof)
  }
}
