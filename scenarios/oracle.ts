/**
 * The naive reference (law 11). Convergence cannot see a mistake that all peers share, so this folds the same admitted
 * entries the slow, obvious way: from nothing, in order, into plain objects, each time the log closes; and it asks again what
 * admission should have asked. It shares no logic with `system/` but the decoding of bytes, the definitions of rows and the
 * form of a world's bytes.
 */
import { World } from '../system/ecs/world.ts'
import type { Codec } from '../system/protocol/codec.ts'
import type { CommandEntry, PlacementCommit, PlacementState } from '../system/protocol/messages.ts'
import type { Verifier } from '../system/ports.ts'
import { signingBytes } from '../system/commands/signing.ts'
import { COMPONENTS, Motion, Spawned } from '../system/ecs/components.ts'
import type { AnyComponent } from '../system/ecs/component.ts'

type Row = Record<string, number>
/** Component name, then entity, then row. */
type Rows = Map<string, Map<number, Row>>

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

const BURST = 100
const PER_SECOND = 10
/** Wishes of the story for its props that a frame takes. */
const WISHES_PER_FRAME = 256
const BODIES = 256
const LOG_COMPONENTS = COMPONENTS.filter(({ source }) => source === 'log')
const PROP_COMPONENTS: readonly AnyComponent[] = [Spawned, Motion]
/** Computed by the host over texts that are for people; convergence compares them, the oracle does not write them again. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['resultHi', 'resultLo'])

export class Oracle {
  readonly #ports: OraclePorts
  readonly #admitted: { readonly entry: CommandEntry; readonly atUs: number }[] = []
  /** What the story asked of the host's stream since the last frame; undefined ends the entity. */
  readonly #wishes: { readonly entity: number; readonly at: Position | undefined }[] = []
  readonly #props: Rows = new Map(PROP_COMPONENTS.map(({ name }) => [name, new Map<number, Row>()]))
  readonly findings: OracleFinding[] = []
  /** The first; what follows from it is not looked at. */
  difference: OracleDifference | undefined
  #closed = 0
  #rows: Rows = new Map()

  constructor(ports: OraclePorts) {
    this.#ports = ports
  }

  /** What the host let in, when. */
  admitted(entry: CommandEntry, atUs: number, frame: number): void {
    const fail = (field: string, what: string) => {
      const message = `${what}: author ${entry.author}, lamport ${entry.lamport}`
      this.findings.push({ frame, message, component: 'CommandLogEntry', field })
    }
    const earlier = this.#admitted.filter((other) => other.entry.author === entry.author)
    const key = this.#ports.keyOf(entry.author)
    const { sessionId, epoch, verifier } = this.#ports
    const genuine = key !== undefined && verifier.verify(entry.signature, signingBytes(sessionId, entry), key)
    if (!genuine) fail('signature', 'admitted without a valid signature')
    if (earlier.some(({ entry: { nonce } }) => nonce >= entry.nonce)) fail('nonce', 'admitted with a nonce that is not new')
    if (earlier.some(({ entry: { lamport } }) => lamport === entry.lamport)) fail('lamport', 'admitted twice at one position')
    if (entry.epoch !== epoch) fail('epoch', 'admitted from another epoch')
    if (entry.lamport <= this.#closed) fail('closedLamport', 'admitted below the closed mark')
    const lately = earlier.filter((other) => other.atUs > atUs - 1_000_000).length
    if (entry.author !== 0 && lately >= BURST + PER_SECOND) fail('rate', 'admitted above the rate')
    this.#admitted.push({ entry, atUs })
  }

  /** What the story asks of the host's stream, for the next frame; undefined ends the entity. */
  prop(entity: number, at: Position | undefined): void {
    this.#wishes.push({ entity, at })
  }

  /** The host has closed a frame, and `world` is exactly that frame's. */
  closed(frame: number, closedLamport: number, world: World): void {
    for (const { entity, at } of this.#wishes.splice(0, WISHES_PER_FRAME)) this.#grant(entity, at, frame)
    if (closedLamport < this.#closed) {
      this.findings.push({ frame, message: `the closed mark fell from ${this.#closed} to ${closedLamport}` })
    }
    if (closedLamport !== this.#closed) {
      this.#closed = closedLamport
      this.#rows = this.#foldAll(closedLamport)
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
    motion.set(entity, { ...at, qx: 0, qy: 0, qz: 0, qw: 32767 })
  }

  #rowsOf({ name }: AnyComponent): ReadonlyMap<number, Row> {
    return this.#rows.get(name) ?? this.#props.get(name) ?? new Map()
  }

  #compare(frame: number, world: World, components: readonly AnyComponent[]): void {
    if (this.difference !== undefined) return
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

  // --- the obvious fold ----------------------------------------------------------------------------------------------

  #foldAll(closedLamport: number): Rows {
    const rows: Rows = new Map(LOG_COMPONENTS.map(({ name }) => [name, new Map<number, Row>()]))
    const entries = this.#admitted.map(({ entry }) => entry).filter(({ lamport }) => lamport <= closedLamport)
    entries.sort((a, b) => a.lamport - b.lamport || a.author - b.author)
    for (const entry of entries) foldOne(rows, entry, this.#ports.codec)
    return rows
  }
}

/** A flipped u64 may be beyond what a number tells exactly; the bytes of the difference do. */
const text = (value: number): string => (Number.isSafeInteger(value) ? String(value) : `about ${value}`)
const table = (rows: Rows, component: string): Map<number, Row> => rows.get(`theta.${component}`)!
const memberEntity = (author: number): number => author * 2 ** 20
const authorOf = (entity: number): number => Math.floor(entity / 2 ** 20)
const ROLE = { viewer: 0, editor: 1, admin: 2 }
const CAN = { editPlacements: 1, manageCommits: 2, editWorld: 4, manageMembers: 8 }

function foldOne(rows: Rows, entry: CommandEntry, codec: Codec): void {
  const member = table(rows, 'Member').get(memberEntity(entry.author))
  const host = entry.author === 0
  const present = host || member?.present === 1
  const may = (role: number, bits: number): boolean => host || (present && member!.role >= role && (member!.capabilities & bits) === bits)
  const view = new DataView(entry.payload.buffer, entry.payload.byteOffset, entry.payload.length)
  const u32 = (at: number) => view.getUint32(at, true)
  const i32 = (at: number) => view.getInt32(at, true)
  const u16 = (at: number) => view.getUint16(at, true)
  const i16 = (at: number) => view.getInt16(at, true)
  const u8 = (at: number) => view.getUint8(at)
  const scope = entry.scopeKind === 'entity' ? entry.scope : entry.scopeKind === 'tool' ? 1 + entry.scope : 0
  const touch = () => table(rows, 'ScopeVersion').set(scope, { lamport: entry.lamport, author: entry.author })
  const foreign = () => {
    const version = table(rows, 'ScopeVersion').get(scope)
    if (version === undefined || version.author === entry.author) return false
    return !(version.lamport === entry.baseLamport && version.author === entry.baseAuthor)
  }
  const teleported = (entity: number) => {
    const body = table(rows, 'RigidBody').get(entity)
    if (body !== undefined) body.teleports = body.teleports + 1
  }

  switch (entry.command) {
    case 1:
      if (!host) return
      table(rows, 'Member').set(memberEntity(u16(0)), { author: u16(0), role: u8(2), capabilities: u32(3), present: 1 })
      return void touch()
    case 2: {
      const leaver = table(rows, 'Member').get(memberEntity(u16(0)))
      if (!host || leaver === undefined) return
      leaver.present = 0
      return void touch()
    }
    case 3: {
      const changed = table(rows, 'Member').get(memberEntity(u16(0)))
      if (!may(ROLE.admin, CAN.manageMembers) || changed === undefined) return
      Object.assign(changed, { role: u8(2), capabilities: u32(3) })
      return void touch()
    }
    case 10: {
      const entity = u32(0)
      if (!may(ROLE.editor, CAN.editWorld) || foreign()) return
      if (authorOf(entity) !== entry.author || table(rows, 'Entity').has(entity)) return
      if (Math.max(Math.abs(i32(5)), Math.abs(i32(9)), Math.abs(i32(13))) > 2 ** 30 || u8(23) > 2 || (u8(23) !== 0 && u32(24) === 0)) return
      if (u8(23) !== 0 && table(rows, 'RigidBody').size >= BODIES) return
      table(rows, 'Entity').set(entity, { kind: u8(4), creator: entry.author })
      table(rows, 'Transform').set(entity, { x: i32(5), y: i32(9), z: i32(13), qx: 0, qy: 0, qz: 0, qw: 32767, sx: 256, sy: 256, sz: 256 })
      table(rows, 'Bounds').set(entity, { hx: u16(17), hy: u16(19), hz: u16(21) })
      if (u8(23) !== 0) table(rows, 'RigidBody').set(entity, { shape: u8(23), massGrams: u32(24), restitution: u8(28), teleports: 0 })
      return void touch()
    }
    case 11: {
      const entity = u32(0)
      if (!may(ROLE.editor, CAN.editWorld) || foreign()) return
      if (!table(rows, 'Entity').has(entity) || table(rows, 'Placement').has(entity)) return
      const lost = ['Entity', 'Transform', 'Bounds', 'RigidBody', 'Selection', 'ScopeVersion']
      for (const component of lost) table(rows, component).delete(entity)
      return
    }
    case 12: {
      const entity = u32(0)
      if (!may(ROLE.editor, CAN.editWorld) || !table(rows, 'Entity').has(entity)) return
      const selections = table(rows, 'Selection')
      if (u8(4) !== 0) selections.set(entity, { author: entry.author })
      else if (selections.get(entity)?.author === entry.author) selections.delete(entity)
      else return
      return void touch()
    }
    case 13: {
      const row = table(rows, 'Transform').get(u32(0))
      if (!may(ROLE.editor, CAN.editWorld) || row === undefined) return
      const moved = { x: row.x + i32(4), y: row.y + i32(8), z: row.z + i32(12) }
      if (Math.max(Math.abs(moved.x), Math.abs(moved.y), Math.abs(moved.z)) > 2 ** 30) return
      Object.assign(row, moved)
      teleported(u32(0))
      return void touch()
    }
    case 14: {
      const row = table(rows, 'Transform').get(u32(0))
      if (!may(ROLE.editor, CAN.editWorld) || row === undefined) return
      const [a, b, c, d] = [i16(4), i16(6), i16(8), i16(10)]
      const { qx, qy, qz, qw } = row as { qx: number; qy: number; qz: number; qw: number }
      // The Hamilton product (a i + b j + c k + d)(qx i + qy j + qz k + qw), of integers: exact.
      const product = [
        d * qx + a * qw + b * qz - c * qy, d * qy + b * qw + c * qx - a * qz,
        d * qz + c * qw + a * qy - b * qx, d * qw - a * qx - b * qy - c * qz,
      ]
      const length = Math.sqrt(product[0] * product[0] + product[1] * product[1] + product[2] * product[2] + product[3] * product[3])
      if (length < 1) return
      const [x, y, z, w] = product.map((part) => Math.floor((part / length) * 32767 + 0.5))
      Object.assign(row, { qx: x, qy: y, qz: z, qw: w })
      teleported(u32(0))
      return void touch()
    }
    case 15: {
      const row = table(rows, 'Transform').get(u32(0))
      if (!may(ROLE.editor, CAN.editWorld) || foreign() || row === undefined || u16(4) === 0) return
      for (const axis of ['sx', 'sy', 'sz']) row[axis] = Math.max(1, Math.min(65535, Math.floor((row[axis] * u16(4)) / 256 + 0.5)))
      return void touch()
    }
    case 16:
    case 17:
      if (!may(ROLE.editor, CAN.editWorld) || u16(0) > 254) return
      table(rows, 'ToolState').set(memberEntity(entry.author), { tool: u16(0), active: entry.command === 16 ? 1 : 0 })
      return void touch()
    case 20: {
      const decoded = codec.decodePlacementCommit(entry.payload)
      if (decoded.kind !== 'commit' || !present) return
      const lacking = [CAN.editPlacements, CAN.manageCommits].filter((bit) => !may(ROLE.editor, bit)).length
      return foldCommit(rows, entry, decoded.commit, lacking)
    }
  }
}

const TRANSFORM = ['x', 'y', 'z', 'qx', 'qy', 'qz', 'qw', 'scale'] as const
const differs = (a: PlacementState | Row, b: PlacementState | Row) => TRANSFORM.some((part) => (a as Row)[part] !== (b as Row)[part])
const overlap = (a: Row, b: Row) =>
  (['x', 'y', 'z'] as const).every((axis) => Math.abs(a[axis] - b[axis]) * 256 < 128 * (a.scale + b.scale))

/** Every change onto a copy; the copy becomes the world only if none of them is in conflict. */
function foldCommit(rows: Rows, entry: CommandEntry, { commit, region, changes }: PlacementCommit, lacking: number): void {
  const isNew = !table(rows, 'CommitRecord').has(commit) && !table(rows, 'Entity').has(commit)
  if (!isNew || authorOf(commit) !== entry.author || commit % 2 ** 20 === 0) return
  const live = table(rows, 'Placement')
  const after = new Map([...live].map(([entity, row]) => [entity, { ...row }]))
  const touched = new Set<number>()
  const added: number[] = []
  // What is told of a commit counts tags that both sides changed and that merge, too; they are no reason to refuse it.
  let conflicts = lacking
  let merged = 0
  const clash = (): void => { conflicts += 1 }
  for (const change of changes) {
    const now = live.get(change.placement)
    if (touched.has(change.placement)) {
      clash()
      continue
    }
    touched.add(change.placement)
    if (change.change === 'ADD') {
      const isFree = now === undefined && !table(rows, 'Entity').has(change.placement)
      if (!isFree || authorOf(change.placement) !== entry.author || change.after!.region !== region) clash()
      after.set(change.placement, { ...change.after! })
      added.push(change.placement)
      continue
    }
    const before = change.before!
    if (now === undefined || now.region !== region || now.asset !== before.asset) {
      clash()
      continue
    }
    if (change.change === 'REMOVE') {
      if (differs(now, before)) clash()
      if (now.tags !== before.tags) clash()
      after.delete(change.placement)
      continue
    }
    const wanted = change.after!
    const moves = differs(before, wanted)
    if (moves && differs(before, now)) clash()
    const [ours, theirs] = [before.tags ^ wanted.tags, before.tags ^ now.tags]
    if ((ours & theirs) !== 0) clash()
    else if (ours !== 0 && theirs !== 0) merged += 1
    const moved = moves ? Object.fromEntries(TRANSFORM.map((part) => [part, wanted[part]])) : {}
    after.set(change.placement, { ...now, ...moved, tags: (now.tags ^ before.tags ^ wanted.tags) >>> 0 })
  }
  for (const entity of added) {
    const isOverlapped = [...after].some(([other, row]) => {
      const ordered = !added.includes(other) || added.indexOf(other) < added.indexOf(entity)
      return other !== entity && ordered && row.region === region && overlap(row, after.get(entity)!)
    })
    if (isOverlapped) clash()
  }
  if (conflicts === 0) {
    rows.set('theta.Placement', after)
    for (const { change, placement } of changes) {
      if (change === 'ADD') table(rows, 'Entity').set(placement, { kind: 3, creator: entry.author })
      if (change === 'REMOVE') for (const component of LOG_COMPONENTS) rows.get(component.name)!.delete(placement)
    }
  }
  const applied = conflicts === 0
  const { author, lamport } = entry
  table(rows, 'CommitRecord').set(commit, {
    status: applied ? 2 : 3, author, lamport, changes: applied ? changes.length : 0, conflicts: conflicts + merged,
  })
}
