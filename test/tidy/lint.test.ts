/** The lint rules that guard determinism go red on planted faults, in the layers they are meant for and no other. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ROOT } from './source.ts'

const FAULTS = {
  'const now = Date.now()': 'Date',
  'const now = new Date()': 'Date',
  'const now = globalThis.Date.now()': 'globalThis',
  'const x = Math.random()': 'Math.random',
  "const x = Math['sin'](1)": 'Math.sin',
  'const { atan2 } = Math': 'Math.atan2',
  'const x = Math.pow(2, 3)': 'Math.pow',
  'const now = performance.now()': 'performance',
  'setTimeout(() => {}, 1)': 'setTimeout',
  'queueMicrotask(() => {})': 'queueMicrotask',
  'const x = (1).toLocaleString()': 'toLocaleString',
  "const x = ['b'].sort((a, b) => a.localeCompare(b))": 'localeCompare',
  'const x = crypto.randomUUID()': 'crypto',
  'export default 1': 'default-export',
}

describe('lint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'theta-lint-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  const lint = async (files: Record<string, string>): Promise<string[]> => {
    copyFileSync(join(ROOT, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint')
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, [oxlint, '--format', 'unix', ...Object.keys(files)], { cwd: folder }, (_error, stdout) => resolve(stdout))
    })
    return output.split('\n').filter((line) => /^\w+\/.*\[Error/.test(line))
  }

  it.each(['sim', 'system', 'reports', 'scenarios'])('bans clocks, chance, timers and inexact mathematics in %s', async (layer) => {
    const names = Object.values(FAULTS)
    const found = await lint(Object.fromEntries(Object.keys(FAULTS).map((fault, index) => [`${layer}/fault${index}.ts`, `${fault}\n`])))
    names.forEach((name, index) => {
      const ofFault = found.filter((line) => line.startsWith(`${layer}/fault${index}.ts:`)).join('\n')
      expect(ofFault.toLowerCase(), Object.keys(FAULTS)[index]).toContain(name.toLowerCase())
    })
  })

  it('lets exact mathematics, the stories’ default exports and the platform’s clocks pass', async () => {
    expect(await lint({
      'sim/exact.ts': 'export const x = Math.floor(Math.sqrt(2)) + Math.imul(3, 4) + Math.max(1, Math.abs(-2))\n',
      'scenarios/stories/story.ts': 'export default 1\n',
      'platform/clock.ts': 'export const now = performance.now()\n',
    })).toEqual([])
  })
})
