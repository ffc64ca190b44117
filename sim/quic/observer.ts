/** Tells whoever listens what happens inside a connection (qlogevents.ts), and the trace which datagrams are lost. */
import type { SocketAddress } from '../net/datagram.ts'
import type { QuicEvent } from './events.ts'
import { hexOf, isSame } from '../octets.ts'
import type { Environment } from './parts.ts'
import type { Path } from './paths.ts'
import type { Level } from './protection.ts'
import type { QlogConnectionState, QlogInitiator, QlogParametersSet } from './qlogevents.ts'
import type { Recovery, RecoveryObserver, RecoveryPath, SentPacket } from './recovery.ts'
import { decodeParameters, type TransportParameters } from './transportparameters.ts'

const PACKET_TYPES = ['initial', 'handshake', '1RTT'] as const
const KEY_NAMES = { initial: 'initial', zeroRtt: '0rtt', handshake: 'handshake', oneRtt: '1rtt' } as const
const CONGESTION_NAMES = { slowStart: 'slow_start', congestionAvoidance: 'congestion_avoidance', recovery: 'recovery' } as const
const NO_BYTES = new Uint8Array(0)

type Closed = Extract<QuicEvent, { kind: 'closed' }>
const CLOSE_TRIGGERS = {
  idle: 'idle_timeout', handshakeTimeout: 'handshake_timeout', reset: 'stateless_reset', version: 'version_mismatch',
} as const
const saidTrigger = (isApplication: boolean, code: number) => (isApplication ? 'application' : code === 0 ? 'clean' : 'error')

export class Observer implements RecoveryObserver {
  readonly #environment: Environment
  #state: QlogConnectionState = 'attempted'
  #localId: Uint8Array = NO_BYTES
  #remoteId: Uint8Array = NO_BYTES

  constructor(environment: Environment) {
    this.#environment = environment
  }

