/** Canaries of placement commits: half applied, wrongly judged, wrongly remembered. All of them at the host. */
import { memberEntity, ROLES } from '../../system/commands/registry.ts'
import { CommandLog } from '../../system/commands/log.ts'
import type { RowOf } from '../../system/ecs/component.ts'
import { CommitRecord, Member, Placement } from '../../system/ecs/components.ts'
import type { EntityId } from '../../system/ids.ts'
import { COMMIT_STATUS_CODES } from '../../system/placement/apply.ts'
import { Codec, type DecodedCommit } from '../../system/protocol/codec.ts'
import type { DraftChange, PlacementState } from '../../system/protocol/messages.ts'
import { OutputQueue } from '../../system/session/peer.ts'
import type { Bed, Canary } from './canary.ts'
import { foldingAtHost } from './lies.ts'

const ADMIN = ROLES.indexOf('admin')
const ALL_CAPABILITIES = 0xffffffff
const FIRST_AUTHOR = 1

/** While the host folds a commit, its drafts are read other than they are. */
function misreadsDrafts(bed: Bed, misread: (draft: DraftChange, live: PlacementState | undefined) => DraftChange): void {
  const { world } = bed.cluster.host.peer
  const isFolding = foldingAtHost(bed)
  bed.wrap(Codec.prototype, 'decodePlacementCommit', (decode) => function (this: Codec, bytes): DecodedCommit {
    const decoded = decode.call(this, bytes)
    if (!isFolding() || decoded.kind !== 'commit') return decoded
    const changes = decoded.commit.changes.map((draft) => misread(draft, world.get(draft.placement, Placement)))
    return { kind: 'commit', commit: { ...decoded.commit, changes } }
  })
}

type MemberRow = RowOf<typeof Member> | undefined

/** When the host judges a commit, it reads another row than its author's, or reads it other than it is. */
function misjudges(bed: Bed, misread: (read: (other?: EntityId) => MemberRow) => MemberRow): void {
  const { world } = bed.cluster.host.peer
  let isCommit = false
  misreadsDrafts(bed, (draft) => {
    isCommit = true
    return draft
  })
  bed.wrap(world, 'get', (get) => (entity, component) => {
    const isJudging = component === Member && isCommit
    isCommit = isCommit && !isJudging
    const row = isJudging ? misread((other = entity) => get.call(world, other, Member) as MemberRow) : get.call(world, entity, component)
    return row as never
  })
}

