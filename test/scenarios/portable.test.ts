/** A verdict is the same text on every machine, though it names the line that it is about. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { ROOT } from '../../scenarios/cluster/ours.ts'
import { portable, portablePlace } from '../../scenarios/cluster/portable.ts'
import { type Plan, scenario } from '../../scenarios/index.ts'
import { run, storyOf } from '../support/runs.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'theta-paths-')))
afterAll(() => rmSync(folder, { recursive: true }))

/** Of the compiled package: Node 20 runs no TypeScript. */
const COMPILED = new URL('../../dist/', import.meta.url)
/** Nothing of the story happens, so that it waits for ever. */
const NOTHING: Plan = { version: 2, scenario: 'placement-race', seed: 1, choices: [], operations: [] }
const LINE = readFileSync('scenarios/stories/placement-race.ts', 'utf8').split('\n').findIndex((line) => line.includes('while (')) + 1

describe('a path in a verdict', () => {
  it('is told from the root of the package, or from a folder', () => {
    const [here, elsewhere] = ['/home/me/work', '/home/me/other']
    expect(portable(`no such file: ${here}/a/b.ts, file://${here}/c.ts`, here)).toBe('no such file: a/b.ts, c.ts')
    expect(portable(`called at f (${ROOT}scenarios/cluster/run.ts:12:5)`, here)).toBe('called at f (scenarios/cluster/run.ts:12)')
    expect(portable(`${ROOT}package.json is missing`, here)).toBe('package.json is missing')
    expect(portablePlace(`${elsewhere}/story.ts:7`, here)).toBe('../other/story.ts:7')
    expect(portablePlace(`${here}/sub/story.ts:7`, here)).toBe('sub/story.ts:7')
  })

  it('is that of the source, whether the source runs or what was compiled of it, and wherever', async () => {
    const { verdict, reportJson, exit } = await run(storyOf('placement-race'), { plan: NOTHING })
    expect(exit).toBe(4)
    expect(verdict).toMatch(new RegExp(`^scenarios/stories/placement-race\\.ts:${LINE}: the script still goes on`))
    expect(reportJson).not.toContain(ROOT)
    const script = `
      import { CATALOGUE, simulate } from '${new URL('scenarios/index.js', COMPILED).href}'
      const { scenario } = CATALOGUE.find((entry) => entry.scenario.name === 'placement-race')
      const { reportJson } = await simulate(scenario, { verifier: 'node', plan: ${JSON.stringify(NOTHING)} })
      process.stdout.write(reportJson)`
    expect(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder, encoding: 'utf8' })).toBe(reportJson)
  }, 60_000)

  it('is told so in what a story throws, too', async () => {
    const broken = scenario('broken', { frames: 10, hz: 90 }, async ({ frame }) => {
      await frame(2)
      throw new RangeError(`cannot read ${process.cwd()}/story.json`)
    })
    expect((await run(broken)).verdict).toMatch(/^test\/scenarios\/portable\.test\.ts:\d+: RangeError: cannot read story\.json$/)
  })

  it('leaves no file of a sweep that says where it ran', () => {
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'sub/bad.ts'), `import { scenario } from 'theta-sim'
export default scenario('bad', { frames: 20, hz: 90 }, async ({ frame, join }) => {
  await frame(3)
  await join('', { over: 'quic', role: 'editor' })
})
`)
    const command = fileURLToPath(new URL('bin/theta-sim.js', COMPILED))
    const argv = [command, 'sweep', 'sub/bad.ts', '--seeds', '1..2', '--quiet']
    const swept = spawnSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' })
    expect(swept.stdout).toContain('2 red')
    const files = readdirSync(join(folder, 'out'), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, 'out', name))
      .filter((file) => statSync(file).isFile())
    expect(files.some((file) => file.endsWith('sweep.json')) && files.some((file) => file.endsWith('junit.xml'))).toBe(true)
    for (const file of files) {
      const text = readFileSync(file, 'utf8')
      expect(text.includes(folder) || text.includes(ROOT), file).toBe(false)
    }
    expect(readFileSync(files.find((file) => file.endsWith('sweep.json'))!, 'utf8')).toContain('sub/bad.ts:4: RangeError: join')
  }, 60_000)
})
