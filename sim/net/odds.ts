/** The odds of each fault that can strike a datagram that gets through. */
import { chancePpm, type Odds } from '../choice.ts'
import type { LinkSettings } from './settings.ts'

export interface LinkOdds {
  readonly duplicate: Odds | undefined
  readonly reorder: Odds | undefined
  readonly corrupt: Odds | undefined
}

export const possible = (site: string, ppm: number): Odds | undefined => (ppm === 0 ? undefined : chancePpm(site, ppm))

export function oddsOf({ duplicatePpm, reorderPpm, corruptPpm }: LinkSettings): LinkOdds {
  return {
    duplicate: possible('net.duplicate', duplicatePpm),
    reorder: possible('net.reorder', reorderPpm),
    corrupt: possible('net.corrupt', corruptPpm),
  }
}
