/**
 * The naive reference (law 11). Convergence cannot see a mistake that all peers share, so this folds the same admitted
 * entries the slow, obvious way, in order, into plain objects, as the log closes; it asks again what admission should have
 * asked, and whether what the host tells of an entry is what came of it. It shares no logic with `system/` but the decoding of
 * bytes, the definitions of rows and the form of a world's bytes.
 */
import { World } from '../system/ecs/world.ts'
import type { Codec } from '../system/protocol/codec.ts'
import type { CommandEntry } from '../system/protocol/messages.ts'
import type { Verifier } from '../system/ports.ts'
import { signingBytes } from '../system/commands/signing.ts'
import { Motion, Spawned } from '../system/ecs/components.ts'
import type { AnyComponent } from '../system/ecs/component.ts'
import type { SystemEvent } from '../system/telemetry/events.ts'
import { type Folded, foldOne } from './oracle/fold.ts'
import { LOG_COMPONENTS, noRows, type Row, type Rows, table } from './oracle/rows.ts'

type Told<Name extends SystemEvent['event']> = Extract<SystemEvent, { readonly event: Name }>

export interface OracleFinding {
  readonly frame: number
  readonly message: string
  readonly entity?: number
  readonly component?: string
  readonly field?: string
  /** What the oracle has, and what the host has. */
  readonly expected?: string
  readonly actual?: string
}

/** Canonical bytes of the host's world where it first differs, and what they should have been. */
export interface OracleDifference {
  readonly frame: number
  /** Of the first finding there. */
  readonly message: string
  readonly actual: Uint8Array
  readonly expected: Uint8Array
}

interface Admitted {
  readonly entry: CommandEntry
  readonly atUs: number
}

interface Position {
  readonly x: number
  readonly y: number
  readonly z: number
}

export interface OraclePorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly codec: Codec
  readonly verifier: Verifier
  /** The key that the simulator gave to this author; the oracle does not ask the roster. */
  keyOf(author: number): Uint8Array | undefined
}

