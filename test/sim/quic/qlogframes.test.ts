/** What a log says of each frame. */
import { expect, test } from 'vitest'
import type { Frame } from '../../../sim/quic/frames.ts'
import type { QlogFrame } from '../../../sim/quic/qlogevents.ts'
import { qlogFrames } from '../../../sim/quic/qlogframes.ts'

const bytes = Uint8Array.of(1, 2, 0xab)
const data = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 0xff)
const ACK: Frame = { kind: 'ack', largest: 9, delay: 3125, ranges: [9, 7, 4, 4], ecn: { ect0: 3, ect1: 0, ce: 1 } }

test.each<[Frame, QlogFrame]>([
  [{ kind: 'padding', length: 9 }, { frame_type: 'padding', length: 9 }],
  [{ kind: 'ping' }, { frame_type: 'ping' }],
  [ACK, { frame_type: 'ack', ack_delay: 25, acked_ranges: [[4, 4], [7, 9]], ect0: 3, ect1: 0, ce: 1 }],
  [{ ...ACK, ecn: undefined }, { frame_type: 'ack', ack_delay: 25, acked_ranges: [[4, 4], [7, 9]] }],
  [{ kind: 'resetStream', id: 4, code: 1, finalSize: 10 }, { frame_type: 'reset_stream', stream_id: 4, error_code: 1, final_size: 10 }],
  [{ kind: 'stopSending', id: 4, code: 1 }, { frame_type: 'stop_sending', stream_id: 4, error_code: 1 }],
  [{ kind: 'crypto', offset: 5, bytes }, { frame_type: 'crypto', offset: 5, length: 3 }],
  [{ kind: 'newToken', token: bytes }, { frame_type: 'new_token', token: { type: 'resumption', length: 3, data: '0102ab' } }],
  [{ kind: 'stream', id: 4, offset: 5, bytes, fin: true }, { frame_type: 'stream', stream_id: 4, offset: 5, length: 3, fin: true }],
  [{ kind: 'maxData', limit: 7 }, { frame_type: 'max_data', maximum: 7 }],
  [{ kind: 'maxStreamData', id: 4, limit: 7 }, { frame_type: 'max_stream_data', stream_id: 4, maximum: 7 }],
  [{ kind: 'maxStreams', direction: 'uni', limit: 7 }, { frame_type: 'max_streams', stream_type: 'unidirectional', maximum: 7 }],
  [{ kind: 'dataBlocked', limit: 7 }, { frame_type: 'data_blocked', limit: 7 }],
  [{ kind: 'streamDataBlocked', id: 4, limit: 7 }, { frame_type: 'stream_data_blocked', stream_id: 4, limit: 7 }],
  [{ kind: 'streamsBlocked', direction: 'bidi', limit: 7 }, { frame_type: 'streams_blocked', stream_type: 'bidirectional', limit: 7 }],
  [
    { kind: 'newConnectionId', sequence: 2, retirePriorTo: 1, id: data, resetToken: new Uint8Array(16) },
    { frame_type: 'new_connection_id', sequence_number: 2, retire_prior_to: 1, connection_id: '00010203040506ff' },
  ],
  [{ kind: 'retireConnectionId', sequence: 2 }, { frame_type: 'retire_connection_id', sequence_number: 2 }],
  [{ kind: 'pathChallenge', data }, { frame_type: 'path_challenge', data: '00010203040506ff' }],
  [{ kind: 'pathResponse', data }, { frame_type: 'path_response', data: '00010203040506ff' }],
  [
    { kind: 'close', isApplication: false, code: 7, frameType: 8, reason: Uint8Array.of(0x6e, 0x6f) },
    { frame_type: 'connection_close', error_space: 'transport', error_code: 7, reason: 'no', trigger_frame_type: 8 },
  ],
  [
    { kind: 'close', isApplication: true, code: 7, frameType: 0, reason: new Uint8Array(0) },
    { frame_type: 'connection_close', error_space: 'application', error_code: 7 },
  ],
  [{ kind: 'handshakeDone' }, { frame_type: 'handshake_done' }],
  [{ kind: 'datagram', bytes }, { frame_type: 'datagram', length: 3 }],
])('RFC 9000 section 19: $kind', (frame, expected) => {
  expect(qlogFrames([frame], 3)).toEqual([expected])
})
