/**
 * From what a member wants to entries of the log, and back from the host: commands are signed, shown at once, and sent together at
 * the end of the frame; what the host admitted is verified before it is taken.
 *
 * Each entry names the one that its author gave before it, and the host admits them in that order alone. Where it refuses one, those
 * behind it are on their way in vain: at the end of the frame they are signed anew in the order in which they were given, the refused
 * one in front of them where it was only late.
 */
import { assert } from '../assert.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, OWN_ENTRIES_MAX, REORDER_MAX, RESIGN_MAX } from '../limits.ts'
import type { Meter, Probe, Verifier } from '../ports.ts'
import type { CommandEntry, CommandReceipt } from '../protocol/messages.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { entryBatches } from './batch.ts'
import type { CommandLog } from './log.ts'
import { type CommandDefinition, commandName, entitySpawn, placementCommit } from './registry.ts'
import type { CommandSigner, SpawnSpec } from './signer.ts'
import { signingBytes } from './signing.ts'
import { traceOf } from './trace.ts'

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

/** How often the host has refused a command, by the reasons for which it is signed anew. */
interface Refusals {
  readonly late: number
  readonly order: number
}

export class CommandPipeline {
  readonly #ports: CommandPipelinePorts
  /** Own entries of this frame. */
  #outbox: CommandEntry[] = []
  /** The nonce of the first own entry that the host has refused since the last frame: it, and what comes behind it, is in vain. */
  #brokenFrom: bigint | undefined
  /** How often the host has refused each own command that waits, by its present Lamport time. */
  readonly #refusals = new Map<Lamport, Refusals>()
  /** The highest own nonce that the host is known to have admitted. */
  #standing = 0n
  #isSuspended = false

  constructor(ports: CommandPipelinePorts) {
    this.#ports = ports
  }

  /** Own entries that wait to be sent, or to be signed anew. */
  get unsent(): number {
    return this.#outbox.length + (this.#brokenFrom === undefined ? 0 : 1)
  }

  /** Whether new commands are declined; those that were given before come to their end. */
  suspend(isSuspended: boolean): void {
    this.#isSuspended = isSuspended
  }

