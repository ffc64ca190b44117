import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chancePpm, type Chooser, mix32, type Odds, odds, PlannedChooser, SeededChooser, WEIGHTS_TOTAL_MAX } from '../../sim/choice.ts'
import { parsePlan, planChoices, planOf, stringifyPlan } from '../../sim/plan.ts'
import { RecordingChooser } from '../../sim/steer.ts'

interface Decision {
  readonly odds: Odds
  readonly keyHi: number
  readonly keyLo: number
}

const DROP = chancePpm('drop', 300_000)
const DELAY = odds('delay', [4, 3, 0, 2, 1])
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const decision = fc.record({ odds: fc.constantFrom(DROP, DELAY), keyHi: fc.nat(2), keyLo: fc.nat(40) })
const decisions = fc.array(decision, { maxLength: 300 })
const seeds = fc.oneof(fc.string(), fc.maxSafeInteger())

const decide = (chooser: { choose: SeededChooser['choose'] }, list: readonly Decision[]): number[] =>
  list.map(({ odds, keyHi, keyLo }) => chooser.choose(odds, keyHi, keyLo))
const recorded = (chooser: Chooser): RecordingChooser => new RecordingChooser(chooser, () => 0)

describe('a seeded chooser', () => {
  it('answers as a pure function of seed, site and key, in whatever order it is asked', () => {
    fc.assert(fc.property(seeds, decisions, (seed, list) => {
      const forwards = decide(new SeededChooser(seed), list)
      const backwards = decide(new SeededChooser(seed), list.toReversed()).toReversed()
      expect(backwards).toEqual(forwards)
    }), { seed: 1, numRuns: 100 })
  })

  it('keeps apart seeds, sites and both halves of the key', () => {
    const answers = (seed: string | number, site: string, keyHi: number, keyLo: number): string => {
      const chooser = new SeededChooser(seed)
      const fair = odds(site, [1, 1])
      return Array.from({ length: 64 }, (_, i) => chooser.choose(fair, keyHi + i, keyLo)).join('')
    }
    const all = [
      answers(1, 'a', 0, 0), answers(2, 'a', 0, 0), answers('one', 'a', 0, 0),
      answers(1, 'b', 0, 0), answers(1, 'a', 0, 1), answers(1, 'a', 64, 0),
    ]
    expect(new Set(all).size).toBe(all.length)
    expect(answers(7, 'a', 0, 0)).toBe(answers('7', 'a', 0, 0))
  })

  it('draws in proportion to the weights, and never what weighs nothing', () => {
    const chooser = new SeededChooser('weights')
    const counts = [0, 0, 0, 0, 0]
    for (let key = 0; key < 10_000; key++) counts[chooser.choose(DELAY, 0, key)]++
    // 10,000 draws of probability p have a standard deviation of at most 50; five of them are 250.
    for (const [alternative, weight] of [4, 3, 0, 2, 1].entries()) {
      expect(Math.abs(counts[alternative] - weight * 1000)).toBeLessThan(250)
    }
    expect(counts[2]).toBe(0)
    const never = chancePpm('never', 0)
    const always = chancePpm('always', 1_000_000)
    for (let key = 0; key < 1000; key++) {
      expect(chooser.choose(never, 0, key)).toBe(0)
      expect(chooser.choose(always, 0, key)).toBe(1)
    }
  })

  it('gives the choices that every machine must give', () => {
    const chooser = new SeededChooser('theta')
    const answers = Array.from({ length: 24 }, (_, i) => chooser.choose(DELAY, 0xffff_ffff - i, Math.imul(i, 0x9e37_79b1) >>> 0))
    expect(answers.join('')).toBe('304033333143130101000300')
  })

  it('refuses seeds that are neither text nor a safe integer', () => {
    expect(() => new SeededChooser(1.5)).toThrow(RangeError)
    expect(() => new SeededChooser(2 ** 53)).toThrow(RangeError)
    expect(() => new SeededChooser(undefined as unknown as string)).toThrow(TypeError)
  })
})

