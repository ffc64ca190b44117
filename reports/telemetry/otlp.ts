/** Spans in the JSON form of the OpenTelemetry protocol (OTLP/JSON 1.x, an ExportTraceServiceRequest): a resource for each node. */
import type { Observation, Span } from './observation.ts'

const NS_PER_US = 1000n
/** SPAN_KIND_INTERNAL. */
const INTERNAL = 1

const nanoseconds = (us: number): string => String(BigInt(us) * NS_PER_US)
const attribute = (key: string, value: string | number) =>
  ({ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } })
const attributes = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([key, value]) => attribute(key, value))

/** Instants are those of the virtual clock: nanoseconds since the run began. */
export function otlpTraces({ scenario, seed, nodes, spans }: Pick<Observation, 'scenario' | 'seed' | 'nodes' | 'spans'>): object {
  const resourceSpans = nodes.map(({ name, over }) => ({
    resource: {
      attributes: attributes({
        'service.name': name, 'service.namespace': 'theta', 'theta.over': over, 'theta.scenario': scenario, 'theta.seed': seed,
      }),
    },
    scopeSpans: [{ scope: { name: 'theta-sim' }, spans: spans.filter(({ node }) => node === name).map(spanJson) }],
  }))
  return { resourceSpans }
}

const spanJson = ({ trace, id, parent, name, fromUs, toUs, attributes: values }: Span) => ({
  traceId: trace, spanId: id, ...(parent === '' ? {} : { parentSpanId: parent }), name, kind: INTERNAL,
  startTimeUnixNano: nanoseconds(fromUs), endTimeUnixNano: nanoseconds(toUs), attributes: attributes(values),
})