  give<F extends string>(command: CommandDefinition<F>, payload: { readonly [K in F]: number }): void {
    if (this.#isReady(command.name)) this.#append(this.#ports.signer.sign(command, payload), 0)
  }
  spawn(spec: SpawnSpec): void {
    if (this.#isReady(entitySpawn.name)) this.#append(this.#ports.signer.spawn(spec), 0)
  }
  /** Signs a placement commit. Undefined, and nothing is done, where too many others wait for the host. */
  commit(payload: Uint8Array): CommandEntry | undefined {
    assert(payload.length <= COMMAND_PAYLOAD_BYTES_MAX, 'as many changes as a session drafts fit a command')
    if (!this.#isReady(placementCommit.name)) return undefined
    const entry = this.#ports.signer.signCommit(payload)
    this.#append(entry, 0)
    return entry
  }

  /** What is to be sent now, in messages of a size that fits. */
  takeBatches(): CommandEntry[][] {
    const { probe, author } = this.#ports
    this.#mend()
    const isInVain = ({ nonce }: CommandEntry) => this.#brokenFrom !== undefined && nonce >= this.#brokenFrom
    const batches = entryBatches(this.#outbox.filter((entry) => !isInVain(entry)))
    this.#outbox = this.#outbox.filter(isInVain)
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
    const told = { author: entry.author, lamport: entry.lamport, trace: traceOf(entry) }
    const key = this.#ports.publicKey(entry.author)
    meter.begin('crypto')
    const genuine = entry.epoch === epoch && key !== undefined && verifier.verify(entry.signature, signingBytes(sessionId, entry), key)
    meter.end('crypto')
    if (!genuine) {
      const reason = key === undefined ? 'author' : 'signature'
      return report({ ...told, event: 'commandRefused', reason, at: 'peer' })
    }
    nonces.raise(entry.author, entry.nonce)
    // The host tells a key before what is sealed by it: one that does not is not believed, and the frame that closes this will wait.
    if (this.#ports.isReadable?.(entry) === false) {
      return report({ ...told, event: 'commandRefused', reason: 'malformed', at: 'peer' })
    }
    if (entry.author === author) this.stands(entry.nonce)
    log.makeRoom(entry)
    const { kind } = log.integrate(entry, true)
    if (kind === 'equivocation') {
      const first = log.entryAt(entry.lamport, entry.author)!
      report({ event: 'equivocation', author: entry.author, lamport: entry.lamport, first, second: entry })
    }
    if (kind !== 'integrated') return
    if (entry.author === author) this.#refusals.delete(entry.lamport)
    report({ event: 'commandIntegrated', ...told })
  }

  /** The host tells that it has admitted this nonce of the author's. */
  stands(nonce: bigint): void {
    if (nonce > this.#standing) this.#standing = nonce
  }

  /** The host has refused an own entry. One that came late, or out of its order, is signed anew; others are gone. */
  refused({ lamport, refusal, closedLamport }: CommandReceipt): void {
    const { log, author, probe, report } = this.#ports
    const entry = log.unadmitted().find((own) => own.lamport === lamport)
    if (entry === undefined) return probe.sometimes('a receipt for an entry that was no longer waiting')
    report({ event: 'commandRefused', author, lamport, trace: traceOf(entry), reason: refusal, at: 'peer' })
    log.witness(closedLamport)
    const before = this.#refusals.get(lamport) ?? { late: 0, order: 0 }
    const times = { late: before.late + (refusal === 'late' ? 1 : 0), order: before.order + (refusal === 'order' ? 1 : 0) }
    const isAgain = (refusal === 'late' || refusal === 'order') && times.late <= RESIGN_MAX && times.order <= REORDER_MAX
    if (isAgain) this.#refusals.set(lamport, times)
    else {
      this.#refusals.delete(lamport)
      log.withdraw(lamport, author)
      probe.sometimes('an own command refused for good')
    }
    // A nonce that is spent has been admitted before: what comes behind it is not in vain.
    if (refusal === 'nonce') return this.stands(entry.nonce)
    if (this.#brokenFrom === undefined || entry.nonce < this.#brokenFrom) this.#brokenFrom = entry.nonce
  }

  /**
   * Signs anew what was refused and what came behind it, in the order in which it was given, each on the base it was meant on. Not
   * before it is known what became of those ahead of it: it has to name the last of them that stands.
   */
  #mend(): void {
    const { log, author, signer, probe } = this.#ports
    const brokenFrom = this.#brokenFrom
    if (brokenFrom === undefined) return
    const inVain = log.unadmitted()
    if (inVain.some(({ nonce }) => nonce < brokenFrom)) return probe.sometimes('what was refused waits for what is ahead of it')
    this.#brokenFrom = undefined
    this.#outbox = []
    signer.follow(this.#standing)
    for (const entry of inVain) log.withdraw(entry.lamport, author)
    for (const entry of inVain) {
      const { lamport, command } = entry
      const times = this.#refusals.get(lamport)
      if (times === undefined) probe.sometimes('a command signed anew behind another one')
      else probe.sometimes('a command signed anew')
      if (command === placementCommit.code) probe.sometimes('a commit signed anew')
      const again = signer.signAnew(entry)
      this.#refusals.delete(lamport)
      if (times !== undefined) this.#refusals.set(again.lamport, times)
      this.#append(again, lamport)
    }
  }

  /** Whether a new command may be signed: behind what was given before, and not while too many wait for the host, or the host moves. */
  #isReady(command: string): boolean {
    const { log, probe, report } = this.#ports
    this.#mend()
    const isFull = log.ownDepth >= OWN_ENTRIES_MAX
    if (!isFull && !this.#isSuspended) return true
    if (isFull) probe.sometimes('an own command was declined')
    report({ event: 'commandDeclined', command, waiting: log.ownDepth })
    return false
  }

  #append(entry: CommandEntry, resignedFrom: Lamport): void {
    const { author, lamport, nonce, command, scope } = entry
    this.#ports.log.integrate(entry, false)
    this.#outbox.push(entry)
    const trace = traceOf(entry)
    this.#ports.report({ event: 'commandSigned', author, lamport, trace, nonce, command: commandName(command), scope, resignedFrom })
  }
}
