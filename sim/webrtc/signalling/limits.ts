/** Times and bounds of signalling. */
import { DATAGRAM_BYTES_MAX } from '../../bytes.ts'
import { assert } from '../../assert.ts'

/** The relay listens there. */
export const SIGNALLING_PORT = 8_080
/** Of a segment: flags, the connection's token, sequence and acknowledgement numbers, a checksum. */
export const SEGMENT_HEADER_BYTES = 17
export const SEGMENT_BYTES_MAX = DATAGRAM_BYTES_MAX - SEGMENT_HEADER_BYTES
/** Linux starts at 200 ms on a path that is fast; a long chain of doublings would outlast a partition by far. */
export const SEGMENT_RTO_US = 200_000
export const SEGMENT_RTO_US_MAX = 1_000_000
/** An end whose segment goes unanswered for so long resets the connection. */
export const RESET_US = 10_000_000
/** Between a reset and the next attempt to connect. */
export const RECONNECT_US = 500_000
/** A client that has heard and said nothing asks whether the relay is there (RFC 6455, section 5.5.2). */
export const PING_US = 10_000_000
/** The relay forgets a connection on which it has heard nothing for so long. */
export const IDLE_US = 3 * PING_US
/** Segments under way, and those kept that came before an earlier one. */
export const SEGMENTS_MAX = 64
/** Bytes that wait to be sent at one end of a connection. */
export const STREAM_BYTES_MAX = 1_048_576
/** Bytes of one message: a description with a hundred candidates, and its wrapping. */
export const MESSAGE_BYTES_MAX = 16_384
/** Messages that wait for one client. */
export const MAILBOX_MAX = 512
/** Names that one relay keeps in mind, and connections. */
export const CLIENTS_MAX = 512
/** Characters of a name, and of one line of a description. */
export const NAME_LENGTH_MAX = 64
export const LINE_LENGTH_MAX = 512

assert(SEGMENTS_MAX * SEGMENT_BYTES_MAX > MESSAGE_BYTES_MAX, 'a message of any size is under way as a whole')
assert(RESET_US > SEGMENT_RTO_US_MAX * 4, 'a connection outlives some losses in a row')
