/** Canaries of what a peer has to keep: entries, frames, snapshots. There is no disk yet: it is all memory. */
import { Transform } from '../../system/ecs/components.ts'
import { FrameRing } from '../../system/replication/frames.ts'
import type { Canary } from './canary.ts'
import { everyNth } from './lies.ts'

export const STORAGE: readonly Canary[] = [
  {
    name: 'acknowledged-write-lost', area: 'storage', stories: ['partition-heals', 'loopback-120', 'swarm'],
    about: 'the host tells an entry admitted, and forgets one in five',
    shows: [{ check: 'oracle' }, { check: 'refusals', component: 'CommandLogEntry' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      const loses = everyNth(5)
      bed.wrap(log, 'integrate', (integrate) => (entry, admitted) =>
        (entry.author !== 0 && loses() ? { kind: 'integrated' } : integrate.call(log, entry, admitted)))
    },
  },
  {
    name: 'newest-entry-left-out', area: 'storage', stories: ['late-join', 'swarm'],
    about: 'asked for entries, the host gives all but the newest',
    shows: [{ check: 'settle' }, { check: 'refusals', component: 'CommandLogEntry' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      bed.wrap(log, 'entriesSince', (entriesSince) => (after, upTo) => entriesSince.call(log, after, upTo).slice(0, -1))
    },
  },
  {
    name: 'ring-of-another-frame', area: 'storage', stories: ['late-join', 'loopback-120', 'swarm'],
    about: 'the ring of frames gives the one before',
    shows: [{ check: 'resend', component: 'ComponentDelta', field: 'frame' }],
    plant: (bed) => bed.wrap(FrameRing.prototype, 'get', (get) => function (this: FrameRing, frame) {
      return get.call(this, frame - 1)
    }),
  },
  {
    name: 'snapshot-before-the-write', area: 'storage', stories: ['partition-heals', 'swarm'],
    about: 'what is read of a place is what it was before its last write',
    shows: [{ check: 'convergence', component: 'theta.Transform' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      const before = new Map<number, Uint8Array>()
      bed.wrap(world, 'set', (set) => (entity, component, row) => {
        const bytes = component === Transform ? world.rowBytes(entity, component)?.slice() : undefined
        set.call(world, entity, component, row)
        if (bytes !== undefined) before.set(entity, bytes)
      })
      bed.wrap(world, 'rowBytes', (rowBytes) => (entity, component) =>
        ((component === Transform ? before.get(entity) : undefined) ?? rowBytes.call(world, entity, component)))
    },
  },
]
