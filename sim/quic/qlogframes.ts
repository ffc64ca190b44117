/** Frames as qlog has them (qlogevents.ts): what they say, without the bytes that they carry. */
import type { AckFrame, CloseFrame, Frame } from './frames.ts'
import { hexOf, textOf } from '../octets.ts'
import type { QlogAckFrame, QlogCloseFrame, QlogFrame } from './qlogevents.ts'

const STREAM_TYPES = { bidi: 'bidirectional', uni: 'unidirectional' } as const

/** @param ackDelayExponent of the end that sent them (RFC 9000, section 18.2). */
export const qlogFrames = (frames: readonly Frame[], ackDelayExponent: number): QlogFrame[] =>
  frames.map((frame) => qlogFrame(frame, ackDelayExponent))

function qlogFrame(frame: Frame, ackDelayExponent: number): QlogFrame {
  switch (frame.kind) {
    case 'padding':
      return { frame_type: 'padding', length: frame.length }
    case 'ping':
      return { frame_type: 'ping' }
    case 'ack':
      return qlogAck(frame, ackDelayExponent)
    case 'resetStream':
      return { frame_type: 'reset_stream', stream_id: frame.id, error_code: frame.code, final_size: frame.finalSize }
    case 'stopSending':
      return { frame_type: 'stop_sending', stream_id: frame.id, error_code: frame.code }
    case 'crypto':
      return { frame_type: 'crypto', offset: frame.offset, length: frame.bytes.length }
    case 'newToken':
      return { frame_type: 'new_token', token: { type: 'resumption', length: frame.token.length, data: hexOf(frame.token) } }
    case 'stream':
      return { frame_type: 'stream', stream_id: frame.id, offset: frame.offset, length: frame.bytes.length, fin: frame.fin }
    case 'maxData':
      return { frame_type: 'max_data', maximum: frame.limit }
    case 'maxStreamData':
      return { frame_type: 'max_stream_data', stream_id: frame.id, maximum: frame.limit }
    case 'maxStreams':
      return { frame_type: 'max_streams', stream_type: STREAM_TYPES[frame.direction], maximum: frame.limit }
    case 'dataBlocked':
      return { frame_type: 'data_blocked', limit: frame.limit }
    case 'streamDataBlocked':
      return { frame_type: 'stream_data_blocked', stream_id: frame.id, limit: frame.limit }
    case 'streamsBlocked':
      return { frame_type: 'streams_blocked', stream_type: STREAM_TYPES[frame.direction], limit: frame.limit }
    case 'newConnectionId': {
      const { sequence, retirePriorTo, id } = frame
      return { frame_type: 'new_connection_id', sequence_number: sequence, retire_prior_to: retirePriorTo, connection_id: hexOf(id) }
    }
    case 'retireConnectionId':
      return { frame_type: 'retire_connection_id', sequence_number: frame.sequence }
    case 'pathChallenge':
      return { frame_type: 'path_challenge', data: hexOf(frame.data) }
    case 'pathResponse':
      return { frame_type: 'path_response', data: hexOf(frame.data) }
    case 'close':
      return qlogClose(frame)
    case 'handshakeDone':
      return { frame_type: 'handshake_done' }
    case 'datagram':
      return { frame_type: 'datagram', length: frame.bytes.length }
  }
}

function qlogAck({ delay, ranges, ecn }: AckFrame, ackDelayExponent: number): QlogAckFrame {
  const acked: [number, number][] = []
  for (let index = ranges.length - 2; index >= 0; index -= 2) acked.push([ranges[index + 1], ranges[index]])
  return { frame_type: 'ack', ack_delay: (delay * 2 ** ackDelayExponent) / 1000, acked_ranges: acked, ...ecn }
}

const qlogClose = ({ isApplication, code, frameType, reason }: CloseFrame): QlogCloseFrame => ({
  frame_type: 'connection_close', error_space: isApplication ? 'application' : 'transport', error_code: code,
  ...(reason.length === 0 ? {} : { reason: textOf(reason) }),
  ...(isApplication || frameType === 0 ? {} : { trigger_frame_type: frameType }),
})
