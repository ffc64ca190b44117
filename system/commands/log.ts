/**
 * The command log of one peer. Entries live in (lamport, author) order in two parts: those the host has closed, folded
 * into the world for good, and newer ones, which are speculative. The closed part is counted and chained into a digest,
 * so that a peer knows that it holds exactly what the host admitted. Speculative entries are folded over the world in an
 * overlay (`view`), made anew whenever an entry comes, goes or closes: rewinding is forgetting the overlay.
 */
import { assert } from '../assert.ts'
import { ScopeVersion } from '../ecs/components.ts'
import { Overlay } from '../ecs/overlay.ts'
import type { ReadStore, WriteStore } from '../ecs/store.ts'
import type { World } from '../ecs/world.ts'
import { AUTHORS_MAX, type AuthorId, type Hash64, HASH64_ZERO, hash64Equal, type Lamport } from '../ids.ts'
import { PENDING_ENTRIES_MAX } from '../limits.ts'
import type { Meter, Probe } from '../ports.ts'
import type { CommandEntry, ScopeKind } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import type { FoldOutcome, SystemEvent } from '../telemetry/events.ts'
import { type CommitDecoder, foldEntry, type FoldResult } from './fold.ts'
import { commandName, memberEntity, memberRole, scopeEntity } from './registry.ts'
import { signingBytes } from './signing.ts'

interface LogItem {
  readonly entry: CommandEntry
  /** Of the canonical form and the signature: what the chain digest links. */
  readonly digest: Hash64
  /** The host has it. One's own entry is shown before that, but never counted. */
  admitted: boolean
  /** What it came to where it was first shown; undefined where it was not shown at once. */
  readonly shown: FoldOutcome | undefined
}

export interface LogPosition {
  readonly closedLamport: Lamport
  /** Admitted entries up to it, and the chain digest over them. */
  readonly count: number
  readonly digest: Hash64
}

export interface CommandLogPorts {
  readonly sessionId: Uint8Array
  readonly world: World
  readonly codec: CommitDecoder
  readonly meter: Meter
  readonly probe: Probe
  report(event: SystemEvent): void
  /** Where the log is sealed: the entry with its payload as it was; undefined where it cannot be opened. */
  open?(entry: CommandEntry): CommandEntry | undefined
  /** Told before and after the closed fold judges an entry. */
  folding(entry: CommandEntry): void
  folded(entry: CommandEntry, result: FoldResult): void
}

export type IntegrateResult = { readonly kind: 'integrated' | 'duplicate' | 'closed' | 'full' } | { readonly kind: 'equivocation' }

export class CommandLog {
  readonly #ports: CommandLogPorts
  readonly #closed: LogItem[] = []
  /** Ascending in (lamport, author). */
  #pending: LogItem[] = []
  #position: LogPosition = { closedLamport: 0, count: 0, digest: HASH64_ZERO }
  #clock: Lamport = 0
  readonly #speculation: Overlay
  #speculationStale = false
  /** What the editor sees: the closed world with everything newer on top. It may be kept: it is always current. */
  readonly view: ReadStore = {
    has: (entity, component) => this.#speculated().has(entity, component),
    get: (entity, component) => this.#speculated().get(entity, component),
    entities: (component) => this.#speculated().entities(component),
  }

  constructor(ports: CommandLogPorts) {
    this.#ports = ports
    this.#speculation = new Overlay(ports.world)
  }

  get position(): LogPosition {
    return this.#position
  }
  /** The highest Lamport time seen; the next own entry takes one more. */
  get clock(): Lamport {
    return this.#clock
  }
  /** Entries not closed yet, one's own unadmitted ones included. */
  get depth(): number {
    return this.#pending.length
  }

  /** No entry more can be open. */
  get isFull(): boolean {
    return this.#pending.length >= PENDING_ENTRIES_MAX
  }

  /** They themselves, in order: for whoever looks on. */
  get pending(): readonly { readonly entry: CommandEntry; readonly admitted: boolean }[] {
    return this.#pending
  }

