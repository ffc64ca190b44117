/** Canaries of placement commits: half applied, wrongly judged, wrongly remembered. All of them at the host. */
import { ROLES } from '../../system/commands/registry.ts'
import { CommitRecord, Member, Placement } from '../../system/ecs/components.ts'
import { Codec, type DecodedCommit } from '../../system/protocol/codec.ts'
import type { DraftChange, PlacementState } from '../../system/protocol/messages.ts'
import type { Bed, Canary } from './canary.ts'
import { foldingAtHost } from './lies.ts'

const ADMIN = ROLES.indexOf('admin')
const ALL_CAPABILITIES = 0xffffffff

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
    shows: [{ check: 'oracle', component: 'theta.Placement' }, { check: 'oracle', component: 'theta.CommitRecord' }],
    plant: (bed) => misreadsDrafts(bed, (draft, live) => {
      const { before } = draft
      return before === undefined || live === undefined ? draft : { ...draft, before: live }
    }),
  },
  {
    name: 'tags-overwritten', area: 'commits', stories: ['commit-storm', 'swarm'],
    about: 'tags that both sides changed are not merged: the later ones stay',
    shows: [{ check: 'oracle', component: 'theta.Placement', field: 'tags' }, { check: 'oracle', component: 'theta.CommitRecord' }],
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
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      let isCommit = false
      misreadsDrafts(bed, (draft) => {
        isCommit = true
        return draft
      })
      bed.wrap(world, 'get', (get) => (entity, component) => {
        const row = get.call(world, entity, component)
        if (component !== Member || !isCommit || row === undefined) return row as never
        isCommit = false
        return { ...row, role: ADMIN, capabilities: ALL_CAPABILITIES } as never
      })
    },
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
]
