/**
 * The command log of one peer. Entries live in (lamport, author) order in two parts: those the host has closed, folded
 * into the world for good (commands/closed.ts keeps what is still of use of them), and newer ones, which are speculative. The
 * closed part is counted and chained into a digest, so that a peer knows that it holds exactly what the host admitted.
 * Speculative entries are folded over the world in an overlay (`view`), a layer each, when somebody looks: an entry that comes to
 * stand below others rewinds their layers alone, and a layer that closes is settled, so that what stays is never folded twice.
 */
import { assert } from '../assert.ts'
import { ScopeVersion } from '../ecs/components.ts'
import { Overlay } from '../ecs/overlay.ts'
import type { ReadStore, WriteStore } from '../ecs/store.ts'
import type { World } from '../ecs/world.ts'
import { AUTHORS_MAX, type AuthorId, type Hash64, HASH64_ZERO, hash64Equal, type Lamport } from '../ids.ts'
import { PENDING_ADMITTED_MAX, PENDING_BYTES_MAX, PENDING_ENTRIES_MAX } from '../limits.ts'
import type { Meter, Probe } from '../ports.ts'
import type { CommandEntry, ScopeKind } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import type { FoldOutcome, SystemEvent } from '../telemetry/events.ts'
import { ClosedEntries, comparePlaces, entryBytes, type LogPlace, placeIndex } from './closed.ts'
import { type CommitDecoder, foldEntry, type FoldResult } from './fold.ts'
import { commandName, memberEntity, memberRole, scopeEntity } from './registry.ts'
import { signingBytes } from './signing.ts'
import { traceOf } from './trace.ts'

