import { describe, expect, it } from 'vitest'
import { type MinimalRun, regressionTest, storyLines, storyMarkdown } from '../../reports/minimal.ts'

const MINIMAL: MinimalRun = {
  scenario: 'late-join', source: 'late-join', seed: 7, verdict: 'ben diverged in frame 57',
  failure: { exit: 1, check: 'convergence', component: 'theta.Transform', field: 'x' },
  items: [{ atUs: 0, words: 'ben joins (ben.join#1)' }, { atUs: 1_234_567, words: 'ben’s datagram 41 to host was lost' }],
  itemsBefore: 412, isMinimal: true, why: ['written by the delta of frame 57'], traceDigest: '0123456789abcdef',
  planJson: '{\n  "version": 2,\n  "scenario": "late-join",\n  "seed": 7,\n  "choices": []\n}\n',
  command: 'npx theta-sim run late-join --plan out/late-join-7/minimal/plan.json', given: { canary: 'a-canary' },
}

describe('the story of the least that fails', () => {
  it('numbers what has to happen, in virtual time, and says how it fails and why', () => {
    expect(storyLines(MINIMAL)).toEqual([
      'late-join, seed 7: ben diverged in frame 57',
      'exit 1, convergence, theta.Transform.x; 2 items of 412',
      '  1. at    0.000 ms  ben joins (ben.join#1)',
      '  2. at 1234.567 ms  ben’s datagram 41 to host was lost',
      'why', '  written by the delta of frame 57',
    ])
    for (const words of ['without any one', 'ben’s datagram 41', 'delta of frame 57', MINIMAL.command, MINIMAL.traceDigest]) {
      expect(storyMarkdown(MINIMAL).toLowerCase()).toContain(words.toLowerCase())
    }
  })

  it('does not claim to be the least where the search was ended', () => {
    const ended = { ...MINIMAL, isMinimal: false }
    expect(storyLines(ended)[1]).toBe('exit 1, convergence, theta.Transform.x; 2 items of 412, and fewer may do')
    expect(storyMarkdown(ended)).toContain('ended before its end')
  })

  it('may have nothing to tell', () => {
    expect(storyLines({ ...MINIMAL, items: [], why: [] })).toHaveLength(2)
  })
})

describe('the test that keeps it', () => {
  it('plans the run, and wants it to converge', () => {
    expect(regressionTest(MINIMAL)).toBe(`import { CATALOGUE, type Plan, simulate } from 'theta-sim'
import 'theta-sim/vitest'
import { expect, test } from 'vitest'

// ben diverged in frame 57
// 1. ben joins (ben.join#1)
// 2. ben’s datagram 41 to host was lost
test("late-join seed 7: exit 1, convergence, theta.Transform.x", async () => {
  const { scenario: story } = CATALOGUE.find(({ scenario }) => scenario.name === "late-join")!
  const plan: Plan = {
    "version": 2,
    "scenario": "late-join",
    "seed": 7,
    "choices": []
  }
  expect(await simulate(story, { plan, canary: "a-canary" })).toConverge()
})
`)
  })

  it('imports the file that a story stands in, and lets no line of a verdict leave its comment', () => {
    const text = regressionTest({ ...MINIMAL, source: 'stories/my.ts', verdict: 'crashed: one\ntwo', given: {} })
    expect(text).toContain('import story from "./stories/my.ts"')
    expect(text).toContain('// crashed: one two')
    expect(text).not.toContain('CATALOGUE')
  })
})
