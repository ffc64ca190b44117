/** What channels of every protocol have in common: how much they carry, and how much may wait. */
import { assert } from '../assert.ts'

export const MESSAGE_BYTES_MAX = 65_536
/** What waits unsent on one channel. A reliable channel that outgrows it closes the connection; a lossy one loses its oldest. */
export const CHANNEL_QUEUE_BYTES_MAX = 1_048_576
/** Above the first a channel counts as blocked; below the second it may be written again, and its writer is told. */
export const CHANNEL_BLOCKED_BYTES = 262_144
export const CHANNEL_CREDIT_BYTES = 65_536

assert(CHANNEL_CREDIT_BYTES < CHANNEL_BLOCKED_BYTES, 'a channel is told its credit once it is no longer blocked')
assert(CHANNEL_BLOCKED_BYTES < CHANNEL_QUEUE_BYTES_MAX, 'a channel is blocked before it overflows')
