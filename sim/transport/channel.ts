/** What the two kinds of channel have in common: byte streams (streams.ts) and single messages (messages.ts). */
import { assert } from '../assert.ts'
import type { FrameOwner, Packet } from './frames.ts'

export const MESSAGE_BYTES_MAX = 65_536
/** What waits unsent on one channel. A reliable channel that outgrows it closes the connection; a lossy one loses its oldest. */
export const CHANNEL_QUEUE_BYTES_MAX = 1_048_576
/** Above the first a channel counts as blocked; below the second it may be written again, and its writer is told. */
export const CHANNEL_BLOCKED_BYTES = 262_144
export const CHANNEL_CREDIT_BYTES = 65_536

assert(CHANNEL_CREDIT_BYTES < CHANNEL_BLOCKED_BYTES, 'a channel is told its credit once it is no longer blocked')
assert(CHANNEL_BLOCKED_BYTES < CHANNEL_QUEUE_BYTES_MAX, 'a channel is blocked before it overflows')

export interface ChannelSender extends FrameOwner {
  /** Bytes not sent for the first time yet. */
  readonly queuedBytes: number
  /** Bytes sent and neither acknowledged nor given up. */
  readonly unansweredBytes: number
  /** Whether there is something to send that credit allows. */
  readonly isReady: boolean
  write(message: Uint8Array, nowUs: number): void
  /** The peer takes bytes up to that offset. */
  raise(limitBytes: number): void
  /** Writes one frame, if there is something to write and room for it; true if so. */
  pack(packet: Packet): boolean
}

/** What became of a frame that arrived. */
export type Receipt =
  | 'taken'
  /** No room to keep it: the packet counts as not received. */
  | 'full'
  /** No honest peer sends that. */
  | 'violation'
  | 'overdrawn'

/** Called for each message in its turn. `bytes` are borrowed; `datagrams` are those that carried it. */
export type Deliver = (bytes: Uint8Array, datagrams: readonly number[]) => void
