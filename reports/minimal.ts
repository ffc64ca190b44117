/** What is told of the least that fails: its story, for people, and a test that keeps it, for a repository. */
import { counted } from './table.ts'
import type { FailureKind } from './input.ts'
import { milliseconds } from './percentiles.ts'

export interface MinimalRun {
  readonly scenario: string
  /** A name or a path: what stands after `theta-sim run`. */
  readonly source: string
  readonly seed: string | number
  readonly verdict: string
  readonly failure: FailureKind
  /** What has to happen, in the order of time. */
  readonly items: readonly { readonly atUs: number; readonly words: string }[]
  /** How many there were before. */
  readonly itemsBefore: number
  readonly isMinimal: boolean
  /** From the differing byte back to its fault, a line a link. */
  readonly why: readonly string[]
  readonly traceDigest: string
  readonly planJson: string
  /** One command that runs it. */
  readonly command: string
  /** What `simulate` is to be given beside the plan: frames, a canary, a tampering. */
  readonly given: Readonly<Record<string, unknown>>
}

/** How it failed, in a few words. */
export const kindInWords = ({ exit, check, component, field }: FailureKind): string =>
  [`exit ${exit}`, check, [component, field].filter((word) => word !== '').join('.')].filter((word) => word !== '').join(', ')

/** For a terminal. */
export function storyLines({ scenario, seed, verdict, failure, items, itemsBefore, isMinimal, why }: MinimalRun): string[] {
  const width = Math.max(0, ...items.map(({ atUs }) => milliseconds(atUs).length))
  return [
    `${scenario}, seed ${seed}: ${verdict}`,
    `${kindInWords(failure)}; ${counted(items.length, 'item')} of ${itemsBefore}${isMinimal ? '' : ', and fewer may do'}`,
    ...items.map(({ atUs, words }, index) => `  ${index + 1}. at ${milliseconds(atUs).padStart(width)} ms  ${words}`),
    ...(why.length === 0 ? [] : ['why', ...why.map((line) => `  ${line}`)]),
  ]
}

export function storyMarkdown(minimal: MinimalRun): string {
  const { scenario, seed, verdict, failure, items, itemsBefore, isMinimal, why, traceDigest, command } = minimal
  const least = isMinimal
    ? 'Without any one of these it does not fail this way:'
    : 'The search was ended before its end; without some of these it may fail the same way:'
  return `${[
    `# The least of ${scenario}, seed ${seed}`, '',
    `${verdict}.`, '',
    `Kind of failure: ${kindInWords(failure)}. ${counted(items.length, 'item')} of ${itemsBefore} are left. ${least}`, '',
    ...items.map(({ atUs, words }, index) => `${index + 1}. at ${milliseconds(atUs)} ms: ${words}`), '',
    ...(why.length === 0 ? [] : ['## Why', '', ...why.map((line) => `- ${line}`), '']),
    '## Again', '', '```', command, '```', '',
    `Its trace has the digest ${traceDigest}, on every machine. \`regression.test.ts\` beside this file keeps it.`,
  ].join('\n')}\n`
}

/** A test to paste into a repository that depends on the package. It is red until the fault is mended. */
export function regressionTest({ scenario, source, seed, verdict, failure, items, planJson, given }: MinimalRun): string {
  const isFile = source.includes('/')
  const plan = planJson.trimEnd().replaceAll('\n', '\n  ')
  const options = ['plan', ...Object.entries(given).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)].join(', ')
  return `${[
    `import { ${isFile ? '' : 'CATALOGUE, '}type Plan, simulate } from 'theta-sim'`,
    `import 'theta-sim/vitest'`,
    `import { expect, test } from 'vitest'`,
    ...(isFile ? [`import story from ${JSON.stringify(/^[./]/.test(source) ? source : `./${source}`)}`] : []),
    '',
    ...[verdict, ...items.map(({ words }, index) => `${index + 1}. ${words}`)].map((line) => `// ${line.replaceAll(/\s+/g, ' ')}`),
    `test(${JSON.stringify(`${scenario} seed ${seed}: ${kindInWords(failure)}`)}, async () => {`,
    ...(isFile ? [] : [`  const { scenario: story } = CATALOGUE.find(({ scenario }) => scenario.name === ${JSON.stringify(scenario)})!`]),
    `  const plan: Plan = ${plan}`,
    `  expect(await simulate(story, { ${options} })).toConverge()`,
    '})',
  ].join('\n')}\n`
}
