/**
 * The seam between an endpoint and its connections: what the endpoint asks of a connection, whichever protocol it speaks, and
 * what the connection finds around it.
 */
import type { Writer } from '../bytes.ts'
import type { Address, DatagramLabel, Ecn, SocketAddress, Datagram } from '../net/datagram.ts'
import type { NetRecord } from '../net/records.ts'
import type { Channel, ChannelSpec, ConnectionId, TransportInput } from '../port.ts'

export type Protocol = 'quic' | 'webrtc'

/** How far a connection has come: closing answers stragglers with the close again, draining is silent. */
export type SessionState = 'meeting' | 'handshake' | 'open' | 'closing' | 'draining' | 'forgotten'

export interface SessionIdentity {
  /** This end's name for it. */
  readonly id: ConnectionId
  /** Both ends' name for it: `ordinal * ADDRESSES_MAX + node of the initiator`. */
  readonly number: number
  readonly protocol: Protocol
  /** The node at the other end, by its first address. */
  readonly peer: Address
  /** Of the `open`; 0 for a connection that came in. */
  readonly ticket: number
  readonly isInitiator: boolean
}

/** A datagram as a connection makes it; the endpoint adds its id. */
export interface OutgoingDatagram {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly ecn: Ecn
  readonly bytes: Uint8Array
  readonly keyHi: number
  readonly keyLo: number
  readonly label: DatagramLabel
}

export interface Surroundings {
  /** The first address of this node. */
  readonly node: Address
  readonly channels: readonly ChannelSpec[]
  /** Shared by all connections of the endpoint: one datagram at a time. */
  readonly writer: Writer
  /** Takes a datagram and returns the id under which the trace knows it. */
  send(datagram: OutgoingDatagram): number
  /** `datagrams` are the ids of those that carried a message. */
  input(input: TransportInput, datagrams?: readonly number[]): void
  record(record: NetRecord): void
}

/**
 * One connection. After `message`, `close`, `receive` or `wake` the endpoint calls {@link Session.flush} once all that is there was
 * taken, so that several messages share a datagram.
 */
export interface Session {
  readonly identity: SessionIdentity
  readonly standing: ConnectionStanding
  /** Wants to be flushed. */
  isDirty: boolean
  /** Nothing of it is left; the endpoint lets go of it. */
  readonly isForgotten: boolean
  /** Does nothing on a connection that is not open (any more): its `closed` may be on its way. */
  message(channel: Channel, bytes: Uint8Array, nowUs: number): void
  /** What is queued leaves as far as the window allows, then the close. `code` is of [0, APPLICATION_CODES_MAX). */
  close(code: number, nowUs: number): void
  /** The node has gone to another interface, and what it had is gone: goes on from there, or ends where it cannot. */
  move(address: Address, nowUs: number): void
  receive(datagram: Datagram, nowUs: number): void
  /** Does what is due. */
  wake(nowUs: number): void
  /** When {@link wake} has something to do; Infinity for never. Valid after {@link flush}. */
  deadlineUs(): number
  /** Sends what may be sent now. */
  flush(nowUs: number): void
}

/** One channel of a connection, for whoever looks on. */
export interface ChannelStanding {
  readonly label: string
  /** Bytes not sent yet; sent and not answered; arrived and kept until something before them comes. */
  readonly unsentBytes: number
  readonly unansweredBytes: number
  readonly keptBytes: number
  readonly isBlocked: boolean
}

/** A connection as it stands, for whoever looks on. */
export interface ConnectionStanding {
  readonly id: ConnectionId
  readonly number: number
  readonly peer: Address
  readonly protocol: Protocol
  readonly state: SessionState
  /** The smoothed round trip, or a guess where none was measured, and its variation. */
  readonly rttUs: number
  readonly rttVariationUs: number
  readonly windowBytes: number
  readonly inFlightBytes: number
  /** Timeouts in a row. */
  readonly backoff: number
  /** Packets or chunks declared lost since the beginning. */
  readonly lost: number
  /** Packets or chunks that wait for an answer, and when the oldest was sent. */
  readonly unanswered: number
  readonly oldestSentUs: number | undefined
  readonly channels: readonly ChannelStanding[]
}
