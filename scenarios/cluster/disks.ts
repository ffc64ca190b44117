/** Which runs have disks. */
import type { Seed } from '../../sim/choice.ts'
import { stream } from '../../sim/random.ts'
import type { ScenarioSettings } from '../scenario.ts'

/** `drawn`: in half of the seeds. */
export const hasDisks = (disks: Required<ScenarioSettings>['disks'], seed: Seed): boolean =>
  (disks === 'drawn' ? stream(seed, 'disks').chance(1, 2) : disks)
