import { describe, expect, it } from 'vitest'
import { parsePlan, type Plan, planOf, stringifyPlan } from '../../sim/plan.ts'

const PLAN: Plan = {
  version: 2, scenario: 'late-join', seed: 7, operations: ['ana.join#1', 'ana.click#3'],
  choices: [{ site: 'drop', key: '00000001ffffffff', alternative: 1 }, { site: 'delay', key: '0000000000000002', alternative: 12 }],
}

describe('a plan', () => {
  it('has one text, and comes back from it', () => {
    const text = stringifyPlan(PLAN)
    expect(text).toBe(`{
  "version": 2,
  "scenario": "late-join",
  "seed": 7,
  "choices": [
    {"site":"drop","key":"00000001ffffffff","alternative":1},
    {"site":"delay","key":"0000000000000002","alternative":12}
  ],
  "operations": [
    "ana.join#1",
    "ana.click#3"
  ]
}
`)
    expect(parsePlan(text)).toEqual({ kind: 'plan', plan: PLAN })
    const choices = PLAN.choices.map(({ site, key, alternative }) => ({ alternative, key, site }))
    expect(stringifyPlan({ operations: PLAN.operations, choices, seed: 7, scenario: 'late-join', version: 2 })).toBe(text)
  })

  it('may leave out its operations, which then are all, and may be empty', () => {
    const parsed = parsePlan('{"version":2,"scenario":"a","seed":"b","choices":[]}')
    expect(parsed).toEqual({ kind: 'plan', plan: planOf('a', 'b', []) })
    expect(parsePlan(stringifyPlan(planOf('a', 'b', [])))).toEqual(parsed)
    const none = planOf('a', 'b', [], [])
    expect(parsePlan(stringifyPlan(none))).toEqual({ kind: 'plan', plan: none })
  })

  const choice = '{"site":"drop","key":"0000000000000001","alternative":1}'
  const withChoices = (choices: string): string => `{"version":2,"scenario":"a","seed":1,"choices":${choices}}`
  it.each([
    ['{"version":2', 'not valid JSON'],
    ['[]', 'expected an object'],
    ['{"version":1}', 'expected version 2, got 1'],
    ['{}', 'expected version 2, got undefined'],
    ['{"version":2,"scenari":"a"}', 'unknown field "scenari"'],
    ['{"version":2}', 'expected "scenario" to be a string'],
    ['{"version":2,"scenario":"a","seed":0.5}', 'expected "seed" to be a string or a safe integer'],
    ['{"version":2,"scenario":"a","seed":1}', 'expected "choices" to be an array'],
    ['{"version":2,"scenario":"a","seed":1,"choices":[],"operations":[1]}', 'expected "operations" to be an array of strings'],
    [withChoices('[1]'), 'choice 0: expected an object'],
    [withChoices(`[${choice},${choice}]`), 'choice 1: a second choice for "drop" and key 0000000000000001'],
    [withChoices('[{"site":1}]'), 'choice 0: expected "site" to be a string'],
    [withChoices('[{"site":"drop","kee":""}]'), 'choice 0: unknown field "kee"'],
    [withChoices('[{"site":"drop","key":"000000000000000G"}]'), 'choice 0: expected "key" to be 16 lower-case hexadecimal digits'],
    [withChoices(`[${choice.replace(':1}', ':0}')}]`), 'choice 0: expected "alternative" to be an integer of [1, 1023]'],
    [withChoices(`[${choice.replace(':1}', ':1024}')}]`), 'choice 0: expected "alternative" to be an integer of [1, 1023]'],
  ])('is refused in one line: %s', (text, why) => {
    expect(parsePlan(text)).toEqual({ kind: 'invalid', why })
  })
})
