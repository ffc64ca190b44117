/** The host's way into the log: what members bring is judged by {@link Admission}, and what was let in is told to everyone. */
import { assert } from '../assert.ts'
import { Admission } from '../commands/admission.ts'
import type { CommandLog } from '../commands/log.ts'
import { commandName } from '../commands/registry.ts'
import { traceOf } from '../commands/trace.ts'
import type { AuthorId, Lamport } from '../ids.ts'
import type { Meter, Probe, Verifier } from '../ports.ts'
import type { Codec } from '../protocol/codec.ts'
import type { CommandEntry, RefusalReason } from '../protocol/messages.ts'
import { EquivocationProofs } from '../security/equivocation.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Roster } from './roster.ts'
import type { Sealing } from './sealing.ts'
import type { Seat } from './seat.ts'
import type { Seats } from './seats.ts'

export interface GatePorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly log: CommandLog
  readonly roster: Roster
  readonly seats: Seats
  readonly codec: Codec
  readonly verifier: Verifier
  readonly nonces: NonceMarks
  /** Where the log is sealed. */
  readonly sealing: Sealing | undefined
  readonly meter: Meter
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
  /** Hears of what was let in, before anybody is told; `body` is the entries as they go over the wire. */
  readonly record: (entries: readonly CommandEntry[], body: Uint8Array) => void
}

export class Gate {
  readonly #ports: GatePorts
  readonly #admission: Admission
  #isClosed = false
  /** Against authors who signed two entries for one position. */
  readonly proofs = new EquivocationProofs()

  constructor(ports: GatePorts) {
    this.#ports = ports
    const { sessionId, epoch, verifier, nonces, roster, sealing } = ports
    this.#admission = new Admission({
      sessionId, epoch, verifier, nonces, publicKey: (author) => roster.get(author)?.publicKey,
      isReadable: ({ payload }) => sealing === undefined || sealing.keys.knows(payload),
    })
  }

  nonceHighWater(author: AuthorId): bigint {
    return this.#ports.nonces.of(author)
  }

  /** Whether somebody may join: the log has room for it, and for the goodbyes of all members. */
  get hasRoom(): boolean {
    return this.#ports.log.hasRoom
  }

  /** Nothing more comes into the log: another host goes on with it. */
  close(): void {
    this.#isClosed = true
  }

  /** Takes what a member brought; each entry that is refused is answered by a receipt. */
  admit(seat: Seat, entries: readonly CommandEntry[], nowUs: number): void {
    if (this.#isClosed) return
    const { meter, log, report } = this.#ports
    const admitted: CommandEntry[] = []
    const closedLamport = Math.max(log.position.closedLamport, seat.enrolledLamport)
    const entryAt = (lamport: Lamport, author: AuthorId) => log.entryAt(lamport, author)
    for (const entry of entries) {
      meter.begin('crypto')
      const refusal = log.hasRoom
        ? this.#admission.judge(entry, seat.conduct, nowUs, { closedLamport, clock: log.clock, entryAt })
        : 'rate'
      meter.end('crypto')
      if (refusal === undefined && log.integrate(entry, true).kind === 'integrated') {
        admitted.push(entry)
        report({ event: 'commandAdmitted', entry, command: commandName(entry.command) })
        continue
      }
      this.#refuse(seat, entry, refusal ?? 'rate', nowUs)
    }
    this.#publish(admitted)
  }

  /** Turns away what a member brought that may give no commands: nothing of it is verified. */
  turnAway(seat: Seat, entries: readonly CommandEntry[], nowUs: number): void {
    for (const entry of entries) this.#refuse(seat, entry, 'role', nowUs)
  }

  #refuse(seat: Seat, entry: CommandEntry, reason: RefusalReason, nowUs: number): void {
    const { probe, log, report } = this.#ports
    const { author, lamport, nonce } = entry
    report({ event: 'commandRefused', author, lamport, trace: traceOf(entry), reason, at: 'host' })
    if (isOffence(reason)) seat.conduct.offend(nowUs)
    if (reason === 'rate') probe.sometimes('an author used its budget up')
    if (reason === 'late' && lamport > log.position.closedLamport) probe.sometimes('an entry signed before its author was enrolled')
    if (reason === 'duplicate') this.#accuse(log.entryAt(lamport, author)!, entry)
    const receipt = { kind: 'CommandReceipt', lamport, nonce, refusal: reason, closedLamport: log.clock } as const
    if (probe.happens('a receipt waits for a frame', author, lamport)) seat.later.push(receipt)
    else seat.link.send(receipt)
  }

  /** Both entries are signed: together they are the proof. */
  #accuse(first: CommandEntry, second: CommandEntry): void {
    const { probe, report } = this.#ports
    probe.sometimes('an equivocation was refused')
    this.proofs.keep({ first, second })
    report({ event: 'equivocation', author: first.author, lamport: first.lamport, first, second })
  }

  /** The host's own entries pass no judge: nobody else can write them. */
  append(entry: CommandEntry): void {
    if (this.#isClosed) return
    const { log, nonces, report } = this.#ports
    const { author, lamport, nonce, scope } = entry
    const command = commandName(entry.command)
    assert(log.integrate(entry, true).kind === 'integrated', 'the host has room for its own entries')
    nonces.raise(author, nonce)
    report({ event: 'commandSigned', author, lamport, trace: lamport, nonce, command, scope, resignedFrom: 0 })
    report({ event: 'commandAdmitted', entry, command })
    this.#publish([entry])
  }

  #publish(entries: readonly CommandEntry[]): void {
    if (entries.length === 0) return
    const { codec, record } = this.#ports
    const body = codec.encode({ kind: 'CommandLogEntry', entries })
    record(entries, body)
    this.#tell(entries, body)
  }

  #tell(entries: readonly CommandEntry[], body: Uint8Array): void {
    const { probe, codec, seats } = this.#ports
    const { author, lamport } = entries[0]
    if (entries.length > 1 && probe.happens('entries are told one by one', author, lamport)) {
      for (const entry of entries) this.#tell([entry], codec.encode({ kind: 'CommandLogEntry', entries: [entry] }))
      return
    }
    const times = probe.happens('an entry is told twice', author, lamport) ? 2 : 1
    for (const seat of seats.members()) {
      if (seat.live) for (let time = 0; time < times; time++) seat.link.sendBody('CommandLogEntry', body)
    }
  }
}

/** What an honest member may bring: what came too late, once more, or was meant for the host before. */
const isOffence = (reason: RefusalReason): boolean => reason !== 'late' && reason !== 'nonce' && reason !== 'epoch'
