/** `theta-sim interop` as a process: threads, the matrix as text and as files, exit codes. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { INTEROP_CASES } from './scenarios/interop/cases.ts'
import { playCase } from './scenarios/interop/matrix.ts'
import { stagePackage } from './staged.ts'

describe('theta-sim interop', () => {
  const { folder, run, remove } = stagePackage()
  afterAll(remove)
  const interop = (...argv: string[]) => run('interop', ...argv)
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8')

  it('shows each case of one seed in full, and leaves the matrix in out/interop', async () => {
    const { exit, stdout, stderr } = await interop('thirds', 'steady')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    // In the order of the list, whatever the order of the arguments.
    expect(stdout).toBe([
      'case    result  seconds  datagrams  lost  corrupted  Mbit/s  trace  finding',
      'steady  pass      0.001         10     0          0   10.00  d0     all well',
      'thirds  pass      0.001         10     0          0          d1     all well',
      '', '2 interop cases: 2 passed, 0 failed', 'report: out/interop/matrix.md', '',
    ].join('\n'))
    expect(readdirSync(join(folder, 'out/interop')).sort()).toEqual(['matrix.json', 'matrix.md'])
    expect(read('out/interop/matrix.md')).toContain('| thirds | pass   |   0.001 |')
  })

  it('shows the worst of many seeds, names those that fail with a command each, and exits with 1', async () => {
    const { exit, stdout } = await interop('steady', 'thirds', '--seeds', '1..7', '--jobs', '2', '--out', 'many')
    expect(exit).toBe(1)
    const again = (seed: number): string => `thirds seed ${seed}: one of three; again: npx theta-sim interop thirds --seed ${seed}`
    // The first two as soon as they are known, in whatever order.
    expect(stdout.split('\n').slice(0, 2).sort()).toEqual([again(3), again(6)])
    expect(stdout.split('\n').slice(2)).toEqual([
      'case    passed  of  traces  slowest  seed  least Mbit/s  the slowest seed\'s finding',
      'steady       7   7       1    0.007     7         10.00  all well',
      'thirds       5   7       7    0.007     7                all well',
      '', again(3), again(6), '2 interop cases with 7 seeds each: 12 passed, 2 failed', 'report: many/interop/matrix.md', '',
    ])
    expect(read('many/interop/matrix.md')).toContain(`## Failed\n\n- ${again(3)}\n- ${again(6)}\n`)
  })

  it('prints the same JSON as it writes, with any number of threads', async () => {
    const one = await interop('steady', 'thirds', '--seeds', '1..5', '--json', '--jobs', '1')
    const two = await interop('steady', 'thirds', '--seeds', '1..5', '--json', '--jobs', '2')
    expect(two).toEqual(one)
    expect({ exit: one.exit, stderr: one.stderr }).toEqual({ exit: 1, stderr: '' })
    expect(one.stdout).toBe(read('out/interop/matrix.json'))
    const { passed, cases } = JSON.parse(one.stdout) as { passed: boolean; cases: { name: string; passed: boolean; rows: unknown[] }[] }
    expect([passed, ...cases.map(({ name, passed: isGood }) => [name, isGood])]).toEqual([false, ['steady', true], ['thirds', false]])
    expect(cases[0].rows).toEqual([1, 2, 3, 4, 5].map((seed) => playCase(INTEROP_CASES[0], seed)))
  })

  it('prints the verdict alone where it has to be quiet', async () => {
    expect(await interop('thirds', '--seed', '3', '--quiet')).toEqual({
      exit: 1, stdout: '1 interop case: 0 passed, 1 failed\n', stderr: '',
    })
  })

  it('says which play broke, and that it is our fault', async () => {
    const { exit, stdout, stderr } = await interop('broken', '--seed', '9')
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: '' })
    expect(stderr).toBe('theta-sim: broke: Error: broken seed 9: Error: out of order; --verbose shows where\n')
  })

  it('says where it cannot write before it plays anything', async () => {
    writeFileSync(join(folder, 'taken'), '')
    const { exit, stdout, stderr } = await interop('steady', '--out', 'taken')
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' })
    expect(stderr).toBe('theta-sim: cannot write to taken/interop: a file stands in its way; choose another folder with --out\n')
  })
})
