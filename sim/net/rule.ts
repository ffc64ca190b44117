/** A fault is a rule that returns a verdict on a datagram entering a link; the first that is not 'pass' wins. */
import type { Chooser } from '../choice.ts'
import type { Datagram } from './datagram.ts'
import type { Link } from './link.ts'
import type { LossReason } from './records.ts'

/** One datagram entering one link; `keyHi` and `keyLo` are its identity on this link. */
export interface Crossing {
  readonly link: Link
  readonly datagram: Datagram
  readonly nowUs: number
  readonly chooser: Chooser
  readonly keyHi: number
  readonly keyLo: number
}
export type Verdict = 'pass' | LossReason
export type Rule = (crossing: Crossing) => Verdict

export function judge(rules: readonly Rule[], crossing: Crossing): Verdict {
  for (const rule of rules) {
    const verdict = rule(crossing)
    if (verdict !== 'pass') return verdict
  }
  return 'pass'
}
