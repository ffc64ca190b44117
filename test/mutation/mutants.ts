/**
 * Mutants, made by Stryker's instrumenter: all of them are compiled in at once, and a global switches one
 * on. So a run costs what a run costs, and not a build.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { build, type Plugin } from 'esbuild'

/** This module runs as a part of out/mutation/main.js. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Mutant {
  /** Of this instrumentation alone: another state of the sources numbers them anew. */
  readonly id: string
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Of the tool: `ConditionalExpression`, for instance. */
  readonly operator: string
  /** The lines that it changes, as they are and as it makes them, on one line each. */
  readonly before: string
  readonly after: string
}

export interface Mutated {
  readonly mutants: readonly Mutant[]
  /** By path from the root: the TypeScript with all mutants in it, and counters of which are passed. */
  readonly sources: ReadonlyMap<string, string>
}

/** Texts are for people, or of a literal type, so that the compiler turns an empty one away. */
const OPERATORS_LEFT_OUT = ['StringLiteral', 'Regex']

type Logger = ConstructorParameters<typeof Instrumenter>[0]
const ignore = (): void => {}
const SILENT: Logger = {
  isTraceEnabled: () => false, isDebugEnabled: () => false, isInfoEnabled: () => false, isWarnEnabled: () => false,
  isErrorEnabled: () => false, isFatalEnabled: () => false,
  trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore,
}

/** What the tool hands out is a path of Babel's, whose nodes these are. */
interface SyntaxNode {
  readonly type: string
  readonly expression?: SyntaxNode
  readonly argument?: SyntaxNode | null
  readonly callee?: { readonly name?: string; readonly property?: { readonly name?: string } }
  readonly consequent?: SyntaxNode
  readonly alternate?: SyntaxNode | null
  readonly body?: readonly SyntaxNode[]
}

/** An assertion never fails, so that a weaker one shows nowhere. */
const isAssertion = ({ type, callee }: SyntaxNode): boolean => type === 'CallExpression' && callee?.name === 'assert'

/** A mark says that something rare has happened, and nothing comes of it; whether all are reached is for a sweep to see. */
function isMark(node: SyntaxNode): boolean {
  switch (node.type) {
    case 'ExpressionStatement': return isMark(node.expression!)
    case 'ReturnStatement': return !!node.argument && isMark(node.argument)
    case 'CallExpression': return node.callee?.property?.name === 'sometimes'
    case 'IfStatement': return isMark(node.consequent!) && (!node.alternate || isMark(node.alternate))
    case 'BlockStatement': return node.body!.some(isMark) && node.body!.every((one) => one.type === 'VariableDeclaration' || isMark(one))
    default: return false
  }
}

/** @param files from the root. */
export async function mutate(files: readonly string[]): Promise<Mutated> {
  const originals = new Map(files.map((name) => [name, readFileSync(join(ROOT, name), 'utf8')]))
  const { files: instrumented, mutants } = await new Instrumenter(SILENT).instrument(
    [...originals].map(([name, content]) => ({ name, content, mutate: true })),
    {
      plugins: null, excludedMutations: OPERATORS_LEFT_OUT,
      ignorers: [{
        shouldIgnore: (path) => {
          const { node } = path as { readonly node: SyntaxNode }
          return isAssertion(node) || isMark(node) ? 'an assertion, or a mark' : undefined
        },
      }],
    },
  )
  return {
    sources: new Map(instrumented.map(({ name, content }) => [name, content])),
    mutants: mutants.filter(({ status }) => status === undefined).map(({ id, fileName: file, mutatorName: operator, ...mutant }) => {
      const { location: { start, end }, replacement } = mutant
      const lines = originals.get(file)!.split('\n').slice(start.line, end.line + 1)
      const [head, tail] = [lines[0].slice(0, start.column), lines.at(-1)!.slice(end.column)]
      return { id, file, line: start.line + 1, operator, before: onOneLine(lines.join('\n')), after: onOneLine(head + replacement + tail) }
    }),
  }
}

/** What is longer is cut in its middle. */
const TEXT_CHARACTERS_MAX = 160

function onOneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= TEXT_CHARACTERS_MAX ? line : `${line.slice(0, TEXT_CHARACTERS_MAX - 40)} … ${line.slice(-37)}`
}

/** The same without the counters, which take as long as all the rest. */
export const withoutCounters = (sources: Mutated['sources']): Mutated['sources'] =>
  new Map([...sources].map(([name, content]) => [name, content.replaceAll(/stryCov_9fa48\(("\d+"(, )?)+\)/g, '0')]))

/** Gives the mutated sources to esbuild in place of the files. */
const inPlace = (sources: Mutated['sources']): Plugin => ({
  name: 'mutants',
  setup: (setup) => {
    setup.onLoad({ filter: /\/(sim|system)\/.*\.ts$/ }, ({ path }) => {
      const contents = sources.get(path.slice(ROOT.length))
      return contents === undefined ? undefined : { contents, loader: 'ts' }
    })
  },
})

/** Makes one module of `entry` and all of ours that it imports, with the mutants in it. */
export async function bundle(entry: string, outfile: string, sources: Mutated['sources']): Promise<void> {
  await build({
    entryPoints: [join(ROOT, entry)], outfile: join(ROOT, outfile), bundle: true, packages: 'external', format: 'esm', platform: 'node',
    target: 'node20', sourcemap: 'linked', logLevel: 'silent', plugins: [inPlace(sources)],
  })
}
