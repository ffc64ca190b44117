/** Canaries of the hand-over of a session from one host to another. */
import { HandOver } from '../../system/session/handover.ts'
import { Reception } from '../../system/session/reception.ts'
import type { Canary } from './canary.ts'

export const HAND_OVER: readonly Canary[] = [
  {
    name: 'successor-forgets-nonces', area: 'handOver', stories: ['host-hands-over'],
    about: 'the next host takes every number that members have used for unspent',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'nonce' }],
    plant: (bed) => bed.wrap(Reception.prototype, 'restore', (restore) => function (this: Reception, saved) {
      restore.call(this, { ...saved, members: saved.members.map((member) => ({ ...member, nonceHighWater: 0n })) })
    }),
  },
  {
    name: 'handed-over-too-early', area: 'handOver', stories: ['host-hands-over'],
    about: 'what the next host begins from was saved before the log was closed over everything',
    shows: ['CommandLogEntry', ...['Entity', 'Transform', 'ScopeVersion', 'Selection', 'Placement'].map((name) => `theta.${name}`)]
      .map((component) => ({ check: 'oracle', component })),
    plant: (bed) => {
      let early: Uint8Array | undefined
      bed.wrap(HandOver.prototype, 'begin', (begin) => function (this: HandOver, target, nowUs) {
        early = bed.cluster.host.peer.save()
        begin.call(this, target, nowUs)
      })
      bed.wrap(HandOver.prototype, 'complete', (complete) => function (this: HandOver, closedLamport, saved) {
        complete.call(this, closedLamport, early ?? saved)
      })
    },
  },
]