describe('a planned chooser', () => {
  it('reproduces the seeded run from the full set of its choices, also by way of a file', () => {
    fc.assert(fc.property(seeds, decisions, (seed, list) => {
      const seeded = recorded(new SeededChooser(seed))
      const answers = decide(seeded, list)
      const parsed = parsePlan(stringifyPlan(planOf('story', seed, seeded.recorded)))
      if (parsed.kind === 'invalid') throw new Error(parsed.why)
      const planned = recorded(new PlannedChooser(planChoices(parsed.plan)))
      expect(decide(planned, list)).toEqual(answers)
      expect(planned.recorded).toEqual(seeded.recorded)
    }), { seed: 3, numRuns: 100 })
  })

  it('leaves every other choice where it was when one is suppressed', () => {
    const list = Array.from({ length: 500 }, (_, i) => ({ odds: i % 2 === 0 ? DROP : DELAY, keyHi: 1, keyLo: i }))
    const seeded = recorded(new SeededChooser(9))
    const answers = decide(seeded, list)
    for (const gone of [0, 17, seeded.recorded.length - 1]) {
      const choice = seeded.recorded[gone]
      const planned = new PlannedChooser(seeded.recorded.toSpliced(gone, 1))
      const changed = decide(planned, list).flatMap((answer, i) => (answer === answers[i] ? [] : [i]))
      expect(changed).toEqual([choice.keyLo])
    }
  })

  it('takes no alternative that the odds do not allow at that moment', () => {
    const planned = recorded(new PlannedChooser([
      { site: 'drop', keyHi: 0, keyLo: 1, alternative: 1 },
      { site: 'delay', keyHi: 0, keyLo: 1, alternative: 2 },
      { site: 'delay', keyHi: 0, keyLo: 2, alternative: 9 },
    ]))
    expect(planned.choose(chancePpm('drop', 0), 0, 1)).toBe(0)
    expect(planned.choose(DELAY, 0, 1)).toBe(0)
    expect(planned.choose(DELAY, 0, 2)).toBe(0)
    expect(planned.recorded).toEqual([])
    expect(planned.choose(DROP, 0, 1)).toBe(1)
  })

  it('refuses two choices for one key, and choices of the benign alternative', () => {
    const choice = { site: 'drop', keyHi: 3, keyLo: 4, alternative: 1 }
    expect(() => new PlannedChooser([choice, choice])).toThrow('drop: two choices for one key')
    expect(() => new PlannedChooser([{ ...choice, alternative: 0 }])).toThrow(RangeError)
  })
})

describe('odds', () => {
  it('refuse what is no list of integer weights', () => {
    const tooMany = Array.from({ length: 1025 }, () => 1)
    for (const weights of [[], [0], [0, 0], [1, -1], [1, 0.5], [1, Number.NaN], [WEIGHTS_TOTAL_MAX, 1], tooMany]) {
      expect(() => odds('site', weights)).toThrow(RangeError)
    }
    for (const ppm of [-1, 0.5, 1_000_001]) expect(() => chancePpm('site', ppm)).toThrow(RangeError)
  })

  it('give every positive weight at least one draw of 2^32', () => {
    const { bounds } = odds('site', [WEIGHTS_TOTAL_MAX - 2, 1, 1])
    expect([...bounds]).toEqual([0, 2 ** 32 - 2 * 2048, 2 ** 32 - 2048, 2 ** 32])
  })
})

describe('mix32', () => {
  it('is a bijection of either argument: no two of 64 neighbours meet', () => {
    fc.assert(fc.property(u32, u32, (a, b) => {
      const firsts = new Set(Array.from({ length: 64 }, (_, i) => mix32(a + i, b)))
      const seconds = new Set(Array.from({ length: 64 }, (_, i) => mix32(a, b + i)))
      expect([firsts.size, seconds.size]).toEqual([64, 64])
    }), { seed: 4, numRuns: 64 })
  })

  it('flips each bit of the result half the time when one bit of an argument flips', () => {
    for (let bit = 0; bit < 32; bit++) {
      let flips = 0
      for (let i = 0; i < 500; i++) {
        let difference = mix32(i * 77_777, i) ^ mix32(i * 77_777, i ^ (1 << bit))
        for (; difference !== 0; difference &= difference - 1) flips++
      }
      // 500 * 32 fair bits: mean 8000, standard deviation 63.
      expect(Math.abs(flips - 8000)).toBeLessThan(6 * 63)
    }
  })
})
