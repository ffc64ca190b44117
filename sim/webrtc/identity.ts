/** How the datagrams around a connection are named: what chance sees of them, and what the trace shows. */
import { hashText, mix32 } from '../choice.ts'
import type { Address, DatagramLabel, SocketAddress } from '../net/datagram.ts'

/** Of one datagram: two unsigned 32-bit halves of a key, and words. */
export interface DatagramIdentity {
  readonly keyHi: number
  readonly keyLo: number
  readonly label: DatagramLabel
}

export const isSameSocket = (a: SocketAddress, b: SocketAddress): boolean => a.address === b.address && a.port === b.port

/** One number for a socket. */
export const socketKey = ({ address, port }: SocketAddress): number => mix32(address, port)
/** One number for a pair of sockets, in this order. */
export const pathKey = (from: SocketAddress, to: SocketAddress): number => mix32(socketKey(from), socketKey(to))

/**
 * The identity of attempt `attempt` of the `ordinal`-th thing of its kind that node `by` says about `subject` (an unsigned 32-bit
 * integer: of a path, of a peer) on a connection.
 */
export function identityOf(
  contents: string, connection: number, by: Address, subject: number, ordinal: number, attempt: number,
): DatagramIdentity {
  const whose = mix32(mix32(connection >>> 0, Math.floor(connection / 2 ** 32)), by)
  return {
    keyHi: mix32(hashText(contents, whose), subject),
    keyLo: mix32(ordinal, attempt),
    label: { protocol: 'webrtc', contents, connection, channel: 0, start: ordinal, end: ordinal + 1, attempt },
  }
}

/** The identity of what answers a datagram, or carries on what it carried, under another name. */
export function following(before: DatagramIdentity, contents: string): DatagramIdentity {
  return { keyHi: hashText(contents, before.keyHi), keyLo: before.keyLo, label: { ...before.label, contents } }
}
