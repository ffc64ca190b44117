/** Lifetimes of TURN (RFC 8656), and the bounds of client and server here. */
import { assert } from '../../assert.ts'

const US_PER_SECOND = 1_000_000

/** The port of STUN and TURN over UDP (RFC 8489, section 18.6). */
export const TURN_PORT = 3478
/** Section 3.2: what a client gets that asks for nothing else; and the most that this server grants. */
export const ALLOCATION_SECONDS = 600
export const ALLOCATION_SECONDS_MAX = 3_600
/** Section 9. */
export const PERMISSION_US = 300 * US_PER_SECOND
/** Section 12. */
export const CHANNEL_US = 600 * US_PER_SECOND
/** A client refreshes this long before the end (section 8.1: a minute). */
export const REFRESH_AHEAD_US = 60 * US_PER_SECOND
/** RFC 8656, section 5: the nonce expires at least once an hour. */
export const NONCE_US = 3_600 * US_PER_SECOND

/** Section 7.2: relayed ports are of the dynamic range. */
export const RELAY_PORT_FIRST = 49_152
/** Allocations of one server, and of one user name at it. */
export const ALLOCATIONS_MAX = 1_024
export const USER_ALLOCATIONS_MAX = 32
/** Permissions and channels of one allocation. */
export const PERMISSIONS_MAX = 128
export const CHANNELS_MAX = 128
/** Bytes of one datagram that a client hands over for its peer. */
export const DATA_BYTES_MAX = 1_500
/** How often a client asks one thing anew because realm, nonce or allocation turned out to be other ones. */
export const RENEWALS_MAX = 3

assert(RELAY_PORT_FIRST + ALLOCATIONS_MAX <= 65_536, 'every allocation finds a port')
assert(REFRESH_AHEAD_US < PERMISSION_US, 'a permission is refreshed while it lives')
