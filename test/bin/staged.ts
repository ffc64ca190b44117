/**
 * The command line, compiled the quick way into a folder of its own beside a simulator that simulates nothing. Node 20
 * runs no TypeScript, so that what spawns a process or a thread needs this.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import { ROOT } from '../tidy/source.ts'

export interface Staged {
  /** A folder for scenarios and outputs, where the command is run. */
  readonly folder: string
  /** The command's own file. */
  readonly command: string
  readonly run: (...argv: string[]) => Promise<{ exit: number | null; stdout: string; stderr: string }>
  readonly remove: () => void
}

export function stagePackage(): Staged {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'theta-staged-')))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'theta-sim', version: '9.8.7', type: 'module' }))
  const alike = ['bin', 'bin/commands', 'bin/sweep', 'platform', 'reports', 'reports/telemetry'].map((layer) => [layer, layer])
  const fakes = ['', '/interop', '/nat'].map((part) => [`test/bin/scenarios${part}`, `scenarios${part}`])
  const places = [...alike, ...fakes]
  for (const [from, to] of places) {
    for (const name of readdirSync(join(ROOT, from))) {
      if (name.endsWith('.ts')) compile(join(ROOT, from, name), join(root, 'dist', to, name.replace(/\.ts$/, '.js')))
    }
  }
  for (const layer of ['sim', 'system', 'schemas']) mkdirSync(join(root, 'dist', layer))
  const folder = join(root, 'work')
  mkdirSync(folder)
  const command = join(root, 'dist/bin/theta-sim.js')
  return {
    folder,
    command,
    run: (...argv) => new Promise((settle) => {
      const child = spawn(process.execPath, [command, ...argv], { cwd: folder })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (data) => { stdout += String(data) })
      child.stderr.on('data', (data) => { stderr += String(data) })
      child.on('close', (exit) => { settle({ exit, stdout, stderr }) })
    }),
    remove: () => { rmSync(root, { recursive: true }) },
  }
}

function compile(from: string, to: string): void {
  // Another place for the platform, less patience with loops, and shorter minutes: a test should not wait for them.
  const text = readFileSync(from, 'utf8').replaceAll('../../../platform/', '../platform/')
    .replace('MS_MAX = 5000', 'MS_MAX = 1500').replace('MS_PER_MINUTE = 60_000', 'MS_PER_MINUTE = 500')
  const { code } = transformSync(text, { loader: 'ts', format: 'esm', target: 'node20' })
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, code.replaceAll(/((?:from|import) *\(?"\.[^"]*)\.ts"/g, '$1.js"'))
}
