/**
 * A fault is a rule that returns a verdict on a datagram entering a link; the first that loses it wins, and one that marks it lets
 * the others go on. Rules are made of a link's settings, whenever these change: what a link does not have is not asked about.
 */
import type { Chooser } from '../choice.ts'
import type { Datagram } from './datagram.ts'
import type { LinkMemory } from './memory.ts'
import type { LinkOdds } from './odds.ts'
import type { LossReason } from './records.ts'
import type { LinkSettings } from './settings.ts'

/** One datagram entering one link; `keyHi` and `keyLo` are its identity on this link. */
export interface Crossing {
  readonly link: { readonly settings: LinkSettings; readonly odds: LinkOdds; readonly memory: LinkMemory }
  readonly datagram: Datagram
  readonly nowUs: number
  readonly chooser: Chooser
  readonly keyHi: number
  readonly keyLo: number
}
export type Verdict = 'pass' | 'mark' | LossReason
export type Rule = (crossing: Crossing) => Verdict
/** Undefined where these settings need no such rule. */
export type RuleMaker = (settings: LinkSettings) => Rule | undefined

export function judge(rules: readonly Rule[], crossing: Crossing): Verdict {
  let verdict: Verdict = 'pass'
  for (const rule of rules) {
    const said = rule(crossing)
    if (said === 'mark') verdict = said
    else if (said !== 'pass') return said
  }
  return verdict
}
