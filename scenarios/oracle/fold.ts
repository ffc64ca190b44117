/** What one entry of the log does, the obvious way: a table of who may do what, and a case for each command. */
import type { Codec } from '../../system/protocol/codec.ts'
import type { CommandEntry } from '../../system/protocol/messages.ts'
import { sipHash } from './siphash.ts'
import { foldCommit, type Settled } from './commits.ts'
import { isFree, memberEntity, type Row, type Rows, table } from './rows.ts'

export interface Folded {
  readonly outcome: 'applied' | 'merged' | 'rejected' | 'denied' | 'void'
  /** Of a commit that was judged. */
  readonly commit?: Settled
}

const BODIES = 256
const AUTHORS = 1024
const TOOLS = 255
const [VIEWER, EDITOR, ADMIN] = [0, 1, 2]
const EDIT_PLACEMENTS = 1
const MANAGE_COMMITS = 2
const EDIT_WORLD = 4
const MANAGE_MEMBERS = 8
const FAR = 2 ** 30

interface Form {
  readonly policy: CommandEntry['policy']
  readonly scopeKind: CommandEntry['scopeKind']
  readonly bytes: number
  /** The least role and the capability; undefined: the host alone. */
  readonly needs: readonly [role: number, capability: number] | undefined
}
const WORLD = [EDITOR, EDIT_WORLD] as const
const COMMIT = 20
const FORMS: Readonly<Record<number, Form>> = {
  1: { policy: 'lastWriteWins', scopeKind: 'global', bytes: 7, needs: undefined },
  2: { policy: 'lastWriteWins', scopeKind: 'global', bytes: 2, needs: undefined },
  3: { policy: 'lastWriteWins', scopeKind: 'entity', bytes: 7, needs: [ADMIN, MANAGE_MEMBERS] },
  10: { policy: 'reject', scopeKind: 'entity', bytes: 29, needs: WORLD },
  11: { policy: 'reject', scopeKind: 'entity', bytes: 4, needs: WORLD },
  12: { policy: 'lastWriteWins', scopeKind: 'entity', bytes: 5, needs: WORLD },
  13: { policy: 'merge', scopeKind: 'entity', bytes: 16, needs: WORLD },
  14: { policy: 'merge', scopeKind: 'entity', bytes: 12, needs: WORLD },
  15: { policy: 'reject', scopeKind: 'entity', bytes: 6, needs: WORLD },
  16: { policy: 'lastWriteWins', scopeKind: 'tool', bytes: 2, needs: WORLD },
  17: { policy: 'lastWriteWins', scopeKind: 'tool', bytes: 2, needs: WORLD },
  30: { policy: 'merge', scopeKind: 'entity', bytes: 20, needs: WORLD },
  31: { policy: 'reject', scopeKind: 'entity', bytes: 20, needs: WORLD },
  32: { policy: 'reject', scopeKind: 'entity', bytes: 10, needs: WORLD },
  [COMMIT]: { policy: 'merge', scopeKind: 'global', bytes: 0, needs: undefined },
}

export function foldOne(rows: Rows, entry: CommandEntry, codec: Codec): Folded {
  const form = FORMS[entry.command]
  if (form === undefined || entry.policy !== form.policy || entry.scopeKind !== form.scopeKind) return { outcome: 'void' }
  const isHost = entry.author === 0
  const member = table(rows, 'Member').get(memberEntity(entry.author))
  const isPresent = isHost || member?.present === 1
  const may = (role: number, capability: number): boolean =>
    isHost || (isPresent && member!.role >= role && (member!.capabilities & capability) === capability)
  if (entry.command === COMMIT) {
    const decoded = codec.decodePlacementCommit(entry.payload)
    if (decoded.kind !== 'commit') return { outcome: 'void' }
    if (!isPresent) return { outcome: 'denied' }
    const lacks = [EDIT_PLACEMENTS, MANAGE_COMMITS].filter((capability) => !may(EDITOR, capability)).length
    const commit = foldCommit(rows, entry, decoded.commit, lacks)
    return commit === undefined ? { outcome: 'void' } : { outcome: commit.status === 'APPLIED' ? 'applied' : 'rejected', commit }
  }
  if (form.needs === undefined ? !isHost : !may(...form.needs)) return { outcome: 'denied' }
  if (entry.payload.length !== form.bytes || scopeIn(entry) !== entry.scope) return { outcome: 'void' }
  const versions = table(rows, 'ScopeVersion')
  const scope = entry.scopeKind === 'entity' ? entry.scope : entry.scopeKind === 'tool' ? 1 + entry.scope : 0
  const version = versions.get(scope)
  const isForeign = version !== undefined && version.author !== entry.author
    && !(version.lamport === entry.baseLamport && version.author === entry.baseAuthor)
  if (isForeign && form.policy === 'reject') return { outcome: 'rejected' }
  if (!isDone(rows, entry)) return { outcome: 'void' }
  // Of an entity that has ended, nothing stays.
  if (entry.scopeKind !== 'entity' || table(rows, 'Entity').has(scope) || table(rows, 'Member').has(scope)) {
    versions.set(scope, { lamport: entry.lamport, author: entry.author })
  }
  return { outcome: isForeign && form.policy === 'merge' ? 'merged' : 'applied' }
}