const RATE_US = 1_000_000
const BURST = 100
const PER_SECOND = 10
/** It is looked for what is settled where twice as much is kept as was left the last time. */
const GROWTH = 2
const SWEEP_MIN = 256
/** How far above all that is known an entry's Lamport time may be. */
const LEAD = 2 ** 20
/** Wishes of the story for its props that a frame takes. */
const WISHES_PER_FRAME = 256
const PROP_COMPONENTS: readonly AnyComponent[] = [Spawned, Motion]
/** Computed by the host over texts that are for people; convergence compares them, the oracle does not write them again. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['resultHi', 'resultLo'])

export class Oracle {
  readonly #ports: OraclePorts
  /** What the host let in, but for what is settled. */
  #admitted: Admitted[] = []
  /** Of what is settled: each author's last nonce, and the highest Lamport time. */
  readonly #spent = new Map<number, bigint>()
  #settledLamport = 0
  /** What the story asked of the host's stream since the last frame; undefined ends the entity. */
  readonly #wishes: { readonly entity: number; readonly at: Position | undefined }[] = []
  readonly #props = noRows(PROP_COMPONENTS)
  readonly findings: OracleFinding[] = []
  /** The first; what follows from it is not looked at. */
  difference: OracleDifference | undefined
  #epoch: number
  #closed = 0
  /** The host has forgotten what it told: what else is wrong follows from it. */
  #isForgetful = false
  /** When the host began; what an author may spend at once is its own again since. */
  #beganUs = 0
  /** Admitted and not closed. */
  #waiting: CommandEntry[] = []
  readonly #rows: Rows = noRows(LOG_COMPONENTS)
  /** What came of each closed entry that is not settled, by Lamport time and author. */
  readonly #folded = new Map<string, Folded & Pick<CommandEntry, 'lamport'>>()
  #sweepAt = SWEEP_MIN

  constructor(ports: OraclePorts) {
    this.#ports = ports
    this.#epoch = ports.epoch
  }

  /** What the host let in, when. */
  admitted(entry: CommandEntry, atUs: number, frame: number): void {
    const fail = (field: string, what: string) => {
      const message = `${what}: author ${entry.author}, lamport ${entry.lamport}`
      this.findings.push({ frame, message, component: 'CommandLogEntry', field })
    }
    const earlier = this.#admitted.filter((other) => other.entry.author === entry.author)
    const key = this.#ports.keyOf(entry.author)
    const { sessionId, verifier } = this.#ports
    const genuine = key !== undefined && verifier.verify(entry.signature, signingBytes(sessionId, entry), key)
    if (!genuine) fail('signature', 'admitted without a valid signature')
    if (entry.epoch !== this.#epoch) fail('epoch', 'admitted from another epoch')
    const last = earlier.reduce((most, { entry: { nonce } }) => (nonce > most ? nonce : most), this.#spent.get(entry.author) ?? 0n)
    if (entry.nonce <= last) fail('nonce', 'admitted with a nonce that is not new')
    if (entry.previousNonce !== last) fail('previousNonce', 'admitted out of its author\'s order')
    if (earlier.some(({ entry: { lamport } }) => lamport === entry.lamport)) fail('lamport', 'admitted twice at one position')
    if (entry.lamport <= this.#closed) fail('closedLamport', 'admitted below the closed mark')
    const known = this.#admitted.reduce((most, { entry: { lamport } }) => Math.max(most, lamport), this.#settledLamport)
    if (entry.lamport > known + LEAD) fail('lamport', 'admitted from the far future')
    const lately = earlier.filter((other) => other.atUs > Math.max(atUs - RATE_US, this.#beganUs)).length
    if (entry.author !== 0 && lately >= BURST + PER_SECOND) fail('rate', 'admitted above the rate')
    this.#admitted.push({ entry, atUs })
    this.#waiting.push(entry)
  }

  /**
   * The host has begun (anew), with a checkpoint that is closed up to there and these entries beyond it. What else it had let in is
   * forgotten, and must be: nobody has it from the host, and it was not closed. The runtime's entities are gone.
   */
  recovered(
    { closedLamport, entries }: Told<'recovered'>, isTold: (entry: CommandEntry) => boolean, atUs: number, frame: number,
  ): void {
    this.#beganUs = atUs
    this.#wishes.length = 0
    for (const rows of this.#props.values()) rows.clear()
    const kept = new Set(entries.map(({ author, lamport }) => `${lamport} ${author}`))
    const isForgotten = (entry: CommandEntry): boolean => entry.lamport > closedLamport && !kept.has(`${entry.lamport} ${entry.author}`)
    for (const { entry } of this.#admitted) {
      if (!isForgotten(entry) || (entry.lamport > this.#closed && !isTold(entry))) continue
      const message = `the host told of an entry and has forgotten it: author ${entry.author}, lamport ${entry.lamport}`
      this.findings.push({ frame, message, component: 'CommandLogEntry', field: 'forgotten' })
      this.#isForgetful = true
    }
    this.#admitted = this.#admitted.filter(({ entry }) => !isForgotten(entry))
    this.#waiting = this.#waiting.filter((entry) => !isForgotten(entry))
  }

  /**
   * Nobody comes back to what is closed up to there. Of the entries nothing more is needed than what authors have spent, and what
   * counts against their rates.
   */
  settle(lamport: number, nowUs: number): void {
    if (this.held < this.#sweepAt) return
    const isSettled = ({ entry, atUs }: Admitted): boolean => entry.lamport <= lamport && atUs <= nowUs - RATE_US
    for (const { entry: { author, nonce, lamport: settled } } of this.#admitted.filter(isSettled)) {
      const spent = this.#spent.get(author) ?? 0n
      this.#spent.set(author, nonce > spent ? nonce : spent)
      this.#settledLamport = Math.max(this.#settledLamport, settled)
    }
    this.#admitted = this.#admitted.filter((admitted) => !isSettled(admitted))
    for (const [position, folded] of this.#folded) if (folded.lamport <= lamport) this.#folded.delete(position)
    this.#sweepAt = Math.max(SWEEP_MIN, GROWTH * this.held)
  }
  /** Entries that are not settled. */
  get held(): number {
    return this.#admitted.length + this.#folded.size
  }
  /** Another host has gone on with the session, from what its predecessor had closed. */
  continued({ epoch }: Told<'sessionContinued'>, atUs: number): void {
    this.#epoch = epoch
    this.#beganUs = atUs
  }

  /** What the story asks of the host's stream, for the next frame; undefined ends the entity. */
  prop(entity: number, at: Position | undefined): void {
    this.#wishes.push({ entity, at })
  }

  /** The host has closed a frame, and `world` is exactly that frame's. */
  closed(frame: number, closedLamport: number, world: World): void {
    for (const { entity, at } of this.#wishes.splice(0, WISHES_PER_FRAME)) this.#grant(entity, at, frame)
    if (closedLamport < this.#closed) {
      const message = `the closed mark fell from ${this.#closed} to ${closedLamport}`
      this.findings.push({ frame, message, component: 'CommandLogEntry', field: 'closedLamport' })
    }
    if (closedLamport !== this.#closed) {
      this.#closed = closedLamport
      this.#foldClosed()
      this.#compare(frame, world, LOG_COMPONENTS)
    }
  }

  /** At the end, and where the host's own audit says that its memory has changed underneath: everything, the runtime's entities too. */
  whole(frame: number, world: World): void {
    this.#compare(frame, world, [...LOG_COMPONENTS, ...PROP_COMPONENTS])
  }

  #grant(entity: number, at: Position | undefined, frame: number): void {
    const [spawned, motion] = [table(this.#props, 'Spawned'), table(this.#props, 'Motion')]
    if (at === undefined) {
      spawned.delete(entity)
      motion.delete(entity)
      return
    }
    if (!spawned.has(entity)) spawned.set(entity, { kind: 1, bornFrame: frame })
    motion.set(entity, { x: at.x, y: at.y, z: at.z, qx: 0, qy: 0, qz: 0, qw: 32767 })
  }

  #rowsOf({ name }: AnyComponent): ReadonlyMap<number, Row> {
    return this.#rows.get(name) ?? this.#props.get(name) ?? new Map()
  }

  #compare(frame: number, world: World, components: readonly AnyComponent[]): void {
    if (this.difference !== undefined || this.#isForgetful) return
    const before = this.findings.length
    for (const component of components) {
      const expected = this.#rowsOf(component)
      for (const entity of world.entities(component)) {
        if (!expected.has(entity)) this.#differs(frame, entity, component, '', 'no row', 'one')
      }
      for (const [entity, row] of expected) this.#compareRow(frame, entity, component, row, world)
    }
    const first = this.findings.at(before)
    if (first === undefined) return
    this.difference = {
      frame, message: first.message, actual: world.canonicalBytes(), expected: this.#expectedBytes(world, components),
    }
  }

  #compareRow(frame: number, entity: number, component: AnyComponent, expected: Row, world: World): void {
    const actual = world.get(entity, component)
    if (actual === undefined) return this.#differs(frame, entity, component, '', 'a row', 'none')
    for (const field of Object.keys(expected)) {
      if (NOT_COMPARED.has(field) || actual[field] === expected[field]) continue
      return this.#differs(frame, entity, component, field, text(expected[field]), text(actual[field]))
    }
  }

  #differs(frame: number, entity: number, component: AnyComponent, field: string, expected: string, actual: string): void {
    const place = `frame ${frame}: entity ${entity} ${component.name}${field === '' ? '' : ` ${field}`}`
    const message = `${place}: the oracle has ${expected}, the host ${actual}`
    this.findings.push({ frame, entity, component: component.name, field, expected, actual, message })
  }

  /** The host's world, with the oracle's rows in place of its own. */
  #expectedBytes(world: World, components: readonly AnyComponent[]): Uint8Array {
    const mended = new World()
    mended.copyFrom(world)
    for (const component of components) {
      const expected = this.#rowsOf(component)
      for (const entity of world.entities(component)) if (!expected.has(entity)) mended.delete(entity, component)
      const blank = Object.fromEntries(component.fields.map(({ name }) => [name, 0]))
      for (const [entity, row] of expected) mended.set(entity, component, { ...blank, ...world.get(entity, component), ...row })
    }
    return mended.canonicalBytes()
  }

  // --- the log -------------------------------------------------------------------------------------------------------

  #foldClosed(): void {
    const closed = this.#waiting.filter(({ lamport }) => lamport <= this.#closed)
    this.#waiting = this.#waiting.filter(({ lamport }) => lamport > this.#closed)
    closed.sort((a, b) => a.lamport - b.lamport || a.author - b.author)
    for (const entry of closed) {
      const { lamport, author } = entry
      this.#folded.set(`${lamport} ${author}`, { lamport, ...foldOne(this.#rows, entry, this.#ports.codec) })
    }
  }

  /** What the host tells of an entry that it has closed. */
  toldEntry({ author, lamport, frame, outcome }: Told<'commandFolded'>): void {
    this.#isTold({ author, lamport, frame }, 'outcome', ({ outcome: own }) => own, outcome)
  }
  /** What the host tells of a commit that it has settled. */
  toldCommit({ author, lamport, frame, status, changes, merged, conflicts }: Told<'commitFolded'>): void {
    const position = { author, lamport, frame }
    this.#isTold(position, 'status', ({ commit }) => commit?.status, status)
    this.#isTold(position, 'changes', ({ commit }) => commit?.changes, changes)
    this.#isTold(position, 'merged', ({ commit }) => commit?.merged, merged)
    const told = conflicts.map(({ kind, placement }) => `${kind} ${placement}`).toSorted()
    this.#isTold(position, 'conflicts', ({ commit }) => commit?.conflicts.join(', '), told.join(', '))
  }

  #isTold(
    { author, lamport, frame }: { readonly author: number; readonly lamport: number; readonly frame: number },
    field: string, expect: (folded: Folded) => string | number | undefined, told: string | number,
  ): void {
    if (this.difference !== undefined || this.#isForgetful) return
    const folded = this.#folded.get(`${lamport} ${author}`)
    const expected = folded === undefined ? undefined : expect(folded)
    if (expected === told) return
    const message = `the host tells ${field} ${told || 'none'}, and the oracle ${expected || 'none'}: author ${author}, lamport ${lamport}`
    const component = field === 'outcome' ? 'CommandLogEntry' : 'PlacementCommit'
    this.findings.push({ frame, component, field, expected: String(expected), actual: String(told), message })
  }
}

/** A flipped u64 may be beyond what a number tells exactly; the bytes of the difference do. */
const text = (value: number): string => (Number.isSafeInteger(value) ? String(value) : `about ${value}`)
