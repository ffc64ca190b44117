/** The parts of the mutation script that can be tried without it: what is made, what is explained, what is told. */
import { describe, expect, it } from 'vitest'
import { Explained } from './explained.ts'
import { type Mutant, mutate, withoutCounters } from './mutants.ts'
import { json, type Judged, survivorLines, tableLines } from './report.ts'

const FILE = 'system/commands/admission.ts'
const epoch = 'if (entry.epoch !== epoch) return \'epoch\''
const mutant = (after: string, over: Partial<Mutant> = {}): Mutant =>
  ({ id: '1', file: FILE, line: 62, operator: 'ConditionalExpression', before: epoch, after, ...over })
const never = mutant('if (false) return \'epoch\'')

describe('mutants', () => {
  it('are told as the line that they change, before and after', async () => {
    const { mutants, sources } = await mutate([FILE])
    expect(mutants).toContainEqual(expect.objectContaining({ file: FILE, operator: never.operator, before: epoch, after: never.after }))
    expect(mutants.every(({ before, after }) => before !== after)).toBe(true)
    const switches = (text: string) => new Set([...text.matchAll(/stryMutAct_9fa48\("(\d+)"\)/g)].map(([, id]) => id))
    const [counting, bare] = [sources, withoutCounters(sources)].map((files) => files.get(FILE)!)
    expect(switches(bare)).toEqual(new Set(mutants.map(({ id }) => id)))
    expect(switches(counting)).toEqual(switches(bare))
    expect([counting, bare].map((text) => text.includes('stryCov_9fa48("'))).toEqual([true, false])
  })

  it('are none in assertions, none in marks and none of texts', async () => {
    const { mutants } = await mutate(['system/commands/log.ts'])
    expect(mutants.length).toBeGreaterThan(100)
    const wrong = mutants.filter(({ before, operator }) =>
      /^assert\(|^if \([^{]*\.sometimes\(/.test(before) || operator === 'StringLiteral')
    expect(wrong).toEqual([])
  })
})

describe('explanations', () => {
  const explained = new Explained([{ file: FILE, why: 'nobody need care', mutants: [[epoch, never.after]] }])

  it('are found by file and code, on whatever line it stands', () => {
    expect(explained.whyOf({ ...never, line: 7, id: '9' })).toBe('nobody need care')
    expect(explained.whyOf(mutant('if (true) return \'epoch\''))).toBeUndefined()
    expect(explained.whyOf({ ...never, file: 'system/commands/fold.ts' })).toBeUndefined()
  })

  it('that fit no survivor are told, for the files that were asked about', () => {
    expect(explained.stale([FILE], [never])).toEqual([])
    expect(explained.stale([FILE], [])).toEqual([`${FILE}: ${epoch}  =>  ${never.after}`])
    expect(explained.stale(['system/commands/fold.ts'], [])).toEqual([])
  })
})

describe('the report', () => {
  const judged: Judged[] = [
    { mutant: never, fate: { kind: 'scenarios', by: 'loopback-120 1: exit 1' } },
    { mutant: mutant('b'), fate: { kind: 'units', by: 'a test' } },
    { mutant: mutant('c'), fate: { kind: 'explained', effect: 'none', why: 'the same' } },
    { mutant: mutant('d'), fate: { kind: 'alive', effect: 'loopback-120 1: changed', why: '' } },
    { mutant: mutant('e'), fate: { kind: 'unjudged' } },
  ]

  it('counts explained mutants and those not judged in no score', () => {
    expect(tableLines(judged, 'scenarios').at(-1)!.split(/\s+/)).toEqual(['all', '5', '4', '1', '1', '1', '1', '33.3', '66.7'])
    const files = [{ file: FILE, alive: 1 }, { file: 'all', mutants: 5, 'scenarios %': '33.3' }]
    expect(JSON.parse(json(judged, 'scenarios'))).toMatchObject({ files })
  })

  it('lists who lives and is not explained, with place, effect and code', () => {
    expect(survivorLines(judged)).toEqual([`${FILE}:62  ConditionalExpression, loopback-120 1: changed`, `  - ${epoch}`, '  + d'])
  })
})
