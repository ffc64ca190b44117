/** `run --pcap --qlog` on the command line: what is written and said, what makes no sense, and a run that does not come again. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../bin/engine.ts'
import { main } from '../../bin/main.ts'
import { CATALOGUE } from './scenarios/catalogue.ts'
import * as fake from './scenarios/index.ts'
import { stagePackage } from './staged.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-capture-'))
afterAll(() => rmSync(folder, { recursive: true }))

const asked: object[] = []
const engine = {
  version: '1.2.3', catalogue: CATALOGUE, simulate: fake.simulate, parsePlan: fake.parsePlan, digest: () => 'd1',
  capture: (scenario: fake.Scenario, options: Parameters<typeof fake.capture>[1]) => {
    asked.push(options)
    return fake.capture(scenario, options)
  },
  packageIndex: new URL('file:///none'), threadEntry: new URL('file:///none'),
} as unknown as Engine

async function call(argv: string) {
  let [stdout, stderr] = ['', '']
  const exit = await main(argv.split(' '), engine, {
    stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text }, isWatched: false, folder,
  })
  return { exit, stdout, stderr }
}
const filesOf = (run: string): string[] => readdirSync(join(folder, 'out', run)).sort()
const PLAIN = ['perf.json', 'plan.json', 'report.json', 'report.md']

describe('theta-sim run --pcap --qlog', () => {
  it('writes both beside the report and says where, and the next run without them takes them away', async () => {
    const { exit, stdout, stderr } = await call('run loopback-120 --pcap --qlog')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout.split('\n').slice(-5)).toEqual([
      'report: out/loopback-120-1/report.md',
      'pcap:   out/loopback-120-1/capture.pcapng (1 packets and 2 inside them)',
      'qlog:   out/loopback-120-1/connections.qlog (1 ends of connections; 7 later events are left out)',
      'again:  theta-sim run loopback-120 --seed 1',
      '',
    ])
    expect(filesOf('loopback-120-1')).toEqual(['capture.pcapng', 'connections.qlog', ...PLAIN])
    expect([...readFileSync(join(folder, 'out/loopback-120-1/capture.pcapng'))]).toEqual([10, 13, 13, 10])
    await call('run loopback-120 --pcap')
    expect(filesOf('loopback-120-1')).toEqual(['capture.pcapng', ...PLAIN])
    await call('run loopback-120')
    expect(filesOf('loopback-120-1')).toEqual(PLAIN)
  })

  it('asks for the same run once more: seed, frames, tamper, canary, verifier, plan', async () => {
    writeFileSync(join(folder, 'plan.json'), '{"scenario":"late-join","seed":9,"choices":[]}')
    await call('run late-join --frames 30 --tamper ben@7 --canary cuts --verifier none --plan plan.json --qlog --quiet')
    expect(asked.at(-1)).toMatchObject({
      seed: 9, frames: 30, tamper: { peer: 'ben', frame: 7 }, canary: 'cuts', verifier: 'none', plan: { choices: [] },
      pcap: false, qlog: true, measure: false,
    })
  })

  it('captures a red run, too, and tells programs what it kept', async () => {
    const { exit, stdout } = await call('run loopback-120 --seed 7 --pcap --qlog --json')
    expect(exit).toBe(1)
    const captured = { pcap: { packets: 1, inside: 2, leftOut: 0 }, qlog: { ends: 1, leftOut: 7 } }
    expect(JSON.parse(stdout)).toMatchObject({ exit: 1, capture: captured })
    expect(filesOf('loopback-120-7')).toContain('capture.pcapng')
  })

  it('ends with 5 and writes nothing where the run that was captured is another', async () => {
    const line = 'not deterministic: the run that was captured has the digest ffff, and the one before it 0000000000000001\n'
    expect(await call('run unstable --pcap')).toEqual({ exit: 5, stdout: line, stderr: '' })
    const { exit, stdout } = await call('run unstable --qlog --json')
    expect(exit).toBe(5)
    expect(JSON.parse(stdout)).toEqual({
      scenario: 'unstable', seed: 1, exit: 5, capture: { digest: 'ffff', expected: '0000000000000001' },
    })
    expect(existsSync(join(folder, 'out/unstable-1'))).toBe(false)
  })

  it.each(['pcap', 'qlog'])('--%s is of one seed', async (flag) => {
    expect(await call(`run loopback-120 --seeds 1..4 --${flag}`)).toEqual({
      exit: 4, stdout: '', stderr: `theta-sim: --${flag} and --seeds exclude each other; capture one seed\n`,
    })
  })

  it('captures a user’s own scenario, in its thread', async () => {
    const staged = stagePackage()
    try {
      const text = "import { scenario } from 'theta-sim'\nexport default scenario('mine', { frames: 3, hz: 90 }, ({ frame }) => frame(3))\n"
      writeFileSync(join(staged.folder, 'mine.ts'), text)
      const { exit, stderr } = await staged.run('run', 'mine.ts', '--pcap', '--qlog')
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
      expect([...readFileSync(join(staged.folder, 'out/mine-1/capture.pcapng'))]).toEqual([10, 13, 13, 10])
      expect(readFileSync(join(staged.folder, 'out/mine-1/connections.qlog'), 'utf8')).toBe('{}\n')
    } finally {
      staged.remove()
    }
  })
})
