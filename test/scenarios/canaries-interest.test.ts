import { INTEREST } from '../../scenarios/canaries/interest.ts'
import { sightings } from '../support/canaries.ts'

sightings(INTEREST, {
  'enters-without-a-row': ['interest', 1],
  'leaves-a-ghost': ['interest', 1],
  'cell-sum-of-yesterday': ['swarm', 8],
  'one-cell-less': ['swarm', 8],
})
