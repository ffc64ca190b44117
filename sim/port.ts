/**
 * The transport port as the simulator serves it: opaque messages on numbered channels of a connection.
 *
 * `system/ports.ts` declares the same shapes from its own side; TypeScript's structural typing joins the two in
 * `scenarios/cluster.ts` and nowhere else. Received bytes are borrowed until the receiver returns; sent bytes
 * belong to the driver from then on.
 */

/** Identifies one connection at one endpoint; never reused within a run. */
export type ConnectionId = number
/** Index into the table of {@link ChannelSpec}s that both ends were built with. */
export type Channel = number

/** How hard a channel tries: for ever, a number of retransmissions (0 = send once), or a lifetime in microseconds. */
export type Delivery =
  | { readonly kind: 'reliable' }
  | { readonly kind: 'retransmits'; readonly max: number }
  | { readonly kind: 'lifetime'; readonly maxUs: number }

export interface ChannelSpec {
  readonly label: string
  readonly ordered: boolean
  readonly delivery: Delivery
  /** Lower is sent first when the congestion window is short. */
  readonly priority: number
}

/** Who ended a connection, or kept it from beginning. */
export type ClosedBy = 'local' | 'remote' | 'timeout' | 'refused'

/** What a transport tells the state machine above it. */
export type TransportInput =
  | {
    readonly kind: 'opened'
    readonly on: ConnectionId
    readonly ticket: number
    readonly incoming: boolean
    readonly binding: Uint8Array
    readonly messageBytesMax: number
  }
  | { readonly kind: 'message'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly kind: 'credit'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: number }
  | { readonly kind: 'path'; readonly on: ConnectionId; readonly rttUs: number; readonly lost: number }
  | {
    readonly kind: 'closed'
    readonly on: ConnectionId
    readonly ticket: number
    readonly by: ClosedBy
    readonly code: number
  }

/** What the state machine above asks of its transport. `ticket` pairs an `open` with its `opened` or `closed`. */
export type TransportOutput =
  | { readonly kind: 'open'; readonly ticket: number; readonly endpoint: string }
  | { readonly kind: 'message'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly on: ConnectionId; readonly code: number }
  | { readonly kind: 'wake'; readonly atUs: number }
