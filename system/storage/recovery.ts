/** From the files of a host that crashed to what it was: the newest generation whose checkpoint is whole, and all that followed it. */
import type { AuthorId, Lamport } from '../ids.ts'
import type { Storage } from '../ports.ts'
import type { Codec } from '../protocol/codec.ts'
import { type CommandEntry, type KeyRoster, MessageType } from '../protocol/messages.ts'
import { decodeSnapshot, type SnapshotContent } from '../replication/snapshot.ts'
import { decodeCheckpoint } from './checkpoint.ts'
import { RecordKind, RecordReader, type StoredRecord } from './records.ts'

export interface Recovered {
  readonly generation: number
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly roster: KeyRoster
  readonly snapshot: SnapshotContent
  /** Admitted, and not closed by the snapshot; ascending in (lamport, author). */
  readonly entries: readonly CommandEntry[]
  readonly nonces: ReadonlyMap<AuthorId, bigint>
  /** The highest Lamport time that is stored: no frame was ever told with a closed mark above it. */
  readonly clock: Lamport
  readonly tornBytes: number
}

export type Recovery =
  /** No session has begun here; a driver that knows of one has lost it. */
  | { readonly kind: 'fresh' }
  | { readonly kind: 'recovered'; readonly state: Recovered }
  /** What was confirmed has changed since. Nothing may go on from that. */
  | { readonly kind: 'damaged'; readonly why: string }

const NAME = /^journal\.([1-9][0-9]{0,14})$/
export const journalName = (generation: number): string => `journal.${generation}`

/** Of the files that are journals, ascending. */
export const generationsOf = (files: readonly string[]): number[] =>
  files.flatMap((file) => NAME.exec(file)?.[1] ?? []).map(Number).sort((a, b) => a - b)

export function recover(storage: Storage, codec: Codec): Recovery {
  const generations = generationsOf(storage.files)
  for (const generation of generations.toReversed()) {
    const file = journalName(generation)
    const damaged = (why: string): Recovery => ({ kind: 'damaged', why: `${file}: ${why}` })
    const found = new RecordReader(storage.read(file) ?? new Uint8Array(0)).read()
    if (found.kind === 'damaged') return damaged(`no whole record at byte ${found.at}, and whole ones behind it`)
    const { records: [first, ...later], tornBytes } = found
    // A checkpoint that a crash tore was told to nobody, and the generation before it has all.
    if (first === undefined) continue
    const state = first.kind === RecordKind.checkpoint ? stateOf(generation, first.payload, later, codec, tornBytes) : undefined
    return state === undefined ? damaged('not what a host writes') : { kind: 'recovered', state }
  }
  return { kind: 'fresh' }
}

/** Undefined where it cannot be read. */
function stateOf(
  generation: number, first: Uint8Array, later: readonly StoredRecord[], codec: Codec, tornBytes: number,
): Recovered | undefined {
  const checkpoint = decodeCheckpoint(first)
  const snapshot = checkpoint && decodeSnapshot(checkpoint.snapshot)
  if (checkpoint === undefined || snapshot === undefined) return undefined
  let roster = rosterOf(checkpoint.roster, codec)
  const entries: CommandEntry[] = []
  const lists = [...checkpoint.entries.map((payload): StoredRecord => ({ kind: RecordKind.entries, payload })), ...later]
  for (const { kind, payload } of lists) {
    if (kind === RecordKind.roster) roster = rosterOf(payload, codec)
    const list = kind === RecordKind.entries ? entriesOf(payload, codec) : kind === RecordKind.roster ? [] : undefined
    if (list === undefined) return undefined
    entries.push(...list)
  }
  if (roster === undefined) return undefined
  const nonces = new Map(checkpoint.nonces)
  for (const { author, nonce } of entries) if (nonce > (nonces.get(author) ?? 0n)) nonces.set(author, nonce)
  const clock = entries.reduce((most, { lamport }) => Math.max(most, lamport), snapshot.position.closedLamport)
  entries.sort((a, b) => a.lamport - b.lamport || a.author - b.author)
  const { sessionId, epoch } = checkpoint
  return { generation, sessionId: sessionId.slice(), epoch, roster, snapshot, entries, nonces, clock, tornBytes }
}

function rosterOf(body: Uint8Array, codec: Codec): KeyRoster | undefined {
  const decoded = codec.decode(MessageType.KeyRoster, body)
  return decoded.kind === 'message' && decoded.message.kind === 'KeyRoster' ? decoded.message : undefined
}

function entriesOf(body: Uint8Array, codec: Codec): readonly CommandEntry[] | undefined {
  const decoded = codec.decode(MessageType.CommandLogEntry, body)
  return decoded.kind === 'message' && decoded.message.kind === 'CommandLogEntry' ? decoded.message.entries : undefined
}
