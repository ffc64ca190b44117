/** A datagram over the link's limit is lost without a word, as behind a router that sends no ICMP. */
import type { Rule } from './rule.ts'

export const mtu: Rule = ({ link, datagram }) => (datagram.bytes.length > link.settings.mtuBytes ? 'mtu' : 'pass')
