/** Every way in which a run can end, and that the verdict says which. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type MustHappen, scenario, type Story } from '../../scenarios/index.ts'
import { AssertionError } from '../../system/assert.ts'
import { Admission } from '../../system/commands/admission.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { Placement } from '../../system/ecs/components.ts'
import { World } from '../../system/ecs/world.ts'
import { run, storyOf } from '../support/runs.ts'

const EDITOR = { over: 'quic', role: 'editor' } as const
type Script = (story: Story) => Promise<void>
const told = (script: Script, mustHappen: MustHappen = {}) => run(scenario('told', { frames: 40, hz: 90 }, script, { mustHappen }))
/** What JavaScript may pass that TypeScript would not. */
const wrong = (value: unknown): never => value as never
/** A method as it is before it is spied upon. */
const methodOf = <T extends object, K extends keyof T>(prototype: T, name: K): T[K] => prototype[name]

afterEach(() => { vi.restoreAllMocks() })

describe('exit 0', () => {
  it('is for a story whose commands come to nothing, too: the oracle turns away what the fold does', async () => {
    const { verdict, report } = await told(async ({ host, join, frames }) => {
      const ana = await join('ana', EDITOR)
      host.spawn({ at: [2_500_000, 0, 0] })
      ana.spawn({ at: [0, -2_500_000, 0] })
      ana.despawn(12_345)
      ana.placements.open(2)
      ana.placements.add({ asset: 1, at: [0, 1, 0] })
      ana.placements.commit()
      await frames(20)
    })
    expect(verdict).toBe('converged')
    expect(report.counters).toMatchObject({ commandsVoid: 3, commitsApplied: 1 })
  })
})

describe('exit 1', () => {
  it.each<[what: string, MustHappen, verdict: string]>([
    ['too little', { counters: { commandsApplied: 9 } }, 'did not happen: commandsApplied was 2, and must be at least 9'],
    ['too much', { counters: { sessionsOpened: [0, 0] } }, 'did not happen: sessionsOpened was 1, and must be 0 to 0'],
    ['commands that nobody signed', { signedBy: { ana: 1 } }, 'did not happen: signedBy.ana was 0, and must be at least 1'],
    ['frames of a stranger', { confirmed: { zoe: 1 } }, 'did not happen: confirmed.zoe was 0, and must be at least 1; no zoe joined'],
  ])('is for what must happen and did not: %s', async (_what, mustHappen, verdict) => {
    const result = await told(async ({ join }) => { await join('ana', EDITOR) }, mustHappen)
    expect({ exit: result.exit, verdict: result.verdict }).toEqual({ exit: 1, verdict })
    expect(result.report.failures).toEqual([])
  })

  it('comes before what must happen: a check that failed is the verdict', async () => {
    const mustHappen = { counters: { packetsLost: 9 } }
    const story = scenario('told', { frames: 60, hz: 90 }, async ({ join }) => { await join('ana', EDITOR) }, { mustHappen })
    const { exit, verdict } = await run(story, { tamper: { peer: 'ana', frame: 40 } })
    expect(exit).toBe(1)
    expect(verdict).toMatch(/^ana diverged in frame /)
  })
})

describe('exit 1 is for a mistake that all peers share, at its place', () => {
  it('an entry let in without a valid signature', async () => {
    const judge = methodOf(Admission.prototype, 'judge')
    vi.spyOn(Admission.prototype, 'judge').mockImplementation(function (this: Admission, ...facts) {
      const refusal = judge.apply(this, facts)
      return refusal === 'signature' ? undefined : refusal
    })
    const { exit, verdict } = await run(storyOf('forged-command'))
    expect(exit).toBe(1)
    expect(verdict).toMatch(/^admitted without a valid signature: author 1, lamport \d+$/)
  })

  it('a commit of which one placement is left out', async () => {
    const set = methodOf(World.prototype, 'set')
    const closeUpTo = methodOf(CommandLog.prototype, 'closeUpTo')
    let isFolding = false
    vi.spyOn(CommandLog.prototype, 'closeUpTo').mockImplementation(function (this: CommandLog, lamport, frame) {
      isFolding = true
      closeUpTo.call(this, lamport, frame)
      isFolding = false
    })
    vi.spyOn(World.prototype, 'set').mockImplementation(function (this: World, entity, component, row) {
      if (!isFolding || component !== Placement || entity % 2 === 0) set.call(this, entity, component, row)
    })
    const { exit, verdict, report } = await run(storyOf('loopback-120'))
    expect(exit).toBe(1)
    expect(verdict).toMatch(/^the host went wrong in frame \d+: entity \d+, theta\.Placement, byte offset \d+: the host has no such row,/)
    expect(report.divergence?.peer).toBe('the oracle')
    expect(report.divergence!.place!.entity % 2).toBe(1)
  })
})

