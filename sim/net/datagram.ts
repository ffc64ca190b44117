/** What travels: opaque bytes between two addresses, under a name of its own. */

/** Of a network interface, as IP has them: a small integer. A node's first is its own index. */
export type Address = number
export const ADDRESSES_MAX = 4096

/** A UDP socket: an address and a port, [0, 65535]. */
export interface SocketAddress {
  readonly address: Address
  readonly port: number
}

/** The two bits of the IP header (RFC 3168, section 5). */
export const Ecn = { notCapable: 0, ect1: 1, ect0: 2, congestionExperienced: 3 } as const
export type Ecn = (typeof Ecn)[keyof typeof Ecn]

/** More bytes than any message has. */
export const FRAGMENT_SPACE = 2 ** 17

/** What a datagram carries, for people and for the trace; {@link describe} makes words of it. */
export interface DatagramLabel {
  readonly protocol: string
  /** What stands in it first and gives it its identity: 'stream', 'message', 'ack'. */
  readonly contents: string
  /** Names the connection; the same number at both ends. */
  readonly connection: number
  readonly channel: number
  /**
   * The range that it carries: of 'stream' its bytes; of 'message' [number, number + 1), counted on its channel from 0; of 'fragment'
   * bytes of that message, counted from number * {@link FRAGMENT_SPACE}.
   */
  readonly start: number
  readonly end: number
  /** 0 for the first transmission. */
  readonly attempt: number
}

export interface Datagram {
  /** Unique in a run (a duplicate keeps it); names the datagram in the trace and takes part in no decision. */
  readonly id: number
  readonly from: Address
  readonly to: Address
  readonly fromPort: number
  readonly toPort: number
  readonly ecn: Ecn
  /** The interfaces that it really travels between, where a translator has written another address into its header. */
  readonly via?: { readonly from: Address; readonly to: Address }
  /**
   * The identity that chance sees, two unsigned 32-bit halves: which connection and direction, which range, which attempt.
   * Never a count of datagrams: suppressing one fault must leave the others where they were.
   */
  readonly keyHi: number
  readonly keyLo: number
  /** Immutable from now on; receivers may lend out parts of it. */
  readonly bytes: Uint8Array
  readonly label: DatagramLabel
}

/** 'quic stream 3 [1200, 2400) attempt 2 of connection 4096'; what has no range is named alone. */
export function describe(label: DatagramLabel): string {
  const { protocol, contents, connection, channel, start, end, attempt } = label
  const range = end > start ? ` ${channel} [${start}, ${end}) attempt ${attempt}` : ''
  return `${protocol} ${contents}${range} of connection ${connection}`
}
