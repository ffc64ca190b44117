/** Why datagrams do not get where they should, in words. */
import type { RunRecord } from './input.ts'

type Reason<Kind extends RunRecord['kind']> = Extract<RunRecord, { readonly kind: Kind; readonly why: string }>['why']
export type LossReason = Reason<'lost'>

/** What the network, or the node that they were for, did to those that never reached an endpoint. */
export const LOSSES: Readonly<Record<LossReason, string>> = {
  drop: 'dropped on the way',
  queue: 'thrown away by a full queue',
  codel: 'thrown away by a queue that had kept everybody waiting (CoDel)',
  down: 'sent while the link, an interface or its receiver was down',
  mtu: 'larger than the link takes (MTU)',
  nat: 'not let through by a translator (NAT)',
}
/** What the endpoint did that they reached. */
export const DISCARDS: Readonly<Record<Reason<'discarded'>, string>> = {
  tag: 'discarded, for its authentication failed',
  malformed: 'discarded as malformed',
  unknown: 'discarded, for it belonged to no connection that the receiver knew',
  repeated: 'discarded, for it had been there before',
  early: 'discarded, for the keys to read it were not there yet',
  full: 'discarded, for the receiver had no room for it',
}

/** Verbs of the operations in a story that lead to losses of a kind. */
export const LEADING_VERBS: Readonly<Record<LossReason, readonly string[]>> = {
  drop: [], queue: ['set'], codel: ['set'], down: ['cut', 'set'], mtu: ['set'], nat: ['rebind'],
}
