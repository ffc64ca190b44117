/**
 * Metrics as they stood at the end, in Prometheus' text exposition format 0.0.4: counters end in `_total`, histograms are summaries,
 * microseconds stay microseconds.
 */
import type { NodeMetrics, Observation } from './observation.ts'

const QUANTILES = { p50: '0.5', p90: '0.9', p99: '0.99' } as const

/** `command.latencyUs` is `theta_command_latency_us`. */
const nameOf = (metric: string): string => `theta_${metric.replaceAll('.', '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()}`
const label = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const labels = (node: NodeMetrics, more = ''): string => `{node="${label(node.name)}",over="${label(node.over)}"${more}}`

export function prometheusText({ nodes, about }: Pick<Observation, 'nodes' | 'about'>): string {
  const lines: string[] = []
  const section = (metric: string, name: string, type: string, valueLines: (node: NodeMetrics) => readonly string[]): void => {
    lines.push(`# HELP ${name} ${about[metric] ?? metric}`, `# TYPE ${name} ${type}`, ...nodes.flatMap(valueLines))
  }
  const [first] = nodes
  if (first === undefined) return ''
  for (const metric of Object.keys(first.counters)) {
    const name = `${nameOf(metric)}_total`
    section(metric, name, 'counter', (node) => [`${name}${labels(node)} ${node.counters[metric]}`])
  }
  for (const metric of Object.keys(first.gauges)) {
    const name = nameOf(metric)
    section(metric, name, 'gauge', (node) => [`${name}${labels(node)} ${node.gauges[metric]}`])
  }
  for (const metric of Object.keys(first.histograms)) {
    const name = nameOf(metric)
    section(metric, name, 'summary', (node) => {
      const histogram = node.histograms[metric]
      const quantiles = (Object.entries(QUANTILES) as [keyof typeof QUANTILES, string][])
        .map(([percentile, quantile]) => `${name}${labels(node, `,quantile="${quantile}"`)} ${histogram[percentile]}`)
      return [...quantiles, `${name}_sum${labels(node)} ${histogram.sum}`, `${name}_count${labels(node)} ${histogram.count}`]
    })
  }
  return `${lines.join('\n')}\n`
}
