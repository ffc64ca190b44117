/**
 * A saved session: what the log has closed, the props, and who may come back as whom, as the bytes of a file. A host that
 * is made with one begins a NEW session over that world: entries that were signed for the old one are worth nothing in it.
 *
 *     'theta/session/' | major u16 | minor u16 | patch u16 | body bytes u32 | SHA-256 of the body | body
 *
 * Little-endian. The body is CBOR, by the layout below, since 2.0.0; bodies of earlier versions are migrated (migrations.ts).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import type { Shape, TableLayout } from '../../schemas/layout.ts'
import { isCanonicalRow } from '../ecs/canonical.ts'
import { BodyPose, COMPONENTS, HeadPose, LeftHandPose, RightHandPose } from '../ecs/components.ts'
import type { AnyComponent } from '../ecs/component.ts'
import type { World } from '../ecs/world.ts'
import { AUTHORS_MAX, ENTITIES_PER_AUTHOR_MAX, ENTITY_ID_MAX } from '../ids.ts'
import { SNAPSHOT_BODY_BYTES_MAX } from '../limits.ts'
import { bytesEqual, concatenate, u32 } from '../protocol/bytes.ts'
import { readCbor, writeCbor } from '../protocol/cbor.ts'
import { utf8Bytes } from '../protocol/utf8.ts'
import { PROTOCOL_VERSION } from '../protocol/version.ts'
import { MIGRATIONS, type Version } from './migrations.ts'
import type { SavedSession, SavedTable } from './savedsession.ts'

export type LoadedSession =
  | { readonly kind: 'session'; readonly session: SavedSession }
  | { readonly kind: 'refused'; readonly why: string }

const MAGIC = utf8Bytes('theta/session/')
const DIGEST_AT = MAGIC.length + 10
const HEADER_BYTES = DIGEST_AT + 32
const ENTITY_BYTES = 4
/** What is seen from outside again as soon as it is there: hands of who is, bodies where physics has them. */
const FLEETING: readonly AnyComponent[] = [HeadPose, LeftHandPose, RightHandPose, BodyPose]

const scalar = (type: 'bool' | 'safe' | 'u16' | 'u32' | 'u64', max: number): Shape => ({ kind: 'scalar', type, min: 0, max })
const SAFE = scalar('safe', Number.MAX_SAFE_INTEGER)
const AUTHOR = scalar('u16', AUTHORS_MAX - 1)
const WORD = scalar('u32', 0xffffffff)
const table = (name: string, fields: Readonly<Record<string, Shape>>): TableLayout => ({
  kind: 'table', name, slots: 0,
  fields: Object.entries(fields).map(([field, shape], slot) => ({ name: field, slot, required: true, shape })),
})
const many = (of: TableLayout, countMax: number): Shape => ({ kind: 'vector', of, countMin: 0, countMax })
const LAYOUT = table('SavedSession', {
  closedLamport: SAFE, admittedCount: WORD, admittedDigest: table('Digest', { hi: WORD, lo: WORD }), nextAuthor: scalar('u16', AUTHORS_MAX),
  members: many(table('SavedMember', {
    author: AUTHOR, publicKey: { kind: 'bytes', countMin: 32, countMax: 32, borrowed: false },
    displayName: { kind: 'string', bytesMax: COUNT_MAX.RosterMember.displayName }, nonceHighWater: scalar('u64', 0),
    banned: scalar('bool', 1),
  }), COUNT_MAX.KeyRoster.members),
  tables: many(table('SavedTable', {
    component: { kind: 'string', bytesMax: 64 }, stride: scalar('u16', 0xffff),
    rows: { kind: 'bytes', countMin: 0, countMax: SNAPSHOT_BODY_BYTES_MAX, borrowed: false },
  }), COMPONENTS.length),
})

/** The major version whose builds were the first to save bodies of this form. */
const FORM_SINCE = 2
/** Half of all there are: a session that goes on needs some. */
const LAMPORT_MAX = 2 ** 52

const u16 = (value: number): Uint8Array => u32(value).subarray(0, 2)

export function saveSession(session: SavedSession): Uint8Array {
  const body = writeCbor(LAYOUT, session)
  const { major, minor, patch } = PROTOCOL_VERSION
  return concatenate([MAGIC, u16(major), u16(minor), u16(patch), u32(body.length), sha256(body), body])
}

