/** The command line in this process: grammar, many seeds, replay's distrust, outputs and progress. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../bin/engine.ts'
import { main } from '../../bin/main.ts'
import { nearest } from '../../bin/nearest.ts'
import { firstDifference } from '../../bin/recorded.ts'
import { OptionError } from '../../scenarios/index.ts'
import { bench } from './scenarios/bench.ts'
import { CATALOGUE } from './scenarios/catalogue.ts'
import * as fake from './scenarios/index.ts'
import { INTEROP_CASES } from './scenarios/interop/cases.ts'
import { natMatrix } from './scenarios/nat/matrix.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-bin-'))
afterAll(() => rmSync(folder, { recursive: true }))

const engine = {
  version: '1.2.3', catalogue: CATALOGUE, simulate: fake.simulate, parsePlan: fake.parsePlan, bench, digest: () => 'd1',
  packageIndex: new URL('file:///none'), threadEntry: new URL('file:///none'),
  interopCases: async () => INTEROP_CASES, natMatrix: async (seed: number, dropPpm: number) => natMatrix(seed, dropPpm),
} as unknown as Engine

async function call(argv: string, changes: { isWatched?: boolean; engine?: Partial<Engine> } = {}) {
  let [stdout, stderr] = ['', '']
  const exit = await main(argv.split(' ').filter((word) => word !== ''), { ...engine, ...changes.engine }, {
    stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text }, isWatched: changes.isWatched ?? false, folder,
  })
  return { exit, stdout, stderr }
}

describe('arguments', () => {
  it.each([
    ['rnu', "there is no command 'rnu'; did you mean run? see theta-sim --help"],
    ['frobnicate', "there is no command 'frobnicate'; see theta-sim --help"],
    ['run', 'run wants a scenario; see theta-sim run --help'],
    ['run a b', "run does not know what to do with 'b'; see theta-sim run --help"],
    ['run loopback-120 --sed 1', 'run has no flag --sed; did you mean --seed? see theta-sim run --help'],
    ['run loopback-120 -s 1', 'run has no flag -s; see theta-sim run --help'],
    ['run loopback-120 --seed', '--seed wants a value: --seed N'],
    ['run loopback-120 --seed one', "--seed wants a whole number from 0 to 9007199254740991, got 'one'"],
    ['run loopback-120 --seed=-1', "--seed wants a whole number from 0 to 9007199254740991, got '-1'"],
    ['run loopback-120 --seed 1 --seed 2', '--seed is given twice'],
    ['run loopback-120 --frames 0', "--frames wants a whole number from 1 to 54000, got '0'"],
    ['run loopback-120 --frames 1e9', "--frames wants a whole number from 1 to 54000, got '1e9'"],
    ['run loopback-120 --quiet=yes', "--quiet takes no value, got 'yes'"],
    ['run loopback-120 --seeds 5..', "--seeds wants A..B such as 1..500, got '5..'"],
    ['run loopback-120 --seeds 5..4', "--seeds wants the smaller one first, got '5..4'"],
    ['run loopback-120 --seeds 1..9000000', "--seeds wants at most 1000000 seeds, got '1..9000000'"],
    ['run loopback-120 --seeds 1..4 --seed 1', '--seed and --seeds exclude each other'],
    ['run loopback-120 --tamper ben', "--tamper wants PEER@FRAME such as ben@60, got 'ben'"],
    ['run loopback-120 --verifier rsa', "--verifier wants one of noble, node, none, got 'rsa'"],
    ['run loopback-120 --plan none.json', "cannot read none.json: no such file or directory\n"],
    ['run loopback-120 --plan .', 'cannot read .: it is a folder\n'],
    ['run loopback-120 --plan none.json --seeds 1..2', '--plan and --seeds exclude each other'],
    ['run loopback-12', "there is no scenario 'loopback-12'; did you mean loopback-120? see theta-sim list"],
    ['run quux', "there is no scenario 'quux'; see theta-sim list"],
    ['run ./absent.ts', 'absent.ts is not a file'],
    ['interop stedy', "there is no interop case 'stedy'; did you mean steady? see theta-sim interop --list"],
    ['interop --seed 1 --seeds 1..2', '--seed and --seeds exclude each other'],
    ['interop --jobs 0', "--jobs wants a whole number from 1 to 64, got '0'"],
    ['nat --loss 101', "--loss wants a whole number from 0 to 100, got '101'"],
    ['replay', 'replay wants a report.json; see theta-sim replay --help'],
    ['replay absent.json', 'cannot read absent.json: no such file or directory\n'],
  ])('%s', async (argv, line) => {
    const { exit, stdout, stderr } = await call(argv)
    expect(stderr.startsWith(`theta-sim: ${line}`), stderr).toBe(true)
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' })
  })

  it.each(['', '--help', 'help', '-h', 'run --help', 'help run', 'replay -h', 'help list', 'bench --help'])('%s helps', async (argv) => {
    const { exit, stdout, stderr } = await call(argv)
    expect(stdout).toContain('theta-sim')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(140)
  })

  it('names the interop cases', async () => {
    expect((await call('interop --list')).stdout.split('\n')).toEqual([
      'case    what is played', 'steady  always passes', 'thirds  fails with every third seed', 'broken  throws', '',
    ])
    expect((await call('interop broken --list')).stdout).toBe('case    what is played\nbroken  throws\n')
  })

  it('tells who meets whom, and fails where somebody who could did not', async () => {
    const good = await call('nat')
    expect(good).toMatchObject({ exit: 0, stderr: '' })
    expect(good.stdout).toContain('none             host-host 150 3\n')
    expect(await call('nat --quiet --seed 2')).toEqual({
      exit: 1, stdout: '1 meetings, 0 connected, 1 other than expected\n', stderr: '',
    })
    const lossy = JSON.parse((await call('nat --json --loss 10')).stdout) as { cells: { milliseconds: number }[]; surprises: number }
    expect(lossy).toMatchObject({ cells: [{ milliseconds: 100_150 }], surprises: 0 })
  })

  it('tells its version, its scenarios and its speed', async () => {
    expect(await call('--version')).toEqual({ exit: 0, stdout: '1.2.3\n', stderr: '' })
    expect((await call('list')).stdout).toContain('late-join      120 frames  stories/late-join.ts\n')
    expect((await call('list --quiet')).stdout).toBe('loopback-120\nlate-join\nunstable\n')
    expect(JSON.parse((await call('list --json')).stdout)).toHaveLength(3)
    expect((await call('bench')).stdout).toBe('0 events/s\n')
  })

  it('train writes a dictionary and tells its digest', async () => {
    const asked: unknown[] = []
    const train = (content: string): Partial<Engine> => ({
      train: async (stories, { onRun, ...options }) => {
        onRun?.('a', 1)
        asked.push([stories.length, options])
        return { content: Buffer.from(content), samples: 2, sampleBytes: 30 }
      },
    })
    const first = await call('train --out made/new.dictionary', { engine: train('abc') })
    expect(first).toMatchObject({ exit: 0, stdout: expect.stringContaining('made/new.dictionary: 3 bytes of 2 bodies with 30') as string })
    expect(first.stdout).toContain('SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(readFileSync(join(folder, 'made/new.dictionary'), 'utf8')).toBe('abc')
    await call(`train ${CATALOGUE[0].scenario.name} --seeds 3..4 --bytes 512`, { engine: train('abc') })
    expect(asked).toEqual([
      [CATALOGUE.length, { firstSeed: 1, lastSeed: 4, bytesMax: 32_768 }], [1, { firstSeed: 3, lastSeed: 4, bytesMax: 512 }],
    ])
    expect(await call('train', { engine: train('') })).toMatchObject({ exit: 4, stderr: expect.stringContaining('take others') as string })
    expect(await call('train --out made/new.dictionary/deeper', { engine: train('abc') }))
      .toMatchObject({ exit: 4, stderr: expect.stringContaining('cannot write') as string })
    expect((await call('train penguin')).exit).toBe(4)
  })
})

describe('run', () => {
  it('passes on what was asked', async () => {
    writeFileSync(join(folder, 'plan.json'), '{"scenario":"late-join","seed":9,"choices":[]}')
    let seen: unknown
    const simulate = (async (scenario: never, options: never) => { seen = options; return fake.simulate(scenario, options) }) as never
    const argv = 'run late-join --seed 9 --frames 30 --tamper ben@7 --verifier none --plan plan.json --out elsewhere'
    await call(argv, { engine: { simulate } })
    expect(seen).toMatchObject({
      seed: 9, frames: 30, tamper: { peer: 'ben', frame: 7 }, verifier: 'none', plan: { choices: [] }, planSource: 'plan.json',
      measure: true, version: '1.2.3', source: 'late-join', sourceDigest: 'd1',
    })
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['late-join-9'])
    await call('run late-join --plan plan.json --out elsewhere', { engine: { simulate } })
    expect(seen).toMatchObject({ seed: 9 })
    await call('run late-join --out elsewhere', { engine: { simulate } })
    expect(seen).toMatchObject({ seed: 1 })
    writeFileSync(join(folder, 'plan.json'), '17')
    expect((await call('run late-join --plan plan.json')).stderr).toBe(
      'theta-sim: plan.json is no plan: expected an object; take a plan.json that theta-sim run wrote\n')
  })

  it('refuses what the simulator cannot do, in its words', async () => {
    const simulate = async () => { throw new OptionError('the plan is one of late-join, and cannot steer loopback-120') }
    expect(await call('run loopback-120', { engine: { simulate } })).toEqual({
      exit: 4, stdout: '', stderr: 'theta-sim: the plan is one of late-join, and cannot steer loopback-120\n' })
  })

  it('names the seed at which a scenario turned out to be wrong', async () => {
    const simulate = (async (scenario: never, options: { seed: number }) => options.seed < 4
      ? fake.simulate(scenario, options as never) : { exit: 4, verdict: 'mine.ts:3: oops' }) as never
    expect(await call('run loopback-120 --seeds 1..9', { engine: { simulate } })).toEqual({
      exit: 4, stdout: '', stderr: 'theta-sim: seed 4: mine.ts:3: oops\n' })
  })

  it('leaves nothing of an earlier run in the folder', async () => {
    await call('run loopback-120 --seed 7 --out twice')
    expect(readdirSync(join(folder, 'twice/loopback-120-7'))).toContain('perf.json')
    await call('run loopback-120 --seeds 7..7 --out twice')
    expect(readdirSync(join(folder, 'twice/loopback-120-7')).sort()).toEqual(['plan.json', 'report.json', 'report.md'])
  })

  it('counts many seeds, keeps the reports of red ones only, and exits like the first red', async () => {
    const { exit, stdout } = await call('run loopback-120 --seeds 5..20 --out many')
    const [red, ...rest] = stdout.split('\n')
    expect(red).toBe('seed 7: exit 1, diverged at frame 7; again: theta-sim run loopback-120 --seed 7')
    expect(rest[1]).toMatch(/^loopback-120: 16 seeds, 2 red, \d+\.\d s$/)
    expect(exit).toBe(1)
    expect((await call('run loopback-120 --seeds 5..20 --out many --quiet')).stdout).toMatch(/^loopback-120: 16 seeds, 2 red, \d+\.\d s\n$/)
    expect(readdirSync(join(folder, 'many')).sort()).toEqual(['loopback-120-17', 'loopback-120-7'])
    const green = await call('run loopback-120 --seeds 1..6 --out green --json')
    expect(JSON.parse(green.stdout)).toMatchObject({ count: 6, red: [], seeds: { first: 1, last: 6 } })
    expect(green.exit).toBe(0)
    expect(() => readdirSync(join(folder, 'green'))).toThrow('ENOENT')
  })

  it('draws progress for a person and takes it away again', async () => {
    const { stderr } = await call('run loopback-120', { isWatched: true })
    expect(stderr).toMatch(/^\r\u001B\[Kloopback-120: frame 1\/120(.*\/120)?\r\u001B\[K$/)
    for (const flag of ['--quiet', '--json']) expect((await call(`run loopback-120 ${flag}`, { isWatched: true })).stderr).toBe('')
    expect((await call('run loopback-120')).stderr).toBe('')
  })

  it('says where it cannot write, and leaves nothing', async () => {
    writeFileSync(join(folder, 'file'), '')
    // Before the work, not after it.
    const simulate = async () => { throw new TypeError('it was run') }
    for (const out of ['file', 'file/deeper']) {
      expect(await call(`run loopback-120 --out ${out}`, { engine: { simulate } })).toEqual({
        exit: 4, stdout: '', stderr: `theta-sim: cannot write to ${out}: a file stands in its way; choose another folder with --out\n` })
    }
  })

  it('calls its own breakdown a fault', async () => {
    const broken: Partial<Engine> = { simulate: async () => { throw new TypeError('oops') } }
    expect(await call('run loopback-120', { engine: broken })).toEqual({
      exit: 3, stdout: '', stderr: 'theta-sim: broke: TypeError: oops; --verbose shows where\n' })
    expect((await call('run loopback-120 --verbose', { engine: broken })).stderr).toContain('    at ')
  })
})

describe('replay', () => {
  const path = 'out/loopback-120-3/report.json'
  const recorded = async (): Promise<string> => {
    await call('run loopback-120 --seed 3')
    return readFileSync(join(folder, path), 'utf8')
  }
  const replayed = async (text: string) => {
    writeFileSync(join(folder, 'report.json'), text)
    return call('replay report.json')
  }

  it('finds every byte the same', async () => {
    const text = await recorded()
    expect(await replayed(text)).toEqual({ exit: 0, stdout: `identical: ${text.length} bytes\n`, stderr: '' })
  })

  it('names the first difference of a run that is not deterministic', async () => {
    await call('run unstable --seed 3')
    expect(await call('replay out/unstable-3/report.json')).toEqual({
      exit: 5, stdout: 'not deterministic: the reports differ first at frames[0].value\n', stderr: '' })
  })

  it('refuses what was truncated, edited, or written by another version or from another source', async () => {
    const text = await recorded()
    const refusal = async (changed: string) => (await replayed(changed)).stderr
    expect(await refusal(text.slice(0, -20))).toMatch(/^theta-sim: report\.json is not whole JSON/)
    expect(await refusal('')).toMatch(/^theta-sim: report\.json is not whole JSON/)
    expect(await refusal('{"a":1}')).toBe('theta-sim: report.json is no report of theta-sim run\n')
    expect(await refusal('null')).toBe('theta-sim: report.json is no report of theta-sim run\n')
    expect(await refusal(text.replace('"value":120', '"value":121'))).toMatch(/^theta-sim: report\.json was edited/)
    expect(await refusal(text.replace('\n', ''))).toMatch(/^theta-sim: report\.json was edited/)
    writeFileSync(join(folder, 'report.json'), text)
    expect((await call('replay report.json', { engine: { version: '1.3.0' } })).stderr).toBe(
      'theta-sim: report.json was written by theta-sim 1.2.3, this is 1.3.0; replay it there\n')
    const moved = await call('replay report.json', { engine: { digest: () => 'd2' } })
    expect(moved).toEqual({ exit: 4, stdout: '',
      stderr: 'theta-sim: loopback-120, or theta-sim itself, has changed since report.json was written; run it anew\n' })
  })
})

describe('firstDifference', () => {
  it.each([
    [{ a: 1, b: [1, { c: 2 }] }, { a: 1, b: [1, { c: 3 }] }, 'b[1].c'],
    [{ a: 1 }, { a: 1, b: 2 }, 'b'],
    [{ a: [1, 2] }, { a: [1] }, 'a[1]'],
    [{ a: [] }, { a: {} }, 'a'],
    [{ a: null }, { a: 0 }, 'a'],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, undefined],
  ])('%j and %j', (before, after, path) => expect(firstDifference(before, after)).toBe(path))
})

describe('nearest', () => {
  it('finds slips, and nothing else', () => {
    expect(nearest('lopback', ['loopback-120', 'late-join', 'loopback'])).toBe('loopback')
    expect(nearest('LATE-JION', ['loopback-120', 'late-join'])).toBe('late-join')
    expect(nearest('xyz', ['loopback-120', 'late-join'])).toBeUndefined()
  })
})
