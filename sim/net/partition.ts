/** Links that are down carry nothing. A link is one direction, so that a partition may be asymmetric. */
import type { Rule } from './rule.ts'

export const partition: Rule = ({ link }) => (link.settings.down ? 'down' : 'pass')
