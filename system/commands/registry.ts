/**
 * Every command of Theta: its code, who may give it, how concurrent ones on a scope are resolved, its payload, and what
 * it does to the log's part of the world. `apply` reads and writes log components only (law 8) and answers with a
 * reason where the command makes no sense in the state it meets; then nothing was written.
 */
import { assert } from '../assert.ts'
import {
  Bounds, Entity, Member, MeshEdit, Placement, RigidBody, ROTATION_ONE, SCALE_MAX, SCALE_ONE, ScopeVersion, Selection, ToolState, Transform,
} from '../ecs/components.ts'
import { defineLayout, type FieldSpec, type FieldType, type Layout, type RowOf } from '../ecs/component.ts'
import type { ReadStore, WriteStore } from '../ecs/store.ts'
import { AUTHORS_MAX, type AuthorId, ENTITY_ID_MAX, entityAuthor, type EntityId, entityId, entitySource, HOST_AUTHOR } from '../ids.ts'
import { HOST_RESERVED_COUNTERS, SUBDIVISION_LEVELS_MAX } from '../limits.ts'
import { recorded } from '../mesh/record.ts'
import { BODIES_MAX } from '../physics/physics.ts'
import { EDIT_PLACEMENTS, EDIT_WORLD, MANAGE_COMMITS, MANAGE_MEMBERS } from '../protocol/capabilities.ts'
import type { CommandEntry, ConflictPolicy, Role, ScopeKind } from '../protocol/messages.ts'

export const ROLES: readonly Role[] = ['viewer', 'editor', 'admin']
export const roleRank = (role: Role): number => ROLES.indexOf(role)

/** What an entity is, as {@link Entity}.kind and Spawned.kind. */
export const EntityKind = { prop: 1, body: 2, placement: 3, commit: 4 } as const
/** Shapes of a rigid body; 0 in a spawn means none. */
export const BodyShape = { none: 0, box: 1, ball: 2 } as const

/** Where a member's row, tool and poses stand. */
export const memberEntity = (author: AuthorId): EntityId => entityId('log', author, 0)
/** Where the version of a scope stands. The global scope has the host's counter 0 beside the host's own member row. */
export function scopeEntity(kind: ScopeKind, scope: number): EntityId {
  if (kind === 'entity') return scope
  return entityId('log', HOST_AUTHOR, kind === 'tool' ? 1 + scope : 0)
}
const TOOL_ID_MAX = HOST_RESERVED_COUNTERS - 2

/** Positions stay within this many steps of the origin on each axis (2,097 km): sums of deltas never leave 32 bits. */
const POSITION_STEPS_MAX = 2 ** 30

