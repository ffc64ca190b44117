import { REPLICATION } from '../../scenarios/canaries/replication.ts'
import { sightings } from '../support/canaries.ts'

sightings(REPLICATION, {
  'delta-row-left-out': ['loopback-120', 1],
  'removal-ignored': ['loopback-120', 1],
  'delta-applied-twice': ['late-join', 1],
  'delta-of-other-bytes': ['late-join', 1],
  'digest-of-yesterday': ['late-join', 1],
  'snapshot-of-another-frame': ['swarm', 1],
  'snapshot-removes-nothing': ['loopback-120', 1],
  'delta-before-physics': ['loopback-120', 1],
  'base-of-another-frame': ['late-join', 1],
  'track-forgotten': ['late-join', 2],
  'stale-frames-after-snapshot': ['cut-off', 1],
  'leap-without-an-end': ['cut-off', 1],
  'leap-without-a-change': ['cut-off', 1],
  'memory-fails-unaudited': ['late-join', 1],
  'age-forgotten': ['thin-pipe', 1],
  'budget-ignored': ['thin-pipe', 1],
})
