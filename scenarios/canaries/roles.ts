/** Canaries of roles and capabilities: who may do what, at which position of the log. */
import { COMMANDS, memberLeft, memberRole, ROLES } from '../../system/commands/registry.ts'
import { Member, ScopeVersion } from '../../system/ecs/components.ts'
import { EDIT_WORLD } from '../../system/protocol/capabilities.ts'
import type { Bed, Canary } from './canary.ts'
import { foldingAtHost } from './lies.ts'

type Membership = { readonly role: number; readonly capabilities: number; readonly present: number }

/**
 * While the host judges what an author may do, it reads somebody's membership other than it is. What a command writes into a
 * membership, right after it has asked for its scope's version, is written as it should be.
 */
function misreadsMembers(bed: Bed, misread: (member: Membership, entity: number) => Membership): void {
  const { world } = bed.cluster.host.peer
  const isFolding = foldingAtHost(bed)
  let isWriting = false
  bed.wrap(world, 'get', (get) => (entity, component) => {
    const row = get.call(world, entity, component)
    const isJudging = isFolding() && !isWriting && component === Member
    isWriting = component === ScopeVersion
    return (row !== undefined && isJudging ? misread(row as never, entity) : row) as never
  })
}

/** What somebody who may no longer edit writes first. */
const EDITED = ['Entity', 'Transform', 'Selection', 'ToolState', 'ScopeVersion', 'CommitRecord']
  .map((name) => ({ check: 'oracle', component: `theta.${name}` }))
const OUTCOME = { check: 'logOrder', component: 'CommandLogEntry', field: 'outcome' }
const EDITOR = ROLES.indexOf('editor')
const ALL_CAPABILITIES = 0xffffffff

export const ROLE_CANARIES: readonly Canary[] = [
  {
    name: 'viewer-may-edit', area: 'roles', stories: ['viewer-edits', 'swarm'],
    about: 'the host takes every member for an editor at least',
    shows: EDITED,
    plant: (bed) => misreadsMembers(bed, (member) =>
      ({ ...member, role: Math.max(member.role, EDITOR), capabilities: ALL_CAPABILITIES })),
  },
  {
    name: 'stale-permission', area: 'roles', stories: ['commit-storm', 'swarm'],
    about: 'the host goes by the role that a member had at first, whatever it was given since',
    shows: [{ check: 'oracle', component: 'theta.Placement' }, ...EDITED, OUTCOME],
    plant: (bed) => {
      const first = new Map<number, Membership>()
      misreadsMembers(bed, (member, entity) => {
        const before = first.get(entity)
        if (before === undefined) first.set(entity, member)
        const { role, capabilities } = before ?? member
        return { ...member, role, capabilities }
      })
    },
  },
  {
    name: 'anybody-promotes', area: 'roles', stories: ['swarm'],
    about: 'a change of role asks for no role',
    shows: [{ check: 'oracle', component: 'theta.Member' }],
    plant: (bed) => {
      bed.set(memberRole, 'role', 'viewer')
      bed.set(memberRole, 'capabilities', 0)
    },
  },
  {
    name: 'anybody-speaks-for-the-host', area: 'roles', stories: ['swarm'],
    about: 'what only the host may say of members is taken from any of them',
    shows: [{ check: 'oracle', component: 'theta.Member', field: 'present' }],
    plant: (bed) => {
      bed.set(memberLeft, 'hostOnly', false)
      bed.set(memberLeft, 'role', 'viewer')
      bed.set(memberLeft, 'capabilities', 0)
    },
  },
  {
    name: 'capabilities-ignored', area: 'roles', stories: ['swarm'],
    about: 'an editor edits the world, whether it has that capability or not',
    shows: EDITED,
    plant: (bed) => {
      for (const command of COMMANDS) if (command.capabilities === EDIT_WORLD) bed.set(command, 'capabilities', 0)
    },
  },
  {
    name: 'ranks-upside-down', area: 'roles', stories: ['viewer-edits', 'swarm'],
    about: 'the host compares ranks the wrong way: a viewer may do what an admin may',
    shows: EDITED,
    plant: (bed) => misreadsMembers(bed, (member) =>
      ({ ...member, role: ROLES.length - 1 - member.role, capabilities: ALL_CAPABILITIES })),
  },
]
