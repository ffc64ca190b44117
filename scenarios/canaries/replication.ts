/** Canaries of replication: snapshots, deltas, and the digests that hold them together. */
import { HeadPose, Motion, Spawned, Transform } from '../../system/ecs/components.ts'
import type { Hash64 } from '../../system/ids.ts'
import { Bodies } from '../../system/physics/bodies.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { StreamBudget } from '../../system/replication/budget.ts'
import { ChangeMemory } from '../../system/replication/changes.ts'
import { FrameBuffer } from '../../system/replication/frames.ts'
import { Publication } from '../../system/replication/publication.ts'
import { Replica } from '../../system/replication/replica.ts'
import { SnapshotAssembler } from '../../system/replication/snapshot.ts'
import type { Bed, Canary } from './canary.ts'

const MISSED_REVISION = 2
const FLIP_FRAME = 30

/** Whether a client is taking a chunk of a snapshot. */
function takingSnapshot(bed: Bed): () => boolean {
  let isTaking = false
  bed.wrap(Replica.prototype, 'takeChunk', (takeChunk) => function (this: Replica, message, nowUs) {
    isTaking = true
    try {
      return takeChunk.call(this, message, nowUs)
    } finally {
      isTaking = false
    }
  })
  return () => isTaking
}

export const REPLICATION: readonly Canary[] = [
  {
    name: 'age-forgotten', area: 'replication', stories: ['thin-pipe'],
    about: 'what a frame publishes is chosen by its weight alone, however long the rest has waited',
    shows: [{ check: 'staleness' }],
    plant: (bed) => bed.wrap(Publication.prototype, 'publish', (publish) => function (this: Publication) {
      return publish.call(this, 0)
    }),
  },
  {
    name: 'budget-ignored', area: 'replication', stories: ['thin-pipe'],
    about: 'a frame publishes all that waits, whatever the budget has left: many things have to move for it to be too much',
    itemsMax: 40,
    shows: [{ check: 'staleness', component: 'ComponentDelta', field: 'bytes' }],
    plant: (bed) => bed.wrap(StreamBudget.prototype, 'hasRoom', () => () => true),
  },
  {
    name: 'delta-row-left-out', area: 'replication', stories: ['loopback-120', 'swarm'],
    about: 'a client passes over the second change of a moving thing',
    shows: [{ check: 'convergence', component: 'theta.Motion' }],
    plant: (bed) => bed.atClients(({ peer: { world } }) => {
      bed.wrap(world, 'setBytes', (setBytes) => (entity, component, bytes, revision, track) => {
        if (component !== Motion || revision !== MISSED_REVISION) setBytes.call(world, entity, component, bytes, revision, track)
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
    shows: [{ check: 'refusals', component: 'ComponentDelta' },
      ...['HeadPose', 'LeftHandPose', 'RightHandPose', 'BodyPose'].map((name) => ({ check: 'convergence', component: `theta.${name}` }))],
    plant: (bed) => bed.wrap(SnapshotAssembler.prototype, 'add', (add) => function (this: SnapshotAssembler, message) {
      const assembly = add.call(this, message)
      return assembly.kind === 'complete' ? { ...assembly, frame: assembly.frame + 1 } : assembly
    }),
  },
  {
    name: 'snapshot-removes-nothing', area: 'replication', stories: ['loopback-120'],
    about: 'a client that takes a snapshot keeps the rows which the snapshot does not have',
    shows: [{ check: 'convergence', component: 'theta.Motion' }, { check: 'convergence', component: 'theta.Spawned' }],
    plant: (bed) => {
      const isTaking = takingSnapshot(bed)
      bed.atClients(({ peer: { world } }) => bed.wrap(world, 'delete', (remove) => (entity, component) => {
        if (!isTaking()) remove.call(world, entity, component)
      }))
    },
  },
  {
    name: 'delta-before-physics', area: 'replication', stories: ['loopback-120', 'swarm'],
    about: 'the host takes a frame’s changes before physics has moved its bodies, and its digest after',
    shows: [{ check: 'convergence', component: 'theta.BodyPose' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      let early: ReturnType<typeof world.takeDirty> | undefined
      bed.wrap(Bodies.prototype, 'step', (step) => function (this: Bodies, stepped) {
        early = world.takeDirty()
        step.call(this, stepped)
      })
      bed.wrap(world, 'takeDirty', (takeDirty) => () => {
        const taken = early ?? takeDirty.call(world)
        early = undefined
        return taken
      })
    },
  },
  {
    name: 'base-of-another-frame', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'the host says of one delta in twenty that it stands on the frame before the one that it stands on',
    shows: [{ check: 'refusals', component: 'ComponentDelta' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      const isWrong = message.kind === 'ComponentDelta' && message.frame % 20 === 10
      return encode.call(this, isWrong ? { ...message, baseFrame: message.baseFrame - 1 } : message)
    }),
  },
  {
    name: 'track-forgotten', area: 'replication', stories: ['late-join', 'swarm'],
    about: 'a snapshot brings rows without what is known of their motion, and its receiver foresees other changes than the host',
    shows: [
      ...['HeadPose', 'LeftHandPose', 'RightHandPose', 'Motion', 'BodyPose']
        .map((name) => ({ check: 'convergence', component: `theta.${name}` })),
      { check: 'refusals', component: 'ComponentDelta' },
    ],
    plant: (bed) => {
      const isTaking = takingSnapshot(bed)
      bed.atClients(({ peer: { world } }) => bed.wrap(world, 'setBytes', (setBytes) => (entity, component, bytes, revision, track) => {
        setBytes.call(world, entity, component, bytes, revision, isTaking() ? undefined : track)
      }))
    },
  },
  {
    name: 'stale-frames-after-snapshot', area: 'replication', stories: ['cut-off'],
    about: 'a client applies the frame of a snapshot or a leap once more, on top of it',
    shows: [{ check: 'refusals', component: 'ComponentDelta' }],
    plant: (bed) => bed.wrap(FrameBuffer.prototype, 'skipTo', (skipTo) => function (this: FrameBuffer<unknown>, frame, nowUs) {
      skipTo.call(this, this.held.includes(frame) ? frame - 1 : frame, nowUs)
    }),
  },
  {
    name: 'leap-without-an-end', area: 'replication', stories: ['cut-off'],
    about: 'a leap does not tell of the last thing that has ended',
    shows: [{ check: 'convergence', component: 'theta.Spawned' }, { check: 'convergence', component: 'theta.Motion' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(ChangeMemory.prototype, 'since', (since) => function (this: ChangeMemory, frame) {
        const touched = since.call(this, frame)
        const ended = touched?.findLast(({ entity, from }) => from !== undefined && !world.has(entity, Motion))
        return touched?.filter((one) => one !== ended)
      })
    },
  },
  {
    name: 'leap-without-a-change', area: 'replication', stories: ['cut-off'],
    about: 'a leap does not tell of one thing that has moved',
    shows: [{ check: 'convergence', component: 'theta.Motion' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(ChangeMemory.prototype, 'since', (since) => function (this: ChangeMemory, frame) {
        const touched = since.call(this, frame)
        const moved = touched?.find(({ entity, from }) => from !== undefined && world.has(entity, Motion))
        return touched?.filter((one) => one !== moved)
      })
    },
  },
  {
    name: 'memory-fails-unaudited', area: 'replication', stories: ['late-join', 'partition-heals'],
    about: 'a bit of the host’s memory flips, and its audit looks away',
    shows: [{ check: 'oracle', component: 'theta.Transform', field: 'x' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(world, 'audit', () => () => 0)
      bed.wrap(world, 'takeDirty', (takeDirty) => () => {
        const [first] = bed.cluster.host.peer.frame === FLIP_FRAME ? world.entities(Transform) : []
        const row = first === undefined ? undefined : world.rowBytes(first, Transform)
        if (row !== undefined) row[0] ^= 1
        return takeDirty.call(world)
      })
    },
  },
]
