import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePlan, type Scenario } from '../../scenarios/index.ts'
import { planOf } from '../../sim/plan.ts'
import type { Trace, TraceRecord } from '../../sim/trace.ts'
import { often, runInside, run, STORIES, storyOf, wholeRuns } from '../support/runs.ts'

const SEED = 5
/** A story that demands nothing: for runs from which something was taken. */
const undemanding = (story: Scenario): Scenario => ({ ...story, mustHappen: {} })

const original = wholeRuns(SEED)

/** Index of the first record in which two traces part. */
function parting(a: Trace, b: Trace): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) if (a.digestAt(index) !== b.digestAt(index)) return index
  return Math.min(a.length, b.length)
}

const operation = (record: TraceRecord): string | undefined =>
  record.kind === 'note' && record.name === 'operation' ? (record.data as { readonly label: string }).label : undefined

describe('the plan of a run', () => {
  // Stories that wait for each other's placements would wait for ever where one is left out.
  const patient = ['late-join', 'partition-heals', 'forged-command', 'viewer-edits']
  it.each(patient)('of %s, without one of its operations, differs from there on alone', async (name) => {
    const story = undemanding(storyOf(name))
    const { trace, choices, operations } = await runInside(story, { seed: SEED })
    await fc.assert(fc.asyncProperty(fc.constantFrom(...operations), async (label) => {
      const others = operations.filter((other) => other !== label)
      const without = await runInside(story, { seed: SEED, plan: planOf(name, SEED, choices, others) })
      expect(without.verdict).toBe('converged')
      const records = trace.records()
      const index = parting(trace, without.trace)
      expect(operation(records[index])).toBe(label)
      expect(without.trace.records().map(operation)).not.toContain(label)
    }), { seed: SEED, numRuns: often(2, 4) })
  })

  describe.each(STORIES)('of %s', (name, story) => {
    it('is the run again: the same trace', async () => {
      const { result: first } = await original(story)
      const parsed = parsePlan(first.planJson)
      if (parsed.kind !== 'plan') throw new Error(parsed.why)
      const again = await run(story, { seed: SEED, plan: parsed.plan })
      expect(again.traceDigest).toBe(first.traceDigest)
      expect(again.planJson).toBe(first.planJson)
    })

    it('without one of its choices, differs from there on alone', async () => {
      const { trace, choices } = (await original(story)).outcome
      await fc.assert(fc.asyncProperty(fc.nat(choices.length - 1), async (left) => {
        const plan = planOf(name, SEED, choices.filter((_, index) => index !== left))
        const without = await runInside(undemanding(story), { seed: SEED, plan })
        expect(without.verdict).toBe('converged')
        // What was chosen up to there is chosen still, in the same order; and most of what follows, whose identity is its own.
        expect(without.choices.slice(0, left)).toEqual(choices.slice(0, left))
        const kept = new Set(without.choices.map(({ site, keyHi, keyLo, alternative }) => [site, keyHi, keyLo, alternative].join()))
        const lost = choices.filter(({ site, keyHi, keyLo, alternative }) => !kept.has([site, keyHi, keyLo, alternative].join()))
        expect(lost).toContainEqual(choices[left])
        expect(parting(trace, without.trace)).toBeGreaterThan(0)
      }), { seed: SEED, numRuns: often(1, 3) })
    })

    it('and one of nothing is a benign network, on which it converges', async () => {
      const { verdict, report } = await run(undemanding(story), { seed: SEED, plan: planOf(name, SEED, []) })
      expect(verdict).toBe('converged')
      expect(report.result.choices).toBe(0)
      expect(report.counters).toMatchObject({ packetsDuplicated: 0, packetsReordered: 0, packetsCorrupted: 0 })
      // A cut or a crash is an operation of the story, not a choice of the network.
      const cutting = [
        'loopback-120', 'partition-heals', 'given-order', 'commit-storm', 'mixed-compression', 'host-restarts', 'host-hands-over',
        'asset-streaming', 'cut-off', 'behind-nats', 'roams', 'swarm', 'worlds',
      ]
      expect(report.counters.packetsLost > 0).toBe(cutting.includes(name))
    })
  })
})
