/** Sweeps: shards that cover, sums that do not depend on the order, failures merged by kind, what must be reached. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { percentiles } from '../../reports/percentiles.ts'
import { SweepHistogram } from '../../reports/sweep-histogram.ts'
import { againCommand, numberOf, runAt, runsOf, sweepCommand, type SweepPlan } from '../../reports/sweep-plan.ts'
import { sweepJson, sweepLines, sweepMarkdown, sweepVerdict } from '../../reports/sweep-text.ts'
import { neverReached, type SeedRecord, SweepTally } from '../../reports/sweep.ts'

const PLAN: SweepPlan = {
  scenarios: ['loopback-120', './mine.ts'], isWhole: false, first: 1, last: 150, shard: { index: 1, of: 1 }, verifier: 'node',
}
const CODE = { version: '1.2.3', sourceDigest: 'd1' }

/** Seeds that end in 7 diverge, in one of two ways; seeds that end in 9 hang. */
function recordOf(plan: SweepPlan, number: number): SeedRecord {
  const { scenario, seed } = runAt(plan, number)
  const field = seed % 20 === 7 ? 'position' : 'rotation'
  const diverged: SeedRecord['failure'] = { exit: 1, check: 'world', component: 'Transform', field }
  const failed = { exit: 1, verdict: `diverged at frame ${seed}`, failure: diverged }
  const hung: SeedRecord['failure'] = { exit: 3, check: 'thread', component: 'hung', field: '' }
  const lost = { exit: 3, verdict: 'no end', failure: hung, events: 0, digest: '' }
  return {
    scenario, seed, name: scenario === 0 ? 'loopback-120' : 'mine', exit: 0, verdict: 'converged', events: 1000 - seed,
    digest: (0xffff_ffff_ffff_0000n + BigInt(seed)).toString(16), tookUs: (seed * 977) % 5000,
    counters: { packetsSent: seed }, marks: seed % 5 < 2 ? { [seed % 5 === 0 ? 'a fifth seed' : 'one after']: 1 } : {},
    latencies: { commandAdmit: [seed, 2], join: [7, 1] },
    ...(seed % 10 === 7 ? failed : {}), ...(seed % 10 === 9 ? lost : {}),
  }
}

function tallied(plan: SweepPlan, numbers: readonly number[], catalogue = {}): SweepTally {
  const tally = new SweepTally(plan, catalogue)
  for (const number of numbers) tally.add(recordOf(plan, number))
  return tally
}
const all = (plan: SweepPlan): number[] => Array.from({ length: runsOf(plan) }, (_, number) => number)

describe('a plan', () => {
  it('is covered by its shards, each run by one of them', () => {
    fc.assert(fc.property(
      fc.maxSafeNat().map((seed) => Math.max(seed - 100, 0)), fc.nat(60), fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 3 }),
      (first, more, of, scenarios) => {
        const whole = { ...PLAN, first, last: first + more, scenarios: ['a', 'b', 'c'].slice(0, scenarios) }
        const shards = Array.from({ length: of }, (_, index) => ({ ...whole, shard: { index: index + 1, of } }))
        const runsIn = (plan: SweepPlan): string[] =>
          all(plan).map((number) => runAt(plan, number)).map(({ scenario, seed }) => `${scenario} ${seed}`)
        const names = shards.flatMap(runsIn)
        expect(new Set(names).size).toBe(names.length)
        expect(new Set(names)).toEqual(new Set(runsIn(whole)))
        for (const shard of shards) for (const number of all(shard)) expect(numberOf(shard, runAt(shard, number))).toBe(number)
      },
    ), { numRuns: 60 })
  })

  it('knows what is none of its runs', () => {
    const shard = { ...PLAN, shard: { index: 2, of: 4 } }
    for (const stray of [{ scenario: 0, seed: 1 }, { scenario: 2, seed: 2 }, { scenario: 0, seed: 154 }, { scenario: 0, seed: -2 }]) {
      expect(numberOf(shard, stray)).toBeUndefined()
    }
    expect(numberOf(shard, { scenario: 1, seed: 6 })).toBe(3)
  })

  it('says how it is done again', () => {
    expect(againCommand(PLAN, { scenario: 1, seed: 7 })).toBe('npx theta-sim run ./mine.ts --seed 7 --verifier node')
    const shard = { ...PLAN, isWhole: true, shard: { index: 2, of: 4 }, canary: 'deaf' }
    expect(sweepCommand(shard)).toBe('npx theta-sim sweep --seeds 1..150 --shard 2/4 --verifier node --canary deaf')
  })
})

describe('a histogram', () => {
  it('is within 0.1% of nearest rank, below it, and exact up to 2,047', () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.nat(3000), fc.nat({ max: 2 ** 40 })), { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = new SweepHistogram()
      histogram.addValues(values)
      const [found, exact] = [histogram.percentiles()!, percentiles(values)]
      expect(found.count).toBe(exact.count)
      for (const rank of ['p50Us', 'p90Us', 'p99Us', 'maxUs'] as const) {
        expect(found[rank]).toBeLessThanOrEqual(exact[rank])
        expect(found[rank]).toBeGreaterThanOrEqual(exact[rank] < 2048 ? exact[rank] : exact[rank] * 0.999)
      }
    }))
  })

  it('of parts is that of the whole', () => {
    fc.assert(fc.property(fc.array(fc.nat({ max: 1e9 })), fc.nat(), (values, cut) => {
      const [whole, left, right] = [new SweepHistogram(), new SweepHistogram(), new SweepHistogram()]
      whole.addValues(values)
      left.addValues(values.slice(0, cut))
      right.addValues(values.slice(cut))
      left.addPairs(right.pairs())
      expect(left.pairs()).toEqual(whole.pairs())
    }))
    expect(new SweepHistogram().percentiles()).toBeUndefined()
  })
})

