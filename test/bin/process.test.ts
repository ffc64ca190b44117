/** The command as a process: users' files in their thread, exit codes, one clear line for every mistake. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { stagePackage } from './staged.ts'

describe('theta-sim', () => {
  const { folder, command, run, remove } = stagePackage()
  afterAll(remove)
  const write = (name: string, text: string): void => { writeFileSync(join(folder, name), text) }
  mkdirSync(join(folder, 'node_modules'))
  write('node_modules/deep.js', 'export function down(n) { if (n > 0) down(n - 1)\nthrow new Error("deep") }')
  const story = (body: string): string =>
    `import { scenario } from 'theta-sim'\n\nexport default scenario('mine', { frames: 3, hz: 90 }, async ({ frame }) => {\n${body}\n})\n`

  it('runs a built-in scenario and leaves four whole files', async () => {
    const { exit, stdout, stderr } = await run('run', 'loopback-120', '--seed', '5')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout).toBe('120 frames\n\nreport: out/loopback-120-5/report.md\nagain:  theta-sim run loopback-120 --seed 5\n')
    expect(readdirSync(join(folder, 'out/loopback-120-5')).sort()).toEqual(['perf.json', 'plan.json', 'report.json', 'report.md'])
  })

  it('runs a user’s file, with what it imports, and replays its report in another process', async () => {
    write('helper.ts', 'export const frames: number = 3')
    write('mine.ts', `import { frames } from './helper.ts'\n${story('await frame(frames)')}`)
    expect(await run('run', './mine.ts', '--quiet')).toEqual({ exit: 0, stdout: 'converged\n', stderr: '' })
    const report = 'out/mine-1/report.json'
    const bytes = readFileSync(join(folder, report)).length
    expect(await run('replay', report)).toEqual({ exit: 0, stdout: `identical: ${bytes} bytes\n`, stderr: '' })
    write('helper.ts', 'export const frames: number = 2 + 1')
    const changed = await run('replay', report)
    expect(changed.exit).toBe(4)
    expect(changed.stderr).toBe(`theta-sim: ./mine.ts, or theta-sim itself, has changed since ${report} was written; run it anew\n`)
  })

  it('reads what a user’s file prints as noise, not as output', async () => {
    write('chatty.ts', story('console.log("hello")'))
    const { exit, stdout, stderr } = await run('run', 'chatty.ts', '--json')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: 'hello\n' })
    expect(JSON.parse(stdout)).toMatchObject({ scenario: 'mine', exit: 0, verdict: 'converged' })
  })

  it.each([
    ['throws in its script', story('const one: number = 1\n  throw new TypeError(`boom ${one}`)'),
      'faulty.ts:5:9: the script threw TypeError: boom 1'],
    ['throws when imported', 'const one: number = 1\n\nthrow new RangeError(`early ${one}`)', 'faulty.ts:3:7: RangeError: early 1'],
    ['throws no error', 'throw 17', 'threw 17, which is no Error'],
    ['rejects behind our back', story('void Promise.reject(new Error("late"))\n  await new Promise((settle) => setTimeout(settle, 200))'),
      'faulty.ts:4:21: Error: late'],
    ['is no TypeScript', 'const one: number = \nconst', 'faulty.ts:2:1: Unexpected "const"'],
    ['imports what is not there', "import { x } from './absent.ts'\nexport default x", 'faulty.ts:1:19: Could not resolve "./absent.ts"'],
    ['exports no scenario', 'export default 17', "faulty.ts must end in 'export default scenario(...)'"],
    ['makes a scenario by hand', 'export default { name: "../mine", script: async () => {} }', 'faulty.ts: RangeError: ../mine is no name'],
    ['imports what the package has not', "import { scenari } from 'theta-sim'\nexport default scenari",
      "faulty.ts: SyntaxError: The requested module 'theta-sim' does not provide an export named 'scenari'"],
    ['throws deep within a package', `import { down } from './node_modules/deep.js'\n${story('down(30)')}`,
      'faulty.ts:5:1: the script threw Error: deep'],
    ['leaves', 'process.exit(0)', 'faulty.ts ended its own process (left with code 0)'],
  ])('ends with 4 and one line when a file %s', async (_what, text, line) => {
    write('faulty.ts', text)
    const { exit, stderr } = await run('run', 'faulty.ts', '--seed', '9')
    expect(stderr).toContain(line)
    expect(stderr).toMatch(/^theta-sim: [^\n]+\n$/)
    expect(exit).toBe(4)
    expect(existsSync(join(folder, 'out/mine-9'))).toBe(false)
  })

  it('ends a loop that never awaits, and says where it loops', async () => {
    mkdirSync(join(folder, 'an é'))
    write('an é/loop.ts', story('  const limit: number = 1\n  await frame(limit)\n  for (let i = 0; limit === 1; i++) {\n    i--\n  }'))
    const { exit, stderr } = await run('run', 'an é/loop.ts')
    expect(stderr).toMatch(/^theta-sim: an é\/loop\.ts:[67]:\d+: loops without awaiting virtual time \(gave no sign for 1500 ms\); .*\n$/)
    expect(exit).toBe(4)
  })

  it('refuses the plan of another scenario', async () => {
    write('mine.ts', story('await frame(3)'))
    write('plan.json', '{ "scenario": "another" }')
    expect(await run('run', './mine.ts', '--plan', 'plan.json')).toEqual({
      exit: 4, stdout: '', stderr: 'theta-sim: ./mine.ts: the plan is not one of mine\n' })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when %s ends it', async (signal) => {
    write('waits.ts', story('for (;;) { /* until it is ended */ }'))
    const temporary = join(folder, signal)
    mkdirSync(temporary)
    const env = { ...process.env, TMPDIR: temporary }
    const child = spawn(process.execPath, [command, 'run', 'waits.ts', '--seed', '33'], { cwd: folder, env })
    while (readdirSync(temporary).length === 0) await sleep(5)
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([null, signal])
    expect(readdirSync(temporary)).toEqual([])
    expect(existsSync(join(folder, 'out/mine-33'))).toBe(false)
  })

  it.skipIf(!existsSync('/dev/full'))('says so when it cannot print', async () => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [command, 'list'], { cwd: folder, stdio: ['ignore', full, 'pipe'] })
    const [[exit], [line]] = await Promise.all([once(child, 'close'), once(child.stderr!, 'data')])
    closeSync(full)
    expect({ exit, line: String(line) }).toEqual({ exit: 4, line: 'theta-sim: cannot print: no space left on device\n' })
  })

  it('shows where an error arose only when asked', async () => {
    write('faulty.ts', 'throw new RangeError("early")')
    const { stderr } = await run('run', 'faulty.ts', '--verbose')
    expect(stderr.split('\n')[0]).toContain('RangeError: early')
    expect(stderr).toContain('    at ')
  })
})