const viewOf = ({ payload }: CommandEntry): DataView => new DataView(payload.buffer, payload.byteOffset, payload.length)

/** The scope that the payload itself names. */
function scopeIn(entry: CommandEntry): number {
  const view = viewOf(entry)
  if (entry.scopeKind === 'global') return 0
  if (entry.scopeKind === 'tool') return view.getUint16(0, true)
  if (entry.command !== 3) return view.getUint32(0, true)
  const author = view.getUint16(0, true)
  return author < AUTHORS ? memberEntity(author) : 0
}

/** Does it; false where it makes no sense, and then nothing was done. */
function isDone(rows: Rows, entry: CommandEntry): boolean {
  const view = viewOf(entry)
  const u32 = (at: number) => view.getUint32(at, true)
  const i32 = (at: number) => view.getInt32(at, true)
  const u16 = (at: number) => view.getUint16(at, true)
  const i16 = (at: number) => view.getInt16(at, true)
  const u8 = (at: number) => view.getUint8(at)
  const teleported = (entity: number): void => {
    const body = table(rows, 'RigidBody').get(entity)
    if (body !== undefined) body.teleports = body.teleports + 1
  }
  switch (entry.command) {
    case 1: {
      if (u16(0) >= AUTHORS || u8(2) < VIEWER || u8(2) > ADMIN) return false
      table(rows, 'Member').set(memberEntity(u16(0)), { author: u16(0), role: u8(2), capabilities: u32(3), present: 1 })
      return true
    }
    case 2: {
      const leaver = table(rows, 'Member').get(memberEntity(u16(0)))
      if (u16(0) >= AUTHORS || leaver === undefined) return false
      leaver.present = 0
      return true
    }
    case 3: {
      const changed = table(rows, 'Member').get(memberEntity(u16(0)))
      if (u16(0) >= AUTHORS || u8(2) > ADMIN || changed === undefined) return false
      Object.assign(changed, { role: u8(2), capabilities: u32(3) })
      return true
    }
    case 10: {
      const [entity, shape] = [u32(0), u8(23)]
      if (!isFree(rows, entity, entry.author) || isFar(i32(5), i32(9), i32(13))) return false
      if (shape > 2 || (shape !== 0 && u32(24) === 0)) return false
      if (shape !== 0 && table(rows, 'RigidBody').size >= BODIES) return false
      table(rows, 'Entity').set(entity, { kind: u8(4), creator: entry.author })
      table(rows, 'Transform').set(entity, { x: i32(5), y: i32(9), z: i32(13), qx: 0, qy: 0, qz: 0, qw: 32767, sx: 256, sy: 256, sz: 256 })
      table(rows, 'Bounds').set(entity, { hx: u16(17), hy: u16(19), hz: u16(21) })
      if (shape !== 0) table(rows, 'RigidBody').set(entity, { shape, massGrams: u32(24), restitution: u8(28), teleports: 0 })
      return true
    }
    case 11: {
      const entity = u32(0)
      if (!table(rows, 'Entity').has(entity) || table(rows, 'Placement').has(entity)) return false
      for (const component of ['Entity', 'Transform', 'Bounds', 'RigidBody', 'Selection', 'MeshEdit', 'ScopeVersion']) {
        table(rows, component).delete(entity)
      }
      return true
    }
    case 12: {
      const [entity, selections] = [u32(0), table(rows, 'Selection')]
      if (!table(rows, 'Entity').has(entity)) return false
      if (u8(4) !== 0) selections.set(entity, { author: entry.author })
      else if (selections.get(entity)?.author === entry.author) selections.delete(entity)
      else return false
      return true
    }
    case 13: {
      const row = table(rows, 'Transform').get(u32(0))
      if (row === undefined) return false
      const moved = { x: row.x + i32(4), y: row.y + i32(8), z: row.z + i32(12) }
      if (isFar(moved.x, moved.y, moved.z)) return false
      Object.assign(row, moved)
      teleported(u32(0))
      return true
    }
    case 14: {
      const row = table(rows, 'Transform').get(u32(0))
      const turned = row && turn([i16(4), i16(6), i16(8), i16(10)], row)
      if (row === undefined || turned === undefined) return false
      Object.assign(row, turned)
      teleported(u32(0))
      return true
    }
    case 15: {
      const row = table(rows, 'Transform').get(u32(0))
      if (row === undefined || u16(4) === 0) return false
      for (const axis of ['sx', 'sy', 'sz']) row[axis] = Math.max(1, Math.min(65535, Math.floor((row[axis] * u16(4)) / 256 + 0.5)))
      return true
    }
    case 16:
    case 17:
      if (u16(0) >= TOOLS) return false
      table(rows, 'ToolState').set(memberEntity(entry.author), { tool: u16(0), active: entry.command === 16 ? 1 : 0 })
      return true
    case 30:
      return !isFar(i32(4), i32(8), i32(12)) && isChained(rows, entry)
    case 31: {
      const [x, y, z] = [i32(8), i32(12), i32(16)]
      return (x !== 0 || y !== 0 || z !== 0) && !isFar(x, y, z) && isChained(rows, entry)
    }
    case 32:
      return u8(8) >= 1 && u8(8) <= 4 && u8(9) <= 1 && isChained(rows, entry)
    default: return false
  }
}

