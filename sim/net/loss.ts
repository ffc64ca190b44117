/** Independent loss of single datagrams behind the bottleneck. */
import type { Rule } from './rule.ts'

export const loss: Rule = ({ link, chooser, keyHi, keyLo }) =>
  link.odds.drop !== undefined && chooser.choose(link.odds.drop, keyHi, keyLo) !== 0 ? 'drop' : 'pass'
