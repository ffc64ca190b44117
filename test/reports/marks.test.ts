import { expect, it } from 'vitest'
import type { RunRecord } from '../../reports/input.ts'
import { reportMarkdown } from '../../reports/markdown.ts'
import { countHits } from '../../reports/marks.ts'
import { buildReport } from '../../reports/report.ts'
import { ANA, frameClosed, HOST, INFO, note } from './records.ts'

const mark = (atUs: number, node: number, name: string): RunRecord =>
  ({ kind: 'note', name: 'mark', data: { event: 'mark', name }, atUs, node })
const point = (atUs: number, name: string): RunRecord =>
  ({ kind: 'note', name: 'faultPoint', data: { event: 'faultPoint', name, keyHi: 1, keyLo: 2 }, atUs, node: HOST })
const RECORDS = [
  note(0, HOST, frameClosed(6)), mark(1, HOST, 'a gap'), point(2, 'a frame waits'), mark(3, ANA, 'a gap'),
  mark(4, ANA, '__proto__ of a gap'),
]

it('rare states and fault points are counted by name, over all peers', () => {
  expect(countHits(RECORDS, 'mark')).toEqual({ 'a gap': 2, '__proto__ of a gap': 1 })
  expect(countHits(RECORDS, 'faultPoint')).toEqual({ 'a frame waits': 1 })
  expect(countHits([], 'mark')).toEqual({})
})

it('a report has a table of each, and none where nothing was seen', () => {
  const told = reportMarkdown(buildReport(RECORDS, INFO))
  expect(told).toMatch(/## Rare states\n\n\| state +\| times \|\n[^\n]+\n\| __proto__ of a gap +\| +1 \|\n\| a gap +\| +2 \|/)
  expect(told).toMatch(/## Fault points\n\n\| point +\| times \|\n[^\n]+\n\| a frame waits +\| +1 \|/)
  expect(reportMarkdown(buildReport(RECORDS.slice(0, 1), INFO))).not.toMatch(/## (Rare states|Fault points)/)
})