describe('exit 2', () => {
  it('is for a peer that never settles, and says where everybody stands', async () => {
    const { exit, verdict } = await told(async ({ join, frames }) => {
      const ana = await join('ana', EDITOR)
      await join('ben', EDITOR)
      await frames(5)
      // The network heals after the last frame; a node that stands still does not.
      ana.pause(60_000)
    })
    expect(exit).toBe(2)
    expect(verdict).toMatch(/^did not settle: ana is live at frame \d+; the host is at frame \d+$/)
  })
})

describe('exit 3', () => {
  it.each([
    ['an assertion of ours', () => { throw new AssertionError('planted') }, 'crashed: AssertionError: planted'],
    ['a crash', () => { throw new TypeError('planted') }, 'crashed: TypeError: planted'],
  ])('is for %s within a peer', async (_what, plant, verdict) => {
    const result = await told(async ({ join, frames }) => {
      await join('ana', EDITOR)
      vi.spyOn(World.prototype, 'takeDirty').mockImplementation(plant)
      await frames(5)
    })
    expect({ exit: result.exit, verdict: result.verdict }).toEqual({ exit: 3, verdict })
    expect(result.stack).toContain('verdicts.test.ts')
  })

  it('is for an assertion of ours that a verb of the story trips over', async () => {
    const { exit, verdict } = await told(async ({ host, join }) => {
      await join('ana', EDITOR)
      vi.spyOn(World.prototype, 'entities').mockImplementation(() => { throw new AssertionError('planted') })
      host.spawn({ at: [0, 1, 0] })
    })
    expect({ exit, verdict }).toEqual({ exit: 3, verdict: 'crashed: AssertionError: planted' })
  })

  it('gives way to exit 1 where a check had failed before: the crash came of it', async () => {
    const story = scenario('told', { frames: 60, hz: 90 }, async ({ join, frame }) => {
      // It is told twice, the second time to explain the divergence.
      vi.restoreAllMocks()
      await join('ana', EDITOR)
      await frame(50)
      vi.spyOn(World.prototype, 'takeDirty').mockImplementation(() => { throw new AssertionError('planted') })
    })
    const { exit, verdict } = await run(story, { tamper: { peer: 'ana', frame: 30 } })
    expect(exit).toBe(1)
    expect(verdict).toMatch(/^ana diverged in frame 3\d: .*; then crashed: AssertionError: planted$/)
  })
})

