/** What a connection is made from, and the transport parameters that follow: RFC 9000, sections 7.3 and 7.4. */
import type { SocketAddress } from '../net/datagram.ts'
import { isSame } from '../octets.ts'
import type { QuicSettings } from './settings.ts'
import type { TlsConfig } from './tls.ts'
import { DEFAULT_PARAMETERS, encodeParameters, type TransportParameters } from './transportparameters.ts'

/** What the first packet of a client says, as a server found it. */
export interface Accepted {
  /** What the packet was sent to; after a Retry what that named. */
  readonly destination: Uint8Array
  readonly originalDestination: Uint8Array
  readonly source: Uint8Array
  readonly isRetried: boolean
  /** A token proves that the client receives at its address. */
  readonly isAddressValidated: boolean
}

/** Of the TLS handshake, what is for the program to say. */
export type TlsOptions = Pick<TlsConfig, 'alpn' | 'serverName'>
  & Partial<Pick<TlsConfig, 'certificate' | 'certificateBytes' | 'acceptZeroRtt' | 'ticketKey' | 'ticket' | 'requestZeroRtt'>>

export interface ConnectionConfig {
  /** Both ends' name for it. */
  readonly number: number
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly settings: QuicSettings
  readonly tls: TlsOptions
  /** Of a server; a connection without it is a client's. */
  readonly accepted?: Accepted
  /** Of a client: from the 'token' event of an earlier connection to the same server. */
  readonly token?: Uint8Array
}

/** `resetToken` belongs to the handshake's id; only a server says it. */
export function ownParameters(config: ConnectionConfig, handshakeId: Uint8Array, resetToken: Uint8Array): Uint8Array {
  const { number, settings, accepted } = config
  const { streamWindowBytes } = settings
  return encodeParameters({
    ...DEFAULT_PARAMETERS,
    maxIdleTimeoutMs: Math.ceil(settings.idleTimeoutUs / 1_000),
    initialMaxData: settings.connectionWindowBytes,
    initialMaxStreamDataBidiLocal: streamWindowBytes,
    initialMaxStreamDataBidiRemote: streamWindowBytes,
    initialMaxStreamDataUni: streamWindowBytes,
    initialMaxStreamsBidi: settings.streamsBidiMax,
    initialMaxStreamsUni: settings.streamsUniMax,
    ackDelayExponent: settings.ackDelayExponent,
    maxAckDelayMs: Math.ceil(settings.ackDelayUsMax / 1_000),
    disableActiveMigration: settings.disableActiveMigration,
    activeConnectionIdLimit: settings.activeConnectionIdLimit,
    initialSourceConnectionId: handshakeId,
    maxDatagramFrameSize: settings.datagramFrameBytesMax,
    ...(accepted === undefined ? {} : { originalDestinationConnectionId: accepted.originalDestination, statelessResetToken: resetToken }),
    ...(accepted?.isRetried === true ? { retrySourceConnectionId: accepted.destination } : {}),
  }, number >>> 0)
}

/** The ids that a handshake ran over. */
export interface HandshakeIds {
  /** The peer's in its packets. */
  readonly remote: Uint8Array
  /** Of the client's first packet, and of the server's Retry, as the client knows them; a server checks neither. */
  readonly original: Uint8Array | undefined
  readonly retry: Uint8Array | undefined
}

/** Section 7.3: the ids that the handshake ran over are those that TLS vouches for. */
export function isAuthentic(parameters: TransportParameters, { remote, original, retry }: HandshakeIds): boolean {
  const { initialSourceConnectionId, originalDestinationConnectionId, retrySourceConnectionId } = parameters
  if (!isSame(initialSourceConnectionId, remote)) return false
  if (original === undefined) return true
  return isSameOrNone(originalDestinationConnectionId, original) && isSameOrNone(retrySourceConnectionId, retry)
}

const isSameOrNone = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : isSame(a, b)
