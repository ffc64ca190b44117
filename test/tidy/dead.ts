/**
 * Dead code between files: an exported name that nobody imports. TypeScript and oxlint see unused names inside a file.
 */
import { type SourceFile, complaint, isGenerated, layerOf, walk } from './source.ts'

/** What users import: its exports are used by people we do not see. */
const PUBLIC = 'scenarios/index.ts'
/** What a pool of threads calls by its name, having imported the module itself. */
const CALLED = 'performTask'

/**
 * Exported names that no other file imports. A type may be exported when its own file uses it: it is then part of a
 * signature that others see.
 */
export function checkDeadExports(files: readonly SourceFile[]): string[] {
  const used = usedNames(files)
  const complaints: string[] = []
  for (const file of files) {
    const layer = layerOf(file.path)
    if (layer === undefined || file.path === PUBLIC || isGenerated(file.path)) continue
    const names = used.get(file.path) ?? new Set()
    for (const one of file.exports) {
      if (layer === 'bin' && one.name === CALLED) continue
      if (names.has(one.name) || names.has('*') || (one.typeOnly && mentions(file, one.name) > 1)) continue
      complaints.push(complaint(file, one.line, `nobody imports '${one.name}'; delete it, or drop its 'export'`))
    }
  }
  return complaints
}

/** For each file, the names that others take from it; `*` when somebody takes all. */
function usedNames(files: readonly SourceFile[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>()
  for (const file of files) {
    for (const one of file.imports) {
      if (one.target === undefined) continue
      const names = used.get(one.target) ?? new Set()
      for (const name of one.names) names.add(name)
      used.set(one.target, names)
    }
  }
  return used
}

function mentions(file: SourceFile, name: string): number {
  let count = 0
  walk(file.body, (node) => { if (node.type === 'Identifier' && node.name === name) count++ })
  return count
}
