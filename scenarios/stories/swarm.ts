/** Whatever a seed draws: who is there and over what, what goes wrong, what is done, and what is done that must not be. */
import { swarm } from '../swarm/swarm.ts'

export default swarm('swarm', { frames: 100, hz: 90 }, {}, { mustHappen: { counters: { sessionsOpened: 1 } } })
