/**
 * The source files as the tidy checks see them: text, syntax tree, imports and exports of each.
 *
 * A check is a function from files to complaints (`path:line: what is wrong and what to do instead`), so that it can
 * be tried on planted faults as well as on the tree. TypeScript 7 has no JavaScript API; vite brings oxc's parser.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'

/** A syntax node, as far as the checks care: ESTree with TypeScript's additions. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export interface Import {
  /** As written: `./clock.ts`, `three`, `node:fs`. */
  readonly specifier: string
  /** The file it names, from the root, for a relative specifier; `undefined` for a package. */
  readonly target: string | undefined
  /** Imported names; `*` stands for all of them. */
  readonly names: readonly string[]
  readonly typeOnly: boolean
  readonly reExport: boolean
  readonly line: number
}

export interface Export {
  readonly name: string
  readonly typeOnly: boolean
  readonly line: number
}

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly body: readonly SyntaxNode[]
  readonly imports: readonly Import[]
  readonly exports: readonly Export[]
  readonly startsWithComment: boolean
}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LAYERS = ['sim', 'system', 'reports', 'platform', 'scenarios', 'bin', 'schemas', 'test'] as const
export type Layer = (typeof LAYERS)[number]

const NOT_OURS = new Set(['node_modules', 'dist', 'out', 'coverage'])

/** The layer a path lies in: its first folder. */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => path.startsWith(`${layer}/`))
}

/** Generated code obeys the import laws and no other. */
export function isGenerated(path: string): boolean {
  return path.startsWith('schemas/generated/')
}

/** Complaints begin like a compiler's, so that an editor can jump to them. */
export function complaint(file: { path: string }, line: number, text: string): string {
  return `${file.path}:${line}: ${text}`
}

export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let index = text.indexOf('\n'); index !== -1 && index < offset; index = text.indexOf('\n', index + 1)) line++
  return line
}

/** Calls `visit` for every node of the tree, parents first. */
export function walk(node: unknown, visit: (node: SyntaxNode) => void): void {
  if (Array.isArray(node)) {
    for (const child of node) walk(child, visit)
  } else if (isSyntaxNode(node)) {
    visit(node)
    for (const key in node) if (typeof node[key] === 'object') walk(node[key], visit)
  }
}

/** Parses one file. Throws a SyntaxError that names it when it is no TypeScript. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text)
  const problem = errors[0]
  if (problem !== undefined) throw new SyntaxError(`${path}: ${problem.message}`)
  const body = program.body as unknown as readonly SyntaxNode[]
  const hashbangLength = text.startsWith('#!') ? text.indexOf('\n') + 1 : 0
  return {
    path,
    text,
    body,
    imports: importsOf(path, text, body),
    exports: exportsOf(text, body),
    startsWithComment: comments.some((comment) => comment.start === hashbangLength),
  }
}

/** Every TypeScript file of the repository, sorted by path. */
export function readTree(): SourceFile[] {
  const paths = ['vitest.config.ts']
  for (const layer of LAYERS) collectPaths(layer, paths)
  return paths.sort().map((path) => parseSource(path, readFileSync(join(ROOT, path), 'utf8')))
}

function collectPaths(folder: string, paths: string[]): void {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory() && !NOT_OURS.has(entry.name)) collectPaths(path, paths)
    if (entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) paths.push(path)
  }
}

function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** Static imports, `export from`, `import()` and the types `import('x').Y`: nothing that loads or names a file escapes. */
function importsOf(path: string, text: string, body: readonly SyntaxNode[]): Import[] {
  const imports: Import[] = []
  walk(body, (node) => {
    const source = node.type === 'TSImportEqualsDeclaration' ? requiredBy(node) : node.source
    if (!isSyntaxNode(source)) return
    const specifier = typeof source.value === 'string' ? source.value : `(${text.slice(source.start, source.end)})`
    imports.push({
      specifier,
      target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined,
      names: importedNames(node),
      typeOnly: node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type',
      reExport: node.type.startsWith('Export'),
      line: lineAt(text, node.start),
    })
  })
  return imports
}

function requiredBy(node: SyntaxNode): unknown {
  const reference = node.moduleReference
  return isSyntaxNode(reference) ? reference.expression : undefined
}

function importedNames(node: SyntaxNode): string[] {
  if (node.type === 'TSImportType') return [leftmostName(node.qualifier) ?? '*']
  const specifiers = node.specifiers
  if (!Array.isArray(specifiers)) return ['*']
  return (specifiers as SyntaxNode[]).map((specifier) => {
    if (specifier.type === 'ImportDefaultSpecifier') return 'default'
    return nameOf(specifier.type === 'ExportSpecifier' ? specifier.local : specifier.imported) ?? '*'
  })
}

function leftmostName(qualifier: unknown): string | undefined {
  if (!isSyntaxNode(qualifier)) return undefined
  return qualifier.type === 'TSQualifiedName' ? leftmostName(qualifier.left) : nameOf(qualifier)
}

function nameOf(node: unknown): string | undefined {
  if (!isSyntaxNode(node)) return undefined
  const name = node.name ?? node.value
  return typeof name === 'string' ? name : undefined
}

/** Names that this file itself declares and exports, or passes on by name. `export *` passes on and declares nothing. */
function exportsOf(text: string, body: readonly SyntaxNode[]): Export[] {
  const exports: Export[] = []
  for (const node of body) {
    const line = lineAt(text, node.start)
    if (node.type === 'ExportDefaultDeclaration') exports.push({ name: 'default', typeOnly: false, line })
    if (node.type !== 'ExportNamedDeclaration') continue
    const typeOnly = node.exportKind === 'type'
    for (const specifier of node.specifiers as SyntaxNode[]) {
      const name = nameOf(specifier.exported)
      if (name !== undefined) exports.push({ name, typeOnly: typeOnly || specifier.exportKind === 'type', line })
    }
    if (!isSyntaxNode(node.declaration)) continue
    for (const name of declaredNames(node.declaration)) exports.push({ name, typeOnly, line })
  }
  return exports
}

function declaredNames(declaration: SyntaxNode): string[] {
  if (declaration.type !== 'VariableDeclaration') return [nameOf(declaration.id)].filter((name) => name !== undefined)
  return (declaration.declarations as SyntaxNode[]).flatMap((declarator) => boundNames(declarator.id))
}

/** The names a pattern binds: `{ a, b: [c] }` binds a and c. */
function boundNames(pattern: unknown): string[] {
  if (!isSyntaxNode(pattern)) return []
  switch (pattern.type) {
    case 'Identifier': return [String(pattern.name)]
    case 'ObjectPattern': return (pattern.properties as SyntaxNode[]).flatMap((property) => boundNames(property.value ?? property.argument))
    case 'ArrayPattern': return (pattern.elements as unknown[]).flatMap(boundNames)
    case 'AssignmentPattern': return boundNames(pattern.left)
    case 'RestElement': return boundNames(pattern.argument)
    default: return []
  }
}
