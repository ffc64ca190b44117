/** What came of the mutants: a row a file, the survivors, and both as Markdown and JSON. */
import { aligned, type Cell, markdownTable } from '../../reports/table.ts'
import type { Mutant } from './mutants.ts'
import type { Judge } from './parts.ts'

export type Fate =
  | { readonly kind: 'scenarios' | 'units'; readonly by: string }
  /** Nobody killed it; `effect`: what it did to the runs of the scenarios. */
  | { readonly kind: 'explained' | 'alive'; readonly effect: string; readonly why: string }
  /** The time was too short. */
  | { readonly kind: 'unjudged' }

export interface Judged {
  readonly mutant: Mutant
  /** What became of it, and what the scenarios saw of it where they did not kill it. */
  readonly fate: Fate
}

const NAMES: Readonly<Record<Judge, string>> = { scenarios: 'scenarios', units: 'unit tests' }
const otherThan = (judge: Judge): Judge => (judge === 'units' ? 'scenarios' : 'units')

/** @param first who judges first; the other gets what that one lets live. */
const titles = (first: Judge): string[] =>
  ['file', 'mutants#', 'judged#', `by ${NAMES[first]}#`, `by ${NAMES[otherThan(first)]} only#`, 'explained#', 'alive#',
    `${NAMES[first]} %#`, 'all %#']

function counts(judged: readonly Judged[]) {
  const of = (kind: Fate['kind']) => judged.filter(({ fate }) => fate.kind === kind).length
  const [scenarios, units, explained, alive] = [of('scenarios'), of('units'), of('explained'), of('alive')]
  return { mutants: judged.length, judged: judged.length - of('unjudged'), scenarios, units, explained, alive }
}
/** Of what nobody has explained away. */
const percent = (part: number, whole: number): string => (whole === 0 ? '-' : ((100 * part) / whole).toFixed(1))

function row(name: string, judged: readonly Judged[], first: Judge): Cell[] {
  const { mutants, judged: count, explained, alive, ...by } = counts(judged)
  const whole = count - explained
  const [ones, others] = [by[first], by[otherThan(first)]]
  return [name, mutants, count, ones, others, explained, alive, percent(ones, whole), percent(ones + others, whole)]
}

function rows(judged: readonly Judged[], first: Judge): Cell[][] {
  const files = [...new Set(judged.map(({ mutant }) => mutant.file))].sort()
  return [...files.map((file) => row(file, judged.filter(({ mutant }) => mutant.file === file), first)), row('all', judged, first)]
}

/** For a terminal. */
export function tableLines(judged: readonly Judged[], first: Judge): string[] {
  return aligned(titles(first), rows(judged, first))
}

const placeOf = ({ file, line }: Mutant): string => `${file}:${line}`

/** One a mutant that lives and is not explained. */
export function survivorLines(judged: readonly Judged[]): string[] {
  return judged.flatMap(({ mutant, fate }) => (fate.kind !== 'alive' ? [] : [
    `${placeOf(mutant)}  ${mutant.operator}, ${fate.effect}`, `  - ${mutant.before}`, `  + ${mutant.after}`,
  ]))
}

export function markdown(head: readonly string[], judged: readonly Judged[], first: Judge): string {
  const list = (kind: Fate['kind'], title: string, told: string, tell: (fate: Fate) => string) => {
    const cells = judged.filter(({ fate }) => fate.kind === kind)
      .map(({ mutant, fate }) => [placeOf(mutant), mutant.before, mutant.after, tell(fate)])
    const table = cells.length === 0 ? [] : [...markdownTable(['place', 'code', 'mutant', told], cells), '']
    return [`## ${title}: ${cells.length}`, '', ...table]
  }
  const by = (fate: Fate) => ('by' in fate ? fate.by : '')
  const effect = (fate: Fate) => ('effect' in fate ? fate.effect : '')
  const why = (fate: Fate) => ('why' in fate ? fate.why : '')
  return [
    '# Mutants', '', ...head, '', ...markdownTable(titles(first), rows(judged, first)), '',
    ...list('alive', 'Survivors', 'effect on the scenarios', effect),
    ...list(otherThan(first), `Killed by ${NAMES[otherThan(first)]} only`, 'by', by),
    ...list('explained', 'Explained', 'why', why),
  ].join('\n')
}

export function json(judged: readonly Judged[], first: Judge): string {
  const keys = titles(first).map((title) => title.replace('#', ''))
  const files = rows(judged, first).map((cells) => Object.fromEntries(cells.map((cell, index) => [keys[index], cell])))
  return `${JSON.stringify({ files, mutants: judged.map(({ mutant, fate }) => ({ ...mutant, fate })) }, null, 1)}\n`
}
