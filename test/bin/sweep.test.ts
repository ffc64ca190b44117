/** `theta-sim sweep` as a process: threads that fail, journals that are torn, sweeps that are broken off and gone on with. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { SeedRecord } from '../../reports/sweep.ts'
import { stagePackage } from './staged.ts'

describe('theta-sim sweep', () => {
  const { folder, command, run, remove } = stagePackage()
  afterAll(remove)
  const write = (name: string, text: string): void => { writeFileSync(join(folder, name), text) }
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8')
  /** A story that knows its seed, and runs `body`. */
  const story = (name: string, body: string): string => `
    import { scenario } from 'theta-sim'
    export default scenario('${name}', { frames: 3, hz: 90 }, async ({ frame, seed }) => {\n${body}\n})\n`
  const sweep = (...argv: string[]) => run('sweep', ...argv)
  const folderIn = (out: string): string => join(out, readdirSync(join(folder, out)).find((name) => name.startsWith('sweep-'))!)
  const journalled = (path: string): SeedRecord[] =>
    read(join(path, 'journal.jsonl')).trimEnd().split('\n').slice(1).map((line) => JSON.parse(line) as SeedRecord)
  const json = (path: string): Record<string, unknown> => JSON.parse(read(join(path, 'sweep.json'))) as Record<string, unknown>

  it('runs all stories, prints the red ones as they come, and merges them', async () => {
    const { exit, stdout, stderr } = await sweep('--seeds', '1..20', '--out', 'all', '--jobs', '2')
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('20 seeds of 1..20, scenarios: 3, threads: 2; again: npx theta-sim sweep --seeds 1..20 --verifier node')
    expect(lines.slice(1, 7).sort()[0]).toBe(
      'late-join seed 17: exit 1, diverged at frame 7; again: npx theta-sim run late-join --seed 17 --verifier node')
    expect(stdout).toContain(
      'exit 1, world: 6 runs, 6 reports kept\n  first:          loopback-120 seed 7\n'
      + '  shortest trace: loopback-120 seed 17 (983 records): diverged at frame 7\n'
      + '  again:          npx theta-sim run loopback-120 --seed 17 --verifier node\n')
    expect(stdout).toContain('\n60 runs (20 seeds of 1..20, 3 scenarios): 6 red\n')
    expect(stdout).toMatch(/\n60 runs in [\d.]+ s, [\d.]+ a second\nreport: all\/sweep-1-20-\w{6}\/sweep\.md\n$/)
    const path = folderIn('all')
    expect(readdirSync(join(folder, path)).sort()).toEqual([
      'journal.jsonl', 'junit.xml', 'late-join-17', 'late-join-7', 'loopback-120-17', 'loopback-120-7', 'perf.json', 'sweep.json',
      'sweep.md', 'unstable-17', 'unstable-7'])
    expect(readdirSync(join(folder, path, 'unstable-7')).sort()).toEqual(['plan.json', 'report.json', 'report.md'])
    expect(json(path)).toMatchObject({
      done: 60, red: 6, isComplete: true, marks: { 'a third seed': 18, 'a blue moon': 0 }, neverReached: [],
    })
    // Nothing is left to do, and the answer is the same.
    const again = await sweep('--seeds', '1..20', '--out', 'all', '--quiet')
    expect(again).toEqual({ exit: 1, stdout: '60 runs (20 seeds of 1..20, 3 scenarios): 6 red\n', stderr: '' })
    expect(journalled(path)).toHaveLength(60)
  })

  it('fails where a rare state was never reached within its budget', async () => {
    const { exit, stdout } = await sweep('--seeds', '100..149', '--out', 'rare', '--quiet', '--jobs', '1')
    expect(exit).toBe(1)
    expect(stdout).toBe('150 runs (50 seeds of 100..149, 3 scenarios): 15 red, 1 rare state never reached\n')
    // One story alone need not reach them all.
    expect((await sweep('late-join', '--seeds', '1000..1006', '--out', 'rare', '--json')).exit).toBe(0)
  })

  it('gives up what hangs or leaves, and goes on', async () => {
    write('moody.ts', story('moody', `
      if (seed === 3) for (;;);
      if (seed === 4) process.exit(0)
      if (seed === 5) await new Promise(() => { setTimeout(() => {}, 1e9) })
      if (seed === 6) throw new TypeError('boom')
      console.log('noise')
      await frame(3)`))
    const { exit, stdout, stderr } = await sweep('./moody.ts', '--seeds', '1..9', '--out', 'moody', '--seed-seconds', '2', '--jobs', '2')
    expect(exit).toBe(1)
    expect(stderr).toBe('noise\n'.repeat(5))
    const failures = json(folderIn('moody')).failures as { runs: { seed: number; verdict: string }[] }[]
    expect(Object.fromEntries(failures.flatMap(({ runs }) => runs).map(({ seed, verdict }) => [seed, verdict]))).toEqual({
      3: 'no end within 2 s of real time', 4: 'its thread ended: Error: worker exited with code: 0', 5: 'no end within 2 s of real time',
      6: 'the script threw TypeError: boom', 7: 'diverged at frame 7',
    })
    const again = 'npx theta-sim run ./moody.ts --seed 3 --verifier node'
    expect(stdout).toContain(`./moody.ts seed 3: exit 3, no end within 2 s of real time; again: ${again}\n`)
    expect(stdout).toContain('\nexit 3, thread, hung: 2 runs, 0 reports kept\n')
    expect(stdout).not.toContain('noise')
  })

  it.each([
    ['throws when imported', 'throw new RangeError("early")', 'bad.ts:1:7: RangeError: early'],
    ['exports no scenario', 'export default 17', "./bad.ts must end in 'export default scenario(...)'"],
  ])('ends with 4 when a file %s', async (_what, text, line) => {
    write('bad.ts', text)
    const { exit, stderr } = await sweep('./bad.ts', '--seeds', '1..4', '--out', 'bad')
    expect({ exit, stderr: stderr.includes(line) }, stderr).toEqual({ exit: 4, stderr: true })
    expect(stderr).toMatch(/^theta-sim: [^\n]+\n$/)
  })

  it('refuses two scenarios of one name', async () => {
    write('one.ts', story('same', 'await frame(1)'))
    write('two.ts', story('same', 'await frame(2)'))
    const { stderr } = await sweep('./one.ts', './two.ts', '--seeds', '1..2')
    expect(stderr).toMatch(/^theta-sim: \.\/\w+\.ts and \.\/\w+\.ts are both called same; /)
  })

  it('gives the same sweep.json however many threads share the work, and shards that add up', async () => {
    const one = await sweep('loopback-120', 'late-join', '--seeds', '1..40', '--jobs', '1', '--out', 'one', '--json')
    const two = await sweep('loopback-120', 'late-join', '--seeds', '1..40', '--jobs', '2', '--out', 'two', '--json')
    expect(two).toEqual(one)
    const seeds: number[] = []
    for (const index of [1, 2, 3]) {
      await sweep('late-join', '--seeds', '1..40', '--shard', `${index}/3`, '--out', `shard${index}`, '--quiet')
      seeds.push(...journalled(folderIn(`shard${index}`)).map(({ seed }) => seed))
    }
    expect(seeds.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
  })

  const SLOW = ['./slow.ts', '--seeds', '1..16', '--jobs', '2']
  const BUSY = 'const until = Date.now() + 120\nwhile (Date.now() < until);\nawait frame(3)'
  const slow = (): void => { write('slow.ts', story('slow', BUSY)) }
  const SEEDS = Array.from({ length: 16 }, (_, index) => index + 1)

  /** Goes on with what was broken off: no seed is done twice, and all is as if nothing had happened. */
  async function expectGoesOn(out: string): Promise<void> {
    const path = folderIn(out)
    const before = journalled(path).map(({ seed }) => seed)
    expect(before.length).toBeLessThan(SEEDS.length)
    // What a power cut might leave.
    appendFileSync(join(folder, path, 'journal.jsonl'), '{"scenario":0,"seed":16,"na')
    const resumed = await sweep(...SLOW, '--out', out)
    expect(resumed.exit).toBe(1)
    expect(resumed.stdout).toContain(`going on: ${before.length} of 16 runs are done\n`)
    const after = journalled(path).map(({ seed }) => seed)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after.sort((a, b) => a - b)).toEqual(SEEDS)
    if (!existsSync(join(folder, 'whole'))) await sweep(...SLOW, '--out', 'whole', '--quiet')
    for (const name of ['sweep.json', 'sweep.md', 'junit.xml']) expect(read(join(path, name))).toBe(read(join(folderIn('whole'), name)))
    expect(readdirSync(join(folder, path)).sort()).toEqual(readdirSync(join(folder, folderIn('whole'))).sort())
  }

  it.each([['SIGINT', 130], ['SIGTERM', 143], ['SIGKILL', null]] as const)('goes on after %s', async (signal, code) => {
    slow()
    const child = spawn(process.execPath, [command, 'sweep', ...SLOW, '--out', signal], { cwd: folder })
    let stdout = ''
    child.stdout.on('data', (data) => { stdout += String(data) })
    const done = (): number => (existsSync(join(folder, signal)) ? journalled(folderIn(signal)).length : 0)
    while (done() < 4) await sleep(10)
    child.kill(signal)
    expect(await once(child, 'close')).toEqual(code === null ? [null, signal] : [code, null])
    if (code !== null) {
      expect(stdout).toContain('\ngo on:  npx theta-sim sweep ./slow.ts --seeds 1..16 --verifier node\n')
      expect(json(folderIn(signal))).toMatchObject({ isComplete: false, done: done() })
    }
    await expectGoesOn(signal)
  })

  it('goes on after its minutes were over, which is no failure', async () => {
    slow()
    const { exit, stdout } = await sweep(...SLOW, '--out', 'minutes', '--minutes', '1')
    expect(stdout).toMatch(/\n\d+ runs? of 16, not complete /)
    expect(exit).toBe(json(folderIn('minutes')).red === 0 ? 0 : 1)
    await expectGoesOn('minutes')
  })

  it('begins anew where it is told so, and where the code is another', async () => {
    write('own.ts', story('own', 'await frame(1)'))
    const start = (...flags: string[]) => sweep('./own.ts', '--seeds', '1..6', '--out', 'anew', ...flags)
    await start()
    expect((await start()).stdout).toContain('\ngoing on: 6 of 6 runs are done\n')
    expect((await start('--fresh')).stdout).not.toContain('going on')
    write('own.ts', story('own', 'await frame(2)'))
    expect((await start()).stdout).toContain('\nwhat an earlier sweep left is of other code or options: beginning anew\n')
    expect((await start('--seed-seconds', '20')).stdout).toContain('beginning anew')
    expect(journalled(folderIn('anew'))).toHaveLength(6)
  })

  it('takes its seeds from the commit', async () => {
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(folder, '..') }
    const git = (...argv: string[]): string => execFileSync('git', argv, { cwd: folder, encoding: 'utf8', env })
    git('init', '--quiet')
    git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '--quiet', '--allow-empty', '-m', 'one')
    const first = parseInt(git('rev-parse', 'HEAD').slice(0, 12), 16)
    const { stdout } = await sweep('late-join', '--seeds', 'commit:3', '--out', 'commit', '--jobs', '1')
    expect(stdout).toContain(`; again: npx theta-sim sweep late-join --seeds ${first}..${first + 2} --verifier node\n`)
    expect(journalled(folderIn('commit')).map(({ seed }) => seed)).toEqual([first, first + 1, first + 2])
    rmSync(join(folder, '.git'), { recursive: true })
  })

  it.each([
    [['--seeds', 'commit:0'], "--seeds wants a whole number from 1 to 1000000, got '0'"],
    [['--seeds', 'comit'], "--seeds wants A..B such as 1..500, commit, or commit:N, got 'comit'"],
    [['--shard', '3/2'], "--shard wants I/N such as 2/4, got '3/2'"],
    [['--shard', '0/2'], "--shard wants I/N such as 2/4, got '0/2'"],
    [['--shard', '9/9', '--seeds', '1..8'], '--shard leaves none of the seeds 1..8; take fewer shards'],
    [['--jobs', '0'], "--jobs wants a whole number from 1 to 256, got '0'"],
    [['--minutes', '0'], "--minutes wants a whole number from 1 to 10080, got '0'"],
    [['late-join', 'late-join'], 'late-join is given twice'],
    [['lat-join'], "there is no scenario 'lat-join'; did you mean late-join? see theta-sim list"],
    [['./absent.ts'], 'absent.ts is not a file'],
    [['--out', 'file'], 'cannot write to file: a file stands in its way; choose another folder with --out'],
  ])('refuses %s', async (argv, line) => {
    write('file', '')
    const { exit, stderr } = await sweep(...argv)
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: `theta-sim: ${line}\n` })
  })
})
