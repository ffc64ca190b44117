/** What a connection is set to: limits that it grants its peer, and timers. */
import type { ProtectionKind } from './protection.ts'

/** Times in microseconds, sizes in bytes. */
export interface QuicSettings {
  readonly protection: ProtectionKind
  /** RFC 9002, section 6.2.2 proposes 333 ms. */
  readonly initialRttUs: number
  /**
   * The longest wait between two probes; Infinity for RFC 9002, which has no such bound: at 30% loss doubling alone reaches the idle
   * timeout once in some hundred connections.
   */
  readonly probeTimeoutUsMax: number
  /** RFC 9000, section 10.1; 0 for never. */
  readonly idleTimeoutUs: number
  /** A handshake that takes longer is given up. */
  readonly handshakeTimeoutUs: number
  /** RFC 9000, section 18.2: max_ack_delay, whole milliseconds. */
  readonly ackDelayUsMax: number
  readonly ackDelayExponent: number
  /** What a stream, and what the connection, takes beyond what was handed on. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** Streams of the peer at once. */
  readonly streamsBidiMax: number
  readonly streamsUniMax: number
  /** RFC 9221: the largest DATAGRAM frame taken; 0 for none. */
  readonly datagramFrameBytesMax: number
  /** Connection ids of the peer kept at once, at least 2. */
  readonly activeConnectionIdLimit: number
  readonly disableActiveMigration: boolean
  readonly isEcnWanted: boolean
  readonly isPaced: boolean
}

export const SETTINGS: QuicSettings = {
  protection: 'tag',
  initialRttUs: 333_000,
  probeTimeoutUsMax: 1_000_000,
  idleTimeoutUs: 10_000_000,
  handshakeTimeoutUs: 10_000_000,
  ackDelayUsMax: 25_000,
  ackDelayExponent: 3,
  streamWindowBytes: 262_144,
  connectionWindowBytes: 1_048_576,
  streamsBidiMax: 128,
  streamsUniMax: 1_024,
  datagramFrameBytesMax: 65_535,
  activeConnectionIdLimit: 4,
  disableActiveMigration: false,
  isEcnWanted: true,
  isPaced: true,
}
