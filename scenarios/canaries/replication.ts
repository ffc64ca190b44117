/** Canaries of replication: snapshots, deltas, and the digests that hold them together. */
import { HeadPose, Motion, Spawned } from '../../system/ecs/components.ts'
import type { Hash64 } from '../../system/ids.ts'
import { FrameBuffer } from '../../system/replication/frames.ts'
import { SnapshotAssembler } from '../../system/replication/snapshot.ts'
import type { Canary } from './canary.ts'

const MISSED_REVISION = 2

export const REPLICATION: readonly Canary[] = [
  {
    name: 'delta-row-left-out', area: 'replication', stories: ['loopback-120', 'swarm'],
    about: 'a client passes over the second change of a moving thing',
    shows: [{ check: 'convergence', component: 'theta.Motion' }],
    plant: (bed) => bed.atClients(({ peer: { world } }) => {
      bed.wrap(world, 'setBytes', (setBytes) => (entity, component, bytes, revision) => {
        if (component !== Motion || revision !== MISSED_REVISION) setBytes.call(world, entity, component, bytes, revision)
      })
    }),
  },
  {
    name: 'removal-ignored', area: 'replication', stories: ['loopback-120', 'swarm'],
    about: 'a client keeps what the host’s runtime has ended',
    shows: [{ check: 'convergence', component: 'theta.Spawned' }, { check: 'convergence', component: 'theta.Motion' }],
    plant: (bed) => bed.atClients(({ peer: { world } }) => {
      bed.wrap(world, 'delete', (remove) => (entity, component) => {
        if (component !== Spawned && component !== Motion) remove.call(world, entity, component)
      })
    }),
  },
  {
    name: 'delta-applied-twice', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'a client takes one frame in twenty from its buffer and forgets that it did',
    shows: [{ check: 'refusals', component: 'ComponentDelta' }],
    plant: (bed) => {
      const forgotten = new Set<number>()
      bed.wrap(FrameBuffer.prototype, 'advance', (advance) => function (this: FrameBuffer<unknown>, nowUs) {
        if (this.next % 20 !== 0 || forgotten.has(this.next)) return advance.call(this, nowUs)
        forgotten.add(this.next)
      })
    },
  },
  {
    name: 'delta-of-other-bytes', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'the host puts a head into its deltas a step beside where its world has it',
    shows: [{ check: 'convergence', component: 'theta.HeadPose', field: 'x' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(world, 'rowBytes', (rowBytes) => (entity, component) => {
        const bytes = rowBytes.call(world, entity, component)
        if (component !== HeadPose || bytes === undefined) return bytes
        const beside = bytes.slice()
        beside[0] ^= 1
        return beside
      })
    },
  },
  {
    name: 'digest-of-yesterday', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'the host tells each frame with the digest of the one before',
    shows: [{ check: 'convergence', component: '', field: '' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      let last: Hash64 | undefined
      bed.wrap(world, 'digest', (digest) => () => {
        const now = digest.call(world)
        const told = last ?? now
        last = now
        return told
      })
    },
  },
  {
    name: 'snapshot-of-another-frame', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'a client takes a snapshot for that of the frame after',
    shows: [{ check: 'refusals', component: 'ComponentDelta' }, { check: 'convergence', component: 'theta.HeadPose' }],
    plant: (bed) => bed.wrap(SnapshotAssembler.prototype, 'add', (add) => function (this: SnapshotAssembler, message) {
      const assembly = add.call(this, message)
      return assembly.kind === 'complete' ? { ...assembly, frame: assembly.frame + 1 } : assembly
    }),
  },
]
