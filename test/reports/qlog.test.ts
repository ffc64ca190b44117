/** A qlog file of every kind of record and frame: it validates against schemas/qlog.schema.json, which is after the CDDL of qlog 0.3. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type QlogTimedEvent, type QlogVantagePoint, qlogText } from '../../reports/qlog.ts'
import type { QlogEvent, QlogFrame, QlogHeader, QlogMetrics, QlogPacket } from '../../sim/quic/qlogevents.ts'
import { QLOG_SCHEMA, validateQlog } from '../support/qlogschema.ts'

interface Written { time: number; name: string; data: Record<string, unknown> }
const ipOf = (address: number): string => `10.0.0.${address}`
const fileOf = (vantagePoints: readonly QlogVantagePoint[]): string =>
  qlogText({ title: 'a "run"', description: 'seed 7', vantagePoints, ipOf })
const traceOf = (events: readonly QlogEvent[]): QlogVantagePoint => ({
  name: 'ana', type: 'client', originalDestinationId: '00c0ffee00000001',
  events: events.map((event, index) => ({ ...event, atUs: 1001 * index })),
})
const written = (...events: QlogEvent[]): Written[] => JSON.parse(fileOf([traceOf(events)])).traces[0].events
const dataOf = (event: QlogEvent): unknown => written(event)[0].data
const framesOf = (...frames: QlogFrame[]): unknown =>
  (dataOf({ name: 'packet_sent', data: { ...PACKET, frames } }) as { frames: unknown }).frames

const HEADER: QlogHeader = { packet_type: '1RTT', packet_number: 7, dcid: '0102030405060708' }
const PACKET: QlogPacket = { header: HEADER, raw: { length: 1200 }, frames: [] }
const SENT: QlogEvent = { name: 'packet_sent', data: PACKET }
const METRICS: QlogMetrics = {
  smoothed_rtt: 333, rtt_variance: 166.5, pto_count: 0, congestion_window: 12_000, bytes_in_flight: 0,
}

/** Every kind of frame; the compiler asks for one that is missing. */
const FRAMES: Readonly<Record<QlogFrame['frame_type'], readonly QlogFrame[]>> = {
  padding: [{ frame_type: 'padding', length: 917 }],
  ping: [{ frame_type: 'ping' }],
  ack: [
    { frame_type: 'ack', ack_delay: 25.001, acked_ranges: [[7, 9], [4, 4]] },
    { frame_type: 'ack', ack_delay: 0, acked_ranges: [[0, 0]], ect0: 3, ect1: 0, ce: 1 },
  ],
  reset_stream: [{ frame_type: 'reset_stream', stream_id: 4, error_code: 9, final_size: 10 }],
  stop_sending: [{ frame_type: 'stop_sending', stream_id: 4, error_code: 1 }],
  crypto: [{ frame_type: 'crypto', offset: 0, length: 300 }],
  new_token: [
    { frame_type: 'new_token', token: { type: 'resumption', length: 2, data: 'abcd' } }, { frame_type: 'new_token', token: { length: 2 } },
  ],
  stream: [
    { frame_type: 'stream', stream_id: 0, offset: 0, length: 5, fin: true },
    { frame_type: 'stream', stream_id: 3, offset: 2 ** 40, length: 0, fin: false },
  ],
  max_data: [{ frame_type: 'max_data', maximum: 2 ** 53 - 1 }],
  max_stream_data: [{ frame_type: 'max_stream_data', stream_id: 8, maximum: 65_536 }],
  max_streams: [{ frame_type: 'max_streams', stream_type: 'bidirectional', maximum: 100 }],
  data_blocked: [{ frame_type: 'data_blocked', limit: 10 }],
  stream_data_blocked: [{ frame_type: 'stream_data_blocked', stream_id: 8, limit: 10 }],
  streams_blocked: [{ frame_type: 'streams_blocked', stream_type: 'unidirectional', limit: 3 }],
  new_connection_id: [
    { frame_type: 'new_connection_id', sequence_number: 1, retire_prior_to: 0, connection_id: '1112131415161718' },
  ],
  retire_connection_id: [{ frame_type: 'retire_connection_id', sequence_number: 0 }],
  path_challenge: [{ frame_type: 'path_challenge', data: '0001020304050607' }],
  path_response: [{ frame_type: 'path_response', data: '0001020304050607' }],
  connection_close: [
    { frame_type: 'connection_close', error_space: 'transport', error_code: 0x07, trigger_frame_type: 0x0a, reason: 'no such frame' },
    { frame_type: 'connection_close', error_space: 'transport', error_code: 0x12a, trigger_frame_type: 0x06 },
    { frame_type: 'connection_close', error_space: 'transport', error_code: 0x0e, trigger_frame_type: 0x40 },
    { frame_type: 'connection_close', error_space: 'application', error_code: 3, reason: 'bye' },
  ],
  handshake_done: [{ frame_type: 'handshake_done' }],
  datagram: [{ frame_type: 'datagram', length: 64 }],
}
const LONG: QlogHeader = { ...HEADER, packet_type: 'initial', packet_number: 0, version: '00000001', scid: '' }
const UNNUMBERED: QlogHeader = { packet_type: 'retry', version: '00000001', scid: '', dcid: '0102030405060708' }
const RETRY: QlogEvent = {
  name: 'packet_sent',
  data: { header: UNNUMBERED, raw: { length: 60 }, frames: [], retry_token: { type: 'retry', length: 2, data: 'ccdd' } },
}
const DROPS = ['key_unavailable', 'decryption_failure', 'duplicate', 'header_parse_error', 'unknown_connection_id', 'general'] as const
/** Every kind of record, with what is optional in it and without. */
const EVENTS: Readonly<Record<QlogEvent['name'], readonly QlogEvent[]>> = {
  connection_started: [{
    name: 'connection_started',
    data: { local: { address: 1, port: 5000 }, remote: { address: 0, port: 443 }, local_cid: '0a', remote_cid: '0b' },
  }],
  connection_closed: [
    { name: 'connection_closed', data: { initiator: 'remote', connection_error: 0x0a, reason: 'why', trigger: 'error' } },
    { name: 'connection_closed', data: { initiator: 'local', connection_error: 0x128, trigger: 'error' } },
    { name: 'connection_closed', data: { initiator: 'local', application_error: 0, trigger: 'application' } },
    { name: 'connection_closed', data: { trigger: 'idle_timeout' } },
  ],
  connection_id_updated: [
    { name: 'connection_id_updated', data: { initiator: 'local', old: '01', new: '02' } },
    { name: 'connection_id_updated', data: { initiator: 'remote', new: '02' } },
  ],
  connection_state_updated: [
    { name: 'connection_state_updated', data: { new: 'attempted' } },
    { name: 'connection_state_updated', data: { old: 'handshake_complete', new: 'handshake_confirmed' } },
  ],
  parameters_set: [
    { name: 'parameters_set', data: { initiator: 'remote' } },
    {
      name: 'parameters_set',
      data: {
        initiator: 'local', original_destination_connection_id: '00c0ffee00000001', initial_source_connection_id: '0a',
        retry_source_connection_id: '0b', disable_active_migration: false, max_idle_timeout: 10_000, max_udp_payload_size: 65_527,
        ack_delay_exponent: 3, max_ack_delay: 25, active_connection_id_limit: 2, initial_max_data: 2 ** 24,
        initial_max_stream_data_bidi_local: 1, initial_max_stream_data_bidi_remote: 2, initial_max_stream_data_uni: 3,
        initial_max_streams_bidi: 4, initial_max_streams_uni: 5, max_datagram_frame_size: 65_535,
      },
    },
  ],
  packet_sent: [
    { name: 'packet_sent', data: { ...PACKET, frames: Object.values(FRAMES).flat() } },
    {
      name: 'packet_sent',
      data: { ...PACKET, header: { ...LONG, token: { length: 2 } }, datagram_id: 7, is_coalesced: true, trigger: 'pto_probe' },
    },
    RETRY,
  ],
  packet_received: [
    { name: 'packet_received', data: { ...PACKET, frames: [{ frame_type: 'ping' }], trigger: 'keys_available' } },
    {
      name: 'packet_received',
      data: {
        header: { ...UNNUMBERED, packet_type: 'version_negotiation', version: '00000000' }, raw: { length: 31 }, frames: [],
        supported_versions: ['00000001', '6b3343cf'],
      },
    },
  ],
  packet_dropped: DROPS.map((trigger) => ({
    name: 'packet_dropped', data: { header: { packet_type: 'unknown' }, raw: { length: 20 }, trigger },
  })),
  packet_lost: [{
    name: 'packet_lost', data: { header: { packet_type: '1RTT', packet_number: 5 }, trigger: 'reordering_threshold' },
  }],
  recovery_metrics_updated: [
    { name: 'recovery_metrics_updated', data: METRICS },
    { name: 'recovery_metrics_updated', data: { ...METRICS, min_rtt: 30.001, latest_rtt: 30.001, ssthresh: 6000, pto_count: 2 } },
  ],
  congestion_state_updated: [
    { name: 'congestion_state_updated', data: { new: 'slow_start' } },
    { name: 'congestion_state_updated', data: { old: 'slow_start', new: 'recovery', trigger: 'ecn' } },
    { name: 'congestion_state_updated', data: { new: 'recovery', trigger: 'loss' } },
    { name: 'congestion_state_updated', data: { new: 'slow_start', trigger: 'persistent_congestion' } },
  ],
  key_updated: [
    { name: 'key_updated', data: { key_type: 'client_initial_secret', trigger: 'tls' } },
    { name: 'key_updated', data: { key_type: 'server_1rtt_secret', key_phase: 1, trigger: 'remote_update' } },
  ],
  key_discarded: [{ name: 'key_discarded', data: { key_type: 'client_handshake_secret', trigger: 'tls' } }],
}
const ALL: readonly QlogEvent[] = Object.values(EVENTS).flat()

