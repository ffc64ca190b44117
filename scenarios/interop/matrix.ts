/** Plays one interop case: what becomes of it is one entry of the pass matrix. */
import type { InteropRow } from '../../reports/interop.ts'
import { Lab } from './lab.ts'
import type { InteropCase } from './play.ts'

/** A pure function of the case and the seed. */
export function playCase(played: InteropCase, seed: number): InteropRow {
  const { name, path } = played
  const lab = new Lab(seed, path)
  const { fault, finding, goodputBytesPerSecond } = played.play(lab)
  const { nowUs: tookUs, datagrams, lost, corrupted, trace } = lab
  return {
    name, seed, passed: fault === undefined, finding: fault ?? finding, tookUs, datagrams, lost, corrupted, goodputBytesPerSecond,
    digest: trace.digest,
  }
}
