/** What came of the mutants: a row a file, the survivors, and both as Markdown and JSON. */
import { aligned, type Cell, markdownTable } from '../../reports/table.ts'
import type { Mutant } from './mutants.ts'

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

const TITLES = ['file', 'mutants#', 'judged#', 'by scenarios#', 'by unit tests only#', 'explained#', 'alive#', 'scenarios %#', 'all %#']

function counts(judged: readonly Judged[]) {
  const of = (kind: Fate['kind']) => judged.filter(({ fate }) => fate.kind === kind).length
  const [scenarios, units, explained, alive] = [of('scenarios'), of('units'), of('explained'), of('alive')]
  return { mutants: judged.length, judged: judged.length - of('unjudged'), scenarios, units, explained, alive }
}
/** Of what nobody has explained away. */
const percent = (part: number, whole: number): string => (whole === 0 ? '-' : ((100 * part) / whole).toFixed(1))

function row(name: string, judged: readonly Judged[]): Cell[] {
  const { mutants, judged: count, scenarios, units, explained, alive } = counts(judged)
  const whole = count - explained
  return [name, mutants, count, scenarios, units, explained, alive, percent(scenarios, whole), percent(scenarios + units, whole)]
}

function rows(judged: readonly Judged[]): Cell[][] {
  const files = [...new Set(judged.map(({ mutant }) => mutant.file))].sort()
  return [...files.map((file) => row(file, judged.filter(({ mutant }) => mutant.file === file))), row('all', judged)]
}

/** For a terminal. */
export function tableLines(judged: readonly Judged[]): string[] {
  return aligned(TITLES, rows(judged))
}

const placeOf = ({ file, line }: Mutant): string => `${file}:${line}`

/** One a mutant that lives and is not explained. */
export function survivorLines(judged: readonly Judged[]): string[] {
  return judged.flatMap(({ mutant, fate }) => (fate.kind !== 'alive' ? [] : [
    `${placeOf(mutant)}  ${mutant.operator}, ${fate.effect}`, `  - ${mutant.before}`, `  + ${mutant.after}`,
  ]))
}

export function markdown(head: readonly string[], judged: readonly Judged[]): string {
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
    '# Mutants', '', ...head, '', ...markdownTable(TITLES, rows(judged)), '',
    ...list('alive', 'Survivors', 'effect on the scenarios', effect),
    ...list('units', 'Killed by unit tests only', 'by', by),
    ...list('explained', 'Explained', 'why', why),
  ].join('\n')
}

export function json(judged: readonly Judged[]): string {
  const files = rows(judged).map((cells) => Object.fromEntries(cells.map((cell, index) => [TITLES[index].replace('#', ''), cell])))
  return `${JSON.stringify({ files, mutants: judged.map(({ mutant, fate }) => ({ ...mutant, fate })) }, null, 1)}\n`
}
