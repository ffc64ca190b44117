import { INTEREST } from '../../scenarios/canaries/interest.ts'
import { sightings } from '../support/canaries.ts'

sightings(INTEREST, {
  'enters-without-a-row': ['interest', 1],
  'leaves-a-ghost': ['interest', 1],
  'cell-sum-of-yesterday': ['interest', 1],
  'one-cell-less': ['interest', 1],
})
