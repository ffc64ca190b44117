/** A slip in a story is told when it is made: it must not pass for a fault that never strikes, or for an expectation always met. */
import { describe, expect, it } from 'vitest'
import { FRAMES_MAX, type MustHappen, OptionError, scenario, simulate, type SimulateOptions, type Story } from '../../scenarios/index.ts'
import { run } from '../support/runs.ts'

/** What JavaScript may pass that TypeScript would not. */
const wrong = (value: unknown): never => value as never
const SETTINGS = { frames: 20, hz: 90 } as const
const idle = async ({ frame }: Story): Promise<void> => frame(1)
const story = scenario('told', SETTINGS, idle)

describe('a scenario', () => {
  it.each<[what: string, make: () => unknown, why: string]>([
    ['settings', () => scenario('told', wrong(undefined), idle), 'scenario told: expected an object with frames, hz'],
    ['a setting of another name', () => scenario('told', wrong({ ...SETTINGS, peers: 3 }), idle), "there is no 'peers', only frames, hz"],
    ['checks of another name', () => scenario('told', SETTINGS, idle, wrong({ must: {} })), "there is no 'must', only mustHappen"],
    ['a folder for a name', () => scenario('../told', SETTINGS, idle), 'scenario name: expected lower-case letters, digits and dashes'],
  ])('is refused with %s that is none', (_what, make, why) => expect(make).toThrow(why))

  it.each<[what: string, mustHappen: MustHappen, why: string]>([
    ['a misspelt counter', { counters: wrong({ packetLost: 1 }) }, "there is no counter 'packetLost'; there are packetsSent, packetsLost"],
    ['an invented counter', { counters: wrong({ lost: 1 }) }, "there is no counter 'lost'; COUNTERS names them all"],
    ['a misspelt part', wrong({ counter: { packetsLost: 1 } }), "mustHappen: there is no 'counter', only counters, marks, signedBy"],
    ['a range that runs backwards', { counters: { packetsLost: [5, 3] } }, 'packetsLost: expected [least, most], got [5,3]'],
    ['words', { counters: { packetsLost: wrong('many') } }, 'packetsLost: expected [least, most], got "many"'],
    ['an invented mark', { marks: wrong({ 'a gap': 1 }) }, "there is no mark 'a gap'; MARKS names them all"],
    ['half a command', { signedBy: { ana: 0.5 } }, 'ana: expected a whole number, got 0.5'],
  ])('is refused when it demands %s', (_what, mustHappen, why) => {
    expect(() => scenario('told', SETTINGS, idle, { mustHappen })).toThrow(why)
  })
})

describe('simulate', () => {
  const plan = { version: 2, scenario: 'told', seed: 7, choices: [], operations: undefined } as const
  it.each<[what: string, options: SimulateOptions, why: string]>([
    ['no frames', { frames: 0 }, `frames: expected a whole number from 1 to ${FRAMES_MAX}, got 0`],
    ['too many frames', { frames: FRAMES_MAX + 1 }, `got ${FRAMES_MAX + 1}`],
    ['a seed between two', { seed: 1.5 }, 'seed: expected text or a safe integer, got 1.5'],
    ['an unknown verifier', { verifier: wrong('rsa') }, 'verifier: expected one of noble, node, none, got rsa'],
    ['the plan of another scenario', { plan: { ...plan, scenario: 'untold' } }, 'the plan is one of untold, and cannot steer told'],
    ['the plan of another seed', { plan, seed: 8 }, 'the plan is one of seed 7, and cannot steer seed 8; leave the seed out'],
  ])('rejects %s', async (_what, options, why) => {
    await expect(simulate(story, options)).rejects.toThrow(why)
    await expect(simulate(story, options)).rejects.toThrow(OptionError)
  })

  it('takes the seed of a plan, and says where the plan stands', async () => {
    const { report, reproduce } = await run(story, { plan, source: './told.ts', planSource: 'kept/plan.json' })
    expect(report.run.seed).toBe(7)
    expect(reproduce).toBe('npx theta-sim run ./told.ts --plan kept/plan.json --verifier node')
  })
})

describe('a verb', () => {
  it.each<[what: string, script: (story: Story) => unknown, why: string]>([
    ['a link', ({ net }) => net.all.set(wrong({ lateny: [1, 2] })), "set: there is no 'lateny', only latencyMs, drop"],
    ['a spawn', ({ host }) => host.spawn(wrong({ at: [0, 0, 0], size: 1 })), "spawn: there is no 'size', only at, halfSize"],
    ['a body', ({ host }) => host.body(wrong({ at: [0, 0, 0], mass: 1 })), "body: there is no 'mass', only at, halfSize, shape"],
    ['a join', ({ join }) => join('ana', wrong({ over: 'quic', role: 'editor', may: [] })), "join ana: there is no 'may', only over"],
  ])('refuses options of another name: %s', async (_what, script, why) => {
    const { exit, verdict } = await run(scenario('told', SETTINGS, async (told) => { await script(told) }))
    expect(verdict).toContain(why)
    expect(exit).toBe(4)
  })
})
