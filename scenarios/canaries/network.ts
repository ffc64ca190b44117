/** Canaries of the network itself: a simulator whose faults do not strike, or never end, proves nothing. */
import { Link } from '../../sim/net/link.ts'
import type { Canary } from './canary.ts'

export const NETWORK: readonly Canary[] = [
  {
    name: 'cut-cuts-nothing', area: 'network', stories: ['partition-heals', 'loopback-120'],
    about: 'a link that is down carries what it carried before',
    shows: [{ check: 'mustHappen', component: 'packetsLost' }],
    plant: (bed) => bed.wrap(Link.prototype, 'set', (set) => function (this: Link, change) {
      set.call(this, { ...change, down: false })
    }),
  },
  {
    name: 'cut-for-ever', area: 'network', stories: ['partition-heals', 'loopback-120'],
    about: 'a link that went down once stays so',
    shows: [{ check: 'settle' }],
    plant: (bed) => bed.wrap(Link.prototype, 'set', (set) => function (this: Link, change) {
      set.call(this, this.settings.down ? { ...change, down: true } : change)
    }),
  },
  {
    name: 'loss-that-loses-nothing', area: 'network', stories: ['loopback-120', 'late-join'],
    about: 'every datagram arrives, whatever the link’s odds',
    shows: [{ check: 'mustHappen', component: 'packetsLost' }],
    plant: (bed) => bed.wrap(Link.prototype, 'set', (set) => function (this: Link, change) {
      set.call(this, { ...change, dropPpm: 0 })
    }),
  },
]
