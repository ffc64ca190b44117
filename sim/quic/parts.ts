/** What a connection consists of, as its sending and its receiving half share it; and what it finds around itself. */
import type { Writer } from '../bytes.ts'
import type { Datagram, SocketAddress } from '../net/datagram.ts'
import type { DiscardReason } from '../net/records.ts'
import type { OutgoingDatagram } from '../transport/session.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { LocalIds, RemoteIds } from './connectionids.ts'
import type { ControlFrames } from './control.ts'
import type { CryptoStream } from './cryptostream.ts'
import type { Datagrams } from './datagrams.ts'
import type { EarlyRepeats } from './earlyrepeats.ts'
import type { QuicEvent } from './events.ts'
import type { ConnectionKeys } from './keys.ts'
import type { Paths } from './paths.ts'
import type { QlogEvent } from './qlogevents.ts'
import { type Recovery, Space } from './recovery.ts'
import type { Level } from './protection.ts'
import type { QuicSettings } from './settings.ts'
import type { Streams } from './streams.ts'
import type { TransportParameters } from './transportparameters.ts'

export interface Environment {
  /** One datagram at a time; may be shared by all connections of an endpoint. */
  readonly writer: Writer
  /** Takes a datagram and returns the id under which the trace knows it. */
  send(datagram: OutgoingDatagram): number
  /** Packets to this connection id are for this connection from now on, or no more. */
  idAdded(id: Uint8Array): void
  idRemoved(id: Uint8Array): void
  /** Of 16 bytes, for a connection id of ours (RFC 9000, section 10.3). */
  resetToken(id: Uint8Array): Uint8Array
  /** For a NEW_TOKEN frame (section 8.1.3); undefined where none is given. A client is never asked. */
  newToken(client: SocketAddress, nowUs: number): Uint8Array | undefined
  discarded(datagram: Datagram, why: DiscardReason): void
  declaredLost(datagram: number): void
  probed(backoff: number): void
  /** Listens to what happens inside; nothing is made for it where nobody does. */
  readonly onEvent?: (event: QlogEvent) => void
}

/** Messages that wait for their turn above the connection, and are handed to it only when they can leave. */
export interface MessageSource {
  /** Of the most urgent that could leave now; Infinity where there is none. */
  readonly priority: number
  /** Hands that one over: to a stream, or as a datagram. */
  admit(nowUs: number): void
}

export interface Parts {
  readonly isClient: boolean
  readonly number: number
  readonly settings: QuicSettings
  readonly environment: Environment
  readonly keys: ConnectionKeys
  readonly recovery: Recovery
  readonly repeats: EarlyRepeats
  readonly paths: Paths
  readonly localIds: LocalIds
  readonly remoteIds: RemoteIds
  readonly control: ControlFrames
  readonly streams: Streams
  readonly datagrams: Datagrams
  /** By {@link Space}. */
  readonly acks: readonly Acknowledgements[]
  readonly crypto: readonly CryptoStream[]
  source: MessageSource | undefined
  /** The Source Connection ID of long headers. */
  readonly handshakeId: Uint8Array
  /** For Initial packets of a client. */
  token: Uint8Array
  /** The peer's transport parameters, once its handshake message with them is there. */
  peer: TransportParameters | undefined
  isComplete: boolean
  isConfirmed: boolean
  emit(event: QuicEvent): void
  /** The keys of a level are of no more use (RFC 9001, section 4.9). */
  discardKeys(level: 'initial' | 'handshake', nowUs: number): void
  updateKeys(): boolean
}

export const spaceOf = (level: Level): Space =>
  level === 'initial' ? Space.initial : level === 'handshake' ? Space.handshake : Space.application
