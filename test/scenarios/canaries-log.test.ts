import { LOG } from '../../scenarios/canaries/log.ts'
import { sightings } from '../support/canaries.ts'

sightings(LOG, {
  'signature-on-trust': ['forged-command', 1],
  'forgotten-nonce': ['swarm', 2],
  'epoch-unchecked': ['swarm', 6],
  'limiter-off': ['swarm', 37],
  'late-told-as-too-many': ['partition-heals', 1],
  'ties-by-arrival': ['swarm', 2],
  'clock-not-advanced': ['partition-heals', 1],
  'far-future-taken': ['swarm', 2],
  'equivocation-taken': ['swarm', 2],
  'folded-twice': ['late-join', 1],
  'told-mark-falls': ['late-join', 1],
  'order-unchecked': ['given-order', 1],
  'refused-stays-shown': ['partition-heals', 1],
  'told-nobody': ['late-join', 1],
  'base-not-compared': ['swarm', 2],
  'merge-told-as-applied': ['partition-heals', 1],
})
