import { ROLE_CANARIES } from '../../scenarios/canaries/roles.ts'
import { sightings } from '../support/canaries.ts'

sightings(ROLE_CANARIES, {
  'viewer-may-edit': ['viewer-edits', 1],
  'stale-permission': ['commit-storm', 4],
  'anybody-promotes': ['swarm', 7],
  'anybody-speaks-for-the-host': ['swarm', 4],
  'capabilities-ignored': ['swarm', 20],
  'ranks-upside-down': ['viewer-edits', 1],
})
