/** `telemetry` on the command line, with the real simulator beneath. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../bin/engine.ts'
import { main } from '../../bin/main.ts'
import type { NodeMetrics, Packet } from '../../reports/telemetry/observation.ts'
import { CATALOGUE, observe, parsePlan, simulate } from '../../scenarios/index.ts'
import { openEnvelope } from '../../system/protocol/envelope.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-telemetry-'))
afterAll(() => rmSync(folder, { recursive: true }))

const engine = {
  version: '1.2.3', catalogue: CATALOGUE, simulate, observe, parsePlan,
  digest: () => 'd1', packageIndex: new URL('file:///none'), threadEntry: new URL('file:///none'),
} as unknown as Engine

async function call(argv: string) {
  let [stdout, stderr] = ['', '']
  const exit = await main(argv.split(' '), engine, {
    stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text }, isWatched: false, folder,
  })
  return { exit, stdout, stderr }
}

const REPORT = 'out/late-join-1/report.json'
const OUT = 'out/late-join-1/telemetry'
const written = (file: string): string => readFileSync(join(folder, OUT, file), 'utf8')

describe('theta-sim telemetry', () => {
  beforeAll(async () => void await call('run late-join --verifier node'))

  it('shows every peer beside the host, and the same again', async () => {
    const { exit, stdout, stderr } = await call(`telemetry ${REPORT}`)
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout).toMatch(/^metric +host +ana \(quic\) +ben \(webrtc\)/)
    expect((await call(`telemetry ${REPORT}`)).stdout).toBe(stdout)
    const nodes = JSON.parse((await call(`telemetry ${REPORT} --json`)).stdout) as NodeMetrics[]
    const report = JSON.parse(readFileSync(join(folder, REPORT), 'utf8')) as { counters: { commandsAdmitted: number; snapshots: number } }
    // Counted by the peers and counted from the trace: the same.
    expect(nodes[0].counters['commands.admitted']).toBe(report.counters.commandsAdmitted)
    expect(nodes[0].counters['snapshots.done']).toBe(report.counters.snapshots)
  })

  it('writes what other tools read, and packets that are whole', async () => {
    const { exit, stdout } = await call(`telemetry ${REPORT} --to csv,parquet,prometheus,otel,packets --every 50 --quiet`)
    expect(exit).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(5)
    expect(readdirSync(join(folder, OUT)).sort()).toEqual([
      'metrics.csv', 'metrics.parquet', 'metrics.prom', 'packets.jsonl', 'spans.otlp.json',
    ])
    const [, ...rows] = written('metrics.csv').trim().split('\n')
    const instants = new Set(rows.map((row) => Number(row.split(',')[0])))
    expect([...instants].slice(0, 2)).toEqual([50_000, 100_000])
    const packets = written('packets.jsonl').trim().split('\n').map((line) => JSON.parse(line) as Packet)
    expect(packets.length).toBeGreaterThan(100)
    for (const { bytes } of packets) expect(openEnvelope(Buffer.from(bytes, 'hex'), SCHEMA_HASH).kind).toBe('opened')
  })

  it.each([
    ['--to svg', /^theta-sim: --to knows no 'svg'; .*see theta-sim telemetry --help$/m],
    ['--every 0', /^theta-sim: --every wants a whole number from 1 to 60000, got '0'$/m],
  ])('turns %s down in one line, and writes nothing', async (flags, line) => {
    const { exit, stderr } = await call(`telemetry ${REPORT} ${flags} --out nowhere`)
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringMatching(line) as string })
    expect(readdirSync(folder)).toEqual(['out'])
  })
})
