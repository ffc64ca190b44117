/**
 * Bursts of loss by name: Gilbert's model with everything lost in the bad state. The mean runs, in datagrams, are those that the network
 * emulator of str0m (crates/netem) gives for the same surroundings; of all datagrams run / (run + gap) are lost.
 */
import { PPM } from '../choice.ts'
import type { Loss } from './settings.ts'

/** Mean runs of datagrams that get through, and that do not. */
const RUNS = {
  /** 1.0%: now and then something interferes. */
  wifi: { gap: 200, run: 2 },
  /** 4.8%: a bad signal. */
  lossyWifi: { gap: 40, run: 2 },
  /** 2.0%: hand-overs between cells. */
  cellular: { gap: 100, run: 2 },
  /** 2.9%: the weather. */
  satellite: { gap: 100, run: 3 },
  /** 9.1%: queues that are full. */
  congested: { gap: 20, run: 2 },
} as const

export type BurstName = keyof typeof RUNS
export const BURST_NAMES = Object.keys(RUNS) as readonly BurstName[]

export function burstsOf(name: BurstName): Loss {
  const { gap, run } = RUNS[name]
  return { kind: 'gilbertElliott', pPpm: Math.floor(PPM / gap), rPpm: Math.floor(PPM / run), goodLossPpm: 0, badLossPpm: PPM }
}
