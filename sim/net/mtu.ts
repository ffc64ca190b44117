/** A datagram over the link's limit is lost without a word, as behind a router that sends no ICMP. */
import type { RuleMaker } from './rule.ts'

export const mtu: RuleMaker = ({ mtuBytes }) => ({ datagram }) => (datagram.bytes.length > mtuBytes ? 'mtu' : 'pass')
