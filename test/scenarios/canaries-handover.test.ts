import { HAND_OVER } from '../../scenarios/canaries/handover.ts'
import { sightings } from '../support/canaries.ts'

sightings(HAND_OVER, {
  'successor-forgets-nonces': ['host-hands-over', 1],
  'handed-over-too-early': ['host-hands-over', 1],
})
