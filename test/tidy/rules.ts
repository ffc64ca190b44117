/**
 * The numbered rules of `system/SPEC.md` and the tests that show them: each rule's id stands in a test's title, and no
 * test cites a rule that is not there.
 */
import { type SourceFile, type SyntaxNode, complaint, lineAt, walk } from './source.ts'

const SPEC = 'system/SPEC.md'
const RULE_ID = /\bR-[A-Z]+-\d+\b/g

/** @param spec the text of SPEC.md, `undefined` when there is none. */
export function checkRules(spec: string | undefined, tests: readonly SourceFile[]): string[] {
  if (spec === undefined) return [`${SPEC}:1: is missing`]
  const complaints: string[] = []
  const lines = new Map<string, number>()
  for (const match of spec.matchAll(/\*\*(R-[A-Z]+-\d+)\*\*/g)) {
    const id = match[1]
    const line = lineAt(spec, match.index)
    const earlier = lines.get(id)
    if (earlier !== undefined) complaints.push(`${SPEC}:${line}: ${id} is defined on line ${earlier} already`)
    else lines.set(id, line)
  }
  if (lines.size === 0) complaints.push(`${SPEC}:1: defines no rule; write each as **R-LOG-1**`)
  const shown = new Set<string>()
  for (const test of tests) {
    for (const title of titlesOf(test)) {
      for (const [id] of title.text.matchAll(RULE_ID)) {
        shown.add(id)
        if (!lines.has(id)) complaints.push(complaint(test, title.line, `cites ${id}, which ${SPEC} does not define`))
      }
    }
  }
  for (const [id, line] of lines) {
    if (!shown.has(id)) complaints.push(`${SPEC}:${line}: no test has ${id} in its title`)
  }
  return complaints
}

/** Titles of `it` and `test` calls, `.each` and `.for` included, when they are written out; a group's title shows nothing. */
function titlesOf(file: SourceFile): { text: string; line: number }[] {
  const titles: { text: string; line: number }[] = []
  if (!file.path.endsWith('.test.ts')) return titles
  walk(file.body, (node) => {
    if (node.type !== 'CallExpression' || !/^(it|test)\b/.test(file.text.slice(node.start, node.end))) return
    const title = (node.arguments as SyntaxNode[])[0]
    if (title === undefined || !/^(Literal|TemplateLiteral)$/.test(title.type)) return
    titles.push({ text: file.text.slice(title.start, title.end), line: lineAt(file.text, title.start) })
  })
  return titles
}
