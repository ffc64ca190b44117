/** What the network and the transports tell the trace: plain records of integers and strings. The kernel adds the time. */
import type { Address, DatagramLabel } from './datagram.ts'

/** Why a datagram did not arrive: a link lost it, or a translator has nobody to whom it may give it. */
export type LossReason = 'drop' | 'queue' | 'codel' | 'down' | 'mtu' | 'nat'
/** Why an endpoint threw away a datagram that reached it. */
export type DiscardReason = 'tag' | 'malformed' | 'unknown' | 'repeated' | 'early' | 'full'

interface SentRecord extends DatagramLabel {
  readonly kind: 'sent'
  readonly datagram: number
  readonly from: Address
  readonly to: Address
  readonly bytes: number
}
export type NetRecord =
  /** With its label. */
  | SentRecord
  | { readonly kind: 'delivered'; readonly datagram: number; readonly from: Address; readonly to: Address; readonly bytes: number }
  | { readonly kind: 'lost'; readonly datagram: number; readonly from: Address; readonly to: Address; readonly why: LossReason }
  /** A queue told of congestion in it, by the bits of ECN. */
  | { readonly kind: 'marked'; readonly datagram: number; readonly from: Address; readonly to: Address }
  | { readonly kind: 'duplicated'; readonly datagram: number; readonly from: Address; readonly to: Address }
  | { readonly kind: 'corrupted'; readonly datagram: number; readonly from: Address; readonly to: Address; readonly offset: number }
  | { readonly kind: 'reordered'; readonly datagram: number; readonly from: Address; readonly to: Address }
  /** By the endpoint `at`, from here on. */
  | { readonly kind: 'discarded'; readonly at: Address; readonly datagram: number; readonly why: DiscardReason }
  /** Loss detection gave the datagram up; what it carried is sent again or abandoned. */
  | { readonly kind: 'declaredLost'; readonly at: Address; readonly connection: number; readonly datagram: number }
  /** A connection goes on over another path than before: QUIC has validated it, or ICE has selected it. */
  | { readonly kind: 'pathChanged'; readonly at: Address; readonly connection: number }
  | { readonly kind: 'probe'; readonly at: Address; readonly connection: number; readonly backoff: number }
  /** A partially reliable channel gave a message up after its last attempt or its lifetime. */
  | { readonly kind: 'abandoned'; readonly at: Address; readonly connection: number; readonly channel: number; readonly message: number }
  /** A lossy channel's queue was full: its oldest unsent message was thrown away. */
  | { readonly kind: 'overflow'; readonly at: Address; readonly connection: number; readonly channel: number; readonly bytes: number }
