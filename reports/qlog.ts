/**
 * A qlog file of what the ends of QUIC connections told of themselves: qlog 0.3 in its JSON form, of
 * draft-ietf-quic-qlog-main-schema-04 with the events of draft-ietf-quic-qlog-quic-events-04. It is the newest version that qvis
 * opens: later drafts renamed the version, the events and their fields. schemas/qlog.schema.json says field for field what is written.
 *
 *     qlog.ts          the file, and a trace for each end
 *     qlog/events.ts   a record as an event
 *     qlog/frames.ts   the frames of a packet
 *     qlog/errors.ts   what error codes are called
 */
import type { QlogEvent } from '../sim/quic/qlogevents.ts'
import { EventWriter } from './qlog/events.ts'

/** One end of one connection. */
export interface QlogVantagePoint {
  readonly name: string
  readonly type: 'client' | 'server'
  /** The connection's name at both ends: the client's first Destination Connection ID, in hexadecimal. */
  readonly originalDestinationId: string
  /** In the order of time. */
  readonly events: readonly QlogTimedEvent[]
}
/** An event, and when it was: microseconds of virtual time. */
export type QlogTimedEvent = QlogEvent & { readonly atUs: number }

export interface QlogInput {
  readonly title: string
  readonly description: string
  readonly vantagePoints: readonly QlogVantagePoint[]
  /** What an address is called: '10.0.0.7'. */
  readonly ipOf: (address: number) => string
}

/** The text of the file, an event a line. An end that told nothing has no trace: qvis looks for the last event of each. */
export function qlogText({ title, description, vantagePoints, ipOf }: QlogInput): string {
  const traces = vantagePoints.filter(({ events }) => events.length > 0).map((point) => traceText(point, ipOf))
  // The version and the format stand first: tools look for them in the first 256 bytes (main schema, section 3).
  const head = members({ qlog_version: '0.3', qlog_format: 'JSON', title, description })
  return traces.length === 0 ? `{${head}}\n` : `{${head},"traces":[\n${traces.join(',\n')}\n]}\n`
}

function traceText({ name, type, originalDestinationId, events }: QlogVantagePoint, ipOf: (address: number) => string): string {
  const writer = new EventWriter(ipOf)
  const lines: string[] = []
  for (const event of events) {
    const written = writer.write(event)
    if (written !== undefined) lines.push(JSON.stringify({ time: event.atUs / 1000, ...written }))
  }
  const head = members({
    title: `${name} (${type}) of ${originalDestinationId}`,
    common_fields: {
      // ODCID is what tools of 0.3 go by; group_id is what the draft recommends for the same.
      time_format: 'relative', reference_time: 0, protocol_type: ['QUIC'], group_id: originalDestinationId, ODCID: originalDestinationId,
    },
    vantage_point: { name, type },
  })
  return `{${head},"events":[\n${lines.join(',\n')}\n]}`
}

/** An object's members without its braces, so that more can follow. */
const members = (value: object): string => JSON.stringify(value).slice(1, -1)