export const COMMIT_CANARIES: readonly Canary[] = [
  {
    name: 'commit-half-applied', area: 'commits', stories: ['placement-race', 'swarm'],
    about: 'of a commit’s placements the host writes only the first',
    shows: [{ check: 'oracle', component: 'theta.Placement' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      let written = 0
      bed.wrap(world, 'set', (set) => (entity, component, row) => {
        if (component === CommitRecord) written = 0
        if (component !== Placement || ++written === 1) set.call(world, entity, component, row)
      })
    },
  },
  {
    name: 'conflict-overlooked', area: 'commits', stories: ['commit-storm', 'swarm'],
    about: 'the host takes every draft for one of the live placement: the last writer wins',
    // A commit that has no conflict adds what the oracle does not.
    shows: ['theta.Placement', 'theta.CommitRecord', 'theta.Entity'].map((component) => ({ check: 'oracle', component })),
    plant: (bed) => misreadsDrafts(bed, (draft, live) => {
      const { before } = draft
      return before === undefined || live === undefined ? draft : { ...draft, before: live }
    }),
  },
  {
    name: 'tags-overwritten', area: 'commits', stories: ['commit-storm', 'swarm'],
    about: 'tags that both sides changed are not merged: the later ones stay',
    shows: [
      { check: 'oracle', component: 'theta.Placement', field: 'tags' }, { check: 'oracle', component: 'theta.CommitRecord' },
      { check: 'oracle', component: 'theta.Entity' },
    ],
    plant: (bed) => misreadsDrafts(bed, (draft, live) => {
      const { before } = draft
      return before === undefined || live === undefined ? draft : { ...draft, before: { ...before, tags: live.tags } }
    }),
  },
  {
    name: 'removed-stays', area: 'commits', stories: ['commit-storm', 'swarm'],
    about: 'what a commit removes is gone from the log and still in place',
    shows: [{ check: 'oracle', component: 'theta.Placement' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(world, 'delete', (remove) => (entity, component) => {
        if (component !== Placement) remove.call(world, entity, component)
      })
    },
  },
  {
    name: 'commit-without-permission', area: 'commits', stories: ['viewer-edits', 'swarm'],
    about: 'a commit is applied whatever its author may do',
    shows: [{ check: 'oracle', component: 'theta.Entity' }, { check: 'oracle', component: 'theta.CommitRecord' }],
    plant: (bed) => misjudges(bed, (read) => {
      const row = read()
      return row && { ...row, role: ADMIN, capabilities: ALL_CAPABILITIES }
    }),
  },
  {
    name: 'overlap-overlooked', area: 'commits', stories: ['commit-storm', 'swarm'],
    about: 'the host looks for what an addition would overlap, and sees nothing',
    shows: [{ check: 'oracle', component: 'theta.Entity' }, { check: 'oracle', component: 'theta.CommitRecord' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      const isFolding = foldingAtHost(bed)
      bed.wrap(world, 'entities', (entities) => (component) =>
        (component === Placement && isFolding() ? [] : entities.call(world, component)))
    },
  },
  {
    name: 'audit-miscounts', area: 'commits', stories: ['placement-race', 'swarm'],
    about: 'the audit record of a commit tells one change too many',
    shows: [{ check: 'oracle', component: 'theta.CommitRecord', field: 'changes' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(world, 'set', (set) => (entity, component, row) => {
        const record = row as { readonly changes?: number }
        set.call(world, entity, component, component === CommitRecord ? { ...row, changes: record.changes! + 1 } : row)
      })
    },
  },
  {
    name: 'removed-comes-back', area: 'commits', stories: ['placement-race', 'swarm'], itemsMax: 14,
    about: 'an update of a placement that is gone makes it anew; it takes what its story waits for, two members and a commit of five '
      + 'placements, then a commit that removes one and a commit that moves it',
    shows: [{ check: 'convergence', component: 'theta.CommitRecord' }, { check: 'oracle', component: 'theta.Entity' },
      { check: 'oracle', component: 'theta.CommitRecord' }],
    plant: (bed) => misreadsDrafts(bed, (draft, live) =>
      (draft.change === 'UPDATE' && live === undefined ? { ...draft, change: 'ADD', before: undefined } : draft)),
  },
  {
    name: 'rejected-leaves-a-change', area: 'commits', stories: ['placement-race', 'swarm'],
    about: 'a commit is turned down, and its first change stays in place',
    shows: [{ check: 'oracle', component: 'theta.Placement' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      let first: DraftChange | undefined
      misreadsDrafts(bed, (draft) => (first ??= draft) && draft)
      bed.wrap(world, 'set', (set) => (entity, component, row) => {
        set.call(world, entity, component, row)
        if (component !== CommitRecord) return
        const isRejected = (row as { readonly status?: number }).status === COMMIT_STATUS_CODES.REJECTED
        if (isRejected && first?.after !== undefined) set.call(world, first.placement, Placement, { ...first.after })
        first = undefined
      })
    },
  },
  {
    name: 'judged-apart', area: 'commits', stories: ['commit-storm', 'placement-race', 'swarm'],
    about: 'one client alone takes every draft for one of the live placement',
    shows: [{ check: 'logOrder', component: 'CommandLogEntry', field: 'outcome' }, { check: 'convergence', component: 'theta.Placement' },
      { check: 'convergence', component: 'theta.CommitRecord' }],
    plant: (bed) => {
      const first = () => bed.cluster.clients.at(0)?.peer
      let isFolding = false
      bed.wrap(CommandLog.prototype, 'closeUpTo', (closeUpTo) => function (this: CommandLog, lamport, frame) {
        isFolding = this === first()?.log
        closeUpTo.call(this, lamport, frame)
        isFolding = false
      })
      bed.wrap(Codec.prototype, 'decodePlacementCommit', (decode) => function (this: Codec, bytes): DecodedCommit {
        const decoded = decode.call(this, bytes)
        if (!isFolding || decoded.kind !== 'commit') return decoded
        const changes = decoded.commit.changes.map((draft) => {
          const live = first()?.world.get(draft.placement, Placement)
          return draft.before === undefined || live === undefined ? draft : { ...draft, before: live }
        })
        return { kind: 'commit', commit: { ...decoded.commit, changes } }
      })
    },
  },
  {
    name: 'conflict-misnamed', area: 'commits', stories: ['placement-race', 'swarm'],
    about: 'everybody tells a placement that was moved as one that was removed',
    shows: [{ check: 'oracle', component: 'PlacementCommit', field: 'conflicts' }],
    plant: (bed) => bed.wrap(OutputQueue.prototype, 'push', (push) => function (this: OutputQueue, output) {
      if (output.kind !== 'event' || output.event.event !== 'commitFolded') return push.call(this, output)
      const conflicts = output.event.conflicts
        .map((conflict) => (conflict.kind === 'TRANSFORM_CONFLICT' ? { ...conflict, kind: 'DELETION_CONFLICT' } : conflict))
      push.call(this, { kind: 'event', event: { ...output.event, conflicts } })
    }),
  },
  {
    name: 'permission-of-another', area: 'commits', stories: ['viewer-edits', 'swarm'], itemsMax: 6,
    about: 'a commit is judged by what the session’s first author may do, and not its own; it takes that one, another who loses its '
      + 'role, and a commit: opened, drafted, asked for',
    shows: [{ check: 'oracle', component: 'theta.Entity' }, { check: 'oracle', component: 'theta.CommitRecord' }],
    plant: (bed) => misjudges(bed, (read) => read(memberEntity(FIRST_AUTHOR))),
  },
]
