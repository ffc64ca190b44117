import { ASSETS } from '../../scenarios/canaries/assets.ts'
import { sightings } from '../support/canaries.ts'

sightings(ASSETS, {
  'chunk-at-another-place': ['asset-streaming', 1],
  'asset-on-trust': ['asset-streaming', 1],
  'fetch-forgotten': ['asset-streaming', 1],
})
