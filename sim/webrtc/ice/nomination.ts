/** Which pair the controlling agent nominates, and when (RFC 8445, section 8.1.1, leaves both to the implementation). */
import type { Checklist } from './checklist.ts'
import { NOMINATION_US, RELAYED_NOMINATION_US } from './limits.ts'
import { type CandidatePair, comparePairs } from './pair.ts'

/**
 * The best valid pair: at once (an instant in the past) where nothing better can come, else some time after the first pair became
 * valid. Undefined where none is valid, or one is being nominated already.
 */
export function nominationOf(
  checklist: Checklist, validUs: number, hasAllCandidates: boolean,
): { readonly pair: CandidatePair; readonly atUs: number } | undefined {
  if (checklist.pairs.some(({ isNominating }) => isNominating)) return undefined
  const [best] = checklist.valid
  if (best === undefined) return undefined
  const isBetter = (pair: CandidatePair): boolean => pair.isUnfinished && comparePairs(pair, best, checklist.isControlling) < 0
  const isDirect = best.validLocal?.type === 'host' && best.remote.type === 'host'
  const isSettled = (isDirect || hasAllCandidates) && !checklist.pairs.some(isBetter)
  return { pair: best, atUs: isSettled ? validUs : validUs + (best.isRelayed ? RELAYED_NOMINATION_US : NOMINATION_US) }
}
