/** `theta-sim telemetry`: runs a report's run again and tells what its peers measured, as an overlay and in the forms of other tools. */
import { join, resolve } from 'node:path'
import { writeFiles } from '../../platform/files.ts'
import { parquetFile } from '../../platform/parquet.ts'
import { samplesCsv } from '../../reports/telemetry/csv.ts'
import type { Observation } from '../../reports/telemetry/observation.ts'
import { otlpTraces } from '../../reports/telemetry/otlp.ts'
import { overlayLines } from '../../reports/telemetry/overlay.ts'
import { prometheusText } from '../../reports/telemetry/prometheus.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, integer, QUIET, VERBOSE } from '../grammar.ts'
import { suggestion } from '../nearest.ts'
import { checkOut, Progress, printJson, printLines, unwritable } from '../output.ts'
import { readRecorded } from '../recorded.ts'
import { openSubject } from '../subject.ts'

interface Form {
  readonly file: string
  readonly make: (observation: Observation) => string | Uint8Array
}

const FORMS: Readonly<Record<string, Form>> = {
  csv: { file: 'metrics.csv', make: ({ samples }) => samplesCsv(samples) },
  parquet: { file: 'metrics.parquet', make: parquetOf },
  prometheus: { file: 'metrics.prom', make: prometheusText },
  otel: { file: 'spans.otlp.json', make: (observation) => `${JSON.stringify(otlpTraces(observation))}\n` },
  packets: { file: 'packets.jsonl', make: ({ packets }) => packets.map((packet) => `${JSON.stringify(packet)}\n`).join('') },
}
const EVERY_MS_DEFAULT = 100
const EVERY_MS_MAX = 60_000
const US_PER_MS = 1000

export const telemetry: Command = {
  name: 'telemetry', about: 'show what the peers of a report’s run measured', operands: ['report.json', 'scenario.ts'], optional: 1,
  flags: {
    to: { value: 'FORMS', about: `write these as well, with commas between: ${Object.keys(FORMS).join(', ')}` },
    every: { value: 'MS', about: `sample every so many virtual milliseconds (default ${EVERY_MS_DEFAULT})` },
    out: { value: 'DIR', about: 'where they are written (default: beside the report)' },
    json: { about: 'print the metrics of every node as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  notes: [
    'csv, parquet: one row a sample (at_us, node, metric, value). prometheus: the end of the run, text format.',
    'otel: commands, joins and resyncs as spans, OTLP/JSON. packets: what the mirrors kept, for theta-sim decode.',
  ],
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  const [report, scenario] = given.operands
  const forms = formsOf(given.text('to'))
  const everyMs = integer('--every', given.text('every') ?? String(EVERY_MS_DEFAULT), 1, EVERY_MS_MAX)
  const { run } = readRecorded(report, engine, terminal)
  const out = given.text('out') ?? join(report, '..', 'telemetry')
  if (forms.length > 0) checkOut(out, terminal)
  const subject = await openSubject(scenario ?? run.source, engine, terminal)
  const isSilent = given.on('quiet') || given.on('json')
  const progress = new Progress(terminal, !isSilent)
  try {
    if (subject.digest !== run.sourceDigest) {
      throw new Misuse(`${subject.source}, or theta-sim itself, has changed since ${report} was written; run it anew`)
    }
    const { source: _, sourceDigest: __, ...settings } = run
    const { answer } = await subject.perform('observe', { ...settings, everyUs: everyMs * US_PER_MS }, (frame, frames) => {
      progress.show(`${subject.source}: frame ${frame}/${frames}`)
    })
    progress.clear()
    const files = Object.fromEntries(forms.map(({ file, make }) => [file, make(answer)]))
    try {
      if (forms.length > 0) writeFiles(resolve(terminal.folder, out), files)
    } catch (error) {
      throw unwritable(out, error)
    }
    if (given.on('json')) printJson(terminal, answer.nodes)
    else if (!isSilent) printLines(terminal, overlayLines(answer))
    if (!given.on('json')) printLines(terminal, forms.map(({ file }) => `wrote: ${join(out, file)}`))
    return EXIT.converged
  } finally {
    progress.clear()
    await subject.close()
  }
}

/** @throws {Misuse} where there is no such form. */
function formsOf(text: string | undefined): Form[] {
  return (text?.split(',') ?? []).map((name) => {
    if (Object.hasOwn(FORMS, name)) return FORMS[name]
    throw new Misuse(`--to knows no '${name}'; ${suggestion(name, Object.keys(FORMS))}see theta-sim telemetry --help`)
  })
}

function parquetOf({ samples }: Observation): Uint8Array {
  return parquetFile([
    { name: 'at_us', type: 'INT64', data: samples.map(({ atUs }) => atUs) },
    { name: 'node', type: 'STRING', data: samples.map(({ node }) => node) },
    { name: 'metric', type: 'STRING', data: samples.map(({ metric }) => metric) },
    { name: 'value', type: 'INT64', data: samples.map(({ value }) => value) },
  ])
}
