/**
 * The import laws (design law 1): which layer may import which, where the two halves meet, and that nothing goes round.
 *
 * Every form counts: `import`, `import type`, `export from`, `import()` and the type `import('x').Y`.
 */
import { type Import, type Layer, type SourceFile, complaint, isGenerated, layerOf } from './source.ts'

interface Law {
  readonly layers: readonly Layer[]
  /** Single files, or folders ending in `/`, of other layers whose types alone may be imported. */
  readonly types?: readonly string[]
  /** Packages with all their subpaths; `@scope/` stands for the whole scope; `*` for any, and for `node:` too. */
  readonly packages: readonly string[]
  readonly typePackages?: readonly string[]
}

const LAWS: Record<Exclude<Layer, 'test'>, Law> = {
  sim: { layers: ['sim'], packages: ['seedrandom', '@noble/ciphers', '@noble/hashes'] },
  system: {
    layers: ['system', 'schemas'],
    packages: ['@noble/', 'cborg', 'flatbuffers', 'three'],
    typePackages: ['@dimforge/rapier3d-compat'],
  },
  reports: { layers: ['reports'], types: ['sim/trace.ts', 'sim/quic/qlogevents.ts'], packages: [] },
  platform: { layers: ['platform'], types: ['sim/port.ts', 'system/ports.ts'], packages: ['*'] },
  schemas: { layers: ['schemas'], packages: ['flatbuffers'] },
  scenarios: { layers: ['scenarios', 'sim', 'system', 'reports', 'platform', 'schemas'], packages: ['*'] },
  bin: { layers: ['bin', 'scenarios', 'platform', 'reports'], packages: ['node:'] },
}

/** Files that may import a module whose name they are told: what runs a user's scenario in a thread. */
const TOLD: readonly string[] = ['bin/module.ts']

/** Imports that cross a layer the wrong way. */
export function checkLayers(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    const layer = layerOf(file.path)
    if (layer === undefined || layer === 'test') continue
    for (const one of file.imports) {
      if (isLawful(LAWS[layer], one) || (one.specifier.startsWith('(') && TOLD.includes(file.path))) continue
      const what = one.typeOnly ? 'import the types of' : 'import'
      complaints.push(complaint(file, one.line, `${layer}/ must not ${what} '${one.specifier}'; pass it in through a port`))
    }
  }
  return complaints
}

/** Only what lies under `scenarios/cluster/`, and the canaries that are planted around it, may know both halves. */
export function checkJoin(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    if (layerOf(file.path) !== 'scenarios' || /^scenarios\/(cluster|canaries)\//.test(file.path)) continue
    const sim = file.imports.find((one) => one.target?.startsWith('sim/'))
    const system = file.imports.find((one) => one.target?.startsWith('system/'))
    if (sim === undefined || system === undefined) continue
    complaints.push(complaint(file, Math.max(sim.line, system.line),
      `imports both '${sim.specifier}' and '${system.specifier}': the halves meet in scenarios/cluster/ alone`))
  }
  return complaints
}

/** Import cycles, type imports included; each is named once, from its smallest path. */
export function checkCycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(files.filter((file) => !isGenerated(file.path)).map((file) => [file.path, targetsOf(file)]))
  const finished = new Set<string>()
  const trail: string[] = []
  const cycles = new Set<string>()
  const visit = (path: string): void => {
    const start = trail.indexOf(path)
    if (start !== -1) cycles.add(describeCycle(trail.slice(start)))
    if (start !== -1 || finished.has(path)) return
    trail.push(path)
    for (const target of targets.get(path) ?? []) visit(target)
    trail.pop()
    finished.add(path)
  }
  for (const path of targets.keys()) visit(path)
  return [...cycles]
}

function targetsOf(file: SourceFile): string[] {
  return file.imports.flatMap((one) => one.target ?? [])
}

function describeCycle(paths: readonly string[]): string {
  const first = paths.indexOf([...paths].sort()[0])
  const turned = [...paths.slice(first), ...paths.slice(0, first)]
  return `${turned[0]}:1: import cycle ${[...turned, turned[0]].join(' -> ')}; move what they share into a file of its own`
}

function isLawful(law: Law, one: Import): boolean {
  const target = one.target
  if (target === undefined) {
    return law.packages.some((name) => matchesPackage(name, one.specifier))
      || (one.typeOnly && (law.typePackages ?? []).some((name) => matchesPackage(name, one.specifier)))
  }
  const layer = layerOf(target)
  if (layer !== undefined && law.layers.includes(layer)) return true
  return one.typeOnly && (law.types ?? []).some((allowed) => (allowed.endsWith('/') ? target.startsWith(allowed) : target === allowed))
}

function matchesPackage(allowed: string, specifier: string): boolean {
  if (allowed === '*') return true
  if (allowed.endsWith('/') || allowed.endsWith(':')) return specifier.startsWith(allowed)
  return specifier === allowed || specifier.startsWith(`${allowed}/`)
}