describe('a tally', () => {
  it('comes to the same in any order and in two sittings, to the byte', () => {
    const numbers = all(PLAN)
    const json = sweepJson(tallied(PLAN, numbers).summary(), CODE)
    const markdown = sweepMarkdown(tallied(PLAN, numbers).summary())
    fc.assert(fc.property(fc.shuffledSubarray(numbers, { minLength: numbers.length }), (shuffled) => {
      // A journal may hold a run twice.
      const summary = tallied(PLAN, [...shuffled, ...shuffled.slice(0, 50)]).summary()
      expect(sweepJson(summary, CODE)).toBe(json)
      expect(sweepMarkdown(summary)).toBe(markdown)
    }), { numRuns: 10 })
    expect(json).not.toContain('tookUs')
  })

  it('merges failures by kind: the shortest trace first, lost runs last', () => {
    const { failures, red, done, exit } = tallied(PLAN, all(PLAN)).summary()
    // 15 seeds end in 7, 15 in 9; two scenarios.
    expect({ done, red, exit }).toEqual({ done: 300, red: 60, exit: 1 })
    expect(failures.map(({ kind, count, first, fastest }) => [kind.component, kind.field, count, first.seed, fastest.seed])).toEqual([
      ['Transform', 'position', 16, 7, 147], ['Transform', 'rotation', 14, 17, 137], ['hung', '', 30, 9, 9],
    ])
  })

  it('keeps the reports of the first 20 of each kind, whatever the order', () => {
    const plan = { ...PLAN, last: 1000 }
    const reds = all(plan).filter((number) => runAt(plan, number).seed % 20 === 7)
    fc.assert(fc.property(fc.shuffledSubarray(reds, { minLength: reds.length }), (shuffled) => {
      const tally = new SweepTally(plan, {})
      const kept = new Set<string>()
      for (const number of shuffled) {
        const record = recordOf(plan, number)
        const { isKept, instead } = tally.add(record)
        if (isKept) kept.add(`${record.name} ${record.seed}`)
        if (instead !== undefined) kept.delete(`${instead.name} ${instead.seed}`)
      }
      const first = reds.slice(0, 20).map((number) => recordOf(plan, number)).map(({ name, seed }) => `${name} ${seed}`)
      expect([...kept].sort()).toEqual(first.sort())
      expect(tally.summary().failures[0].reported.map(({ number }) => number)).toEqual(reds.slice(0, 20))
    }), { numRuns: 20 })
  })

  it('ends with the smallest exit of its runs', () => {
    const exitOf = (numbers: number[]): number => tallied(PLAN, numbers).summary().exit
    expect(exitOf([0, 2])).toBe(0)
    expect(exitOf([16])).toBe(3)
    expect(exitOf([16, 12])).toBe(1)
  })

  it('tells what it ran, and what is missing', () => {
    expect(sweepVerdict(tallied(PLAN, all(PLAN)).summary())).toBe('300 runs (150 seeds of 1..150, 2 scenarios): 60 red')
    const partly = tallied({ ...PLAN, shard: { index: 1, of: 3 } }, [0, 1, 4]).summary()
    expect(sweepVerdict(partly)).toBe('3 runs of 100, not complete (50 seeds of 1..150, shard 1/3, 2 scenarios): 1 red')
    expect(JSON.parse(sweepJson(partly, CODE))).toMatchObject({ isComplete: false, done: 3, planned: 100 })
    const lines = sweepLines(tallied(PLAN, all(PLAN)).summary(), [undefined, undefined])
    expect(lines).toContain('  again:          npx theta-sim run loopback-120 --seed 147 --verifier node')
  })
})

describe('rare states', () => {
  const catalogue = { 'a fifth seed': { seedsMax: 100 }, 'a blue moon': { seedsMax: 150 }, 'a red one': { seedsMax: 151 } }

  it('that were not reached within their budget are missed', () => {
    expect(neverReached({ 'a fifth seed': 1 }, catalogue, 150)).toEqual(['a blue moon'])
    expect(neverReached({}, catalogue, 99)).toEqual([])
    expect(neverReached({}, catalogue, 1000)).toEqual(Object.keys(catalogue))
  })

  it('make a sweep fail only when it was complete', () => {
    const green = { ...PLAN, first: 1_000_000, last: 1_000_149 }
    const tally = new SweepTally(green, catalogue)
    for (const number of all(green)) {
      expect(tally.summary()).toMatchObject({ exit: 0, neverReached: [] })
      tally.add({ ...recordOf(green, number), exit: 0, failure: undefined } as unknown as SeedRecord)
    }
    const summary = tally.summary()
    expect(summary).toMatchObject({ exit: 1, red: 0, neverReached: ['a blue moon'] })
    expect(summary.marks).toEqual({ 'a fifth seed': 60, 'one after': 60, 'a blue moon': 0, 'a red one': 0 })
    expect(sweepVerdict(summary)).toContain('0 red, 1 rare state never reached')
    expect(sweepMarkdown(summary)).toMatch(/\| a blue moon +\| +0 \| never reached \|/)
    expect(sweepMarkdown(summary)).toMatch(/\| a red one +\| +0 \| +\|/)
  })
})
