/**
 * The host's gate: the one place where an entry is let into the log or refused by name. Signature, nonce, rate and size
 * are judged here and nowhere else; roles at a position are not, they belong to the fold. The cheap checks come first, every
 * entry costs its sender, and what an author owns (its nonce) is touched only after its signature held, so that nobody can
 * spend it for someone else.
 */
import type { AuthorId, Lamport } from '../ids.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, LAMPORT_LEAD_MAX } from '../limits.ts'
import type { Verifier } from '../ports.ts'
import type { CommandEntry, RefusalReason } from '../protocol/messages.ts'
import { contradicts } from '../security/equivocation.ts'
import type { NonceMarks } from '../security/nonces.ts'
import { signingBytes } from './signing.ts'

export interface AdmissionPorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly verifier: Verifier
  /** What is spent already, also by what other hosts of this session admitted; raised by what is admitted here. */
  readonly nonces: NonceMarks
  publicKey(author: AuthorId): Uint8Array | undefined
  /** Where the log is sealed: whether every member can have the key that opens this entry. */
  isReadable?(entry: CommandEntry): boolean
}
/** Who brings the entry, and pays for it. */
export interface Sender {
  mayCommand(nowUs: number): boolean
}
export interface LogState {
  readonly closedLamport: Lamport
  readonly clock: Lamport
  /** What stands at a position, closed or not. */
  entryAt(lamport: Lamport, author: AuthorId): CommandEntry | undefined
}

export class Admission {
  readonly #ports: AdmissionPorts

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
  }

  /** Judges an entry that `sender` brought. Undefined: admitted, and its nonce is spent. */
  judge(entry: CommandEntry, sender: Sender, nowUs: number, log: LogState): RefusalReason | undefined {
    const { sessionId, epoch, verifier, nonces } = this.#ports
    if (!sender.mayCommand(nowUs)) return 'rate'
    if (entry.payload.length > COMMAND_PAYLOAD_BYTES_MAX) return 'size'
    if (entry.epoch !== epoch) return 'epoch'
    const key = this.#ports.publicKey(entry.author)
    if (key === undefined) return 'author'
    if (entry.lamport > log.clock + LAMPORT_LEAD_MAX || this.#ports.isReadable?.(entry) === false) return 'malformed'
    if (!verifier.verify(entry.signature, signingBytes(sessionId, entry), key)) return 'signature'
    const present = log.entryAt(entry.lamport, entry.author)
    if (present !== undefined && contradicts(present, entry, sessionId)) return 'duplicate'
    const highWater = nonces.of(entry.author)
    if (entry.nonce <= highWater) return 'nonce'
    if (entry.previousNonce !== highWater) return 'order'
    if (entry.lamport <= log.closedLamport) return 'late'
    nonces.raise(entry.author, entry.nonce)
    return undefined
  }
}
