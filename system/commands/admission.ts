/**
 * The host's gate: the one place where an entry is let into the log or refused by name. Signature, nonce, rate and size
 * are judged here and nowhere else; roles are not, they belong to the fold. The cheap checks come first, and what an
 * author owns (its nonce) is touched only after its signature held, so that nobody can spend it for someone else.
 */
import type { AuthorId, Lamport } from '../ids.ts'
import { COMMAND_BURST, COMMAND_PAYLOAD_BYTES_MAX, COMMANDS_PER_SECOND, LAMPORT_LEAD_MAX } from '../limits.ts'
import type { Verifier } from '../ports.ts'
import type { CommandEntry, RefusalReason } from '../protocol/messages.ts'
import { signingBytes } from './signing.ts'

/** A bucket in millionths of a command: at C commands a second it gains C millionths a microsecond. Integers throughout. */
export class TokenBucket {
  static readonly #ONE = 1_000_000
  readonly #perSecond: number
  readonly #capacity: number
  #level: number
  #atUs = 0

  constructor(burst: number, perSecond: number) {
    this.#perSecond = perSecond
    this.#capacity = burst * TokenBucket.#ONE
    this.#level = this.#capacity
  }
  take(nowUs: number): boolean {
    this.#level = Math.min(this.#capacity, this.#level + (nowUs - this.#atUs) * this.#perSecond)
    this.#atUs = nowUs
    if (this.#level < TokenBucket.#ONE) return false
    this.#level -= TokenBucket.#ONE
    return true
  }
}

export interface AdmissionPorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly verifier: Verifier
  publicKey(author: AuthorId): Uint8Array | undefined
}
export interface LogState {
  readonly closedLamport: Lamport
  readonly clock: Lamport
  has(lamport: Lamport, author: AuthorId): boolean
}

export class Admission {
  readonly #ports: AdmissionPorts
  readonly #buckets = new Map<AuthorId, TokenBucket>()
  readonly #nonceHighWater = new Map<AuthorId, bigint>()

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
  }

  nonceHighWater(author: AuthorId): bigint {
    return this.#nonceHighWater.get(author) ?? 0n
  }

  /** Judges an entry that `sender` brought (whose budget it costs). Undefined: admitted, and its nonce is spent. */
  judge(entry: CommandEntry, sender: AuthorId, nowUs: number, log: LogState): RefusalReason | undefined {
    if (entry.payload.length > COMMAND_PAYLOAD_BYTES_MAX) return 'size'
    if (entry.epoch !== this.#ports.epoch) return 'epoch'
    const key = this.#ports.publicKey(entry.author)
    if (key === undefined) return 'author'
    if (!this.#bucket(sender).take(nowUs)) return 'rate'
    if (entry.lamport > log.clock + LAMPORT_LEAD_MAX) return 'malformed'
    if (!this.#ports.verifier.verify(entry.signature, signingBytes(this.#ports.sessionId, entry), key)) return 'signature'
    if (entry.nonce <= this.nonceHighWater(entry.author)) return 'nonce'
    if (entry.lamport <= log.closedLamport) return 'late'
    if (log.has(entry.lamport, entry.author)) return 'duplicate'
    this.#nonceHighWater.set(entry.author, entry.nonce)
    return undefined
  }

  #bucket(author: AuthorId): TokenBucket {
    let bucket = this.#buckets.get(author)
    if (bucket === undefined) this.#buckets.set(author, (bucket = new TokenBucket(COMMAND_BURST, COMMANDS_PER_SECOND)))
    return bucket
  }
}
