import { LOG } from '../../scenarios/canaries/log.ts'
import { sightings } from '../support/canaries.ts'

sightings(LOG, {
  'signature-on-trust': ['forged-command', 1],
  'forgotten-nonce': ['swarm', 10],
  'epoch-unchecked': ['swarm', 7],
  'limiter-off': ['swarm', 175],
  'late-told-as-too-many': ['partition-heals', 1],
  'ties-by-arrival': ['swarm', 6],
  'clock-not-advanced': ['partition-heals', 1],
  'far-future-taken': ['swarm', 37],
  'equivocation-taken': ['swarm', 7],
  'folded-twice': ['late-join', 1],
  'told-mark-falls': ['late-join', 1],
  'order-unchecked': ['given-order', 1],
  'refused-stays-shown': ['partition-heals', 1],
  'told-nobody': ['late-join', 1],
  'base-not-compared': ['swarm', 15],
  'merge-told-as-applied': ['partition-heals', 1],
})
