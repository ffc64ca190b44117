/** What travels: opaque bytes between two addresses, under a name of its own. */

/** Addresses are small integers, the ids of nodes. */
export type Address = number
export const ADDRESSES_MAX = 4096

/** What a datagram carries, for people and for the trace; {@link describe} makes words of it. */
export interface DatagramLabel {
  readonly protocol: string
  /** What stands in it first and gives it its identity: 'stream', 'message', 'ack'. */
  readonly contents: string
  /** Names the connection; the same number at both ends. */
  readonly connection: number
  readonly channel: number
  /** The range that it carries: bytes of a stream, or [message, message + 1). */
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
