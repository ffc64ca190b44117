/**
 * Links that are down carry nothing. A link is one direction, so that a partition may be asymmetric. One that flaps is down at instants
 * that are a function of the time alone.
 */
import type { RuleMaker } from './rule.ts'

export const partition: RuleMaker = ({ down }) => (down ? () => 'down' : undefined)

export const flapping: RuleMaker = ({ flapping: period }) => {
  if (period === undefined || period.downUs === 0) return undefined
  const { upUs, downUs, offsetUs } = period
  return ({ nowUs }) => ((nowUs + offsetUs) % (upUs + downUs) < upUs ? 'pass' : 'down')
}