export interface CommandDefinition<F extends string = string> {
  readonly code: number
  readonly name: string
  readonly role: Role
  /** Every one of these bits must be granted to the author. */
  readonly capabilities: number
  /** Only the host itself, whoever else is admin. */
  readonly hostOnly: boolean
  readonly policy: ConflictPolicy
  readonly scopeKind: ScopeKind
  /** Undefined for the placement commit, whose payload is a FlatBuffers table (fold.ts applies it). */
  readonly layout: Layout<F> | undefined
  /** The scope that this payload belongs to. */
  scope(payload: { readonly [K in F]: number }): number
  apply(store: WriteStore, payload: { readonly [K in F]: number }, entry: CommandEntry): string | undefined
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyCommand = CommandDefinition<any>

export type PayloadOf<C> = C extends CommandDefinition<infer F> ? { readonly [K in F]: number } : never

/** A payload's layout, in short. */
function payloadLayout<F extends string>(fields: { readonly [K in F]: readonly [type: FieldType, unit: string] }): Layout<F> {
  const specs = Object.entries<readonly [FieldType, string]>(fields).map(([name, [type, unit]]) => [name, { type, unit }])
  return defineLayout('payload', Object.fromEntries(specs) as { [K in F]: FieldSpec })
}

type Spec<F extends string> = Pick<CommandDefinition<F>, 'code' | 'name' | 'policy' | 'scopeKind' | 'scope' | 'apply'> &
  Partial<Pick<CommandDefinition<F>, 'role' | 'capabilities' | 'hostOnly'>> & { layout: Layout<F> }

const define = <F extends string>(spec: Spec<F>): CommandDefinition<F> =>
  ({ role: 'editor', capabilities: EDIT_WORLD, hostOnly: false, ...spec })

export const memberLayout = payloadLayout({ author: ['u16', 'author'], role: ['u8', 'Role'], capabilities: ['u32', 'bit set'] })
type MemberPayload = RowOf<typeof memberLayout>
/** The host's own entity stands in for an author that cannot be, which `badMember` turns away. */
const memberScope = ({ author }: MemberPayload) => memberEntity(author < AUTHORS_MAX ? author : HOST_AUTHOR)
const badMember = ({ author, role }: MemberPayload) =>
  (author >= AUTHORS_MAX || role >= ROLES.length ? 'no such author or role' : undefined)

export const memberJoined = define({
  code: 1, name: 'member.joined', role: 'admin', capabilities: MANAGE_MEMBERS, hostOnly: true, policy: 'lastWriteWins', scopeKind: 'global',
  layout: memberLayout, scope: () => 0,
  apply: (store, payload) => badMember(payload) ?? void store.set(memberEntity(payload.author), Member, { ...payload, present: 1 }),
})
export const memberLeft = define({
  code: 2, name: 'member.left', role: 'admin', capabilities: MANAGE_MEMBERS, hostOnly: true, policy: 'lastWriteWins', scopeKind: 'global',
  layout: payloadLayout({ author: ['u16', 'author'] }), scope: () => 0,
  apply(store, { author }) {
    const member = author < AUTHORS_MAX ? store.get(memberEntity(author), Member) : undefined
    if (member === undefined) return 'no such member'
    store.set(memberEntity(author), Member, { ...member, present: 0 })
    return undefined
  },
})
export const memberRole = define({
  code: 3, name: 'member.role', role: 'admin', capabilities: MANAGE_MEMBERS, policy: 'lastWriteWins', scopeKind: 'entity',
  layout: memberLayout, scope: memberScope,
  apply(store, payload) {
    const bad = badMember(payload)
    if (bad !== undefined) return bad
    const member = store.get(memberEntity(payload.author), Member)
    if (member === undefined) return 'no such member'
    store.set(memberEntity(payload.author), Member, { ...member, role: payload.role, capabilities: payload.capabilities })
    return undefined
  },
})

const entityField = { entity: ['u32', 'entity'] } as const
const vectorFields = { dx: ['i32', '1/512 m'], dy: ['i32', '1/512 m'], dz: ['i32', '1/512 m'] } as const
const entityScope = ({ entity }: { readonly entity: number }) => entity

export const entitySpawn = define({
  code: 10, name: 'entity.spawn', policy: 'reject', scopeKind: 'entity', scope: entityScope,
  layout: payloadLayout({
    ...entityField, kind: ['u8', 'EntityKind'], x: ['i32', '1/512 m'], y: ['i32', '1/512 m'], z: ['i32', '1/512 m'],
    hx: ['u16', '1/512 m'], hy: ['u16', '1/512 m'], hz: ['u16', '1/512 m'],
    shape: ['u8', 'BodyShape'], massGrams: ['u32', 'g'], restitution: ['u8', '1/255'],
  }),
  apply(store, p, entry) {
    if (!mayCreate(store, p.entity, entry.author)) return 'the entity is not the author\'s to create'
    if (!inWorld(p.x, p.y, p.z)) return 'out of the world'
    if (p.shape > BodyShape.ball || (p.shape !== BodyShape.none && p.massGrams === 0)) return 'no such body'
    if (p.shape !== BodyShape.none && store.entities(RigidBody).length >= BODIES_MAX) return 'too many bodies'
    const { entity, kind, x, y, z, hx, hy, hz, shape, massGrams, restitution } = p
    store.set(entity, Entity, { kind, creator: entry.author })
    store.set(entity, Transform, { x, y, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, sx: SCALE_ONE, sy: SCALE_ONE, sz: SCALE_ONE })
    store.set(entity, Bounds, { hx, hy, hz })
    if (shape !== BodyShape.none) store.set(entity, RigidBody, { shape, massGrams, restitution, teleports: 0 })
    return undefined
  },
})
export const entityDespawn = define({
  code: 11, name: 'entity.despawn', policy: 'reject', scopeKind: 'entity', scope: entityScope, layout: payloadLayout(entityField),
  apply(store, { entity }) {
    if (!store.has(entity, Entity) || store.has(entity, Placement)) return 'no such entity'
    for (const component of [Entity, Transform, Bounds, RigidBody, Selection, MeshEdit, ScopeVersion]) store.delete(entity, component)
    return undefined
  },
})
export const selectionHighlight = define({
  code: 12, name: 'selection.highlight', policy: 'lastWriteWins', scopeKind: 'entity', scope: entityScope,
  layout: payloadLayout({ ...entityField, on: ['u8', '0 or 1'] }),
  apply(store, { entity, on }, entry) {
    if (!store.has(entity, Entity)) return 'no such entity'
    if (on !== 0) store.set(entity, Selection, { author: entry.author })
    else if (store.get(entity, Selection)?.author === entry.author) store.delete(entity, Selection)
    else return 'not selected by its author'
    return undefined
  },
})
export const entityTranslate = define({
  code: 13, name: 'entity.translate', policy: 'merge', scopeKind: 'entity', scope: entityScope,
  layout: payloadLayout({ ...entityField, ...vectorFields }),
  apply(store, p) {
    const row = store.get(p.entity, Transform)
    if (row === undefined) return 'no such entity'
    const moved = { ...row, x: row.x + p.dx, y: row.y + p.dy, z: row.z + p.dz }
    if (!inWorld(moved.x, moved.y, moved.z)) return 'out of the world'
    store.set(p.entity, Transform, moved)
    teleport(store, p.entity)
    return undefined
  },
})
export const entityRotate = define({
  code: 14, name: 'entity.rotate', policy: 'merge', scopeKind: 'entity', scope: entityScope,
  layout: payloadLayout({ ...entityField, qx: ['i16', '1/32767'], qy: ['i16', '1/32767'], qz: ['i16', '1/32767'], qw: ['i16', '1/32767'] }),
  apply(store, p) {
    const row = store.get(p.entity, Transform)
    if (row === undefined) return 'no such entity'
    const turned = rotated(p, row)
    if (turned === undefined) return 'not a rotation'
    store.set(p.entity, Transform, { ...row, ...turned })
    teleport(store, p.entity)
    return undefined
  },
})
export const entityScale = define({
  code: 15, name: 'entity.scale', policy: 'reject', scopeKind: 'entity', scope: entityScope,
  layout: payloadLayout({ ...entityField, factor: ['u16', '1/256'] }),
  apply(store, { entity, factor }) {
    const row = store.get(entity, Transform)
    if (row === undefined) return 'no such entity'
    if (factor === 0) return 'not a scale'
    const scaled = (part: number) => Math.max(1, Math.min(SCALE_MAX, Math.floor((part * factor) / SCALE_ONE + 0.5)))
    store.set(entity, Transform, { ...row, sx: scaled(row.sx), sy: scaled(row.sy), sz: scaled(row.sz) })
    return undefined
  },
})

const toolLayout = payloadLayout({ tool: ['u16', 'tool id'] })
const toolCommand = (code: number, name: string, active: 0 | 1) =>
  define({
    code, name, policy: 'lastWriteWins', scopeKind: 'tool', layout: toolLayout, scope: ({ tool }) => tool,
    apply(store, { tool }, entry) {
      if (tool > TOOL_ID_MAX) return 'no such tool'
      store.set(memberEntity(entry.author), ToolState, { tool, active })
      return undefined
    },
  })
export const toolActivate = toolCommand(16, 'tool.activate', 1)
export const toolDeactivate = toolCommand(17, 'tool.deactivate', 0)

/** How a face is divided: into flat parts, or smoothly. */
export const SubdivisionScheme = { linear: 0, catmullClark: 1 } as const
/**
 * A mesh edit is judged by its own payload and its entity; what it does to the topology is nobody's to see here yet: the
 * entity keeps a record of it, by which peers know that they applied the same edits in the same order.
 */
const meshCommand = <F extends string>(
  code: number, name: string, policy: ConflictPolicy, layout: Layout<F | 'entity'>,
  fault: (payload: { readonly [K in F | 'entity']: number }) => string | undefined,
) => define({
  code, name, policy, scopeKind: 'entity', layout, scope: entityScope,
  apply(store, payload, entry) {
    if (!store.has(payload.entity, Transform)) return 'no such entity'
    const why = fault(payload)
    if (why === undefined) store.set(payload.entity, MeshEdit, recorded(store.get(payload.entity, MeshEdit), entry))
    return why
  },
})
export const vertexCreate = meshCommand(30, 'vertex.create', 'merge', payloadLayout({
  ...entityField, x: ['i32', '1/512 m'], y: ['i32', '1/512 m'], z: ['i32', '1/512 m'], metadata: ['u32', 'the mesh tool\'s own'],
}), ({ x, y, z }) => (inWorld(x, y, z) ? undefined : 'out of the world'))
export const edgeExtrude = meshCommand(31, 'edge.extrude', 'reject', payloadLayout({
  ...entityField, edge: ['u32', 'edge id'], ...vectorFields,
}), ({ dx, dy, dz }) => (dx === 0 && dy === 0 && dz === 0 ? 'no direction' : inWorld(dx, dy, dz) ? undefined : 'out of the world'))
export const faceSubdivide = meshCommand(32, 'face.subdivide', 'reject', payloadLayout({
  ...entityField, face: ['u32', 'face id'], levels: ['u8', 'count'], scheme: ['u8', 'SubdivisionScheme'],
}), ({ levels, scheme }) =>
  (levels < 1 || levels > SUBDIVISION_LEVELS_MAX || scheme > SubdivisionScheme.catmullClark ? 'no such subdivision' : undefined))

/** Applied by fold.ts through the placement layer, which detects its own conflicts; hence `merge` here. */
export const placementCommit: CommandDefinition<never> = {
  code: 20, name: 'placement.commit', role: 'editor', capabilities: EDIT_PLACEMENTS | MANAGE_COMMITS, hostOnly: false,
  policy: 'merge', scopeKind: 'global', layout: undefined, scope: () => 0, apply: () => undefined,
}

export const COMMANDS: readonly AnyCommand[] = [
  memberJoined, memberLeft, memberRole, entitySpawn, entityDespawn, selectionHighlight, entityTranslate, entityRotate, entityScale,
  toolActivate, toolDeactivate, placementCommit, vertexCreate, edgeExtrude, faceSubdivide,
]
const BY_CODE: ReadonlyMap<number, AnyCommand> = new Map(COMMANDS.map((command) => [command.code, command]))
assert(BY_CODE.size === COMMANDS.length, 'command codes are unique')
export const commandOf = (code: number): AnyCommand | undefined => BY_CODE.get(code)
export const commandName = (code: number): string => BY_CODE.get(code)?.name ?? `command ${code}`

/** An author creates log entities under its own number only, above those reserved for scopes, and never one twice. */
export function mayCreate(store: ReadStore, entity: EntityId, author: AuthorId): boolean {
  const first = entityId('log', author, author === HOST_AUTHOR ? HOST_RESERVED_COUNTERS : 1)
  const own = entity >= first && entity <= ENTITY_ID_MAX && entitySource(entity) === 'log' && entityAuthor(entity) === author
  return own && !store.has(entity, Entity)
}

const inWorld = (x: number, y: number, z: number): boolean =>
  Math.abs(x) <= POSITION_STEPS_MAX && Math.abs(y) <= POSITION_STEPS_MAX && Math.abs(z) <= POSITION_STEPS_MAX

/** A moved body is a teleport for physics; the count makes each one seen once. It may wrap: physics asks whether it changed. */
function teleport(store: WriteStore, entity: EntityId): void {
  const body = store.get(entity, RigidBody)
  if (body !== undefined) store.set(entity, RigidBody, { ...body, teleports: (body.teleports + 1) >>> 0 })
}

interface Rotation { readonly qx: number; readonly qy: number; readonly qz: number; readonly qw: number }

/** delta * q, normalised and quantised; undefined for a delta that is no rotation. Products of 16-bit integers are exact; so is sqrt. */
function rotated(d: Rotation, q: Rotation): Rotation | undefined {
  const x = d.qw * q.qx + d.qx * q.qw + d.qy * q.qz - d.qz * q.qy
  const y = d.qw * q.qy - d.qx * q.qz + d.qy * q.qw + d.qz * q.qx
  const z = d.qw * q.qz + d.qx * q.qy - d.qy * q.qx + d.qz * q.qw
  const w = d.qw * q.qw - d.qx * q.qx - d.qy * q.qy - d.qz * q.qz
  const length = Math.sqrt(x * x + y * y + z * z + w * w)
  if (length < 1) return undefined
  const part = (value: number) => Math.floor((value / length) * ROTATION_ONE + 0.5)
  return { qx: part(x), qy: part(y), qz: part(z), qw: part(w) }
}
