/**
 * What a packet that was sent leaves behind: its frames' owners hear whether they arrived. And the packet as those who write frames
 * into it see it.
 */
import type { Writer } from '../bytes.ts'
import type { Frame } from './frames.ts'

export interface SentFrame {
  readonly owner: FrameOwner
  /** The owner's own name for what it sent: a stream, a datagram, an entry of a list. */
  readonly id: number
  readonly start: number
  readonly end: number
  /** 0 for the first transmission. */
  readonly attempt: number
  readonly fin: boolean
  /** Sent again by a probe, so that its loss asks for nothing more. */
  probed: boolean
}

export interface FrameOwner {
  acked(frame: SentFrame, nowUs: number): void
  /** Declared lost: to be sent again, or given up. */
  lost(frame: SentFrame, nowUs: number): void
  /** Queues it once more, for a probe; false where that is not wanted (any more). */
  probe(frame: SentFrame, nowUs: number): boolean
}

/** A packet while it is written. */
export interface PacketSink {
  readonly writer: Writer
  readonly nowUs: number
  /** Bytes left for frames. */
  readonly room: number
  /** Keeps what a frame that asks for an acknowledgement leaves behind. */
  add(frame: SentFrame): void
  /** Tells whoever listens of the frame that was written; cheap where nobody does. */
  readonly logged: Frame[] | undefined
  /**
   * Names what the datagram carries; the first to do so gives it its identity. `key` tells things apart that share a channel;
   * `end` is for people alone.
   */
  identify(contents: string, channel: number, key: number, start: number, end: number, attempt: number): void
  /** As {@link identify}, for what names the datagram only if nothing better does: when credit leaves depends on timing. */
  suggest(contents: string, channel: number, start: number, attempt: number): void
}

/** A probe that carries nothing else. */
export const PING: FrameOwner = { acked() {}, lost() {}, probe: () => false }
