/**
 * A record of a QUIC connection as an event of qlog 0.3: draft-ietf-quic-qlog-quic-events-04, sections 4 to 8. The records have the
 * names of a later draft; what 0.3 says in another way is said so here.
 */
import type {
  QlogConnectionClosed, QlogConnectionStarted, QlogDropTrigger, QlogEvent, QlogInitiator, QlogKey, QlogMetrics, QlogPacket,
} from '../../sim/quic/qlogevents.ts'
import { cryptoErrorName, transportErrorName } from './errors.ts'
import { frameData } from './frames.ts'

export interface WrittenEvent {
  readonly name: string
  /** Fields that are undefined are left out of the file. */
  readonly data: object
}

/** Section 5.7. */
const DROP_TRIGGERS: Readonly<Record<QlogDropTrigger, string | undefined>> = {
  key_unavailable: 'key_unavailable', decryption_failure: 'payload_decrypt_error', duplicate: 'duplicate',
  header_parse_error: 'header_parse_error', unknown_connection_id: 'unknown_connection_id', general: undefined,
}
/** Section 7.3. A loss is the rule and has no name. */
const CONGESTION_TRIGGERS = { loss: undefined, ecn: 'ECN', persistent_congestion: 'persistent_congestion' }
/** Section 6.1 wants the bytes of a new key; who reads the packets here needs none, so that none are shown. */
const SECRET = ''

/** Of one trace: what the metrics were last decides which are written next. */
export class EventWriter {
  readonly #ipOf: (address: number) => string
  #metrics: Partial<QlogMetrics> = {}

  constructor(ipOf: (address: number) => string) {
    this.#ipOf = ipOf
  }

  /** Undefined for metrics none of which changed. */
  write({ name, data }: QlogEvent): WrittenEvent | undefined {
    switch (name) {
      case 'connection_started': return { name: 'connectivity:connection_started', data: this.#startedData(data) }
      case 'connection_closed': return { name: 'connectivity:connection_closed', data: closedData(data) }
      case 'connection_id_updated': return { name: 'connectivity:connection_id_updated', data: ownedData(data) }
      case 'connection_state_updated': return { name: 'connectivity:connection_state_updated', data }
      case 'parameters_set': return { name: 'transport:parameters_set', data: ownedData(data) }
      case 'packet_sent': case 'packet_received': return { name: `transport:${name}`, data: packetData(data) }
      case 'packet_dropped': return { name: 'transport:packet_dropped', data: { ...data, trigger: DROP_TRIGGERS[data.trigger] } }
      case 'packet_lost': return { name: 'recovery:packet_lost', data }
      case 'recovery_metrics_updated': return this.#changedMetrics(data)
      case 'congestion_state_updated': {
        const trigger = data.trigger === undefined ? undefined : CONGESTION_TRIGGERS[data.trigger]
        return { name: 'recovery:congestion_state_updated', data: { ...data, trigger } }
      }
      case 'key_updated': return { name: 'security:key_updated', data: { ...keyData(data), new: SECRET } }
      case 'key_discarded': return { name: 'security:key_discarded', data: keyData(data) }
    }
  }

  #startedData({ local, remote, local_cid: source, remote_cid: destination }: QlogConnectionStarted): object {
    return {
      ip_version: 'v4', src_ip: this.#ipOf(local.address), dst_ip: this.#ipOf(remote.address), src_port: local.port,
      dst_port: remote.port, src_cid: source, dst_cid: destination,
    }
  }

  #changedMetrics(metrics: QlogMetrics): WrittenEvent | undefined {
    const names = Object.keys(metrics) as (keyof QlogMetrics)[]
    const changed = names.filter((name) => metrics[name] !== this.#metrics[name]).map((name) => [name, metrics[name]])
    this.#metrics = metrics
    return changed.length === 0 ? undefined : { name: 'recovery:metrics_updated', data: Object.fromEntries(changed) }
  }
}

/** Section 8.3: whose it is. */
const ownedData = <Data extends { readonly initiator?: QlogInitiator }>({ initiator, ...rest }: Data) => ({ owner: initiator, ...rest })

const closedData = ({ initiator, connection_error: code, application_error: applicationCode, reason, trigger }: QlogConnectionClosed) => ({
  // Here, unlike in a frame, TLS alerts have names.
  owner: initiator, connection_code: code === undefined ? undefined : (cryptoErrorName(code) ?? transportErrorName(code)),
  application_code: applicationCode, reason, trigger,
})

const packetData = (packet: QlogPacket) =>
  ({ ...packet, frames: packet.header.packet_number === undefined ? undefined : packet.frames.map(frameData) })

const keyData = ({ key_type: type, key_phase: generation, trigger }: QlogKey) => ({ key_type: type, generation, trigger })
