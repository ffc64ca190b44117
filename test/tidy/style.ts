/**
 * House style that no linter here knows: sizes, maps at the top of files, leftovers, state in modules, inexact powers.
 */
import { type Layer, type SourceFile, type SyntaxNode, complaint, isGenerated, layerOf, lineAt, walk } from './source.ts'

export const FILE_LINES_MAX = 500
export const LINE_CHARACTERS_MAX = 140

/** Layers whose files ship; tests and generated code are held to less. */
const SHIPPED: readonly (Layer | undefined)[] = ['sim', 'system', 'reports', 'platform', 'scenarios', 'bin']
/** Layers whose arithmetic reaches the trace. */
const EXACT: readonly (Layer | undefined)[] = ['sim', 'system', 'reports', 'scenarios']

/**
 * Modules that may hold a process-wide cache of a pure function or of a compiled asset (design laws 4 of "where the
 * time goes" and 14): it must never show in the trace. Each entry says what it caches.
 */
const CACHES: Readonly<Record<string, string>> = {}

/** Long files, long lines, trailing spaces, tabs, a missing last newline. */
export function checkSizes(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    if (isGenerated(file.path)) continue
    const lines = file.text.split('\n')
    if (lines.pop() !== '') complaints.push(complaint(file, lines.length + 1, 'does not end with a newline'))
    if (lines.length > FILE_LINES_MAX) {
      complaints.push(complaint(file, FILE_LINES_MAX, `has ${lines.length} lines, more than ${FILE_LINES_MAX}; split it by concept`))
    }
    lines.forEach((line, index) => {
      if (line.length > LINE_CHARACTERS_MAX) {
        complaints.push(complaint(file, index + 1, `has ${line.length} characters, more than ${LINE_CHARACTERS_MAX}`))
      }
      if (/\s$/.test(line)) complaints.push(complaint(file, index + 1, 'ends with a space'))
      if (line.includes('\t')) complaints.push(complaint(file, index + 1, 'has a tab; indent with two spaces'))
    })
  }
  return complaints
}

/** A shipped file begins with a comment that says what it is: a map of itself. */
export function checkOpenings(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => SHIPPED.includes(layerOf(file.path)) && !file.startsWithComment)
    .map((file) => complaint(file, 1, 'must begin with a comment that says what the file is'))
}

/** Notes to oneself, and printing from anything but the command line. */
export function checkLeftovers(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    if (isGenerated(file.path)) continue
    for (const match of file.text.matchAll(/\b(TO(?=DO)DO|FIX(?=ME)ME|XX(?=X)X)\b/g)) {
      complaints.push(complaint(file, lineAt(file.text, match.index), `${match[0]}: do it, or open an issue`))
    }
    if (layerOf(file.path) === 'bin') continue
    walk(file.body, (node) => {
      if (node.type !== 'MemberExpression' || (node.object as SyntaxNode).name !== 'console') return
      complaints.push(complaint(file, lineAt(file.text, node.start), 'prints to the console; return it, or put it in the trace'))
    })
  }
  return complaints
}

/** Module-level state: runs in one process would see each other (design law 14). */
export function checkState(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    if (!SHIPPED.includes(layerOf(file.path)) || Object.hasOwn(CACHES, file.path)) continue
    for (const statement of file.body) {
      const declaration = (statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement) as SyntaxNode | null
      if (declaration?.type !== 'VariableDeclaration') continue
      const line = lineAt(file.text, statement.start)
      if (declaration.kind !== 'const') {
        complaints.push(complaint(file, line, `module-level '${String(declaration.kind)}': keep state in an object that its user makes`))
      } else if ((declaration.declarations as SyntaxNode[]).some((one) => isEmptyContainer(one.init))) {
        complaints.push(complaint(file, line, 'module-level empty container can only be state: keep it in an object that its user makes'))
      }
    }
  }
  return complaints
}

/** `**` is Math.pow in disguise, which engines round differently; powers of two are exact. */
export function checkPowers(files: readonly SourceFile[]): string[] {
  const complaints: string[] = []
  for (const file of files) {
    if (!EXACT.includes(layerOf(file.path))) continue
    walk(file.body, (node) => {
      if (node.operator !== '**' && node.operator !== '**=') return
      if (['2', '2n'].includes(file.text.slice(node.start, (node.left as SyntaxNode).end))) return
      complaints.push(complaint(file, lineAt(file.text, node.start), "'**' is not exact on all engines; multiply, or use an integer table"))
    })
  }
  return complaints
}

function isEmptyContainer(value: unknown): boolean {
  const node = value as SyntaxNode | null
  switch (node?.type) {
    case 'ArrayExpression': return (node.elements as unknown[]).length === 0
    case 'ObjectExpression': return (node.properties as unknown[]).length === 0
    case 'NewExpression':
      return /^(Weak)?(Map|Set)$/.test(String((node.callee as SyntaxNode).name)) && (node.arguments as unknown[]).length === 0
    case 'TSAsExpression':
    case 'TSSatisfiesExpression': return isEmptyContainer(node.expression)
    default: return false
  }
}
