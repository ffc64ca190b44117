/** What an ICE agent is made of, and what it has to say. */
import type { OutgoingDatagram } from '../../transport/session.ts'
import type { Candidate } from './candidate.ts'
import type { TieBreaker } from './checkmessages.ts'
import type { IceCredentials } from './credentials.ts'
import type { GathererConfig } from './gathering.ts'
import type { SelectedPair } from './pair.ts'

export interface IceConfig extends GathererConfig, IceCredentials {
  readonly isControlling: boolean
  readonly tieBreaker: TieBreaker
}

export type IceEvent =
  | { readonly kind: 'transmit'; readonly datagram: OutgoingDatagram }
  /** To be signalled to the other side, with the ufrag of its generation. */
  | { readonly kind: 'candidate'; readonly candidate: Candidate; readonly ufrag: string }
  /** There will be no more; to be signalled as well. */
  | { readonly kind: 'gathered'; readonly ufrag: string }
  /** Data may flow, or flows on another path from here on. The round trip is that of its last unambiguous check; Infinity: none was. */
  | { readonly kind: 'selected'; readonly pair: SelectedPair; readonly atUs: number; readonly rttUs: number }
  /** The selected path has fallen silent; it is back. */
  | { readonly kind: 'disconnected' | 'recovered' }
  /** No path is there (any more): a restart may help. */
  | { readonly kind: 'failed' }
  /** What the other side sent by way of this side's relay, and is no STUN. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
