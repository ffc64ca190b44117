/**
 * What a run was made of, as items that can be left out: its operations, and its choices that did not go the benign way. Each
 * tells the groups that it belongs to, from coarse to fine: its site, its link, what it did there.
 */
import type { Choice } from '../../sim/choice.ts'
import type { TraceRecord } from '../../sim/trace.ts'
import type { RunOutcome } from '../cluster/run.ts'

/** `record`: where in the trace it happened: an operation's own record, or how many there were when the choice was made. */
export type Item =
  | { readonly kind: 'choice'; readonly record: number; readonly choice: Choice; readonly link: string; readonly contents: string }
  | { readonly kind: 'operation'; readonly record: number; readonly label: string }

/** In the order of time. */
export function itemsOf({ records, choices, choiceRecords }: RunOutcome): Item[] {
  const operations = records.flatMap((body, record): Item[] => {
    const label = operationOf(body)
    return label === undefined ? [] : [{ kind: 'operation', record, label }]
  })
  const chosen = choices.map((choice, index): Item => {
    const record = choiceRecords[index]
    const [link, contents] = choice.site.startsWith('net.') ? crossing(records, record) : [`${choice.keyHi}`, '']
    return { kind: 'choice', record, choice, link, contents }
  })
  return [...operations, ...chosen].sort((a, b) => a.record - b.record)
}

export const siteOf = (item: Item): string => (item.kind === 'choice' ? item.choice.site : 'operations')
/** Of an operation: who does it. */
export const linkOf = (item: Item): string => `${siteOf(item)} ${item.kind === 'choice' ? item.link : item.label.split('.')[0]}`
/** Of an operation: what is done. */
export const contentsOf = (item: Item): string => (item.kind === 'choice' ? `${linkOf(item)} ${item.contents}` : item.label.split('#')[0])

const operationOf = (record: TraceRecord): string | undefined =>
  (record.kind === 'note' && record.name === 'operation' ? (record.data as { readonly label: string }).label : undefined)

/** The link and the contents of the datagram that the network was deciding about: the last that was sent. */
function crossing(records: readonly TraceRecord[], before: number): readonly [link: string, contents: string] {
  for (let index = before - 1; index >= 0; index--) {
    const record = records[index]
    if (record.kind === 'sent') return [`${record.from} ${record.to}`, `${record.protocol} ${record.contents}`]
  }
  return ['', '']
}
