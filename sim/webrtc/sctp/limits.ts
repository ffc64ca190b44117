/** Every bound and timer of the SCTP association, with its unit and where it comes from. */
import { assert } from '../../assert.ts'

/** A packet and its DTLS record (13 header, 8 nonce, 16 tag) fill a datagram of at most 1,200 bytes; chunks end on multiples of 4. */
export const PACKET_BYTES_MAX = 1_160
/** RFC 9260, section 3.1. */
export const COMMON_HEADER_BYTES = 12
/** RFC 9260, section 3.3.1. */
export const DATA_HEADER_BYTES = 16
/** User data of one DATA chunk. Fixed, so that fragments of a message never depend on what shares the packet; a SACK of six blocks does. */
export const FRAGMENT_BYTES_MAX = 1_092
/** A message above that is no honest peer's. */
export const MESSAGE_BYTES_MAX = 65_536
/** RFC 8831, section 6.2 wants many; both directions here have as many as the application asked for, and never more. */
export const STREAMS_MAX = 1_024

/** What is kept of the peer's data before it can be handed on; the advertised window is what is left of it. */
export const RECEIVE_WINDOW_BYTES = 1_048_576
/** What a chunk that is kept costs beside its bytes: it bounds the number of small ones. */
export const CHUNK_COST_BYTES = 32
/** Data that advances the cumulative TSN is taken even above the window, up to here; then the peer is no honest one. */
export const KEPT_BYTES_MAX = 2 * RECEIVE_WINDOW_BYTES
/** Gap ack blocks count in 16 bits (RFC 9260, section 3.3.4): nothing that lies further ahead could be reported. */
export const TSN_AHEAD_MAX = 65_535
/** Repeated TSNs that one SACK reports. */
export const DUPLICATES_MAX = 16
/** Gap ack blocks of one SACK. */
export const GAP_BLOCKS_MAX = 128
/** Streams that one FORWARD TSN names; a longer list waits for the next. */
export const SKIPPED_STREAMS_MAX = 128
/** Streams that one request resets; the others wait for the next. */
export const RESET_STREAMS_MAX = 128
/** Chunks of one packet that are looked at. */
export const CHUNKS_MAX = 64
/** State cookies of a peer that are echoed. */
export const COOKIE_BYTES_MAX = 512

/** RFC 9260, section 7.2.4. */
export const MISSING_REPORTS = 3
/** RFC 9260, section 16. */
export const MAX_BURST_PACKETS = 4
export const ASSOCIATION_RETRANSMISSIONS_MAX = 10
export const INIT_RETRANSMISSIONS_MAX = 8
export const COOKIE_LIFE_US = 60_000_000
export const HEARTBEAT_INTERVAL_US = 30_000_000

/** RFC 6928's ten packets, as libwebrtc's dcsctp and libdatachannel have it (RFC 9260, section 7.2.1, would say four). */
export const WINDOW_PACKETS_INITIAL = 10
/** RFC 9260, section 7.2.3. */
export const WINDOW_PACKETS_MIN = 4

/** Timers in microseconds. */
export interface SctpTimings {
  readonly rtoUsInitial: number
  readonly rtoUsMin: number
  readonly rtoUsMax: number
  /** How long an acknowledgement waits for a second packet. */
  readonly sackDelayUs: number
}

/**
 * usrsctp as libdatachannel sets it: RTO 1 s, 200 ms and 10 s, SACK delayed by 20 ms. (RFC 9260, section 16: 1, 1 and 60 s, 200 ms;
 * libwebrtc's dcsctp: 500 ms, 400 ms and 60 s, 200 ms.) A delay of 200 ms would leave every lone message unanswered for so long.
 */
export const TIMINGS: SctpTimings = { rtoUsInitial: 1_000_000, rtoUsMin: 200_000, rtoUsMax: 10_000_000, sackDelayUs: 20_000 }

assert(TIMINGS.sackDelayUs < TIMINGS.rtoUsMin, 'a delayed SACK never looks like a loss')
assert(COMMON_HEADER_BYTES + 16 + DATA_HEADER_BYTES + FRAGMENT_BYTES_MAX <= PACKET_BYTES_MAX, 'a SACK fits beside the largest fragment')
assert(COMMON_HEADER_BYTES + 16 + 4 * (GAP_BLOCKS_MAX + DUPLICATES_MAX) <= PACKET_BYTES_MAX, 'the longest SACK fits into a packet')
assert(
  COMMON_HEADER_BYTES + 16 + 4 * (GAP_BLOCKS_MAX + DUPLICATES_MAX) + 8 + 4 * SKIPPED_STREAMS_MAX <= PACKET_BYTES_MAX,
  'the longest FORWARD TSN fits beside it',
)
assert(COMMON_HEADER_BYTES + 24 + 2 * RESET_STREAMS_MAX <= PACKET_BYTES_MAX, 'the longest request fits into a packet')
assert(CHUNKS_MAX * (DATA_HEADER_BYTES + 4) > PACKET_BYTES_MAX, 'a packet full of the smallest chunks is read to its end')
assert(MESSAGE_BYTES_MAX + CHUNK_COST_BYTES * 64 < RECEIVE_WINDOW_BYTES, 'the largest message fits into the window')