  /** Leaves one Lamport time for the next own entry, whatever a peer told. */
  witness(lamport: Lamport): void {
    if (lamport > this.#clock) this.#clock = Math.min(lamport, Number.MAX_SAFE_INTEGER - 1)
  }

  /** The last entry that this peer has seen on a scope: the `base` of its next entry there. */
  scopeBase(kind: ScopeKind, scope: number): { readonly lamport: Lamport; readonly author: AuthorId } {
    const version = this.view.get(scopeEntity(kind, scope), ScopeVersion)
    // A snapshot may hold an author that there cannot be; what is signed must fit the wire.
    return version === undefined || version.author >= AUTHORS_MAX ? { lamport: 0, author: 0 } : version
  }

  /**
   * Takes an entry whose signature has been verified. An own entry comes twice: unadmitted when signed, admitted when
   * the host tells it.
   */
  integrate(entry: CommandEntry, admitted: boolean): IntegrateResult {
    const { probe } = this.#ports
    this.witness(entry.lamport)
    if (entry.lamport <= this.#position.closedLamport) {
      probe.sometimes('an entry came that was closed already')
      return { kind: 'closed' }
    }
    const digest = this.#entryDigest(entry)
    const at = this.#find(entry.lamport, entry.author)
    const present = this.#pending[at]
    if (present !== undefined && compare(present.entry, entry.lamport, entry.author) === 0) {
      if (!hash64Equal(present.digest, digest)) {
        probe.sometimes('an equivocation was refused')
        return { kind: 'equivocation' }
      }
      if (present.admitted || !admitted) return { kind: 'duplicate' }
      present.admitted = true
      return { kind: 'integrated' }
    }
    if (this.isFull) return { kind: 'full' }
    // The newest goes on top of what is shown; any other one rewinds it.
    const newest = at === this.#pending.length && !this.#speculationStale
    const isShown = newest && !probe.happens('what is shown is made anew', entry.author, entry.lamport)
    const shown = isShown ? this.#applyTo(this.#speculation, entry).outcome : undefined
    if (!isShown) {
      this.#speculationStale = true
      this.#markRewound(entry, at)
    }
    this.#pending.splice(at, 0, { entry, digest, admitted, shown })
    return { kind: 'integrated' }
  }

  /** An entry comes to stand before those from `at` on. */
  #markRewound({ author }: CommandEntry, at: number): void {
    for (let i = at; i < this.#pending.length; i++) {
      const { admitted, entry: { command, scope } } = this.#pending[i]
      if (!admitted) return this.#ports.probe.sometimes('an own entry rewound below another one')
      if (command === memberRole.code && scope === memberEntity(author)) {
        return this.#ports.probe.sometimes('a role held at the position of an entry and not at its arrival')
      }
    }
  }

  /** What stands at this position, closed or not, as far as it is kept. */
  entryAt(lamport: Lamport, author: AuthorId): CommandEntry | undefined {
    const items = lamport <= this.#position.closedLamport ? this.#closed : this.#pending
    const entry = items[indexIn(items, lamport, author)]?.entry
    return entry !== undefined && compare(entry, lamport, author) === 0 ? entry : undefined
  }

  /** Takes back one's own entry that the host refused. */
  withdraw(lamport: Lamport, author: AuthorId): CommandEntry | undefined {
    const at = this.#find(lamport, author)
    const item = this.#pending[at]
    if (item === undefined || compare(item.entry, lamport, author) !== 0 || item.admitted) return undefined
    this.#pending.splice(at, 1)
    this.#speculationStale = true
    return item.entry
  }

