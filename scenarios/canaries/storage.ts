/** Canaries of what a peer has to keep: entries, frames and snapshots in memory, and on its disk what must outlive a crash. */
import { Transform } from '../../system/ecs/components.ts'
import { FrameRing } from '../../system/replication/frames.ts'
import { Supply } from '../../system/session/supply.ts'
import { NonceMarks } from '../../system/security/nonces.ts'
import { Journal } from '../../system/storage/journal.ts'
import { RecordReader } from '../../system/storage/records.ts'
import type { Canary } from './canary.ts'

export const STORAGE: readonly Canary[] = [
  {
    name: 'acknowledged-write-lost', area: 'storage', stories: ['partition-heals', 'loopback-120', 'swarm'],
    about: 'the host tells an entry admitted, and forgets it at every fifth Lamport time',
    shows: [
      ...['ScopeVersion', 'Entity', 'Transform', 'Selection'].map((name) => ({ check: 'oracle', component: `theta.${name}` })),
      { check: 'refusals', component: 'CommandLogEntry' },
    ],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      bed.wrap(log, 'integrate', (integrate) => (entry, admitted) =>
        (entry.author !== 0 && entry.lamport % 5 === 0 ? { kind: 'integrated' } : integrate.call(log, entry, admitted)))
    },
  },
  {
    name: 'newest-entry-left-out', area: 'storage', stories: ['late-join', 'swarm'],
    about: 'asked for entries, the host gives all but the newest',
    shows: [{ check: 'settle' }, { check: 'refusals', component: 'CommandLogEntry' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      bed.wrap(log, 'entriesAfter', (entriesAfter) => (place, upTo) => [...entriesAfter.call(log, place, upTo)].slice(0, -1))
    },
  },
  {
    name: 'ring-of-another-frame', area: 'storage', stories: ['late-join', 'loopback-120', 'swarm'],
    about: 'the ring of frames gives the one before',
    shows: [{ check: 'resends', component: 'ComponentDelta', field: 'frame' }],
    plant: (bed) => bed.wrap(FrameRing.prototype, 'get', (get) => function (this: FrameRing<unknown>, frame, member) {
      return get.call(this, frame - 1, member)
    }),
  },
  {
    name: 'snapshot-before-the-write', area: 'storage', stories: ['partition-heals', 'swarm'],
    about: 'a snapshot tells where things were before they were last moved',
    shows: [{ check: 'convergence', component: 'theta.Transform' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      const before = new Map<number, Uint8Array>()
      bed.wrap(world, 'set', (set) => (entity, component, row) => {
        const bytes = component === Transform ? world.rowBytes(entity, component)?.slice() : undefined
        set.call(world, entity, component, row)
        if (bytes !== undefined) before.set(entity, bytes)
      })
      let isSending = false
      bed.wrap(Supply.prototype, 'snapshot', (snapshot) => function (this: Supply, ...parameters) {
        isSending = true
        try {
          snapshot.apply(this, parameters)
        } finally {
          isSending = false
        }
      })
      bed.wrap(world, 'rowBytes', (rowBytes) => (entity, component) =>
        (isSending && component === Transform ? before.get(entity) : undefined) ?? rowBytes.call(world, entity, component))
    },
  },
  {
    name: 'told-before-stored', area: 'storage', stories: ['host-restarts'],
    about: 'the host tells what it has let in without waiting for its disk',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'forgotten' }],
    plant: (bed) => bed.wrap(Journal.prototype, 'mayLeave', () => () => true),
  },
  {
    name: 'torn-tail-taken', area: 'storage', stories: ['host-restarts'],
    about: 'the checksum of what a crash left behind is not looked at',
    shows: [{ check: 'crash' }, { check: 'oracle' }],
    plant: (bed) => bed.wrap(RecordReader.prototype, 'isSound', () => () => true),
  },
  {
    name: 'spent-nonces-forgotten', area: 'storage', stories: ['host-restarts'],
    about: 'a host that begins anew takes every nonce for unspent',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'nonce' }, { check: 'durability', field: 'twice' }],
    plant: (bed) => bed.wrap(NonceMarks.prototype, 'recover', () => () => {}),
  },
  {
    name: 'checkpoint-trusted-too-soon', area: 'storage', stories: ['host-restarts'],
    about: 'the journal before a checkpoint is discarded while that is still being written',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'forgotten' }],
    plant: (bed) => bed.wrap(Journal.prototype, 'flush', (flush) => function (this: Journal) {
      flush.call(this)
      this.discardFormer()
    }),
  },
]
