/** A swarm that is narrowed to placements: few peers, all editors, who add, move, tag and remove the same ones at once. */
import { swarm } from '../swarm/swarm.ts'

export default swarm('commit-storm', { frames: 100, hz: 90 }, {
  peers: [2, 3], roles: ['editor', 'admin'], operations: [16, 32],
  faults: { crash: false, pause: false, sever: false },
  workload: {
    place: 4, placeMany: 2, placeOver: 2, move: 3, tag: 3, remove: 2, reworkPlacement: 2, race: 5, raceTags: 5, raceRemoval: 3,
    assignRole: 2,
  },
}, { mustHappen: { counters: { sessionsOpened: 1 } } })