  /** Where the log would stand if it were closed up to `lamport` with what is here. */
  positionAt(lamport: Lamport): LogPosition {
    let { count, digest } = this.#position
    for (const item of this.#pending) {
      if (item.entry.lamport > lamport) break
      if (!item.admitted) continue
      count++
      digest = link(digest, item.digest)
    }
    return { closedLamport: Math.max(lamport, this.#position.closedLamport), count, digest }
  }

  /**
   * Folds the admitted entries up to `lamport` into the world, for good. Own entries at or below it that the host has not
   * admitted stay pending (they will be refused as late); they are no part of the world.
   */
  closeUpTo(lamport: Lamport, frame: number): void {
    assert(lamport >= this.#position.closedLamport, 'the closed mark never falls')
    const first = this.#pending[0]
    if (first === undefined || first.entry.lamport > lamport) {
      this.#position = { ...this.#position, closedLamport: lamport }
      return
    }
    const position = this.positionAt(lamport)
    const kept: LogItem[] = []
    this.#ports.meter.begin('fold')
    for (const item of this.#pending) {
      if (item.entry.lamport > lamport || !item.admitted) kept.push(item)
      else this.#fold(item, frame)
      const isPassed = !item.admitted && item.entry.lamport <= lamport && item.entry.lamport > this.#position.closedLamport
      if (isPassed) this.#ports.probe.sometimes('an own entry was passed by the closed mark')
    }
    this.#ports.meter.end('fold')
    this.#pending = kept
    this.#position = position
    this.#speculationStale = true
  }

  /** Admitted entries with a Lamport time in (after, upTo], in order. */
  entriesSince(after: Lamport, upTo: Lamport = Number.MAX_SAFE_INTEGER): CommandEntry[] {
    const wanted = ({ entry, admitted }: LogItem) => admitted && entry.lamport > after && entry.lamport <= upTo
    return [...this.#closed.filter(wanted), ...this.#pending.filter(wanted)].map((item) => item.entry)
  }

  /** Own entries that the host has not admitted yet, in order. */
  unadmitted(): CommandEntry[] {
    return this.#pending.filter(({ admitted }) => !admitted).map(({ entry }) => entry)
  }

  /** A snapshot has put the world at `position`: everything up to there is folded already. */
  adopt(position: LogPosition): void {
    this.#position = position
    this.witness(position.closedLamport)
    const open = this.#pending.filter((item) => item.entry.lamport > position.closedLamport || !item.admitted)
    if (open.length < this.#pending.length) this.#ports.probe.sometimes('a snapshot brought entries that were waiting')
    this.#pending = open
    this.#closed.length = 0
    this.#speculationStale = true
  }

  #fold(item: LogItem, frame: number): void {
    const { entry, shown } = item
    this.#ports.folding(entry)
    const { author, lamport, command } = entry
    const result = this.#applyTo(this.#ports.world, entry)
    const { outcome, why } = result
    this.#closed.push(item)
    this.#ports.report({ event: 'commandFolded', author, lamport, frame, command: commandName(command), outcome, why })
    this.#ports.folded(entry, result)
    if (!isDone(outcome) && shown !== undefined && isDone(shown)) {
      const { probe } = this.#ports
      probe.sometimes('an entry shown as done came to nothing')
      if (result.commit !== undefined) probe.sometimes('a speculative commit that was rejected when it closed')
    }
    if (result.commit !== undefined && result.commit.merged > 0) this.#ports.probe.sometimes('a commit merged with what was live')
  }

  /** The entry with its payload as it was before it was sealed, where the log is sealed; undefined where it cannot be opened. */
  opened(entry: CommandEntry): CommandEntry | undefined {
    return this.#ports.open === undefined ? entry : this.#ports.open(entry)
  }

  #applyTo(store: WriteStore, entry: CommandEntry): FoldResult {
    const opened = this.opened(entry)
    return opened === undefined ? UNSEALABLE : foldEntry(opened, store, this.#ports.codec)
  }

  /** Made anew only when it is looked at. */
  #speculated(): Overlay {
    if (!this.#speculationStale) return this.#speculation
    this.#speculationStale = false
    this.#speculation.clear()
    for (const { entry } of this.#pending) this.#applyTo(this.#speculation, entry)
    return this.#speculation
  }

  #entryDigest(entry: CommandEntry): Hash64 {
    const form = signingBytes(this.#ports.sessionId, entry)
    const bytes = new Uint8Array(form.length + entry.signature.length)
    bytes.set(form)
    bytes.set(entry.signature, form.length)
    return sipHash24(bytes)
  }

  /** Index of the first pending item at or after (lamport, author). */
  #find(lamport: Lamport, author: AuthorId): number {
    return indexIn(this.#pending, lamport, author)
  }
}

/** Index of the first item at or after (lamport, author) in what ascends so. */
function indexIn(items: readonly LogItem[], lamport: Lamport, author: AuthorId): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(items[middle].entry, lamport, author) < 0) low = middle + 1
    else high = middle
  }
  return low
}

const UNSEALABLE: FoldResult = { outcome: 'void', why: 'not sealed for this entry' }
const isDone = (outcome: FoldOutcome): boolean => outcome === 'applied' || outcome === 'merged'
const compare = (entry: CommandEntry, lamport: Lamport, author: AuthorId): number => entry.lamport - lamport || entry.author - author

/** The chain digest after one more entry: SipHash over the digest so far and the entry's own. */
function link(chain: Hash64, entry: Hash64): Hash64 {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, chain.lo, true)
  view.setUint32(4, chain.hi, true)
  view.setUint32(8, entry.lo, true)
  view.setUint32(12, entry.hi, true)
  return sipHash24(bytes)
}
