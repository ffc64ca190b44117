/** Samples as comma-separated values (RFC 4180, lines end in LF): one row a sample, in the order of time, node and metric. */
import type { Sample } from './observation.ts'

export const CSV_HEADER = 'at_us,node,metric,value'

const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

export const samplesCsv = (samples: readonly Sample[]): string =>
  [CSV_HEADER, ...samples.map(({ atUs, node, metric, value }) => `${atUs},${field(node)},${field(metric)},${value}`), ''].join('\n')
