/** The overlay for a terminal: how every node does, side by side, what is nothing left out, alarms first. */
import { aligned } from '../table.ts'
import { histogramSamples, type NodeMetrics, type Observation } from './observation.ts'

const ALARMS = 'alarms.raised'

export function overlayLines({ nodes, about }: Pick<Observation, 'nodes' | 'about'>): string[] {
  const all = nodes.map((node) => new Map([
    ...Object.entries(node.counters), ...Object.entries(node.gauges), ...histogramSamples(node.histograms),
  ]))
  const names = [...new Set(all.flatMap((metrics) => [...metrics.keys()]))]
    .filter((name) => all.some((metrics) => (metrics.get(name) ?? 0) !== 0))
    .sort((a, b) => Number(b === ALARMS) - Number(a === ALARMS))
  const titles = ['metric', ...nodes.map((node) => `${title(node)}#`), 'what it is']
  const values = (name: string): number[] => all.map((metrics) => metrics.get(name) ?? 0)
  return aligned(titles, names.map((name) => [name, ...values(name), about[name] ?? aboutPart(name, about)]))
}

const title = ({ name, over }: NodeMetrics): string => (name === over ? name : `${name} (${over})`)

/** Of `command.latencyUs.p99`. */
function aboutPart(name: string, about: Observation['about']): string {
  const at = name.lastIndexOf('.')
  return about[name.slice(0, at)] ?? ''
}
