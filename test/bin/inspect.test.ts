/** `inspect` and `run --check-determinism` on the command line, with the real simulator beneath. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../bin/engine.ts'
import { main } from '../../bin/main.ts'
import { branch, CATALOGUE, checkDeterminism, inspect, parsePlan, scenario, simulate } from '../../scenarios/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-inspect-'))
afterAll(() => rmSync(folder, { recursive: true }))

const dice = scenario('dice', { frames: 9, hz: 90 }, async ({ host, frame }) => {
  await frame(5)
  host.spawn({ at: [Math.random(), 0, 0] })
})
const engine = {
  version: '1.2.3', catalogue: [...CATALOGUE, { scenario: dice, source: 'dice.ts' }],
  simulate, inspect, branch, checkDeterminism, parsePlan,
  digest: () => 'd1', packageIndex: new URL('file:///none'), threadEntry: new URL('file:///none'),
} as unknown as Engine

async function call(argv: string, changes: Partial<Engine> = {}) {
  let [stdout, stderr] = ['', '']
  const exit = await main(argv.split(' '), { ...engine, ...changes }, {
    stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text }, isWatched: false, folder,
  })
  return { exit, stdout, stderr }
}

const REPORT = 'out/late-join-1/report.json'
const TAMPERED = 'red/late-join-1/report.json'

describe('theta-sim inspect', () => {
  beforeAll(async () => {
    await call('run late-join --verifier node')
    await call('run late-join --verifier node --tamper host@60 --out red')
  })

  it('shows a frame for people, and all of it for programs', async () => {
    const { exit, stdout, stderr } = await call(`inspect ${REPORT} --frame 57`)
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('late-join, seed 1')
    expect(lines[1]).toMatch(/^frame 57: last event at \d+\.\d{3} ms, frame 58 begins at 644\.444; \d+ events$/)
    for (const title of ['nodes', 'seats', 'connections', 'events to come', 'world']) expect(lines).toContain(title)
    const json = JSON.parse((await call(`inspect ${REPORT} --frame 57 --json`)).stdout) as { frame: number; nodes: { digest: string }[] }
    expect(json).toMatchObject({ scenario: 'late-join', seed: 1, frame: 57, isEnd: false })
    expect(stdout).toContain(json.nodes[0].digest)
    expect((await call(`inspect ${REPORT} --frame 57`)).stdout).toBe(stdout)
  })

  it('shows the end where no frame is named, and where the last one is', async () => {
    const { result } = JSON.parse(readFileSync(join(folder, REPORT), 'utf8')) as { result: { finalFrame: number; finalDigest: string } }
    const { stdout } = await call(`inspect ${REPORT}`)
    expect(stdout).toContain(`frame ${result.finalFrame}: `)
    expect(stdout).toContain('the run has ended')
    expect(stdout).toContain(result.finalDigest)
    expect((await call(`inspect ${REPORT} --frame ${result.finalFrame}`)).stdout).toBe(stdout)
  })

  it('narrows to a peer and to an entity', async () => {
    expect((await call(`inspect ${REPORT} --frame 90 --peer ben`)).stdout).not.toMatch(/\bana\b/)
    const { stdout } = await call(`inspect ${REPORT} --frame 90 --entity host#1`)
    expect(stdout).toMatch(/host#1 +Transform +host +x /)
    expect(stdout).not.toContain('connections')
  })

  it('branches, writes the future’s report, and that replays', async () => {
    const { exit, stdout } = await call(`inspect ${REPORT} --from 40 --seed 9`)
    const past = /\npast: {3}the first (\d+) records are the same, the next one, at (\d+\.\d+) ms, is another; /
    const [, first, atMs] = past.exec(stdout) ?? []
    expect(exit).toBe(0)
    expect(Number(first)).toBeGreaterThan(0)
    expect(Number(atMs)).toBeGreaterThanOrEqual(444.444)
    expect(stdout).toContain('again:  npx theta-sim replay out/late-join-1-from-40-9/report.json\n')
    expect(readdirSync(join(folder, 'out/late-join-1-from-40-9'))).toContain('plan.json')
    expect((await call('replay out/late-join-1-from-40-9/report.json')).stdout).toMatch(/^identical: \d+ bytes\n$/)
    expect((await call(`inspect ${REPORT} --from 40 --seed 1`)).stdout).toContain(
      'past:   all records are the same; frame 40 begins at 444.444 ms\n')
    expect((await call('inspect out/late-join-1-from-40-9/report.json --from 50 --seed 3')).stderr).toContain('is a branch already')
  })

  it('tells how many futures fail as the run did', async () => {
    expect((await call(`inspect ${REPORT} --from 40 --seeds 1..3`)).stdout).toBe('of 3 futures from frame 40, 0 are red\n')
    expect((await call(`inspect ${TAMPERED} --from 55 --seeds 1..3`)).stdout).toBe(
      'of 3 futures from frame 55, 3 fail the same way (seeds 1, 2, 3), 0 in another\n')
    const { stdout } = await call(`inspect ${TAMPERED} --from 55 --seeds 1..3 --json`)
    expect(JSON.parse(stdout)).toMatchObject({ from: 55, same: [1, 2, 3], otherwise: [], failure: { exit: 1 } })
  })

  it.each([
    ['', 'inspect wants a report.json; see theta-sim inspect --help'],
    ['absent.json', 'cannot read absent.json: no such file or directory'],
    [`${REPORT} --frame 9999`, /^--frame wants a whole number from 0 to \d+, got '9999'$/],
    [`${REPORT} --frame soon`, /^--frame wants a whole number from 0 to \d+, got 'soon'$/],
    [`${REPORT} --frame 57 --peer bob`, "there is no 'bob' in frame 57, only host, ana, ben"],
    [`${REPORT} --frame 57 --entity crate`, /^there is no 'crate' in frame 57; give an id, a component, or one of host, /],
    [`${REPORT} --from 9999 --seed 1`, /^--from wants a whole number from 0 to \d+, got '9999'$/],
    [`${REPORT} --from 57`, '--from wants one of --seed S and --seeds A..B'],
    [`${REPORT} --from 57 --seed 1 --seeds 1..2`, '--from wants one of --seed S and --seeds A..B'],
    [`${REPORT} --from 57 --seed 1 --frame 3`, '--frame and --from exclude each other'],
    [`${REPORT} --seed 1`, '--seed is for another future; say with --from in which frame it begins'],
  ])('inspect %s: one line', async (argv, line) => {
    const { exit, stdout, stderr } = await call(`inspect ${argv}`.trim())
    expect(stderr).toMatch(/^theta-sim: [^\n]+\n$/)
    const said = stderr.slice('theta-sim: '.length, -1)
    if (typeof line === 'string') expect(said).toBe(line)
    else expect(said).toMatch(line)
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' })
  })

  it('trusts no report', async () => {
    const text = readFileSync(join(folder, REPORT), 'utf8')
    const refusal = async (changed: string, changes: Partial<Engine> = {}) => {
      writeFileSync(join(folder, 'other.json'), changed)
      const { exit, stderr } = await call('inspect other.json --frame 3', changes)
      expect(exit).toBe(4)
      return stderr
    }
    expect(await refusal(text.slice(0, -30))).toContain('is not whole JSON')
    expect(await refusal(text.replace('"seed": 1', '"seed": 2'))).toContain('was edited')
    expect(await refusal(text, { version: '1.3.0' })).toContain('was written by theta-sim 1.2.3, this is 1.3.0')
    expect(await refusal(text, { digest: () => 'd2' })).toContain('has changed since other.json was written; run it anew')
  })

  it('says so where the past does not come again', async () => {
    await call('run dice --out dice')
    const { exit, stdout } = await call('inspect dice/dice-1/report.json --from 7 --seed 3')
    expect(stdout).toBe('not deterministic: run again, the past of dice/dice-1/report.json is another one\n')
    expect(exit).toBe(5)
  })
})

describe('theta-sim run --check-determinism', () => {
  it('says that two runs are the same, and leaves a report', async () => {
    const { exit, stdout } = await call('run late-join --verifier node --check-determinism --chaos --out twice')
    const provoked = 'in the second run after \\d+ garbage collections and \\d+ delays'
    expect(stdout).toMatch(new RegExp(`\nidentical: \\d+ records, digest [0-9a-f]{16}, ${provoked}\n`))
    expect(exit).toBe(0)
    expect(readdirSync(join(folder, 'twice'))).toEqual(['late-join-1'])
  })

  it('shows the first record that differs, exits with 5 and leaves nothing', async () => {
    const { exit, stdout } = await call('run dice --check-determinism --out nothing')
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(/^not deterministic: record \d+ is not the same the second time$/) as string,
      'first:  55.555 ms, host: commandAdmitted', 'second: 55.555 ms, host: commandAdmitted',
    ])
    expect(exit).toBe(5)
    expect(() => readdirSync(join(folder, 'nothing'))).toThrow('ENOENT')
    const json = await call('run dice --check-determinism --out nothing --json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      exit: 5, determinism: { difference: { with: 'again', first: { name: 'commandAdmitted' } } } })
    expect((await call('run dice --check-determinism --quiet')).stdout).toMatch(/^not deterministic: [^\n]+\n$/)
  })

  it('writes a chain where there is none, and compares where there is', async () => {
    const argv = 'run late-join --verifier node --chain some/chain.txt'
    expect((await call(argv)).stdout).toContain('\nchain:  some/chain.txt\n')
    const again = await call(argv)
    expect(again.stdout).toMatch(/\nidentical: \d+ records, digest [0-9a-f]{16}, in some\/chain\.txt\n/)
    expect(again.exit).toBe(0)
    const other = await call(`${argv} --seed 2`)
    expect(other.stdout).toMatch(/^not deterministic: record \d+ is not as in some\/chain\.txt\nhere: \d+\.\d{3} ms, \w+: \w+\n$/)
    expect(other.exit).toBe(5)
    writeFileSync(join(folder, 'some/chain.txt'), 'hello\n')
    expect((await call(argv)).stderr).toBe(
      'theta-sim: some/chain.txt is no chain: expected one digest a line; remove it to have it written anew\n')
  })

  it.each([
    ['--chaos', '--chaos is for the second run of --check-determinism; give both'],
    ['--check-determinism --seeds 1..3', '--check-determinism and --seeds exclude each other'],
    ['--chain c.txt --seeds 1..3', '--chain and --seeds exclude each other'],
  ])('refuses %s', async (flags, line) => {
    expect(await call(`run late-join ${flags}`)).toEqual({ exit: 4, stdout: '', stderr: `theta-sim: ${line}\n` })
  })

  it('checks a user’s file in its thread, and inspects it there', () => {
    const command = new URL('../../dist/bin/theta-sim.js', import.meta.url).pathname
    const call = (...argv: string[]) => spawnSync(process.execPath, [command, ...argv], { cwd: folder, encoding: 'utf8' })
    const write = (x: string) => writeFileSync(join(folder, 'mine.ts'), `import { scenario } from 'theta-sim'
export default scenario('mine', { frames: 9, hz: 90 }, async ({ host, frame }) => {
  await frame(5)
  host.spawn({ at: [${x}, 0, 0] })
})
`)
    write('globalThis.Date.now() % 1000')
    const { status, stdout, stderr } = call('run', './mine.ts', '--check-determinism', '--chaos')
    expect(`${stdout}${stderr}`).toMatch(/^not deterministic: record \d+ is not the same the second time\n/)
    expect(status).toBe(5)
    write('1')
    expect(call('run', './mine.ts', '--check-determinism').stdout).toContain('\nidentical: ')
    const { stdout: shown } = call('inspect', 'out/mine-1/report.json', '--frame', '6', '--entity', 'host#1')
    expect(shown).toMatch(/host#1 +Transform +host +x 512, /)
  })
})
