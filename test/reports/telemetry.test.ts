/** What was measured, in the forms of other tools: each is read again here, as those tools read it. */
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { parquetFile } from '../../platform/parquet.ts'
import type { RunNode, RunRecord } from '../../reports/input.ts'
import { CSV_HEADER, samplesCsv } from '../../reports/telemetry/csv.ts'
import type { NodeMetrics } from '../../reports/telemetry/observation.ts'
import { otlpTraces } from '../../reports/telemetry/otlp.ts'
import { overlayLines } from '../../reports/telemetry/overlay.ts'
import { prometheusText } from '../../reports/telemetry/prometheus.ts'
import { spansOf } from '../../reports/telemetry/spans.ts'

const histogram = { count: 3, sum: 60, max: 30, p50: 20, p90: 30, p99: 30 }
const node = (name: string, over: string, signed: number): NodeMetrics => ({
  name, over, counters: { 'commands.signed': signed, 'alarms.raised': 0 }, gauges: { 'path.rttUs': 9 },
  histograms: { 'command.latencyUs': histogram },
})
const NODES = [node('host', 'host', 0), node('a"b', 'quic', 4)]
const ABOUT = { 'commands.signed': 'own commands', 'command.latencyUs': 'how long' }

describe('CSV', () => {
  it('has a row a sample, and quotes what needs it', () => {
    const text = samplesCsv([{ atUs: 5, node: 'a"b,c', metric: 'm', value: 7 }, { atUs: 6, node: 'x', metric: 'm', value: 0 }])
    expect(text).toBe(`${CSV_HEADER}\n5,"a""b,c",m,7\n6,x,m,0\n`)
  })
})

describe('Parquet', () => {
  it('is read back as it was written', async () => {
    const bytes = parquetFile([
      { name: 'at_us', type: 'INT64', data: [5, 2 ** 53 - 1] }, { name: 'node', type: 'STRING', data: ['host', 'Zoë'] },
    ])
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
    expect(await parquetReadObjects({ file })).toEqual([{ at_us: 5n, node: 'host' }, { at_us: 2n ** 53n - 1n, node: 'Zoë' }])
  })
})

describe('Prometheus', () => {
  const lines = prometheusText({ nodes: NODES, about: ABOUT }).split('\n')
  it('is well formed: help and type before the values of a name, each name once', () => {
    const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2])
    expect(new Set(names).size).toBe(names.length)
    const sample = /^([a-z_]+)\{node="(?:[^"\\\n]|\\.)*",over="\w+"(?:,quantile="0\.\d+")?\} \d+$/
    for (const line of lines.filter((one) => one !== '' && !one.startsWith('#'))) expect(line).toMatch(sample)
  })
  it('tells counters, gauges and summaries', () => {
    expect(lines).toContain('theta_commands_signed_total{node="a\\"b",over="quic"} 4')
    expect(lines).toContain('theta_path_rtt_us{node="host",over="host"} 9')
    expect(lines).toContain('# HELP theta_command_latency_us how long')
    expect(lines).toContain('theta_command_latency_us{node="host",over="host",quantile="0.99"} 30')
    expect(lines).toContain('theta_command_latency_us_count{node="host",over="host"} 3')
  })
})

describe('spans', () => {
  const note = (atUs: number, at: number, event: string, data: object): RunRecord =>
    ({ atUs, node: at, kind: 'note', name: 'event', data: { event, ...data } })
  const nodes = [{ id: 0, name: 'host' }, { id: 1, name: 'ana' }, { id: 2, name: 'ben' }] as RunNode[]
  // Ana is author 2: numbers are given in the order of arrival.
  const records = [
    note(10, 1, 'commandSigned', { author: 2, lamport: 7, trace: 7, command: 'entity.scale', scope: 4, resignedFrom: 0 }),
    note(20, 1, 'commandSigned', { author: 2, lamport: 9, trace: 7, command: 'entity.scale', scope: 4, resignedFrom: 7 }),
    note(30, 0, 'commandAdmitted', { entry: { author: 2, lamport: 9, trace: 7 } }),
    note(40, 2, 'commandIntegrated', { author: 2, lamport: 9, trace: 7 }),
    note(50, 2, 'commandFolded', { author: 2, lamport: 9, trace: 7, outcome: 'applied' }),
    note(60, 1, 'commandFolded', { author: 2, lamport: 9, trace: 7, outcome: 'applied' }),
    note(70, 2, 'joined', { tookUs: 65 }),
  ]
  const spans = spansOf(records, nodes)

  it('R-TELE-5 a command is one trace from its first signing to its author\'s fold, with what others did as children', () => {
    const root = spans.find(({ parent, name }) => parent === '' && name === 'entity.scale')!
    expect(root).toMatchObject({ node: 'ana', fromUs: 10, toUs: 60, attributes: { outcome: 'applied', lamport: 9 } })
    const children = spans.filter(({ parent }) => parent === root.id)
    expect(children.map(({ node: at, name, toUs, trace }) => [at, name, toUs, trace === root.trace])).toEqual([
      ['host', 'entity.scale admit', 30, true], ['ben', 'entity.scale integrate', 40, true], ['ben', 'entity.scale apply', 50, true],
    ])
    expect(spans.at(-1)).toMatchObject({ name: 'join', node: 'ben', fromUs: 5, toUs: 70 })
  })
  it('ids are of the lengths that OTLP wants, and unlike', () => {
    expect(new Set(spans.map(({ id }) => id)).size).toBe(spans.length)
    const [short, long] = [16, 32].map((digits) => expect.stringMatching(new RegExp(`^[\\da-f]{${digits}}$`)) as string)
    for (const { id, trace } of spans) expect([id, trace]).toEqual([short, long])
  })
  it('OTLP has a resource for each node, with its spans in nanoseconds', () => {
    expect(otlpTraces({ scenario: 's', seed: 1, nodes: [node('ben', 'quic', 0)], spans })).toMatchObject({
      resourceSpans: [{
        scopeSpans: [{ spans: [{ endTimeUnixNano: '40000' }, { endTimeUnixNano: '50000' }, { startTimeUnixNano: '5000' }] }],
      }],
    })
  })
})

describe('the overlay', () => {
  it('shows what is not nothing, node by node, alarms first', () => {
    const alarmed = [NODES[0], { ...NODES[1], counters: { 'commands.signed': 4, 'alarms.raised': 2 } }]
    const lines = overlayLines({ nodes: alarmed, about: ABOUT })
    expect(lines[0]).toMatch(/^metric +host +a"b \(quic\) +what it is$/)
    expect(lines[1]).toMatch(/^alarms\.raised +0 +2/)
    expect(lines.some((line) => /^command\.latencyUs\.p99 +30 +30 +how long$/.test(line))).toBe(true)
    expect(overlayLines({ nodes: NODES, about: ABOUT }).join()).not.toMatch(/alarms/)
  })
})