/** Bytes of a file may be anything; what is refused says why. */
export function loadSession(bytes: Uint8Array): LoadedSession {
  if (bytes.length < HEADER_BYTES || !bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC)) return refused('not a saved session of Theta')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [major, minor, patch] = [0, 2, 4].map((at) => view.getUint16(MAGIC.length + at, true))
  const body = bytes.subarray(HEADER_BYTES)
  const length = view.getUint32(MAGIC.length + 6, true)
  if (length !== body.length) return refused(`cut off or damaged: ${body.length} bytes where there should be ${length}`)
  if (!bytesEqual(sha256(body), bytes.subarray(DIGEST_AT, HEADER_BYTES))) return refused('damaged: its digest does not hold')
  const version: Version = { major, minor, patch }
  const text = `${major}.${minor}.${patch}`
  if (isNewer(version, PROTOCOL_VERSION)) {
    const own = `${PROTOCOL_VERSION.major}.${PROTOCOL_VERSION.minor}.${PROTOCOL_VERSION.patch}`
    return refused(`saved by version ${text}, and this build reads up to ${own}: install a newer build`)
  }
  const migration = MIGRATIONS.find(({ from }) => from.major === major)
  if (migration === undefined && major < FORM_SINCE) return refused(`there is no way from version ${text} to this build`)
  const migrated = migration?.migrate(body)
  if (migrated?.kind === 'refused') return migrated
  const read = migrated === undefined ? readCbor(LAYOUT, body) : undefined
  if (read?.kind === 'malformed') return refused(read.why)
  const session = migrated?.session ?? (read!.value as unknown as SavedSession)
  const why = contradiction(session)
  return why === undefined ? { kind: 'session', session } : refused(why)
}

const refused = (why: string): LoadedSession => ({ kind: 'refused', why })
const isNewer = (a: Version, b: Version): boolean =>
  a.major > b.major || (a.major === b.major && (a.minor > b.minor || (a.minor === b.minor && a.patch > b.patch)))

/** What a layout cannot ask for. */
function contradiction({ closedLamport, members, nextAuthor, tables }: SavedSession): string | undefined {
  if (closedLamport > LAMPORT_MAX) return 'no Lamport times are left'
  if (members.some(({ nonceHighWater }) => nonceHighWater >= ENTITIES_PER_AUTHOR_MAX)) return 'a member has no numbers left'
  if (members.some(({ author }, index) => author >= nextAuthor || members.slice(0, index).some((other) => other.author === author))) {
    return 'a member’s number is given twice, or to come'
  }
  for (const { component: name, stride, rows } of tables) {
    const component = COMPONENTS.find((known) => known.name === name)
    if (component === undefined || component.stride !== stride) return `component ${name} is not known, or has other rows`
    const size = ENTITY_BYTES + stride
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length)
    let previous = -1
    for (let at = 0; at < rows.length; at += size) {
      if (at + size > rows.length) return `a row of ${name} is cut off`
      const entity = view.getUint32(at, true)
      if (entity <= previous || entity > ENTITY_ID_MAX) return `rows of ${name} are not in order`
      if (!isCanonicalRow(component, rows.subarray(at + ENTITY_BYTES, at + size))) return `a row of ${name} is out of its range`
      previous = entity
    }
  }
  return undefined
}

/** The rows of a world that are worth saving. @param stream where the rows of the stream are, which the world may not have yet. */
export const savedTables = (world: World, stream: World): readonly SavedTable[] =>
  COMPONENTS.filter((component) => !FLEETING.includes(component)).map((component) => {
    const rowsIn = component.source === 'stream' ? stream : world
    return {
      component: component.name, stride: component.stride,
      rows: concatenate(rowsIn.entities(component).flatMap((entity) => [u32(entity), rowsIn.rowBytes(entity, component)!])),
    }
  }).filter(({ rows }) => rows.length > 0)

/** Into an empty world. */
export function restoreTables(world: World, tables: readonly SavedTable[]): void {
  for (const { component: name, stride, rows } of tables) {
    const component = COMPONENTS.find((known) => known.name === name)!
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length)
    for (let at = 0; at < rows.length; at += ENTITY_BYTES + stride) {
      world.setBytes(view.getUint32(at, true), component, rows.subarray(at + ENTITY_BYTES, at + ENTITY_BYTES + stride), 1)
    }
  }
}

