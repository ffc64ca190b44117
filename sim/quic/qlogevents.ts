/**
 * What goes on inside a QUIC connection, for those who keep a qlog: plain records of numbers and strings that own what they hold.
 * Names and fields are those of draft-ietf-quic-qlog-quic-events-12, so that byte strings are lower-case hexadecimal and times are
 * milliseconds (whole microseconds, divided by 1000). When it was is added by who keeps the record.
 */
import type { SocketAddress } from '../net/datagram.ts'

export type QlogEvent =
  | { readonly name: 'connection_started'; readonly data: QlogConnectionStarted }
  | { readonly name: 'connection_closed'; readonly data: QlogConnectionClosed }
  | { readonly name: 'connection_id_updated'; readonly data: QlogConnectionIdUpdated }
  | { readonly name: 'connection_state_updated'; readonly data: QlogConnectionStateUpdated }
  | { readonly name: 'parameters_set'; readonly data: QlogParametersSet }
  | { readonly name: 'packet_sent' | 'packet_received'; readonly data: QlogPacket }
  | { readonly name: 'packet_dropped'; readonly data: QlogPacketDropped }
  | { readonly name: 'packet_lost'; readonly data: QlogPacketLost }
  | { readonly name: 'recovery_metrics_updated'; readonly data: QlogMetrics }
  | { readonly name: 'congestion_state_updated'; readonly data: QlogCongestionStateUpdated }
  | { readonly name: 'key_updated' | 'key_discarded'; readonly data: QlogKey }

/** This end or its peer. */
export type QlogInitiator = 'local' | 'remote'

export interface QlogConnectionStarted {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** The ids that the two ends are addressed by at first. */
  readonly local_cid: string
  readonly remote_cid: string
}

/** The code is the transport's or the application's; a timeout and a stateless reset have none, and nobody who said it. */
export interface QlogConnectionClosed {
  readonly initiator?: QlogInitiator
  readonly connection_error?: number
  readonly application_error?: number
  readonly reason?: string
  readonly trigger: 'clean' | 'handshake_timeout' | 'idle_timeout' | 'error' | 'stateless_reset' | 'version_mismatch' | 'application'
}

/** An end uses another id: 'local' where it is the one that this end is addressed by. */
export interface QlogConnectionIdUpdated {
  readonly initiator: QlogInitiator
  readonly old?: string
  readonly new: string
}

export type QlogConnectionState =
  | 'attempted' | 'peer_validated' | 'handshake_started' | 'early_write' | 'handshake_complete' | 'handshake_confirmed' | 'closing'
  | 'draining' | 'closed'
export interface QlogConnectionStateUpdated {
  readonly old?: QlogConnectionState
  readonly new: QlogConnectionState
}

/** Transport parameters (RFC 9000, section 18.2; RFC 9221, section 3) as an end declares them. Durations are milliseconds. */
export interface QlogParametersSet {
  readonly initiator: QlogInitiator
  readonly original_destination_connection_id?: string
  readonly initial_source_connection_id?: string
  readonly retry_source_connection_id?: string
  readonly disable_active_migration?: boolean
  readonly max_idle_timeout?: number
  readonly max_udp_payload_size?: number
  readonly ack_delay_exponent?: number
  readonly max_ack_delay?: number
  readonly active_connection_id_limit?: number
  readonly initial_max_data?: number
  readonly initial_max_stream_data_bidi_local?: number
  readonly initial_max_stream_data_bidi_remote?: number
  readonly initial_max_stream_data_uni?: number
  readonly initial_max_streams_bidi?: number
  readonly initial_max_streams_uni?: number
  readonly max_datagram_frame_size?: number
}

export type QlogPacketType =
  | 'initial' | 'handshake' | '0RTT' | '1RTT' | 'retry' | 'version_negotiation' | 'stateless_reset' | 'unknown'
/** As much of a packet's header as is known. */
export interface QlogHeader {
  readonly packet_type: QlogPacketType
  readonly packet_number?: number
  /** Eight digits; of a long header, like the source's id. */
  readonly version?: string
  readonly scid?: string
  readonly dcid?: string
  /** Of an Initial packet. */
  readonly token?: QlogToken
}
export interface QlogToken {
  readonly type?: 'retry' | 'resumption'
  /** In bytes. */
  readonly length: number
  readonly data?: string
}
/** Of a whole packet, in bytes: header, payload and tag. */
export interface QlogRaw {
  readonly length: number
}

export interface QlogPacket {
  readonly header: QlogHeader
  readonly raw: QlogRaw
  /** Empty in a Retry and a Version Negotiation packet. */
  readonly frames: readonly QlogFrame[]
  /** The same for packets that share a datagram; unsigned, of 32 bits. */
  readonly datagram_id?: number
  readonly is_coalesced?: boolean
  readonly retry_token?: QlogToken
  readonly supported_versions?: readonly string[]
  /** A probe timeout sent it; or it waited for its keys. */
  readonly trigger?: 'pto_probe' | 'keys_available'
}

