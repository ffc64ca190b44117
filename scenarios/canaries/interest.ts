/** Canaries of interest: who sees what of the stream. */
import { cellOf, CellIndex } from '../../system/ecs/cells.ts'
import { Spawned } from '../../system/ecs/components.ts'
import { FrameCut } from '../../system/replication/cut.ts'
import { Interest } from '../../system/replication/interest.ts'
import { Broadcast } from '../../system/session/broadcast.ts'
import { Subscription } from '../../system/session/subscription.ts'
import type { Canary } from './canary.ts'

const STORIES = ['interest', 'swarm']

export const INTEREST: readonly Canary[] = [
  {
    name: 'enters-without-a-row', area: 'interest', stories: STORIES,
    about: 'what comes into sight comes without one of its rows',
    shows: [{ check: 'convergence', component: 'theta.Spawned' }],
    plant: (bed) => bed.wrap(FrameCut.prototype, 'wholeRows', (wholeRows) => function (this: FrameCut, entities) {
      return wholeRows.call(this, entities).filter(({ component }) => component !== Spawned)
    }),
  },
  {
    name: 'leaves-a-ghost', area: 'interest', stories: STORIES,
    about: 'what goes out of sight is not taken away',
    shows: [{ check: 'convergence', component: 'theta.Spawned' }, { check: 'convergence', component: 'theta.Motion' },
      ...['HeadPose', 'LeftHandPose', 'RightHandPose', 'BodyPose'].map((name) => ({ check: 'convergence', component: `theta.${name}` }))],
    plant: (bed) => bed.wrap(FrameCut.prototype, 'removals', () => () => []),
  },
  {
    name: 'cell-sum-of-yesterday', area: 'interest', stories: STORIES,
    about: 'the sum of a cell does not follow what changes within it',
    shows: [{ check: 'convergence', component: '', field: '' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      bed.wrap(CellIndex.prototype, 'follow', (follow) => function (this: CellIndex, entity) {
        const cell = cellOf(world, entity)
        return this.cellOf(entity) === cell ? cell : follow.call(this, entity)
      })
    },
  },
  {
    name: 'one-cell-less', area: 'interest', stories: STORIES,
    about: 'host and client agree on one cell less than the client asked for',
    shows: [{ check: 'sight' }],
    plant: (bed) => {
      bed.wrap(Broadcast.prototype, 'heed', (heed) => function (this: Broadcast, seat, message) {
        heed.call(this, seat, message)
        seat.wanted = seat.wanted && oneLess(seat.wanted)
      })
      bed.wrap(Subscription.prototype, 'named', (named) => function (this: Subscription, mark) {
        const interest = named.call(this, mark)
        return interest && oneLess(interest)
      })
    },
  },
]

/** Without its last cell, under the same mark. */
function oneLess(interest: Interest): Interest {
  if (interest.cells === undefined) return interest
  return Object.defineProperty(new Interest(interest.cells.slice(0, -1)), 'mark', { value: interest.mark })
}
