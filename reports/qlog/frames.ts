/** The frames of a packet as qlog 0.3 has them: draft-ietf-quic-qlog-quic-events-04, section 8.11. */
import type { QlogCloseFrame, QlogFrame } from '../../sim/quic/qlogevents.ts'
import { transportErrorName } from './errors.ts'

/** By the types of the wire, from 0x00 on (RFC 9000, table 3). */
const FRAME_TYPES = [
  'padding', 'ping', 'ack', 'ack', 'reset_stream', 'stop_sending', 'crypto', 'new_token', 'stream', 'stream', 'stream', 'stream', 'stream',
  'stream', 'stream', 'stream', 'max_data', 'max_stream_data', 'max_streams', 'max_streams', 'data_blocked', 'stream_data_blocked',
  'streams_blocked', 'streams_blocked', 'new_connection_id', 'retire_connection_id', 'path_challenge', 'path_response',
  'connection_close', 'connection_close', 'handshake_done',
]
/** RFC 9221, section 4. */
const DATAGRAM_TYPES = [0x30, 0x31]

/** The number itself of a type that is not known. */
const frameTypeName = (type: number): string | number => FRAME_TYPES[type] ?? (DATAGRAM_TYPES.includes(type) ? 'datagram' : type)

export function frameData(frame: QlogFrame): object {
  switch (frame.frame_type) {
    case 'padding': return { ...frame, payload_length: frame.length }
    // Section 8.11.8: fin is written where it is true alone.
    case 'stream': return { ...frame, fin: frame.fin ? true : undefined }
    case 'new_connection_id': return { ...frame, connection_id_length: frame.connection_id.length / 2 }
    case 'connection_close': return closeData(frame)
    default: return frame
  }
}

const closeData = (frame: QlogCloseFrame) => ({
  ...frame,
  error_code: frame.error_space === 'transport' ? transportErrorName(frame.error_code) : frame.error_code,
  trigger_frame_type: frame.trigger_frame_type === undefined ? undefined : frameTypeName(frame.trigger_frame_type),
})
