/** JUnit XML: well-formed whatever stands in a verdict, every red seed a case, green ones in blocks, counts that add up. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { junitXml } from '../../reports/junit.ts'
import type { SweepPlan } from '../../reports/sweep-plan.ts'
import { type SeedRecord, type SweepSummary, SweepTally } from '../../reports/sweep.ts'

const PLAN: SweepPlan = {
  scenarios: ['story', './a&b.ts'], isWhole: true, first: 1, last: 250, shard: { index: 1, of: 1 }, verifier: 'node',
}

function summaryOf(plan: SweepPlan, isRed: (seed: number) => boolean, seedLast: number, verdict = 'diverged'): SweepSummary {
  const tally = new SweepTally(plan, {})
  for (let seed = plan.first; seed <= seedLast; seed++) {
    for (const scenario of plan.scenarios.keys()) {
      const red = { exit: 1, verdict, failure: { exit: 1, check: 'world', component: 'Transform', field: '' } } as const
      const record: SeedRecord = {
        scenario, seed, name: 'x', exit: 0, verdict: '', events: 9, digest: '0', tookUs: 1, counters: {}, marks: {}, latencies: {},
      }
      tally.add(isRed(seed) ? { ...record, ...red } : record)
    }
  }
  return tally.summary()
}

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Elements of a document that has no other markup than tags; fails where they do not close. */
function elements(xml: string): Element[] {
  const found: Element[] = []
  const open: string[] = []
  const body = xml.replace(/^<\?xml[^>]*\?>/, '')
  expect(body.replaceAll(/<\/?[a-z]+(?: [a-z]+="[^"<]*")*\/?>/g, '')).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#\d+);)/)
  for (const [tag, slash, name, attributes, empty] of body.matchAll(/<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g)) {
    if (slash === '/') expect(open.pop(), tag).toBe(name)
    const pairs = Array.from(attributes.matchAll(/ ([a-z]+)="([^"]*)"/g), ([, ...pair]) => pair)
    if (slash !== '/') found.push({ name, attributes: Object.fromEntries(pairs) as Element['attributes'] })
    if (slash === '' && empty === '') open.push(name)
  }
  expect(open).toEqual([])
  return found
}

describe('junitXml', () => {
  it('has a failing case a red seed and a passing one a block of a hundred', () => {
    const xml = junitXml(summaryOf(PLAN, (seed) => seed === 7 || seed === 207, 250))
    const cases = elements(xml).filter(({ name }) => name === 'testcase').map(({ attributes }) => attributes)
    expect(cases.slice(0, 5)).toEqual(
      ['seed 7', 'seed 207', 'seeds 1..100: 99 green', 'seeds 101..200: 100 green', 'seeds 201..250: 49 green']
        .map((name) => ({ classname: 'story', name })))
    expect(xml).toContain('<failure type="exit 1 world Transform" message="diverged">'
      + 'again: npx theta-sim run story --seed 7 --verifier node</failure>')
    expect(xml).toContain('<testsuite name="./a&amp;b.ts" tests="5" failures="2" errors="0" skipped="0">')
    expect(xml).toContain('<testsuites name="theta-sim sweep" tests="10" failures="4" errors="0" skipped="0">')
  })

  it('says what was not run, and names the seeds of a shard', () => {
    expect(junitXml(summaryOf(PLAN, () => false, 30))).toContain(
      'name="seeds 1..100: 70 not run"><skipped message="the sweep ended before"/></testcase>')
    const shard = { ...PLAN, first: 10, last: 20, shard: { index: 2, of: 4 } }
    expect(junitXml(summaryOf(shard, () => false, 20))).toContain('name="seeds 11..19 by 4: 3 green"')
  })

  it('names rare states that were never reached', () => {
    const found = elements(junitXml({ ...summaryOf(PLAN, () => false, 250), neverReached: ['a <rare> state'] }))
    expect(found.at(-2)).toEqual({ name: 'testcase', attributes: { classname: 'rare states', name: 'a &lt;rare&gt; state' } })
    expect(found[0].attributes).toMatchObject({ tests: '7', failures: '1' })
  })

  it('escapes whatever a verdict holds, to characters that XML has', () => {
    expect(junitXml(summaryOf(PLAN, () => true, 1, 'a <b> & "c"\n\u0000\u001B\uD800\uFFFE]]>é😀'))).toContain(
      'message="a &lt;b&gt; &amp; &quot;c&quot;&#10;\\u0000\\u001b\\ud800\\ufffe]]&gt;é😀"')
    const summary = summaryOf(PLAN, () => true, 1)
    // Half of them trouble, lone surrogates among it.
    const unit = fc.oneof(fc.nat(0xffff).map((code) => String.fromCharCode(code)), fc.constantFrom(...'<>&"\'\0\n\uFFFF\uDC00'.split('')))
    fc.assert(fc.property(fc.string({ unit }), (verdict) => {
      const failures = summary.failures.map((group) => ({ ...group, runs: group.runs.map((run) => ({ ...run, verdict })) }))
      const xml = junitXml({ ...summary, failures })
      expect(elements(xml).filter(({ name }) => name === 'failure')).toHaveLength(2)
      // XML 1.0, 2.2: Char.
      expect(xml).toMatch(/^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u)
    }))
  })
})