  began(local: SocketAddress, remote: SocketAddress, localId: Uint8Array, remoteId: Uint8Array): void {
    this.#localId = localId
    this.#remoteId = remoteId
    this.#environment.onEvent?.({
      name: 'connection_started', data: { local, remote, local_cid: hexOf(localId), remote_cid: hexOf(remoteId) },
    })
  }

  /** What the program hears, too. `peer` is known once the handshake is complete. */
  emitted(event: QuicEvent, peer: TransportParameters | undefined): void {
    if (event.kind === 'handshakeComplete' && peer !== undefined) this.#declared('remote', peer)
    else if (event.kind === 'closed') this.#closed(event)
  }

  /** What this end says of itself, encoded. */
  offered(parameters: Uint8Array, by: 'client' | 'server'): void {
    if (this.#environment.onEvent === undefined) return
    const decoded = decodeParameters(parameters, by)
    if (decoded.kind === 'parameters') this.#declared('local', decoded.parameters)
  }
  #declared(initiator: QlogInitiator, parameters: TransportParameters): void {
    this.#environment.onEvent?.({ name: 'parameters_set', data: { initiator, ...qlogParameters(parameters) } })
  }

  /** The path in use, and with it the ids that the ends are addressed by: told where one is new. */
  addressed({ localId = this.#localId, remoteId: { id: remoteId } }: Path): void {
    if (this.#environment.onEvent === undefined) return
    this.#addressed('local', this.#localId, localId)
    this.#addressed('remote', this.#remoteId, remoteId)
    this.#localId = localId
    this.#remoteId = remoteId
  }
  #addressed(initiator: QlogInitiator, old: Uint8Array, id: Uint8Array): void {
    if (isSame(old, id)) return
    this.#environment.onEvent?.({ name: 'connection_id_updated', data: { initiator, old: hexOf(old), new: hexOf(id) } })
  }

  #closed({ by, isApplication, code, reason }: Closed): void {
    const isSaid = by === 'local' || by === 'remote'
    this.#environment.onEvent?.({
      name: 'connection_closed',
      data: {
        ...(isSaid ? { initiator: by, [isApplication ? 'application_error' : 'connection_error']: code } : {}),
        ...(reason === '' ? {} : { reason }), trigger: isSaid ? saidTrigger(isApplication, code) : CLOSE_TRIGGERS[by],
      },
    })
  }

  became(state: QlogConnectionState): void {
    const old = this.#state
    this.#state = state
    this.#environment.onEvent?.({ name: 'connection_state_updated', data: { old, new: state } })
  }

  keysUpdated(by: 'local' | 'remote', isClient: boolean, keyPhase: number): void {
    const data = { key_type: isClient ? 'client_1rtt_secret' : 'server_1rtt_secret', key_phase: keyPhase, trigger: `${by}_update` } as const
    this.#environment.onEvent?.({ name: 'key_updated', data })
  }

  /** TLS has made a key of one end. */
  keysMade(level: Level, by: 'client' | 'server'): void {
    const phase = level === 'oneRtt' ? { key_phase: 0 } : {}
    this.#environment.onEvent?.({
      name: 'key_updated',
      data: { key_type: `${by}_${KEY_NAMES[level]}_secret`, ...phase, trigger: 'tls' },
    })
  }

  keysDiscarded(level: 'initial' | 'handshake'): void {
    for (const by of ['client', 'server'] as const) {
      this.#environment.onEvent?.({ name: 'key_discarded', data: { key_type: `${by}_${level}_secret`, trigger: 'tls' } })
    }
  }

  lost({ space, number, isEarly, datagram }: SentPacket, trigger: 'reordering_threshold' | 'time_threshold'): void {
    this.#environment.declaredLost(datagram)
    const packet_type = isEarly ? '0RTT' : PACKET_TYPES[space]
    this.#environment.onEvent?.({ name: 'packet_lost', data: { header: { packet_type, packet_number: number }, trigger } })
  }
  congestionChanged({ congestion }: RecoveryPath, trigger: 'loss' | 'ecn' | 'persistent_congestion'): void {
    this.#environment.onEvent?.({ name: 'congestion_state_updated', data: { new: CONGESTION_NAMES[congestion.state], trigger } })
  }

  metrics({ path, backoff }: Recovery): void {
    if (this.#environment.onEvent === undefined) return
    const { roundTrip, congestion } = path
    this.#environment.onEvent({
      name: 'recovery_metrics_updated',
      data: {
        ...(roundTrip.isMeasured ? { min_rtt: roundTrip.leastUs / 1_000 } : {}), smoothed_rtt: roundTrip.smoothedUs / 1_000,
        latest_rtt: roundTrip.latestUs / 1_000, rtt_variance: roundTrip.variationUs / 1_000, pto_count: backoff,
        congestion_window: congestion.windowBytes, bytes_in_flight: congestion.inFlightBytes,
        ...(congestion.thresholdBytes === Infinity ? {} : { ssthresh: congestion.thresholdBytes }),
      },
    })
  }
}

const qlogParameters = (parameters: TransportParameters): Omit<QlogParametersSet, 'initiator'> => ({
  ...(parameters.originalDestinationConnectionId === undefined
    ? {} : { original_destination_connection_id: hexOf(parameters.originalDestinationConnectionId) }),
  initial_source_connection_id: hexOf(parameters.initialSourceConnectionId),
  ...(parameters.retrySourceConnectionId === undefined
    ? {} : { retry_source_connection_id: hexOf(parameters.retrySourceConnectionId) }),
  disable_active_migration: parameters.disableActiveMigration, max_idle_timeout: parameters.maxIdleTimeoutMs,
  max_udp_payload_size: parameters.maxUdpPayloadSize, ack_delay_exponent: parameters.ackDelayExponent,
  max_ack_delay: parameters.maxAckDelayMs, active_connection_id_limit: parameters.activeConnectionIdLimit,
  initial_max_data: parameters.initialMaxData, initial_max_stream_data_bidi_local: parameters.initialMaxStreamDataBidiLocal,
  initial_max_stream_data_bidi_remote: parameters.initialMaxStreamDataBidiRemote,
  initial_max_stream_data_uni: parameters.initialMaxStreamDataUni, initial_max_streams_bidi: parameters.initialMaxStreamsBidi,
  initial_max_streams_uni: parameters.initialMaxStreamsUni, max_datagram_frame_size: parameters.maxDatagramFrameSize,
})
