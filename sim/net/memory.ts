/** What a link remembers from one datagram to the next. A change of its settings leaves it. */
import { Backlog } from './backlog.ts'
import { Codel } from './codel.ts'
import type { DeliveryTrace } from './delivery-trace.ts'

export class LinkMemory {
  /** When the bandwidth will have carried all that was admitted; a burst leaves earlier than that. */
  busyUntilUs = 0
  /** When the last datagram that was admitted to the queue leaves it. */
  departureUs = 0
  /** The latest arrival of a datagram that kept its place. */
  lastArrivalUs = 0
  /** Of the last datagram with correlated jitter, from the mean. */
  deviationUs = 0
  /** Datagrams of the present block so far, and how many of them were lost. */
  blockSeen = 0
  blockLost = 0
  /** The state of the Gilbert-Elliott model. */
  isBad = false
  readonly backlog = new Backlog()
  readonly codel = new Codel()
  /** The trace that the next two belong to: the opportunity that is being used, and the bytes that it still takes. */
  trace: DeliveryTrace | undefined
  opportunity = 0
  opportunityBytes = 0
}
