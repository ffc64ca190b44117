import { describe, expect, it } from 'vitest'
import { OptionError, type Plan, parsePlan, type Scenario, scenario, shrink } from '../../scenarios/index.ts'
import { run, storyOf } from '../support/runs.ts'

const TAMPERED = { seed: 4, tamper: { peer: 'ana', frame: 60 }, verifier: 'node' } as const

/** A plan without one of its items, once for each. */
const eachWithoutOne = (plan: Plan): Plan[] => [
  ...plan.choices.map((_, index) => ({ ...plan, choices: plan.choices.filter((_choice, other) => other !== index) })),
  ...plan.operations!.map((label) => ({ ...plan, operations: plan.operations!.filter((other) => other !== label) })),
]

describe('shrinking', () => {
  it('leaves what fails the same way, and without any one item of it does not', async () => {
    const story = storyOf('late-join')
    const before = await run(story, TAMPERED)
    const { plan, failure, result, items, itemsBefore, isMinimal } = await shrink(story, TAMPERED)
    expect(failure).toEqual(before.failure)
    expect(result.failure).toEqual(before.failure)
    expect(isMinimal).toBe(true)
    expect(items).toHaveLength(plan.choices.length + plan.operations!.length)
    expect(items.length).toBeLessThanOrEqual(5)
    expect(itemsBefore).toBe(before.report.result.choices + before.report.result.operations)
    for (const less of eachWithoutOne(plan)) expect((await run(story, { ...TAMPERED, plan: less })).failure).not.toEqual(failure)
  })

  it('keeps the choices that a failure needs, and tells them in words and in order', async () => {
    // Nothing is lost but by chance, and the story fails where something is.
    const lossy = scenario('lossy', { frames: 30, hz: 90 }, async ({ join, net, frame }) => {
      net.all.set({ latencyMs: [5, 20], drop: 0.1, duplicate: 0.1 })
      await join('ana', { over: 'quic', role: 'editor' })
      await frame(28)
    }, { mustHappen: { counters: { packetsLost: [0, 0] } } })
    const { plan, items, result } = await shrink(lossy, { seed: 1, verifier: 'node' })
    expect(plan.choices.map(({ site }) => site)).toEqual(['net.drop'])
    // The fault has to be switched on, and somebody has to send; the rest of the 10% is not needed.
    expect(plan.operations).toEqual(['net.all.set#1', 'ana.join#1'])
    const lost = /^(ana|the host)'s datagram \d+ to (ana|the host) .* was lost$/
    expect(items.map(({ words }) => words)).toEqual(["net's all.set happened", "ana's join happened", expect.stringMatching(lost)])
    const instants = items.map(({ atUs }) => atUs)
    expect(instants).toEqual(instants.toSorted((a, b) => a - b))
    expect(result.report.counters.packetsLost).toBe(1)
  })

  it('writes a plan that is the same run again, to the byte', async () => {
    const story = storyOf('partition-heals')
    const options = { seed: 5, tamper: { peer: 'ben', frame: 100 }, verifier: 'node' } as const
    const { result } = await shrink(story, options)
    const parsed = parsePlan(result.planJson)
    if (parsed.kind !== 'plan') throw new Error(parsed.why)
    const again = await run(story, { ...options, plan: parsed.plan })
    expect(again.traceDigest).toBe(result.traceDigest)
    expect(again.failure).toEqual(result.failure)
    expect(again.planJson).toBe(result.planJson)
  })

  it('shrinks a story that demands what never happens to nothing at all', async () => {
    const vain = scenario('vain', { frames: 20, hz: 90 }, async ({ join }) => {
      await join('ana', { over: 'webrtc', role: 'viewer' })
    }, { mustHappen: { counters: { commandsApplied: 99 } } })
    const { items, failure, isMinimal } = await shrink(vain, { verifier: 'node' })
    expect(failure).toEqual({ exit: 1, check: 'mustHappen', component: 'commandsApplied', field: '' })
    expect(items).toEqual([])
    expect(isMinimal).toBe(true)
  })

  it('ends when its time is up, with what it has, and says that it is not the least', async () => {
    const { isMinimal, items, itemsBefore, result } = await shrink(storyOf('late-join'), { ...TAMPERED, secondsMax: 0 })
    expect(isMinimal).toBe(false)
    expect(items).toHaveLength(itemsBefore)
    expect(result.exit).toBe(1)
  })

  const refused: [why: string, story: Scenario][] = [
    ['converges', storyOf('late-join')],
    ['mend the scenario first', scenario('slip', { frames: 9, hz: 90 }, async ({ frame }) => frame(-1))],
  ]
  it.each(refused)('is refused where the run %s', async (why, story) => {
    await expect(shrink(story, { verifier: 'node' })).rejects.toThrow(OptionError)
    await expect(shrink(story, { verifier: 'node' })).rejects.toThrow(why)
  })
})
