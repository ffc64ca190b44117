/**
 * A run as its own peers measure it: their metrics sampled over virtual time, how they stand at the end, the lives of commands as
 * spans, and the packets that the mirrors kept. Done by running it again: what is measured of a run is no part of its report.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { histogramSamples, type NodeMetrics, type Observation, type Packet, type Sample } from '../reports/telemetry/observation.ts'
import { spansOf } from '../reports/telemetry/spans.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../system/telemetry/metrics.ts'
import type { Cluster } from './cluster/cluster.ts'
import { prepare } from './cluster/prepare.ts'
import { runOnce } from './cluster/run.ts'
import type { SimulateOptions } from './options.ts'
import type { Scenario } from './scenario.ts'
import { settingsOf } from './settings.ts'

export interface ObserveOptions extends SimulateOptions {
  /** How often the metrics are sampled, in microseconds of virtual time (default 100,000). */
  readonly everyUs?: number
}

const EVERY_US = 100_000

/** @throws {OptionError} where the options cannot be met. */
export async function observe(scenario: Scenario, { everyUs = EVERY_US, ...options }: ObserveOptions): Promise<Observation> {
  const settings = settingsOf(scenario, options)
  const samples: Sample[] = []
  let nodes: readonly NodeMetrics[] = []
  let packets: readonly Packet[] = []
  let dueUs = everyUs
  const outcome = await runOnce(scenario, {
    ...settings, mirrors: true,
    isOver: (cluster, _trace, nextUs) => {
      const untilUs = nextUs === Infinity ? 0 : nextUs
      while (dueUs <= untilUs) {
        samples.push(...sampled(cluster, dueUs))
        dueUs += everyUs
      }
      return false
    },
    onEnd: (cluster) => {
      samples.push(...sampled(cluster, cluster.nowUs))
      nodes = metricsOf(cluster)
      packets = packetsOf(cluster)
    },
  }, await prepare())
  return {
    scenario: scenario.name, seed: settings.seed, everyUs, samples, nodes, packets,
    spans: spansOf(outcome.records, outcome.info.nodes), about: { ...COUNTERS, ...GAUGES, ...HISTOGRAMS },
  }
}

function metricsOf(cluster: Cluster): NodeMetrics[] {
  const { host, clients } = cluster
  return [
    { name: 'host', over: 'host', ...host.peer.diagnostics.telemetry },
    ...clients.map(({ id, name, peer }) => ({ name, over: cluster.transportOf(id), ...peer.diagnostics.telemetry })),
  ]
}

/** Metrics that are not 0. */
const sampled = (cluster: Cluster, atUs: number): Sample[] =>
  metricsOf(cluster).flatMap(({ name: node, counters, gauges, histograms }) =>
    [...Object.entries(counters), ...Object.entries(gauges), ...histogramSamples(histograms)]
      .filter(([, value]) => value !== 0)
      .map(([metric, value]): Sample => ({ atUs, node, metric, value })))

function packetsOf(cluster: Cluster): Packet[] {
  const nameOf = (node: number): string => (node === 0 ? 'host' : cluster.client(node).name)
  return [...cluster.mirrors].flatMap(([node, mirror]) =>
    mirror.packets.map(({ bytes, ...packet }): Packet => ({ ...packet, node: nameOf(node), bytes: bytesToHex(bytes) })))
    .sort((a, b) => a.atUs - b.atUs)
}
