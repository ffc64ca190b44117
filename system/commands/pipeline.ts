/**
 * From what a member wants to entries of the log, and back from the host: commands are signed, shown at once, sent together at
 * the end of the frame, and signed anew where the host refused them as late; what the host admitted is verified before it is taken.
 */
import { assert } from '../assert.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, RESIGN_MAX } from '../limits.ts'
import type { Meter, Probe, Verifier } from '../ports.ts'
import type { CommandEntry, CommandReceipt } from '../protocol/messages.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { entryBatches } from './batch.ts'
import type { CommandLog } from './log.ts'
import { type CommandDefinition, commandName, placementCommit } from './registry.ts'
import type { CommandSigner, SpawnSpec } from './signer.ts'
import { signingBytes } from './signing.ts'

export interface CommandPipelinePorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly author: AuthorId
  readonly log: CommandLog
  readonly signer: CommandSigner
  readonly verifier: Verifier
  readonly nonces: NonceMarks
  /** Where the log is sealed: whether there is a key that opens this entry. */
  readonly isReadable?: (entry: CommandEntry) => boolean
  readonly meter: Meter
  readonly probe: Probe
  readonly publicKey: (author: AuthorId) => Uint8Array | undefined
  readonly report: (event: SystemEvent) => void
}

export class CommandPipeline {
  readonly #ports: CommandPipelinePorts
  /** Own entries of this frame. */
  #outbox: CommandEntry[] = []
  /** How often each own pending entry has been signed anew, by its present Lamport time. */
  readonly #resigned = new Map<Lamport, number>()

  constructor(ports: CommandPipelinePorts) {
    this.#ports = ports
  }

  /** Own entries that wait to be sent. */
  get unsent(): number {
    return this.#outbox.length
  }

  give<F extends string>(command: CommandDefinition<F>, payload: { readonly [K in F]: number }): void {
    this.#append(this.#ports.signer.sign(command, payload), 0)
  }
  spawn(spec: SpawnSpec): void {
    this.#append(this.#ports.signer.spawn(spec), 0)
  }
  /** Signs a placement commit. */
  commit(payload: Uint8Array): CommandEntry {
    assert(payload.length <= COMMAND_PAYLOAD_BYTES_MAX, 'as many changes as a session drafts fit a command')
    const entry = this.#ports.signer.signCommit(payload)
    this.#append(entry, 0)
    return entry
  }

  /** What is to be sent now, in messages of a size that fits. */
  takeBatches(): CommandEntry[][] {
    const { probe, author } = this.#ports
    const batches = entryBatches(this.#outbox)
    this.#outbox = []
    return batches.flatMap((batch) => (probe.happens('own entries go out twice', author, batch[0].lamport) ? [batch, batch] : [batch]))
  }

  /** The connection is a new one: entries that were on their way are sent again; the host knows them by their nonces. */
  resume(): void {
    this.#outbox = this.#ports.log.unadmitted()
    if (this.#outbox.length > 0) this.#ports.probe.sometimes('entries sent again on another connection')
  }

  /** Takes what the host admitted. Verified, even though the host has verified it: nobody is trusted with another's name. */
  integrate(entry: CommandEntry): void {
    const { log, sessionId, epoch, author, verifier, nonces, meter, report } = this.#ports
    const key = this.#ports.publicKey(entry.author)
    meter.begin('crypto')
    const genuine = entry.epoch === epoch && key !== undefined && verifier.verify(entry.signature, signingBytes(sessionId, entry), key)
    meter.end('crypto')
    if (!genuine) {
      const reason = key === undefined ? 'author' : 'signature'
      return report({ event: 'commandRefused', author: entry.author, lamport: entry.lamport, reason, at: 'peer' })
    }
    nonces.raise(entry.author, entry.nonce)
    // The host tells a key before what is sealed by it: one that does not is not believed, and the frame that closes this will wait.
    if (this.#ports.isReadable?.(entry) === false) {
      return report({ event: 'commandRefused', author: entry.author, lamport: entry.lamport, reason: 'malformed', at: 'peer' })
    }
    const { kind } = log.integrate(entry, true)
    if (kind === 'equivocation') {
      const first = log.entryAt(entry.lamport, entry.author)!
      report({ event: 'equivocation', author: entry.author, lamport: entry.lamport, first, second: entry })
    }
    if (kind !== 'integrated') return
    if (entry.author === author) this.#resigned.delete(entry.lamport)
    report({ event: 'commandIntegrated', author: entry.author, lamport: entry.lamport })
  }

  /** The host has refused an own entry. One that came late is signed anew, on the base it was meant on; others are gone. */
  refused({ lamport, refusal, closedLamport }: CommandReceipt): void {
    const { log, author, signer, probe, report } = this.#ports
    const entry = log.withdraw(lamport, author)
    if (entry === undefined) return probe.sometimes('a receipt for an entry that was no longer waiting')
    report({ event: 'commandRefused', author, lamport, reason: refusal, at: 'peer' })
    const times = (this.#resigned.get(lamport) ?? 0) + 1
    this.#resigned.delete(lamport)
    if (refusal !== 'late' || times > RESIGN_MAX) return probe.sometimes('an own command refused for good')
    probe.sometimes('a command signed anew')
    if (entry.command === placementCommit.code) probe.sometimes('a commit signed anew')
    log.witness(closedLamport)
    const again = signer.signAnew(entry)
    this.#resigned.set(again.lamport, times)
    this.#append(again, lamport)
  }

  #append(entry: CommandEntry, resignedFrom: Lamport): void {
    const { author, lamport, nonce, command, scope } = entry
    this.#ports.log.integrate(entry, false)
    this.#outbox.push(entry)
    this.#ports.report({ event: 'commandSigned', author, lamport, nonce, command: commandName(command), scope, resignedFrom })
  }
}