describe('qlog main schema', () => {
  it('every record and frame validates, and the schema knows no event or frame beyond them', () => {
    const file = JSON.parse(fileOf([traceOf(ALL), { ...traceOf(ALL), name: 'host', type: 'server' }]))
    validateQlog(file)
    expect(validateQlog.errors).toBeNull()
    const names = (schemas: { properties: { name: { const: string } } }[]) => schemas.map(({ properties }) => properties.name.const).sort()
    expect([...new Set(written(...ALL).map(({ name }) => name))].sort()).toEqual(names(QLOG_SCHEMA.$defs.Event.oneOf))
    const frames = framesOf(...Object.values(FRAMES).flat()) as { frame_type: string }[]
    const { $defs } = QLOG_SCHEMA
    const known = $defs.QuicFrame.oneOf.map(({ $ref }: { $ref: string }) => $defs[$ref.slice('#/$defs/'.length)].properties)
    expect([...new Set(frames.map(({ frame_type: type }) => type))].sort())
      .toEqual(known.map((one: { frame_type: { const: string } }) => one.frame_type.const).sort())
  })

  it.each<[string, (event: Written & Record<string, unknown>) => void]>([
    ['a field that the draft does not know', (event) => (event.data.colour = 'red')],
    ['a field missing', (event) => delete event.data.header],
    ['a misspelt event', (event) => (event.name = 'transport:packet_send')],
    ['a trigger of another event', (event) => (event.data.trigger = 'duplicate')],
    ['a count that is no integer', (event) => (event.data.raw = { length: 1.5 })],
    ['a time with more than three decimals', (event) => (event.time = 1.0005)],
    ['Infinity, which JSON turns into null', (event) => (event.data.raw = { length: null })],
    ['a frame with a field of another', (event) => (event.data.frames = [{ frame_type: 'ping', limit: 1 }])],
  ])('the schema sees %s', (_, spoil) => {
    const file = JSON.parse(fileOf([traceOf([SENT])]))
    expect(validateQlog(file)).toBe(true)
    spoil(file.traces[0].events[0])
    expect(validateQlog(file)).toBe(false)
  })

  it('section 3: version and format stand in the first 256 bytes', () => {
    const head = String.raw`{"qlog_version":"0.3","qlog_format":"JSON","title":"a \"run\"","description":"seed 7","traces":[`
    expect(fileOf([traceOf(ALL)]).split('\n')[0]).toBe(head)
  })

  it('section 3.3: a trace for each end, named after the connection; times are relative to the start of the run', () => {
    const { traces } = JSON.parse(fileOf([traceOf([SENT]), { ...traceOf([SENT]), name: 'host', type: 'server' }]))
    expect(traces[1].vantage_point).toEqual({ name: 'host', type: 'server' })
    expect(traces[0].common_fields).toEqual({
      time_format: 'relative', reference_time: 0, protocol_type: ['QUIC'], group_id: '00c0ffee00000001', ODCID: '00c0ffee00000001',
    })
  })

  it('section 3.3: an end that told nothing has no trace, and a file without traces has no list of them', () => {
    expect(JSON.parse(fileOf([traceOf([SENT]), traceOf([])])).traces).toHaveLength(1)
    const none = JSON.parse(fileOf([traceOf([])]))
    expect(none).not.toHaveProperty('traces')
    expect(validateQlog(none)).toBe(true)
  })

  it('section 3.4.1: milliseconds are exact to the microsecond, with three decimals at most', () => {
    const timed = (atUs: number): QlogTimedEvent => ({ ...SENT, atUs })
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 43 }), (atUs) => {
      const time = /^\{"time":(\d+)(?:\.(\d{1,3}))?,/m.exec(fileOf([{ ...traceOf([]), events: [timed(atUs)] }]))
      expect(1000n * BigInt(time![1]) + BigInt((time![2] ?? '').padEnd(3, '0'))).toBe(BigInt(atUs))
    }))
  })
})