export interface QlogPacketDropped {
  readonly header: QlogHeader
  readonly raw: QlogRaw
  readonly trigger: QlogDropTrigger
}
export type QlogDropTrigger =
  | 'key_unavailable' | 'decryption_failure' | 'duplicate' | 'header_parse_error' | 'unknown_connection_id' | 'general'

export interface QlogPacketLost {
  readonly header: QlogHeader
  readonly trigger: 'reordering_threshold' | 'time_threshold' | 'pto_expired'
}

/** All metrics as they stand (RFC 9002, appendices A.3 and B.2). */
export interface QlogMetrics {
  readonly min_rtt?: number
  readonly smoothed_rtt: number
  readonly latest_rtt?: number
  readonly rtt_variance: number
  readonly pto_count: number
  readonly congestion_window: number
  readonly bytes_in_flight: number
  /** Undefined before the first congestion. */
  readonly ssthresh?: number
}

/** RFC 9002, section 7.3. */
export type QlogCongestionState = 'slow_start' | 'congestion_avoidance' | 'recovery'
export interface QlogCongestionStateUpdated {
  readonly old?: QlogCongestionState
  readonly new: QlogCongestionState
  readonly trigger?: 'loss' | 'ecn' | 'persistent_congestion'
}

export interface QlogKey {
  readonly key_type:
    | 'server_initial_secret' | 'client_initial_secret' | 'server_handshake_secret' | 'client_handshake_secret'
    | 'server_0rtt_secret' | 'client_0rtt_secret' | 'server_1rtt_secret' | 'client_1rtt_secret'
  /** Of 1-RTT keys: 0 for those of the handshake, one more with each update. */
  readonly key_phase?: number
  /** TLS makes and discards the keys of a handshake, an end those of an update (RFC 9001, section 6). */
  readonly trigger: 'tls' | 'remote_update' | 'local_update'
}

type StreamType = 'unidirectional' | 'bidirectional'
/** RFC 9000, section 19; RFC 9221, section 4. */
export type QlogFrame =
  | { readonly frame_type: 'padding' | 'datagram'; readonly length: number }
  | { readonly frame_type: 'ping' | 'handshake_done' }
  | QlogAckFrame
  | { readonly frame_type: 'reset_stream'; readonly stream_id: number; readonly error_code: number; readonly final_size: number }
  | { readonly frame_type: 'stop_sending'; readonly stream_id: number; readonly error_code: number }
  | { readonly frame_type: 'crypto'; readonly offset: number; readonly length: number }
  | { readonly frame_type: 'new_token'; readonly token: QlogToken }
  | QlogStreamFrame
  | { readonly frame_type: 'max_data'; readonly maximum: number }
  | { readonly frame_type: 'max_stream_data'; readonly stream_id: number; readonly maximum: number }
  | { readonly frame_type: 'max_streams'; readonly stream_type: StreamType; readonly maximum: number }
  | { readonly frame_type: 'data_blocked'; readonly limit: number }
  | { readonly frame_type: 'stream_data_blocked'; readonly stream_id: number; readonly limit: number }
  | { readonly frame_type: 'streams_blocked'; readonly stream_type: StreamType; readonly limit: number }
  | QlogNewConnectionIdFrame
  | { readonly frame_type: 'retire_connection_id'; readonly sequence_number: number }
  | { readonly frame_type: 'path_challenge' | 'path_response'; readonly data: string }
  | QlogCloseFrame

export interface QlogAckFrame {
  readonly frame_type: 'ack'
  /** As it was meant, in milliseconds: the field of the wire times 2^ack_delay_exponent microseconds. */
  readonly ack_delay: number
  /** Smallest and largest packet number of each range. */
  readonly acked_ranges: readonly (readonly [number, number])[]
  readonly ect0?: number
  readonly ect1?: number
  readonly ce?: number
}
export interface QlogStreamFrame {
  readonly frame_type: 'stream'
  readonly stream_id: number
  readonly offset: number
  readonly length: number
  readonly fin: boolean
}
export interface QlogNewConnectionIdFrame {
  readonly frame_type: 'new_connection_id'
  readonly sequence_number: number
  readonly retire_prior_to: number
  readonly connection_id: string
}
export interface QlogCloseFrame {
  readonly frame_type: 'connection_close'
  readonly error_space: 'transport' | 'application'
  readonly error_code: number
  readonly reason?: string
  /** The frame that was wrong, by its type on the wire; undefined where it is unknown, and for an application. */
  readonly trigger_frame_type?: number
}
