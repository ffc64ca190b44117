/** What a member may do: bits of `SessionHello.requestedCapabilities`, `SessionAcknowledge.capabilityMask` and the Member component. */
import type { Role } from './messages.ts'

export const EDIT_PLACEMENTS = 1 << 0
export const MANAGE_COMMITS = 1 << 1
/** Commands on entities: spawn, despawn, move, select, use tools. */
export const EDIT_WORLD = 1 << 2
/** Change roles, kick, ban. */
export const MANAGE_MEMBERS = 1 << 3
export const TELEMETRY = 1 << 4

const VIEWER = TELEMETRY
const EDITOR = VIEWER | EDIT_PLACEMENTS | MANAGE_COMMITS | EDIT_WORLD
/** The most that each role is granted. */
export const ROLE_CAPABILITIES: Readonly<Record<Role, number>> = { viewer: VIEWER, editor: EDITOR, admin: EDITOR | MANAGE_MEMBERS }

const NAMES: readonly (readonly [bit: number, name: string])[] = [
  [EDIT_PLACEMENTS, 'EDIT_PLACEMENTS'], [MANAGE_COMMITS, 'MANAGE_COMMITS'], [EDIT_WORLD, 'EDIT_WORLD'], [MANAGE_MEMBERS, 'MANAGE_MEMBERS'],
  [TELEMETRY, 'TELEMETRY'],
]
/** As the plans call them. */
export const capabilityNames = (bits: number): string[] => NAMES.flatMap(([bit, name]) => ((bits & bit) === 0 ? [] : [name]))

/** Of the bits asked for, those that the role allows; bits that nobody knows fall away. */
export const granted = (requested: number, role: Role): number => requested & ROLE_CAPABILITIES[role]