interface LogItem {
  readonly entry: CommandEntry
  /** Of the canonical form and the signature: what the chain digest links. */
  readonly digest: Hash64
  /** The host has it. One's own entry is shown before that, but never counted. */
  admitted: boolean
  /** What it came to where it was first shown; undefined where nobody looked. */
  shown: FoldOutcome | undefined
  /** Admitted entries up to it, and the chain digest over them: as far as the log is linked. */
  count: number
  chain: Hash64
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

/** How many entries behind one that comes are looked at for what tests must not miss. */
const MARKED_MAX = 64

export type IntegrateResult = { readonly kind: 'integrated' | 'duplicate' | 'closed' | 'full' } | { readonly kind: 'equivocation' }

export class CommandLog {
  readonly #ports: CommandLogPorts
  readonly #closed = new ClosedEntries()
  /** Ascending in (lamport, author). */
  #pending: LogItem[] = []
  /** Of those, the ones that the host has not admitted. */
  #own = 0
  #pendingBytes = 0
  #position: LogPosition = { closedLamport: 0, count: 0, digest: HASH64_ZERO }
  #clock: Lamport = 0
  /** So many of the pending entries know their place in the chain. */
  #linked = 0
  /** Its layers are the first of the pending entries, in their order. */
  readonly #speculation: Overlay
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
  /** One's own entries that the host has not admitted. */
  get ownDepth(): number {
    return this.#own
  }
  /** Whether the host may let another entry in. */
  get hasRoom(): boolean {
    return this.#pending.length - this.#own < PENDING_ADMITTED_MAX && this.#pendingBytes < PENDING_BYTES_MAX
  }
  /** What is kept of the closed part. It is complete above {@link ClosedEntries.completeAfter}. */
  get closed(): Pick<ClosedEntries, 'count' | 'bytes' | 'completeAfter'> {
    return this.#closed
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
  scopeBase(kind: ScopeKind, scope: number): LogPlace {
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
    const at = placeIndex(this.#pending, entry)
    const present = this.#itemAt(at, entry)
    if (present !== undefined) {
      if (!hash64Equal(present.digest, digest)) {
        probe.sometimes('an equivocation was refused')
        return { kind: 'equivocation' }
      }
      if (present.admitted || !admitted) return { kind: 'duplicate' }
      present.admitted = true
      this.#own--
      this.#unlink(at)
      return { kind: 'integrated' }
    }
    if (admitted && this.#pending.length - this.#own >= PENDING_ENTRIES_MAX) return { kind: 'full' }
    this.#speculation.rewind(probe.happens('what is shown is made anew', entry.author, entry.lamport) ? 0 : at)
    this.#markRewound(entry, at)
    this.#pending.splice(at, 0, { entry, digest, admitted, shown: undefined, count: 0, chain: digest })
    this.#unlink(at)
    this.#pendingBytes += entryBytes(entry)
    if (!admitted) this.#own++
    return { kind: 'integrated' }
  }

  /** An entry comes to stand before those from `at` on; whoever tests is told of the next ones alone. */
  #markRewound({ author }: CommandEntry, at: number): void {
    for (let i = at; i < Math.min(this.#pending.length, at + MARKED_MAX); i++) {
      const { admitted, entry: { command, scope } } = this.#pending[i]
      if (!admitted) return this.#ports.probe.sometimes('an own entry rewound below another one')
      if (command === memberRole.code && scope === memberEntity(author)) {
        return this.#ports.probe.sometimes('a role held at the position of an entry and not at its arrival')
      }
    }
  }

  /** What stands at this place, closed or not, as far as it is kept. */
  entryAt(lamport: Lamport, author: AuthorId): CommandEntry | undefined {
    const place = { lamport, author }
    if (lamport <= this.#position.closedLamport) return this.#closed.at(place)
    return this.#itemAt(placeIndex(this.#pending, place), place)?.entry
  }

  /** Takes back one's own entry that the host refused. */
  withdraw(lamport: Lamport, author: AuthorId): CommandEntry | undefined {
    const place = { lamport, author }
    const at = placeIndex(this.#pending, place)
    const item = this.#itemAt(at, place)
    if (item === undefined || item.admitted) return undefined
    this.#take(at)
    return item.entry
  }

  /**
   * Where no more entries can wait: forgets the newest admitted one, if `entry` stands before it. It is asked for when a frame
   * closes it; the frames until then need older ones, so that a client never waits for what it has no room for.
   */
  makeRoom(entry: CommandEntry): void {
    if (this.#pending.length - this.#own < PENDING_ENTRIES_MAX) return
    const at = this.#pending.findLastIndex(({ admitted }) => admitted)
    if (comparePlaces(entry, this.#pending[at].entry) < 0) this.#take(at)
    this.#ports.probe.sometimes('more entries than can wait')
  }

  /** Where the log would stand if it were closed up to `lamport` with what is here. */
  positionAt(lamport: Lamport): LogPosition {
    const end = placeIndex(this.#pending, { lamport, author: AUTHORS_MAX })
    let { count, digest } = this.#linkedAt(Math.min(this.#linked, end))
    for (; this.#linked < end; this.#linked++) {
      const item = this.#pending[this.#linked]
      if (item.admitted) {
        count++
        digest = link(digest, item.digest)
      }
      item.count = count
      item.chain = digest
    }
    return { closedLamport: Math.max(lamport, this.#position.closedLamport), count, digest }
  }

  /** Count and chain digest of what stands before this index, which is linked. */
  #linkedAt(index: number): Pick<LogPosition, 'count' | 'digest'> {
    if (index === 0) return this.#position
    const { count, chain: digest } = this.#pending[index - 1]
    return { count, digest }
  }
  #unlink(from: number): void {
    this.#linked = Math.min(this.#linked, from)
  }

  /**
   * Folds the admitted entries up to `lamport` into the world, for good. Own entries at or below it that the host has not
   * admitted stay pending (they will be refused as late); they are no part of the world.
   */
  closeUpTo(lamport: Lamport, frame: number): void {
    assert(lamport >= this.#position.closedLamport, 'the closed mark never falls')
    const first = this.#pending[0]
    if (first === undefined || first.entry.lamport > lamport) {
      const { count, digest } = this.#position
      this.#position = { closedLamport: lamport, count, digest }
      return
    }
    const position = this.positionAt(lamport)
    const closes = ({ admitted, entry }: LogItem) => admitted && entry.lamport <= lamport
    const stays = this.#pending.findIndex((item) => !closes(item))
    const leading = stays < 0 ? this.#pending.length : stays
    const kept: LogItem[] = []
    this.#ports.meter.begin('fold')
    for (const item of this.#pending) {
      if (closes(item)) this.#fold(item, frame)
      else kept.push(item)
      const isPassed = !item.admitted && item.entry.lamport <= lamport && item.entry.lamport > this.#position.closedLamport
      if (isPassed) this.#ports.probe.sometimes('an own entry was passed by the closed mark')
    }
    this.#ports.meter.end('fold')
    // What closed beyond an entry that stays was shown above it, and is below it now.
    if (this.#pending.length - kept.length > leading) this.#speculation.rewind(leading)
    this.#speculation.settle(leading)
    this.#linked = this.#pending.length - kept.length > leading ? 0 : Math.max(0, this.#linked - leading)
    this.#pending = kept
    this.#position = position
  }

  /** Admitted entries with a Lamport time in (after, upTo], in order, as far as they are kept. */
  entriesSince(after: Lamport, upTo: Lamport = Number.MAX_SAFE_INTEGER): CommandEntry[] {
    return [...this.entriesAfter({ lamport: after, author: AUTHORS_MAX }, upTo)]
  }

  /** Admitted entries beyond `place` and up to `upTo`, in order, as far as they are kept: for who takes only some of them. */
  *entriesAfter(place: LogPlace, upTo: Lamport): Iterable<CommandEntry> {
    for (const entry of this.#closed.after(place)) {
      if (entry.lamport > upTo) return
      yield entry
    }
    const from = placeIndex(this.#pending, { lamport: place.lamport, author: place.author + 1 })
    for (let at = from; at < this.#pending.length && this.#pending[at].entry.lamport <= upTo; at++) {
      if (this.#pending[at].admitted) yield this.#pending[at].entry
    }
  }

  /** Own entries that the host has not admitted yet, in order. */
  unadmitted(): CommandEntry[] {
    return this.#own === 0 ? [] : this.#pending.filter(({ admitted }) => !admitted).map(({ entry }) => entry)
  }

  /** A snapshot has put the world at `position`: everything up to there is folded already. */
  adopt(position: LogPosition): void {
    this.#position = position
    this.witness(position.closedLamport)
    const open = this.#pending.filter((item) => item.entry.lamport > position.closedLamport || !item.admitted)
    if (open.length < this.#pending.length) this.#ports.probe.sometimes('a snapshot brought entries that were waiting')
    this.#pending = open
    this.#linked = 0
    this.#pendingBytes = open.reduce((sum, { entry }) => sum + entryBytes(entry), 0)
    this.#closed.forget(position.closedLamport)
    this.#speculation.rewind(0)
  }

  #fold(item: LogItem, frame: number): void {
    const { entry, shown } = item
    this.#ports.folding(entry)
    const { author, lamport, command } = entry
    const result = this.#applyTo(this.#ports.world, entry)
    const { outcome, why, conflict } = result
    this.#pendingBytes -= entryBytes(entry)
    this.#closed.push(entry, frame)
    const trace = traceOf(entry)
    this.#ports.report({ event: 'commandFolded', author, lamport, trace, frame, command: commandName(command), outcome, why })
    if (conflict !== undefined) this.#ports.report({ event: 'commandConflict', author, lamport, frame, strategy: conflict })
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

  /** Folded only when it is looked at, and only what has not been. */
  #speculated(): Overlay {
    for (let at = this.#speculation.depth; at < this.#pending.length; at++) {
      const item = this.#pending[at]
      this.#speculation.begin()
      const { outcome } = this.#applyTo(this.#speculation, item.entry)
      item.shown ??= outcome
    }
    return this.#speculation
  }

  /** The pending item at this index, where it is the one of this place. */
  #itemAt(at: number, place: LogPlace): LogItem | undefined {
    const item = this.#pending[at]
    return item !== undefined && comparePlaces(item.entry, place) === 0 ? item : undefined
  }

  #take(at: number): void {
    const [{ entry, admitted }] = this.#pending.splice(at, 1)
    this.#pendingBytes -= entryBytes(entry)
    if (!admitted) this.#own--
    this.#unlink(at)
    this.#speculation.rewind(at)
  }

  #entryDigest(entry: CommandEntry): Hash64 {
    const form = signingBytes(this.#ports.sessionId, entry)
    const bytes = new Uint8Array(form.length + entry.signature.length)
    bytes.set(form)
    bytes.set(entry.signature, form.length)
    return sipHash24(bytes)
  }
}

const UNSEALABLE: FoldResult = { outcome: 'void', why: 'not sealed for this entry' }
const isDone = (outcome: FoldOutcome): boolean => outcome === 'applied' || outcome === 'merged'

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
