/**
 * The host's memory beyond a crash, and the rule of output commit (Strom and Yemini, "Optimistic Recovery in Distributed Systems", 1985):
 * whatever leaves the host waits until all that it could tell of is stored.
 *
 * A generation is one file: a checkpoint, then a record for each list of admitted entries and each roster since. Records of one input, or
 * of several that come while a write is under way, go to the disk as one write, and there is one write at a time: what a crash tears is
 * the end of the file. A generation that has grown gives way to the next one, and is discarded when that one's checkpoint is stored.
 */
import { assert } from '../assert.ts'
import type { Lamport } from '../ids.ts'
import { HELD_OUTPUTS_MAX, JOURNAL_BYTES } from '../limits.ts'
import type { Probe, StorageOutput, TransportOutput } from '../ports.ts'
import { concatenate } from '../protocol/bytes.ts'
import type { CommandEntry } from '../protocol/messages.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
import { MARK_BYTES, RecordKind, sealRecord } from './records.ts'
import { generationsOf, journalName } from './recovery.ts'

export interface JournalPorts {
  /** To the driver, now. */
  readonly emit: (output: TransportOutput | StorageOutput) => void
  /** All that the host knows now, what was recorded included. */
  readonly checkpoint: () => Checkpoint
  readonly entropy: (bytes: number) => Uint8Array
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
}

interface Held {
  readonly output: TransportOutput
  /** How many records have to be stored before it may go; undefined while its input is being handled. */
  after: number | undefined
}

export class Journal {
  readonly #ports: JournalPorts
  /** Files that the checkpoint to come makes needless. */
  #former: readonly string[]
  #generation: number
  #mark: Uint8Array = new Uint8Array(0)
  /** Of the file that is being written: its records, and its bytes. Undefined before the first. */
  #written: { records: number; bytes: number } | undefined
  #waiting: { readonly kind: number; readonly payload: Uint8Array }[] = []
  /** Records so far, checkpoints among them, and how many of them are stored. */
  #recorded = 0
  #stored = 0
  /** The write under way; with it this many records are stored. */
  #write: { readonly ticket: number; readonly stores: number; readonly isCheckpoint: boolean } | undefined
  #ticket = 0
  #held: Held[] = []
  /** Lamport times of entries that are recorded and not stored, with their place among the records. */
  #unstored: { readonly lamport: Lamport; readonly record: number }[] = []
  #storedClock: Lamport

  /** @param files what the disk holds. @param clock the highest Lamport time in it. */
  constructor(files: readonly string[], clock: Lamport, ports: JournalPorts) {
    this.#ports = ports
    const generations = generationsOf(files)
    this.#former = generations.map(journalName)
    this.#generation = generations.at(-1) ?? 0
    this.#storedClock = clock
  }

  /** @param body the entries, as they go over the wire. */
  entries(entries: readonly CommandEntry[], body: Uint8Array): void {
    this.#record(RecordKind.entries, body)
    for (const { lamport } of entries) this.#unstored.push({ lamport, record: this.#recorded })
  }
  roster(body: Uint8Array): void {
    this.#record(RecordKind.roster, body)
  }

  /** How far the log may be closed, at most up to `lamport`: nothing is closed, and no mark told, that could be forgotten. */
  closable(lamport: Lamport): Lamport {
    return this.#unstored.reduce((least, entry) => Math.min(least, entry.lamport - 1), Math.min(lamport, this.#storedClock))
  }

  /** Takes what is to leave the host. */
  hold(output: TransportOutput): void {
    assert(this.#held.length < HELD_OUTPUTS_MAX, 'the disk confirms what it stores')
    this.#held.push({ output, after: undefined })
  }

  /** The driver has confirmed a write. */
  stored(ticket: number): void {
    const write = this.#write
    if (write?.ticket !== ticket) return
    this.#write = undefined
    this.#stored = write.stores
    const isStored = ({ record }: { readonly record: number }) => record <= this.#stored
    for (const { lamport } of this.#unstored.filter(isStored)) this.#storedClock = Math.max(this.#storedClock, lamport)
    this.#unstored = this.#unstored.filter((entry) => !isStored(entry))
    if (write.isCheckpoint) this.discardFormer()
  }

  /** To be called at the end of every input: begins the next write, and lets go what needs to wait no longer. */
  flush(): void {
    if (this.#write === undefined) {
      if (this.#written === undefined || this.#written.bytes >= JOURNAL_BYTES) this.#begin()
      else if (this.#waiting.length > 0) this.#append(this.#written)
    }
    for (const held of this.#held) held.after ??= this.#recorded
    const kept = this.#held.findIndex(({ after }) => !this.mayLeave(after!))
    if (kept >= 0) this.#ports.probe.sometimes('something waited for the disk')
    for (const { output } of this.#held.splice(0, kept < 0 ? this.#held.length : kept)) this.#ports.emit(output)
  }

  /** Whether so many records are stored. */
  mayLeave(records: number): boolean {
    return records <= this.#stored
  }

  /** The checkpoint is stored: what came before it is needed no more. */
  discardFormer(): void {
    for (const file of this.#former) this.#ports.emit({ kind: 'discard', ticket: ++this.#ticket, file })
    this.#former = []
  }

  #record(kind: number, payload: Uint8Array): void {
    this.#waiting.push({ kind, payload })
    this.#recorded++
  }

  /** The next generation. What waits to be written is in its checkpoint. */
  #begin(): void {
    const { checkpoint, entropy, report } = this.#ports
    if (this.#written !== undefined) this.#former = [...this.#former, journalName(this.#generation)]
    this.#generation++
    this.#mark = entropy(MARK_BYTES)
    this.#waiting = []
    this.#recorded++
    const bytes = sealRecord(this.#mark, 0, RecordKind.checkpoint, encodeCheckpoint(checkpoint()))
    this.#written = { records: 1, bytes: 0 }
    this.#store(bytes, this.#written, true)
    report({ event: 'checkpointed', generation: this.#generation, bytes: bytes.length })
  }

  #append(written: { records: number; bytes: number }): void {
    const records = this.#waiting.map(({ kind, payload }) => sealRecord(this.#mark, written.records++, kind, payload))
    this.#waiting = []
    this.#store(concatenate(records), written, false)
  }

  #store(bytes: Uint8Array, written: { bytes: number }, isCheckpoint: boolean): void {
    written.bytes = isCheckpoint ? 0 : written.bytes + bytes.length
    this.#write = { ticket: ++this.#ticket, stores: this.#recorded, isCheckpoint }
    this.#ports.emit({ kind: 'store', ticket: this.#ticket, file: journalName(this.#generation), bytes })
  }
}
