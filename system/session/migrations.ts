/**
 * From the bodies of earlier versions' saved sessions to this one's, one step for each version that changed the form.
 *
 * 1.0.0: length u32 | the body of a world snapshot as 1.0.0 sent it | the body of a KeyRoster message. It kept no nonces and
 * no next author. Nonces and entities share one counter, and the session that goes on is a new one, so that an author's
 * highest entity stands in for its highest nonce: no id that is in the world is ever given again.
 */
import type { TableLayout } from '../../schemas/layout.ts'
import { memberEntity } from '../commands/registry.ts'
import { COMPONENTS } from '../ecs/components.ts'
import { AUTHORS_MAX, type AuthorId, entityAuthor, entityCounter, entitySource, hash64Equal } from '../ids.ts'
import { concatenate } from '../protocol/bytes.ts'
import { readRoot } from '../protocol/reader.ts'
import { verify } from '../protocol/verifier.ts'
import type { SavedSession } from './savedsession.ts'

export interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
}
type Migrated = { readonly kind: 'migrated'; readonly session: SavedSession } | { readonly kind: 'refused'; readonly why: string }
interface Migration {
  readonly from: Version
  /** Checked against its digest; what it holds may still be anything. */
  migrate(body: Uint8Array): Migrated
}

export const MIGRATIONS: readonly Migration[] = [{ from: { major: 1, minor: 0, patch: 0 }, migrate: fromFirst }]

interface FirstMember {
  readonly author: AuthorId
  readonly publicKey: Uint8Array
  readonly displayName: string
}
/** The KeyRoster of 1.0.0, as it was: today's has other fields in its slots. */
const FIRST_ROSTER: TableLayout = {
  kind: 'table', name: 'KeyRoster', slots: 4,
  fields: [{
    name: 'members', slot: 2, required: true,
    shape: {
      kind: 'vector', countMin: 0, countMax: 256,
      of: {
        kind: 'table', name: 'RosterMember', slots: 4,
        fields: [
          { name: 'publicKey', slot: 1, required: true, shape: { kind: 'bytes', countMin: 32, countMax: 32, borrowed: false } },
          { name: 'displayName', slot: 2, required: true, shape: { kind: 'string', bytesMax: 64 } },
          { name: 'author', slot: 0, required: false, shape: { kind: 'scalar', type: 'u16', min: 0, max: AUTHORS_MAX - 1 } },
        ],
      },
    },
  }],
}

const LENGTH_BYTES = 4
const HEADER_BYTES = 22
const TABLE_BYTES = 14
const ROW_HEADER_BYTES = 8
const TWO_TO_32 = 0x1_0000_0000

function fromFirst(body: Uint8Array): Migrated {
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const end = body.length < LENGTH_BYTES + HEADER_BYTES ? 0 : LENGTH_BYTES + view.getUint32(0, true)
  if (end < LENGTH_BYTES + HEADER_BYTES || end > body.length) return refused('the snapshot is cut off')
  const bytes = body.subarray(end)
  if (verify(FIRST_ROSTER, bytes).kind === 'malformed') return refused('the roster cannot be read')
  const roster: Record<string, unknown> = {}
  readRoot(FIRST_ROSTER, bytes, roster)
  const closedLamport = view.getUint32(LENGTH_BYTES, true) + view.getUint32(LENGTH_BYTES + 4, true) * TWO_TO_32
  if (closedLamport > Number.MAX_SAFE_INTEGER) return refused('a Lamport time is out of its range')
  const tables = tablesOf(body.subarray(LENGTH_BYTES, end))
  if (tables === undefined) return refused('the snapshot cannot be read')
  const highest = highestCounters(tables)
  const members = (roster.members as readonly FirstMember[]).map(({ author, publicKey, displayName }) =>
    ({ author, publicKey, displayName, banned: false, nonceHighWater: BigInt(highest.get(author) ?? 0) }))
  return {
    kind: 'migrated',
    session: {
      closedLamport, admittedCount: view.getUint32(LENGTH_BYTES + 8, true),
      admittedDigest: { lo: view.getUint32(LENGTH_BYTES + 12, true), hi: view.getUint32(LENGTH_BYTES + 16, true) },
      nextAuthor: members.reduce((next, { author }) => Math.max(next, author + 1), 1), members, tables,
    },
  }
}

const refused = (why: string): Migrated => ({ kind: 'refused', why: `version 1.0.0: ${why}` })

/** Its tables named their components by id, and its rows carried a revision; poses and bodies are left behind. */
function tablesOf(snapshot: Uint8Array): SavedSession['tables'] | undefined {
  const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.length)
  const tables: SavedSession['tables'][number][] = []
  let at = HEADER_BYTES
  for (let left = view.getUint16(HEADER_BYTES - 2, true); left > 0; left--) {
    if (at + TABLE_BYTES > snapshot.length) return undefined
    const id = { lo: view.getUint32(at, true), hi: view.getUint32(at + 4, true) }
    const [stride, count] = [view.getUint16(at + 8, true), view.getUint32(at + 10, true)]
    const component = COMPONENTS.find((known) => hash64Equal(known.id, id))
    const rowBytes = ROW_HEADER_BYTES + stride
    at += TABLE_BYTES
    if (component === undefined || count > (snapshot.length - at) / rowBytes) return undefined
    const rows = Array.from({ length: count }, (_, row) => {
      const from = at + row * rowBytes
      return [snapshot.subarray(from, from + 4), snapshot.subarray(from + ROW_HEADER_BYTES, from + rowBytes)]
    })
    at += count * rowBytes
    if (!component.name.endsWith('Pose')) tables.push({ component: component.name, stride, rows: concatenate(rows.flat()) })
  }
  return at === snapshot.length ? tables : undefined
}

/** The highest counter of an entity in the world, by author. */
function highestCounters(tables: SavedSession['tables']): ReadonlyMap<AuthorId, number> {
  const highest = new Map<AuthorId, number>()
  for (const { stride, rows } of tables) {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length)
    for (let at = 0; at < rows.length; at += 4 + stride) {
      const entity = view.getUint32(at, true)
      const author = entityAuthor(entity)
      if (entitySource(entity) !== 'log' || author >= AUTHORS_MAX || entity === memberEntity(author)) continue
      highest.set(author, Math.max(highest.get(author) ?? 0, entityCounter(entity)))
    }
  }
  return highest
}