describe('exit 4', () => {
  const file = /verdicts\.test\.ts:\d+: /

  it('is for a story that throws, with the line', async () => {
    const { exit, verdict } = await told(async ({ frame }) => {
      await frame(3)
      throw new RangeError('mine')
    })
    expect(exit).toBe(4)
    expect(verdict).toMatch(new RegExp(`${file.source}RangeError: mine$`))
  })

  it.each<[what: string, wait: () => Promise<unknown>]>([
    ['a timer', () => new Promise((settle) => { setTimeout(settle, 5) })],
    ['what never comes', () => new Promise(() => {})],
  ])('is for a story that awaits %s, with the line', async (_what, wait) => {
    const { exit, verdict } = await told(async ({ frame }) => {
      await frame(3)
      await wait()
    })
    expect(exit).toBe(4)
    expect(verdict).toMatch(new RegExp(`${file.source}after this the script awaits something that is not virtual time`))
  })

  it('is for a story that goes on and on', async () => {
    const { exit, verdict } = await told(async ({ frames }) => { for (;;) await frames(1) })
    expect(exit).toBe(4)
    expect(verdict).toMatch(new RegExp(`${file.source}the script still goes on`))
  })

  it('is for tampering where there is nothing', async () => {
    const story = scenario('told', { frames: 40, hz: 90 }, async ({ join }) => { await join('ana', EDITOR) })
    for (const tamper of [{ peer: 'zoe', frame: 20 }, { peer: 'ana', frame: 0 }]) {
      const { exit, verdict } = await run(story, { tamper })
      expect(exit).toBe(4)
      expect(verdict).toContain(`nothing to tamper with at ${tamper.peer}@${tamper.frame}`)
    }
  })

  const JOIN: readonly [string, (story: Story) => Promise<unknown>, string][] = [
    ['a name that is taken', async ({ join }) => [await join('ana', EDITOR), await join('ana', EDITOR)], 'the name is taken'],
    ['the host’s name', ({ join }) => join('host', EDITOR), 'the name is taken'],
    ['no name', ({ join }) => join('', EDITOR), 'expected a name'],
    ['a number for a name', ({ join }) => join(wrong(7), EDITOR), 'expected a name'],
    ['an unknown transport', ({ join }) => join('ana', { over: wrong('pigeon'), role: 'editor' }), 'pigeon'],
    ['an unknown role', ({ join }) => join('ana', { over: 'quic', role: wrong('king') }), 'king'],
    ['an unknown capability', ({ join }) => join('ana', { ...EDITOR, capabilities: [wrong('fly')] }), 'fly'],
    ['a fifth peer', async ({ join }) => { for (const name of ['a', 'b', 'c', 'd', 'e']) await join(name, EDITOR) }, 'raise peersMax'],
  ]
  const PLACES: readonly [string, (story: Story) => Promise<unknown>, string][] = [
    ['a place that is none', async ({ host }) => host.spawn({ at: [Number.NaN, 0, 0] }), 'metres'],
    ['a prop out of the world', async ({ host }) => host.prop([1e9, 0, 0]), 'metres'],
    ['an unknown shape', async ({ host }) => host.body({ at: [0, 1, 0], shape: wrong('cone') }), 'cone'],
    ['a mass below nothing', async ({ host }) => host.body({ at: [0, 1, 0], massKg: -1 }), 'massKg'],
    ['a drag to nowhere', async ({ join, host }) => {
      (await join('ana', EDITOR)).drag(host.spawn({ at: [0, 1, 0] }), { by: [0, Number.NaN, 0], frames: 3 })
    }, 'NaN'],
    ['a drag in no time', async ({ join, host }) => {
      (await join('ana', EDITOR)).drag(host.spawn({ at: [0, 1, 0] }), { by: [0, 1, 0], frames: 0 })
    }, 'frames'],
    ['an entity that is no number', async ({ host }) => { host.despawn(wrong(undefined)) }, 'expected an entity'],
    ['an unknown button', async ({ join }) => (await join('ana', EDITOR)).right.press(wrong('z')), 'expected one of trigger'],
    ['an unknown tag', async ({ join }) => {
      const { placements } = await join('ana', EDITOR)
      placements.open()
      placements.add({ asset: 1, at: [0, 1, 0], tags: [wrong('sticky')] })
    }, 'no such tag: sticky'],
  ]
  const TIMES: readonly [string, (story: Story) => Promise<unknown>, string][] = [
    ['a frame that is no number', ({ frame }) => frame(wrong('x')), 'frame'],
    ['half a frame', ({ frames }) => frames(0.5), 'frames'],
    ['a sleep that never ends', ({ sleep }) => sleep(Infinity), 'Infinity'],
    ['a cut of no length', async ({ net, join, host }) => net.link(await join('ana', EDITOR), host).cut(-5), 'ms'],
    ['a pause of no length', async ({ join }) => (await join('ana', EDITOR)).pause(Number.NaN), 'ms'],
    ['more loss than there is', async ({ net, join, host }) => net.link(await join('ana', EDITOR), host).set({ drop: 2 }), 'drop'],
    ['a delay that runs backwards', async ({ net, join, host }) => {
      net.link(await join('ana', EDITOR), host).set({ latencyMs: [40, 10] })
    }, 'latency'],
  ]
  it.each([...JOIN, ...PLACES, ...TIMES])('is for a verb with %s, with the line', async (_what, script, why) => {
    const { exit, verdict } = await told(async (story) => { await script(story) })
    expect(verdict).toContain(why)
    expect(verdict).toMatch(file)
    expect(exit).toBe(4)
  })
})
