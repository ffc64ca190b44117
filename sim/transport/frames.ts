/**
 * What packets are made of. A frame that needs an answer leaves a {@link SentFrame} behind; its owner is told whether
 * it arrived. Layouts (all numbers are varints):
 *
 *     padding   0x00                                                       to the end of the packet
 *     ping      0x01
 *     ack       0x02 largest delayUs ranges-1 length-1 (gap-1 length-1)*   RFC 9000, 19.3, descending
 *     crypto    0x06 offset length bytes
 *     stream    0x08 channel offset length bytes
 *     credit    0x10 channel+1 (0: the connection) limitBytes
 *     close     0x1c code
 *     message   0x30 channel message offset length bytes                   a whole message
 *     fragment  0x31 channel message offset total from length bytes
 *     forward   0x32 channel message offset                                messages below are delivered or abandoned
 */
import type { Writer } from './wire.ts'

export const Frame = {
  padding: 0x00, ping: 0x01, ack: 0x02, crypto: 0x06, stream: 0x08, credit: 0x10, close: 0x1c, message: 0x30, fragment: 0x31, forward: 0x32,
} as const

export interface FrameOwner {
  acked(frame: SentFrame, nowUs: number): void
  lost(frame: SentFrame, nowUs: number): void
  /** Asks for another transmission although the frame is not known to be lost. False where the owner does not want or may not. */
  probe(frame: SentFrame, nowUs: number): boolean
}

/** A frame under way. [start, end) counts in bytes of the stream or of message `message`; owners of other frames use it as they like. */
export interface SentFrame {
  readonly owner: FrameOwner
  readonly message: number
  readonly start: number
  readonly end: number
  readonly attempt: number
  /** A probe has taken over: the copy under way answers for the range now. */
  probed: boolean
}

/** A packet being filled. */
export interface Packet {
  readonly writer: Writer
  readonly nowUs: number
  /** Bytes left for frames. */
  readonly room: number
  add(frame: SentFrame): void
  /** Names what the packet carries; the first to do so gives it its identity: everything but `end`, which is for people. */
  identify(contents: string, channel: number, start: number, end: number, attempt: number): void
}