/** One more edit of a mesh; false where there is nothing that could have one. */
function isChained(rows: Rows, { command, author, lamport, payload }: CommandEntry): boolean {
  const entity = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true)
  if (!table(rows, 'Transform').has(entity)) return false
  const { edits, digestHi, digestLo } = table(rows, 'MeshEdit').get(entity) ?? { edits: 0, digestHi: 0, digestLo: 0 }
  const text = new Uint8Array(20 + payload.length)
  const view = new DataView(text.buffer)
  view.setBigUint64(0, (BigInt(digestHi) << 32n) + BigInt(digestLo), true)
  view.setUint16(8, command, true)
  view.setUint16(10, author, true)
  view.setBigUint64(12, BigInt(lamport), true)
  text.set(payload, 20)
  const digest = sipHash(text)
  table(rows, 'MeshEdit').set(entity, {
    edits: (edits + 1) % 2 ** 32, digestHi: Number(digest >> 32n), digestLo: Number(digest & 0xffffffffn),
  })
  return true
}

const isFar = (x: number, y: number, z: number): boolean => Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) > FAR

/** The Hamilton product (a i + b j + c k + d)(qx i + qy j + qz k + qw), of integers: exact. Undefined for what is no rotation. */
function turn([a, b, c, d]: readonly [number, number, number, number], row: Row): Row | undefined {
  const { qx, qy, qz, qw } = row as { qx: number; qy: number; qz: number; qw: number }
  const product = [
    d * qx + a * qw + b * qz - c * qy, d * qy + b * qw + c * qx - a * qz,
    d * qz + c * qw + a * qy - b * qx, d * qw - a * qx - b * qy - c * qz,
  ]
  const length = Math.sqrt(product[0] * product[0] + product[1] * product[1] + product[2] * product[2] + product[3] * product[3])
  if (length < 1) return undefined
  const [x, y, z, w] = product.map((part) => Math.floor((part / length) * 32767 + 0.5))
  return { qx: x, qy: y, qz: z, qw: w }
}