describe('qlog QUIC events', () => {
  it('section 4.2: addresses are called as the run calls them', () => {
    expect(dataOf(EVENTS.connection_started[0])).toEqual({
      ip_version: 'v4', src_ip: '10.0.0.1', dst_ip: '10.0.0.0', src_port: 5000, dst_port: 443, src_cid: '0a', dst_cid: '0b',
    })
  })
  it('section 4.3: a close has the code of its space, by name where it has one', () => {
    expect(EVENTS.connection_closed.map(dataOf)).toEqual([
      { owner: 'remote', connection_code: 'protocol_violation', reason: 'why', trigger: 'error' },
      { owner: 'local', connection_code: 'crypto_error_0x128', trigger: 'error' },
      { owner: 'local', application_code: 0, trigger: 'application' },
      { trigger: 'idle_timeout' },
    ])
  })
  it('section 4.4: what a later draft calls the initiator is the owner', () => {
    expect(dataOf(EVENTS.connection_id_updated[0])).toEqual({ owner: 'local', old: '01', new: '02' })
    expect(dataOf(EVENTS.parameters_set[0])).toEqual({ owner: 'remote' })
  })
  it('section 5.5: a packet has its header, its frames and its length', () => {
    expect(dataOf(EVENTS.packet_sent[1])).toEqual({
      header: {
        packet_type: 'initial', packet_number: 0, token: { length: 2 }, version: '00000001', scid: '', dcid: '0102030405060708',
      },
      frames: [], is_coalesced: true, datagram_id: 7, raw: { length: 1200 }, trigger: 'pto_probe',
    })
  })
  it('section 5.5: a Retry and a Version Negotiation packet have neither number nor frames', () => {
    expect(dataOf(RETRY)).toEqual({
      header: { packet_type: 'retry', version: '00000001', scid: '', dcid: '0102030405060708' },
      retry_token: { type: 'retry', length: 2, data: 'ccdd' }, raw: { length: 60 },
    })
    expect(dataOf(EVENTS.packet_received[1])).not.toHaveProperty('frames')
  })
  it('section 5.7: why a packet was dropped, in the words of 0.3; what it has no word for has none', () => {
    expect(EVENTS.packet_dropped.map((event) => (dataOf(event) as { trigger?: string }).trigger)).toEqual([
      'key_unavailable', 'payload_decrypt_error', 'duplicate', 'header_parse_error', 'unknown_connection_id', undefined,
    ])
  })
  it('section 6.1: a key has its generation, and its bytes are not shown', () => {
    expect(dataOf(EVENTS.key_updated[1])).toEqual({ key_type: 'server_1rtt_secret', generation: 1, new: '', trigger: 'remote_update' })
  })
  it('section 7.2: metrics are written where they changed, and an update that changes none is none', () => {
    const updates = [METRICS, METRICS, { ...METRICS, bytes_in_flight: 1200 }, { ...METRICS, min_rtt: 30.001, ssthresh: 6000 }]
    const events = written(...updates.map((data) => ({ name: 'recovery_metrics_updated' as const, data })))
    expect(events.map(({ data }) => data)).toEqual([
      { smoothed_rtt: 333, rtt_variance: 166.5, pto_count: 0, congestion_window: 12_000, bytes_in_flight: 0 },
      { bytes_in_flight: 1200 },
      { min_rtt: 30.001, bytes_in_flight: 0, ssthresh: 6000 },
    ])
  })
  it('section 7.2: each end has metrics of its own', () => {
    const { traces } = JSON.parse(fileOf([traceOf(EVENTS.recovery_metrics_updated), traceOf(EVENTS.recovery_metrics_updated)]))
    expect(traces[1].events).toEqual(traces[0].events)
  })
  it('section 7.3: a loss is no trigger of its own', () => {
    expect(EVENTS.congestion_state_updated.map(dataOf)).toEqual([
      { new: 'slow_start' }, { old: 'slow_start', new: 'recovery', trigger: 'ECN' }, { new: 'recovery' },
      { new: 'slow_start', trigger: 'persistent_congestion' },
    ])
  })
  it('section 8.11.8: fin is written where it is true alone', () => {
    expect(framesOf(...FRAMES.stream)).toEqual([
      { frame_type: 'stream', stream_id: 0, offset: 0, length: 5, fin: true },
      { frame_type: 'stream', stream_id: 3, offset: 2 ** 40, length: 0 },
    ])
  })
  it('section 8.11.19: a close names its error and the frame that was wrong, and what has no name by its number', () => {
    expect(framesOf(...FRAMES.connection_close)).toEqual([
      {
        frame_type: 'connection_close', error_space: 'transport', error_code: 'frame_encoding_error', reason: 'no such frame',
        trigger_frame_type: 'stream',
      },
      { frame_type: 'connection_close', error_space: 'transport', error_code: 0x12a, trigger_frame_type: 'crypto' },
      { frame_type: 'connection_close', error_space: 'transport', error_code: 14, trigger_frame_type: 64 },
      { frame_type: 'connection_close', error_space: 'application', error_code: 3, reason: 'bye' },
    ])
  })
})
